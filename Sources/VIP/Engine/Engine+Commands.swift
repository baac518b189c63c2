import VIPCore
import VRRP

/// Requests of an operator to a router.
extension Engine {
  /// Leaves the Active role to others, in all families of a router.
  ///
  /// - Throws: why it can't. Nothing has changed then.
  package func resign(_ name: String, for duration: Duration?) throws(NodeError) {
    try step { () throws(NodeError) in
      try command(name) { election, now throws(CommandError) in
        try election.resign(at: now, for: duration)
      }
    }
  }

  /// Takes the Active role, in all families of a router.
  ///
  /// - Throws: why it can't. Nothing has changed then.
  package func promote(_ name: String) throws(NodeError) {
    try step { () throws(NodeError) in
      try command(name) { election, now throws(CommandError) in try election.promote(at: now) }
    }
  }

  /// Shortens the first wait of a router, in all of its families.
  package func assumeVacancy(of name: String) {
    step {
      for instance in routers.members(named: name) {
        instance.election.assumeVacancy(at: now)
        schedule(instance)
      }
    }
  }

  private func command(
    _ name: String,
    _ body: (inout VirtualRouter, Instant) throws(CommandError) -> Actions
  ) throws(NodeError) {
    // A family that leaves has left its role already.
    let group = routers[name].map(membersMovingWith) ?? routers.members(named: name)
    // On copies first: all families or none.
    for instance in group {
      var trial = instance.election
      do throws(CommandError) {
        _ = try body(&trial, now)
      } catch {
        var reason = "\(error)"
        if error == .notRunning, let obstacle = instance.attendance.obstacle {
          reason = "it does not take part: \(obstacle)"
        }
        throw NodeError(.refused, "\(instance.router.name) \(instance.family): \(reason)")
      }
    }
    // All of them do the same by themselves.
    groupTable.isFollowing = false
    defer { groupTable.isFollowing = true }
    for instance in group {
      guard let actions = try? body(&instance.election, now) else { continue }
      perform(actions, for: instance)
      schedule(instance)
    }
  }

  /// The state of a router after it was asked to resign or to take over.
  enum Outcome: Hashable {
    /// Nothing is decided yet.
    case open
    /// Another machine is Active.
    case elsewhere
    /// This machine is Active.
    case here
  }

  /// The states of all families of a router.
  func outcomes(of name: String) -> Set<Outcome> {
    let group = routers[name].map(routers.members) ?? routers.members(named: name)
    return Set(
      group.map { instance in
        if instance.isHolding {
          let isDone = instance.addresses.current.allSatisfy {
            ($0.isPresent && instance.isReachable) || $0.failure != nil
          }
          return isDone || instance.macvlan?.failure != nil ? .here : .open
        }
        guard let active = instance.election.activeRouter, active.priority != .farewell,
          !instance.handover.isUnderWay
        else { return .open }
        return .elsewhere
      })
  }

  /// The reason why a router can't come to anything any more that it was asked for; `nil` if it
  /// can.
  func lapse(of name: String) -> String? {
    guard let router = routers[name] else { return "it was removed meanwhile" }
    for instance in routers.members(of: router) {
      if let obstacle = instance.attendance.obstacle {
        return "\(instance.family) no longer takes part: \(obstacle)"
      }
    }
    return nil
  }

  /// The reason why a router does not have the Active role that it has taken; `nil` if it has it.
  func loss(of name: String) -> String? {
    if let reason = lapse(of: name) { return reason }
    for instance in routers[name].map(routers.members) ?? [] where !instance.isHolding {
      return "\(instance.family) has lost the role again at once: \(instance.attendance.reason)"
    }
    return nil
  }

  /// The longest interval in use by a router, its own or that of its Active.
  func longestInterval(of name: String) -> Duration {
    routers.members(named: name)
      .map { max($0.settings.interval.duration, $0.election.activeInterval.duration) }
      .max() ?? .zero
  }
}
