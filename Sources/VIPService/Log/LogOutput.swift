import Glibc
import Synchronization
import VIP
public import VIPCore
public import VIPReports

/// The destination of the log, and its form: standard error, or the file that stands in for it.
public struct LogOutput {
  var format = LogFormat.logfmt
  /// Whether the journal of systemd takes it, which knows the time and reads a priority in front.
  var isJournal = false
  /// The file that standard error leads to, if it is ours to keep small.
  private var file: LogFile?
  /// Number of lines in a row that were not taken.
  private var lostCount = 0
  /// Time that the reader of the log may take for the first of them.
  private static let patience = Duration.seconds(1)

  /// The log of this process.
  static let shared = Mutex(LogOutput())

  /// Writes to standard error from now on, in the form that suits its reader.
  public static func use(_ format: LogFormat) {
    let isJournal = isJournal(TextOutput.environment("JOURNAL_STREAM"), STDERR_FILENO)
    shared.withLock { output in
      output.format = format
      output.isJournal = isJournal
    }
  }

  /// Writes to the end of a file from now on, which takes the place of standard error.
  public static func use(file path: String) throws(ServiceError) {
    let failure = shared.withLock { output -> NodeError? in
      var file = LogFile(path: path, descriptor: STDERR_FILENO)
      do throws(NodeError) {
        try file.open()
      } catch {
        return error
      }
      output.file = file
      return nil
    }
    if let failure { throw ServiceError(.failed, "can't open the log: \(failure.description)") }
  }

  /// Removes the file, for good: what is still written goes nowhere.
  package static func removeFile() {
    shared.withLock { output in
      if let file = output.file { unlink(file.path) }
      output.file = nil
    }
  }

  /// Writes a line in one piece.
  ///
  /// A log that is not read costs lines, never the node: a thread that waits for a full pipe can't
  /// stop.
  public static func write(_ line: LogLine, at moment: Instant? = nil) {
    let moment = moment ?? wallClock()
    shared.withLock { output in
      var text = output.text(line, at: moment) + "\n"
      let lost = output.lostCount
      if lost > 0 {
        let notice = LogLine(
          .warning, "\(lost) lines of this log are lost: they were not read in time")
        text = output.text(notice, at: moment) + "\n" + text
      }
      output.file?.reopenIfDeleted()
      let isWritten = TextOutput.write(
        text, to: STDERR_FILENO, patience: lost == 0 ? patience : .zero)
      output.lostCount = isWritten ? 0 : lost + 1
      if isWritten { output.file?.grow(by: text.utf8.count) }
    }
  }

  /// Writes why the process ends, as every command says it.
  public static func write(failure line: String) {
    let isJournal = shared.withLock { $0.isJournal }
    TextOutput.write(
      (isJournal ? "<\(LogLine.Level.error.priority)>" : "") + line + "\n", to: STDERR_FILENO)
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

extension LogLine {
  /// Writes the line to the log of this process, in one piece.
  func write() { LogOutput.write(self) }
}
