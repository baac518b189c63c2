/// A group of routers all of which have settled in one state.
public struct GroupSettlement: Sendable, Hashable {
  /// The state of all of them; ``Settlement/State/fault`` if one of them takes no part.
  public let state: Settlement.State
  /// The state of the group before.
  public let previous: Settlement.State
  /// The group's settings.
  public let group: RouterGroup

  /// Makes an entry.
  package init(_ state: Settlement.State, previous: Settlement.State, _ group: RouterGroup) {
    self.state = state
    self.previous = previous
    self.group = group
  }

  /// The meaning of that state, for people.
  package var text: String {
    switch state {
    case .active: "active, all its routers are"
    case .backup: "backup, all its routers are"
    case .fault: "out of the election, with all its routers"
    case .stop: "taken down, with all its routers"
    }
  }
}
