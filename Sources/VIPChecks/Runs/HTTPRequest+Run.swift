import Glibc
import VIP
import VIPCore

/// A request is made by curl(1), so that TLS, certificates and time limits are those of a program
/// that is looked after by many.
extension HTTPRequest {
  /// The mark before the status code, which follows the answer.
  static let mark = "http-status="

  /// The path of curl; `nil` if this machine has none.
  package static var program: String? {
    ChildProgram.searchPath.split(separator: ":").map { "\($0)/curl" }
      .first { access($0, X_OK) == 0 }
  }

  /// The arguments that make the request.
  ///
  /// - Parameters:
  ///   - program: the path of curl.
  ///   - limit: the time that it may take.
  /// - Returns: the arguments, the program first.
  func arguments(_ program: String, limit: Duration) -> [String] {
    let milliseconds = max(limit.inNanoseconds / 1_000_000, 1)
    let fraction = "\(1000 + milliseconds % 1000)".dropFirst()
    var options: [(name: String, value: String?)] = [
      // The first, or settings in files of the user would count.
      ("disable", nil), ("silent", nil), ("show-error", nil), ("globoff", nil), ("noproxy", "*"),
      ("proto", "=http,https"), ("max-time", "\(milliseconds / 1000).\(fraction)"),
      ("write-out", "\n\(Self.mark)%{http_code}\n"),
    ]
    if contains == nil { options.append(("output", "/dev/null")) }
    if let host { options.append(("header", "Host: \(host)")) }
    if let certificates { options.append(("cacert", certificates)) }
    if isInsecure { options.append(("insecure", nil)) }
    options.append(("url", url))
    return [program] + options.flatMap { ["--\($0.name)"] + ($0.value.map { [$0] } ?? []) }
  }

  /// The result that follows from how curl has ended and what it has written.
  func verdict(exitCode: Int32, head: [UInt8], tail: [UInt8]) -> CheckResult {
    guard exitCode == 0 else {
      let lines = String(decoding: head.suffix(4096) + tail, as: UTF8.self).split(separator: "\n")
      let line = lines.last { $0.hasPrefix("curl: (") }
      let text = line.map { String($0.prefix(200)).onOneLine }
      return .failure(text ?? "curl ended with exit code \(exitCode)")
    }
    let end = String(decoding: tail, as: UTF8.self)
    guard let line = end.split(separator: "\n").last(where: { $0.hasPrefix(Self.mark) }),
      let status = Int(line.dropFirst(Self.mark.count))
    else { return .failure("the answer has no status") }
    guard statuses.contains(status) else {
      let expected = statuses.map(String.init).joined(separator: " or ")
      return .failure("status \(status) instead of \(expected)")
    }
    guard let contains else { return .success("status \(status)") }
    guard Self.find(Array(contains.utf8), in: head) else {
      return .failure(
        "status \(status), but '\(contains.prefix(40))' is not in the answer".onOneLine)
    }
    return .success("status \(status), with '\(contains.prefix(40))'".onOneLine)
  }

  private static func find(_ text: [UInt8], in bytes: [UInt8]) -> Bool {
    guard let first = text.first, bytes.count >= text.count else { return false }
    for start in 0...(bytes.count - text.count) where bytes[start] == first {
      if bytes[start..<start + text.count].elementsEqual(text) { return true }
    }
    return false
  }
}
