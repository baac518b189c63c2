import VIPCore

/// The result of the start of a background node, as one line.
enum StartReport: Hashable {
  case ready
  /// Another node has the runtime directory.
  case busy
  case failed(ServiceError)

  private static let kinds: [(ServiceError.Kind, String)] = [
    (.failed, "failed"), (.notPermitted, "not-permitted"), (.file, "file"),
  ]

  /// The line, with its end.
  var line: String {
    switch self {
    case .ready: return "ready\n"
    case .busy: return "busy\n"
    case .failed(let error):
      let word = Self.kinds.first { $0.0 == error.kind }?.1 ?? "failed"
      return "\(word) \(error.description.onOneLine)\n"
    }
  }

  /// Makes the starter's form of an error.
  init(_ error: ServiceError) {
    self = error.kind == .alreadyRunning ? .busy : .failed(error)
  }

  /// Reads a line; `nil` if it is none or has no end.
  init?(line: [UInt8]) {
    guard line.last == UInt8(ascii: "\n") else { return nil }
    let text = String(decoding: line.dropLast(), as: UTF8.self)
    let parts = text.split(separator: " ", maxSplits: 1)
    if text == "ready" {
      self = .ready
    } else if text == "busy" {
      self = .busy
    } else if parts.count == 2, let kind = Self.kinds.first(where: { $0.1 == parts[0] })?.0 {
      self = .failed(ServiceError(kind, String(parts[1])))
    } else {
      return nil
    }
  }
}
