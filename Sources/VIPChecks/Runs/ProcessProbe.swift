import CLinux
import Glibc
import Synchronization
import VIP
import VIPCore

/// Looks for processes in /proc, once for all checks that ask at about the same time.
///
/// The kernel may hold that up: a process that hangs keeps its command line to itself.
final class ProcessTable: Sendable {
  /// A process and the names that it goes by.
  struct Entry: Sendable {
    var pid: Int32
    /// The kernel's name, which has 15 bytes at most.
    var short: String
    /// The last part of the first word of its command line.
    var program: String
    /// The last part of the second one: a script's, where the first is its interpreter's.
    var script: String

    /// Whether it goes by a name.
    func isNamed(_ name: String) -> Bool {
      if short == name || program == name { return true }
      // The kernel's name of a script is the script's, so that no argument is taken for a name.
      return script == name && short == String(decoding: name.utf8.prefix(15), as: UTF8.self)
    }
  }

  /// The age up to which a list will do.
  private static let ageMax = Duration.milliseconds(50)
  private static let processCountMax = 1_000_000

  private struct State {
    var entries: [Entry] = []
    /// The time when the list was begun.
    var time: Instant?
    /// The time when something has changed; a list that was begun before will not do.
    var changed = Instant.zero
  }

  private let state = Mutex(State())

  /// The processes that go by a name.
  func find(_ name: String) -> [Int32] {
    let now = bootTime()
    let known = state.withLock { state -> [Entry]? in
      state.time.map { now >= $0 && now - $0 <= Self.ageMax } ?? false ? state.entries : nil
    }
    let entries = known ?? list(at: now)
    return entries.filter { $0.isNamed(name) }.map(\.pid)
  }

  /// Forgets the list, since something has changed.
  func expire() {
    state.withLock { state in
      state.time = nil
      state.changed = bootTime()
    }
  }

  private func list(at now: Instant) -> [Entry] {
    let entries = Self.list()
    state.withLock { state in
      guard now > state.changed, now > state.time ?? .zero else { return }
      state.entries = entries
      state.time = now
    }
    return entries
  }

  private static func list() -> [Entry] {
    guard let folder = opendir("/proc") else { return [] }
    defer { closedir(folder) }
    var entries: [Entry] = []
    while let item = readdir(folder), entries.count < processCountMax {
      let name = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let pid = Int32(name), let entry = entry(pid) else { continue }
      entries.append(entry)
    }
    return entries
  }

  /// A process; `nil` if it does not run.
  static func entry(_ pid: Int32) -> Entry? {
    guard let status = contents("/proc/\(pid)/stat"),
      let open = status.firstIndex(of: UInt8(ascii: "(")),
      let close = status.lastIndex(of: UInt8(ascii: ")")), open < close
    else { return nil }
    // A zombie has ended, and only its entry is left.
    let state = status.dropFirst(status.distance(from: status.startIndex, to: close) + 2).first
    guard state != UInt8(ascii: "Z"), state != UInt8(ascii: "X") else { return nil }
    let short = String(decoding: status[(open + 1)..<close], as: UTF8.self)
    let words = (contents("/proc/\(pid)/cmdline") ?? [])
      .split(separator: 0, maxSplits: 2).prefix(2)
      .map { $0.split(separator: UInt8(ascii: "/")).last ?? [] }
      .map { String(decoding: $0, as: UTF8.self) }
    return Entry(
      pid: pid, short: short, program: words.first ?? "",
      script: words.dropFirst().first ?? "")
  }

  private static func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = read(descriptor, &buffer, buffer.count)
    return count >= 0 ? Array(buffer[..<count]) : nil
  }
}

/// The processes that a check has found, whose ends the kernel tells.
struct FoundProcesses {
  /// The most processes whose ends are followed for one check.
  private static let countMax = 16

  /// Descriptors that are readable when a process has ended.
  private(set) var endings: [Int32] = []
  private(set) var pids: [Int32] = []

  /// Looks for processes.
  ///
  /// - Parameters:
  ///   - selector: those to look for.
  ///   - known: those that were found before.
  ///   - hadText: whether there was a text in the file with the number before.
  ///   - table: the list of all.
  /// - Returns: the result, and those that are found.
  static func look(
    for selector: Check.ProcessSelector, knowing known: [Int32], hadText: Bool,
    _ table: ProcessTable
  ) -> (CheckResult, [Int32]) {
    switch selector {
    case .named(let name, let count):
      // While all that were found go on under that name, there is nothing to look for.
      if known.count >= count,
        known.allSatisfy({ ProcessTable.entry($0)?.isNamed(name) == true })
      {
        return (.success(text(name, known.count)), known)
      }
      let found = table.find(name)
      guard found.count < count else { return (.success(text(name, found.count)), found) }
      let reason =
        found.isEmpty
        ? "no process '\(name)' runs"
        : "\(found.count) of at least \(count) processes '\(name)' run"
      return (.failure(reason), found)
    case .inFile(let path):
      let (text, code) = FileProbe.read(path, hadText: hadText)
      guard let text else { return (.failure("\(path): \(errorText(code))"), []) }
      let digits = text.drop { $0.isWhitespace }.prefix { $0.isASCII && $0.isNumber }
      guard let pid = Int32(digits), pid > 0 else {
        return (.failure("\(path) has no number of a process in it"), [])
      }
      guard kill(pid, 0) == 0 || errno == EPERM, !isZombie(pid) else {
        return (.failure("process \(pid) of \(path) does not run"), [])
      }
      return (.success("process \(pid) runs"), [pid])
    }
  }

  /// Follows nothing any more.
  mutating func forget() { follow([]) }

  /// Follows these, unless it does so already.
  mutating func follow(_ found: [Int32]) {
    guard found != pids else { return }
    for descriptor in endings { close(descriptor) }
    pids = found
    endings = found.prefix(Self.countMax).map { vip_pidfd_open($0) }.filter { $0 >= 0 }
  }

  private static func isZombie(_ pid: Int32) -> Bool {
    let descriptor = vip_pidfd_open(pid)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&state, 1, 0) > 0
  }

  private static func text(_ name: String, _ count: Int) -> String {
    "\(count) process\(count == 1 ? "" : "es") '\(name)' run\(count == 1 ? "s" : "")"
  }
}
