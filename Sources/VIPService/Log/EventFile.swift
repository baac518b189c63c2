import Glibc
import Synchronization
import VIP
import VIPControl
import VIPCore
import VIPReports

/// The events of a node in a file of its runtime directory, which outlives the node: a line of JSON
/// for each, not more than two files of a size.
///
/// It is written by a reader of the node's events, never by the node's own thread. What can't be
/// written, as on a full disk, is counted and told; no line is ever half there.
final class EventFile: Sendable {
  private struct State {
    var descriptor: Int32 = -1
    var byteCount = 0
    var budget = EventBudget()
    /// Notes that are written before the first event: a node that does nothing leaves no file.
    var pending: [EventRecord] = []
    var hasWritten = false
    /// The file did not exist before this node.
    var isNew = false
    var failedCount = 0
    var hasEnded = false
    var following: Task<Void, Never>?
  }

  /// The first words of notes by which the next node knows how this one has ended.
  private enum Mark {
    static let start = "started: "
    static let end = "stopped: "
  }

  private let state = Mutex(State())
  private let path: @Sendable () -> String?
  private let byteCountMax: Int
  private let report: @Sendable (LogLine) -> Void

  /// Keeps events in a file.
  ///
  /// - Parameters:
  ///   - byteCountMax: the greatest length of the file: before that it is set aside, in place of the
  ///     one before.
  ///   - report: takes what the log is to tell.
  ///   - path: the file's path; `nil` as long as its directory is not this process's.
  init(
    byteCountMax: Int = 1 << 20,
    report: @escaping @Sendable (LogLine) -> Void = { $0.write() },
    path: @escaping @Sendable () -> String?
  ) {
    self.byteCountMax = byteCountMax
    self.report = report
    self.path = path
  }

  deinit {
    state.withLock { Self.close(&$0) }
  }

  // MARK: A life

  /// Begins to keep what happens, after how the last node has ended.
  ///
  /// - Parameters:
  ///   - events: what happens.
  ///   - text: what has started.
  func follow(_ events: AsyncStream<StampedEvent>, after text: String) {
    let now = Timestamp(nanosecondsSince1970: wallClock().nanoseconds).milliseconds
    let task = Task.detached { [self] in
      // A long file takes a while, which a start does not wait for.
      if let ending = lastEnding() {
        report(LogLine(.warning, ending))
        hold(EventRecord(process: ending, at: now))
      }
      hold(EventRecord(process: Mark.start + text, at: now))
      for await event in events { add(EventRecord(event)) }
    }
    state.withLock { $0.following = task }
  }

  /// The end of the last node if it was not in order; `nil` if it was, or is not known.
  private func lastEnding() -> String? {
    guard let path = path() else { return nil }
    let records = (try? EventArchive.records(path)) ?? []
    let notes = records.filter { $0.event == .process }
    guard
      let last = notes.last(where: {
        $0.text.hasPrefix(Mark.start) || $0.text.hasPrefix(Mark.end)
          || $0.text.hasPrefix(EventArchive.crashMark)
      }), !last.text.hasPrefix(Mark.end)
    else { return nil }
    let heard = records.last?.time ?? last.time
    if last.text.hasPrefix(EventArchive.crashMark) {
      return "the last node on this directory \(last.text) at \(last.time)"
    }
    return "the last node on this directory (\(last.text.dropFirst(Mark.start.count))) did not end "
      + "in order: it was killed, or the machine went down; its last event was at \(heard)"
  }

  /// Writes what is left and that the node has stopped, once its events are over.
  func finish(_ text: String) async {
    let following = state.withLock { $0.following }
    await following?.value
    let time = Timestamp(nanosecondsSince1970: wallClock().nanoseconds).milliseconds
    let hasWritten = state.withLock { $0.hasWritten }
    if hasWritten { add(EventRecord(process: Mark.end + text, at: time)) }
    end()
  }

  /// Leaves no trace of a node that has done nothing.
  func forget() {
    let (path, isNew) = state.withLock { ($0.hasWritten ? self.path() : nil, $0.isNew) }
    end()
    if let path, isNew { unlink(path) }
  }

  private func end() {
    state.withLock { state in
      state.hasEnded = true
      Self.close(&state)
    }
  }

  // MARK: Records

  /// Keeps a note about the process, such as a refused reload.
  func note(_ text: String) {
    let time = Timestamp(nanosecondsSince1970: wallClock().nanoseconds).milliseconds
    add(EventRecord(process: text, at: time))
  }

  private func hold(_ record: EventRecord) {
    state.withLock { $0.pending.append(record) }
  }

  /// Keeps a record, if there is room for its kind.
  func add(_ record: EventRecord) {
    let lines = state.withLock { state -> [LogLine] in
      guard !state.hasEnded else { return [] }
      let admitted = state.budget.admit(record, at: bootTime())
      guard !admitted.isEmpty else { return [] }
      let records = state.pending + admitted
      state.pending = []
      return records.compactMap { write($0, &state) }
    }
    for line in lines { report(line) }
  }

  /// Writes a record; returns what the log is to tell.
  private func write(_ record: EventRecord, _ state: inout State) -> LogLine? {
    guard let path = path() else {
      state.failedCount += 1
      return nil
    }
    let line = JSONCoding.line(record) + [UInt8(ascii: "\n")]
    do throws(NodeError) {
      try open(path, for: line.count, &state)
      try append(line, to: path, &state)
    } catch {
      Self.close(&state)
      state.failedCount += 1
      guard state.failedCount == 1 else { return nil }
      return LogLine(.warning, "events can't be kept: \(error); they are still in this log")
    }
    state.hasWritten = true
    guard state.failedCount > 0 else { return nil }
    let count = state.failedCount
    state.failedCount = 0
    return LogLine(.warning, "\(count) events were not kept in \(path)")
  }

  /// Has the file open, with room for a line; it is set aside when it is full, and made again when
  /// others have removed it.
  private func open(_ path: String, for count: Int, _ state: inout State) throws(NodeError) {
    var status = stat()
    if state.descriptor >= 0, fstat(state.descriptor, &status) != 0 || status.st_nlink == 0 {
      Self.close(&state)
    }
    try openNow(path, &state)
    guard state.byteCount > 0, state.byteCount + count > byteCountMax else { return }
    if rename(path, path + ".1") == 0 {
      Self.close(&state)
      return try openNow(path, &state)
    }
    // It can't be set aside: what is new counts for more.
    guard ftruncate(state.descriptor, 0) == 0 else { throw .system(errno, "empty \(path)") }
    state.byteCount = 0
  }

  private func openNow(_ path: String, _ state: inout State) throws(NodeError) {
    guard state.descriptor < 0 else { return }
    guard let file = try OwnFiles.open(path, O_RDWR | O_CREAT | O_APPEND) else { return }
    var status = stat()
    state.byteCount = fstat(file, &status) == 0 ? Int(status.st_size) : 0
    state.descriptor = file
    if !state.hasWritten { state.isNew = state.byteCount == 0 }
    CrashNote.write(to: file)
    // A machine that went down may have left half a line.
    var last: UInt8 = 0
    if state.byteCount > 0, pread(file, &last, 1, off_t(state.byteCount - 1)) == 1,
      last != UInt8(ascii: "\n")
    {
      try append([UInt8(ascii: "\n")], to: path, &state)
    }
  }

  /// Appends a line whole, or nothing.
  private func append(
    _ line: [UInt8], to path: String, _ state: inout State
  ) throws(NodeError) {
    let before = state.byteCount
    var rest = line[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.write(state.descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let code = count < 0 ? errno : ENOSPC
        ftruncate(state.descriptor, off_t(before))
        throw .system(code, "write \(path)")
      }
      rest = rest.dropFirst(count)
    }
    state.byteCount = before + line.count
  }

  private static func close(_ state: inout State) {
    guard state.descriptor >= 0 else { return }
    CrashNote.write(to: -1)
    Glibc.close(state.descriptor)
    state.descriptor = -1
  }
}
