import VIPCore
import VRRP

/// The command of an operator that a virtual router acts upon: a resignation or a promotion.
///
/// It may be forgotten, and then decides about a failure that comes much later. So it is a problem
/// once it has lasted for ten minutes.
struct StandingRequest {
  /// The time after which it is told that the command still holds.
  static let reminder = Duration.seconds(600)

  let kind: RouterCommand.Kind
  let since: Instant
  /// The end of a resignation by the clock on the wall; `nil` if it has none.
  let end: Timestamp?
  let requester: Requester?
  /// Whether observers have been reminded of it.
  private(set) var isTold = false

  init(_ kind: RouterCommand.Kind, since: Instant, end: Timestamp?, by requester: Requester?) {
    self.kind = kind
    self.since = since
    self.end = end
    self.requester = requester
  }

  /// The time when observers are to be reminded of it; `nil` once they have been.
  var deadline: Instant? { isTold ? nil : since + Self.reminder }

  /// Whether it has lasted for so long that it may have been forgotten.
  func mayBeForgotten(at now: Instant) -> Bool { since + Self.reminder <= now }

  /// Time has passed.
  ///
  /// - Returns: whether observers are to be reminded of it now.
  mutating func advance(to now: Instant) -> Bool {
    guard let deadline, deadline <= now else { return false }
    isTold = true
    return true
  }

  /// Whether an election acts upon it.
  func holds(for election: borrowing VirtualRouter, at now: Instant) -> Bool {
    kind == .promote ? election.isPromoted : election.isResigned(at: now)
  }

  /// The command, how long it holds, and the process that asked for it, in words.
  ///
  /// - Parameter priority: the priority that it makes the router advertise.
  /// - Returns: the words.
  func text(priority: Priority) -> String {
    let holds: String =
      switch (kind, end) {
      case (.promote, _):
        "promoted: advertises priority \(priority) for as long as it holds the addresses"
      case (_, let end?): "resigned until \(end.seconds): has the lowest priority"
      case (_, nil): "resigned without an end: has the lowest priority"
      }
    return holds + (requester.map { ", asked for by \($0)" } ?? "")
  }
}
