/// How vipctl ends when it does not succeed.
enum ExitStatus: Int32, Sendable {
  /// Something went wrong at run time.
  case failed = 1
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

  /// What is written on stderr, without the end of the line.
  var line: String { "vipctl: \(description.onOneLine)" }
}

extension String {
  /// The text with everything that could break a line or reach into a terminal made visible.
  ///
  /// Names and values from the command line, from files and from peers end up in messages.
  var onOneLine: String {
    guard unicodeScalars.contains(where: \.breaksLine) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.breaksLine: text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Control characters, the line and paragraph separators and what reverses the reading order.
  fileprivate var breaksLine: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
