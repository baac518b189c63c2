import VIPCore

/// The way in which vipctl ends when it does not succeed.
enum ExitStatus: Int32, Sendable {
  /// Something went wrong at run time.
  case failed = 1
  /// Something is wrong with the node or its routers, which was asked for.
  case warnings = 2
  /// The command line makes no sense.
  case usage = 64
  /// A file makes no sense or can't be read.
  case file = 65
  /// No node runs.
  case noNode = 69
  /// A capability or permission is missing.
  case notPermitted = 77
}

/// A failure as people see it: one line that says what, where and what to do.
struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
  /// The exit code that goes with it.
  let status: ExitStatus
  /// The line, without the program's name.
  let description: String

  init(_ status: ExitStatus, _ description: String) {
    self.status = status
    self.description = description
  }

  /// The text that is written on stderr, without the end of the line.
  var line: String { "vipctl: \(description.onOneLine)" }
}
