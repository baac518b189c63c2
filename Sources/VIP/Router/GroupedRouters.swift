import VIPCore
import VRRP

/// The virtual routers of a node that move together.
///
/// The engine keeps it up to date; ``Router/group`` of each of its routers is this.
final class GroupedRouters {
  private(set) var settings: RouterGroup
  /// The slots of its members: the virtual routers that are there and do not leave.
  private(set) var slots: [Int] = []
  /// The priority of all of them: the lowest that a member would have alone.
  var priority: Priority?
  /// The router with that priority.
  var weakest: String?
  /// The slot of the member that decides between Actives of equal priority: on all machines it is
  /// that of the same virtual router.
  var first: Int?
  /// The state in which all were when that was last told.
  var state = Settlement.State.stop

  init(_ settings: RouterGroup) { self.settings = settings }

  var tracksAnything: Bool { !settings.tracks.isEmpty }

  func reconfigure(_ settings: RouterGroup) { self.settings = settings }

  func enroll(_ slot: Int) { if !slots.contains(slot) { slots.append(slot) } }

  func dismiss(_ slot: Int) {
    slots.removeAll { $0 == slot }
    if first == slot { first = nil }
  }
}

/// The groups of a node.
struct GroupTable {
  private(set) var groups: [GroupedRouters] = []
  /// Whether something may have changed on which they depend.
  var isReviewDue = false
  /// Whether members do what one of them does; not while a command tells each what to do.
  var isFollowing = true

  var isEmpty: Bool { groups.isEmpty }

  /// The group that a router belongs to.
  func group(of router: String) -> GroupedRouters? {
    groups.first { $0.settings.routers.contains(router) }
  }

  /// Takes other groups; one that keeps its name goes on.
  ///
  /// - Returns: those that are gone.
  mutating func set(_ wanted: [RouterGroup]) -> [GroupedRouters] {
    let before = groups
    groups = wanted.map { settings in
      guard let group = before.first(where: { $0.settings.name == settings.name }) else {
        return GroupedRouters(settings)
      }
      group.reconfigure(settings)
      return group
    }
    return before.filter { group in !groups.contains { $0 === group } }
  }
}

/// The part of a group in a member's election: a Backup whose timer is due waits for the others,
/// and a tie with another Active is left to the first of the group for a while.
struct GroupJoining: Equatable {
  /// The number of intervals after which a member decides a tie alone: the first of its group has
  /// not heard the other.
  private static let patience = 2
  /// The number of intervals after which it is told that the group keeps a member waiting.
  private static let silenceMax = 3

  /// The deadline of the election that was due when the group was not ready.
  private(set) var waiting: Instant?
  /// The time when that is looked at again by itself; `nil` if it is not.
  private var reviewAt: Instant?
  private var tieSince: Instant?
  private var lastTie: Instant?

  /// The time when a Backup's election is to be looked at.
  ///
  /// - Parameters:
  ///   - deadline: the deadline of its election.
  ///   - other: the time if it does not wait for its group.
  /// - Returns: that time; `nil` if it is not looked at by itself.
  func deadline(_ deadline: Instant?, otherwise other: Instant?) -> Instant? {
    waiting != nil && waiting == deadline ? reviewAt : other
  }

  /// Whether a Backup waits for its group, and its election has the same deadline as then.
  func isWaiting(_ deadline: Instant?) -> Bool { waiting != nil && waiting == deadline }

  /// Takes in that the election of a Backup is due and the group is not ready.
  ///
  /// - Returns: whether that has been so for some intervals, which is worth telling.
  mutating func wait(_ deadline: Instant, interval: Duration, at now: Instant) -> Bool {
    if waiting != deadline {
      waiting = deadline
      reviewAt = now + interval * Self.silenceMax
      return false
    }
    guard let reviewAt, reviewAt <= now else { return self.reviewAt == nil }
    self.reviewAt = nil
    return true
  }

  /// Forgets that it waits: the group may be another one.
  mutating func reset() { self = GroupJoining() }

  /// Takes in an advertisement of an Active of equal priority that wins by its address.
  ///
  /// - Returns: whether the first of the group is left to decide.
  mutating func meetsEqual(interval: Duration, at now: Instant) -> Bool {
    if let last = lastTie, now > last + interval * 3 { tieSince = nil }
    lastTie = now
    let since = tieSince ?? now
    tieSince = since
    return now < since + interval * Self.patience
  }
}
