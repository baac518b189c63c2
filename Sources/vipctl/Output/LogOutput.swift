import Glibc
import Synchronization
import VIP
import VIPCore

/// The forms a log can have.
enum LogFormat: String, Sendable, CaseIterable {
  /// `TIME level=… key=value … msg="…"`.
  case logfmt
  /// An object in each line, with the same keys.
  case json
  /// For people: `TIME level: router family: text`.
  case text
}

/// Where the log goes, and in which form: standard error, or the file that stands in for it.
struct LogOutput {
  var format = LogFormat.logfmt
  /// Whether the journal of systemd takes it, which knows the time and reads a priority in front.
  var isJournal = false
  /// The file that standard error leads to, if it is ours to keep small.
  private var file: LogFile?
  /// How many lines in a row nobody has taken.
  private var lostCount = 0
  /// How long whoever reads the log may take for the first of them.
  private static let patience = Duration.seconds(1)

  /// The log of this process.
  static let shared = Mutex(LogOutput())

  /// Writes to standard error from now on, in the form that suits whoever reads it.
  static func use(_ format: LogFormat) {
    let isJournal = isJournal(Terminal.environment("JOURNAL_STREAM"), STDERR_FILENO)
    shared.withLock { output in
      output.format = format
      output.isJournal = isJournal
    }
  }

  /// Writes to the end of a file from now on, which takes the place of standard error.
  static func use(file path: String) throws(Failure) {
    let code = shared.withLock { output -> Int32 in
      var file = LogFile(path: path, descriptor: STDERR_FILENO)
      defer { output.file = file }
      return file.open()
    }
    guard code == 0 else {
      throw Failure(.failed, "can't open the log \(path): \(String(cString: strerror(code)))")
    }
  }

  /// Writes a line in one piece.
  ///
  /// A log that is not read costs lines, never the node: who waits for a full pipe can't stop.
  static func write(_ line: LogLine, at moment: Instant = wallClock()) {
    shared.withLock { output in
      var text = output.text(line, at: moment) + "\n"
      let lost = output.lostCount
      if lost > 0 {
        let notice = LogLine(.warning, "\(lost) lines of this log are lost: nobody took them")
        text = output.text(notice, at: moment) + "\n" + text
      }
      let isWritten = Terminal.write(
        text, to: STDERR_FILENO, patience: lost == 0 ? patience : .zero)
      output.lostCount = isWritten ? 0 : lost + 1
      if isWritten { output.file?.grow(by: text.utf8.count) }
    }
  }

  /// Writes why the process ends, as every command says it.
  static func write(failure line: String) {
    let isJournal = shared.withLock { $0.isJournal }
    Terminal.printError((isJournal ? "<\(LogLine.Level.error.priority)>" : "") + line)
  }

  /// Whether `DEVICE:INODE`, as systemd sets it, is a descriptor's.
  static func isJournal(_ value: String?, _ descriptor: Int32) -> Bool {
    let numbers = (value ?? "").split(separator: ":").map { UInt64($0) }
    var status = stat()
    guard numbers.count == 2, fstat(descriptor, &status) == 0 else { return false }
    return numbers[0] == UInt64(status.st_dev) && numbers[1] == UInt64(status.st_ino)
  }

  func text(_ line: LogLine, at moment: Instant) -> String {
    let time = isJournal ? nil : LogLine.timestamp(moment)
    let priority = isJournal ? "<\(line.level.priority)>" : ""
    switch format {
    case .logfmt: return priority + line.logfmt(at: time)
    case .json: return priority + line.json(at: time)
    case .text: return priority + line.plain(at: time)
    }
  }
}

/// A file that something is written to by way of a descriptor, and that is kept small.
struct LogFile {
  let path: String
  /// The descriptor that leads to the file.
  let descriptor: Int32
  /// How long it may become: then it is set aside, in place of the one before.
  var byteCountMax = 1 << 20
  private var byteCount = 0

  init(path: String, descriptor: Int32, byteCountMax: Int = 1 << 20) {
    self.path = path
    self.descriptor = descriptor
    self.byteCountMax = byteCountMax
  }

  /// Lets the descriptor lead to the end of the file.
  ///
  /// - Returns: an error number, or 0.
  mutating func open() -> Int32 {
    let log = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o640)
    guard log >= 0 else { return errno }
    defer { close(log) }
    var status = stat()
    byteCount = fstat(log, &status) == 0 ? Int(status.st_size) : 0
    dup2(log, descriptor)
    return 0
  }

  /// Notes that something has been written.
  mutating func grow(by count: Int) {
    byteCount += count
    guard byteCount >= byteCountMax else { return }
    // If it can't be set aside now, it can be after another such piece.
    byteCount = 0
    guard rename(path, path + ".1") == 0 else { return }
    _ = open()
  }
}
