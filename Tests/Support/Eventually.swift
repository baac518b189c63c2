/// Asks again and again until the answer is not `nil`, and throws when the time is up.
///
/// The time is that of an idle machine, and grows by what the ``Pace`` of this one tells.
///
/// - Parameters:
///   - what: what is waited for, as the failure shall name it
///   - limit: how long to go on asking
///   - poll: the pause between two questions
///   - detail: more to say in a failure, such as the end of a log
///   - question: returns `nil` while what is waited for has not come
/// - Returns: the answer
/// - Throws: ``LabError`` when the time is up, or what the question throws
@discardableResult @_disfavoredOverload
package func eventually<Value>(
  _ what: String, within limit: Bound, poll: Duration = .milliseconds(5),
  detail: () -> String = { "" }, _ question: () throws -> Value?
) throws -> Value {
  Pace.start()
  let start = Moment.now
  while true {
    // The answer may be that of a moment before: a thread that was kept from asking asks once more.
    let asked = Moment.now
    if let value = try question() { return value }
    if let objection = limit.objection(from: start, to: asked) {
      throw LabError("not in time: \(what): \(objection)\n\(detail())")
    }
    pause(poll)
  }
}

/// Asks again and again until the answer is not `nil`, and throws when the time is up.
@discardableResult @_disfavoredOverload
package func eventually<Value>(
  _ what: String, within limit: Duration = .seconds(20), poll: Duration = .milliseconds(5),
  detail: () -> String = { "" }, _ question: () throws -> Value?
) throws -> Value {
  try eventually(what, within: Bound(machine: limit), poll: poll, detail: detail, question)
}

/// Asks again and again until the answer is yes, and throws when the time is up.
package func eventually(
  _ what: String, within limit: Duration = .seconds(20), poll: Duration = .milliseconds(5),
  detail: () -> String = { "" }, _ question: () throws -> Bool
) throws {
  try eventually(what, within: Bound(machine: limit), poll: poll, detail: detail, question)
}

/// Asks again and again until the answer is yes, and throws when the time is up.
package func eventually(
  _ what: String, within limit: Bound, poll: Duration = .milliseconds(5),
  detail: () -> String = { "" }, _ question: () throws -> Bool
) throws {
  try eventually(what, within: limit, poll: poll, detail: detail) { try question() ? () : nil }
}
