/// Asks again and again until the answer is not `nil`, and throws when the time is up.
///
/// - Parameters:
///   - what: what is waited for, as the failure shall name it
///   - limit: how long to go on asking
///   - poll: the pause between two questions
///   - detail: more to say in a failure, such as the end of a log
///   - question: returns `nil` while what is waited for has not come
/// - Returns: the answer
/// - Throws: ``LabError`` when the time is up, or what the question throws
@discardableResult
package func eventually<Value>(
  _ what: String, within limit: Duration = .seconds(10), poll: Duration = .milliseconds(5),
  detail: () -> String = { "" }, _ question: () throws -> Value?
) throws -> Value {
  let start = ContinuousClock.now
  while true {
    if let value = try question() { return value }
    if start.duration(to: .now) > limit {
      throw LabError("not within \(limit): \(what)\n\(detail())")
    }
    pause(poll)
  }
}

/// Asks again and again until the answer is yes, and throws when the time is up.
package func eventually(
  _ what: String, within limit: Duration = .seconds(10), poll: Duration = .milliseconds(5),
  detail: () -> String = { "" }, _ question: () throws -> Bool
) throws {
  try eventually(what, within: limit, poll: poll, detail: detail) { try question() ? () : nil }
}
