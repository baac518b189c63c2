import VIPCore
import VRRP

/// Requests of an operator to a router.
extension Engine {
  /// Leaves the Active role of routers to others, in all of their families, all in one step.
  ///
  /// - Parameters:
  ///   - names: the routers.
  ///   - duration: for how long; until ``resume(_:by:)`` or ``promote(_:by:)`` if `nil`.
  ///   - requester: the process that asks for it, if it is another one.
  /// - Throws: why one of them can't. Nothing has changed then.
  package func resign(
    _ names: [String], for duration: Duration?, by requester: Requester? = nil
  ) throws(NodeError) {
    try step { () throws(NodeError) in
      // A family that does not take part has nothing to leave.
      for name in names where !addressees(name).contains(where: \.attendance.isRunning) {
        try check(name) { $0.state == .initialize ? .notRunning : nil }
      }
      let clock = Instant(nanoseconds: platform.wallClock().nanoseconds)
      let end = duration.map { Timestamp(nanosecondsSince1970: (clock + $0).nanoseconds) }
      for name in names {
        tell(.resign, for: duration, of: name, by: requester)
        command(name) { [now] in try? $0.resign(at: now, for: duration) }
        note(StandingRequest(.resign, since: now, end: end, by: requester), of: name)
      }
    }
  }

  /// Leaves the Active role of one router to others.
  ///
  /// - Throws: why it can't. Nothing has changed then.
  package func resign(_ name: String, for duration: Duration?) throws(NodeError) {
    try resign([name], for: duration)
  }

  /// Takes the Active role, in all families of a router.
  ///
  /// - Throws: why it can't. Nothing has changed then.
  package func promote(_ name: String, by requester: Requester? = nil) throws(NodeError) {
    try step { () throws(NodeError) in
      try check(name) { [now] election in
        do throws(CommandError) {
          _ = try election.promote(at: now)
          return nil
        } catch {
          return error
        }
      }
      tell(.promote, of: name, by: requester)
      command(name) { [now] in try? $0.promote(at: now) }
      note(StandingRequest(.promote, since: now, end: nil, by: requester), of: name)
    }
  }

  /// Ends resignations and promotions, in all families of routers; nothing happens to those that
  /// have neither.
  package func resume(_ names: [String], by requester: Requester? = nil) {
    step {
      for name in names {
        tell(.resume, of: name, by: requester)
        command(name) { [now] in $0.resume(at: now) }
        note(nil, of: name)
      }
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

  /// The virtual routers that a command to a router is about; a family that leaves has left its
  /// role already.
  private func addressees(_ name: String) -> [RouterInstance] {
    routers[name].map(membersMovingWith) ?? routers.members(named: name)
  }

  /// Sees whether all virtual routers of a router can do something: all families or none.
  ///
  /// - Parameters:
  ///   - name: the router.
  ///   - attempt: does it to a copy of an election, and says why that can't be done.
  /// - Throws: the reason of the first that can't.
  private func check(
    _ name: String, _ attempt: (inout VirtualRouter) -> CommandError?
  ) throws(NodeError) {
    for instance in addressees(name) {
      var trial = instance.election
      guard let error = attempt(&trial) else { continue }
      var reason = "\(error)"
      if error == .notRunning, let obstacle = instance.attendance.obstacle {
        reason = "it does not take part: \(obstacle)"
      }
      throw NodeError(.refused, "\(instance.router.name) \(instance.family): \(reason)")
    }
  }

  /// Has all virtual routers of a router do something.
  private func command(_ name: String, _ body: (inout VirtualRouter) -> Actions?) {
    // All of them do the same by themselves.
    groupTable.isFollowing = false
    defer { groupTable.isFollowing = true }
    for instance in addressees(name) {
      guard let actions = body(&instance.election) else { continue }
      perform(actions, for: instance)
      schedule(instance)
    }
  }

  /// Tells observers which process has asked for what.
  private func tell(
    _ kind: RouterCommand.Kind, for duration: Duration? = nil, of name: String,
    by requester: Requester?
  ) {
    guard let requester else { return }
    report(.command(router: name, RouterCommand(kind, for: duration, by: requester)))
  }

  /// Notes what the virtual routers of a router act upon from now on; `nil` if nothing.
  private func note(_ request: StandingRequest?, of name: String) {
    for instance in addressees(name) {
      let holds = request?.holds(for: instance.election, at: now) ?? false
      instance.request = holds ? request : nil
      schedule(instance)
    }
  }

  /// Reminds observers of a resignation or promotion that may have been forgotten.
  func reviewRequest(of instance: RouterInstance) {
    guard let request = instance.request else { return }
    guard request.holds(for: instance.election, at: now) else {
      instance.request = nil
      return
    }
    guard instance.request?.advance(to: now) ?? false else { return }
    noteChange()
    if let text = forgottenText(of: instance) { warn(.standingRequest, of: instance, text) }
  }

  /// The resignation or promotion of a router that may have been forgotten, and how to end it;
  /// `nil` if there is none.
  func forgottenText(of instance: RouterInstance) -> String? {
    guard let request = instance.request, request.mayBeForgotten(at: now),
      let text = requestText(of: instance)
    else { return nil }
    return "\(text); \(wording.adviceToResume(instance.router.name))"
  }

  /// The resignation or promotion that a router acts upon; `nil` if there is none.
  func requestText(of instance: RouterInstance) -> String? {
    guard let request = instance.request, request.holds(for: instance.election, at: now) else {
      return nil
    }
    return request.text(priority: instance.election.effectivePriority)
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
      group.filter { !$0.attendance.isWaiting }.map { instance in
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
  ///
  /// - Parameters:
  ///   - name: the router.
  ///   - families: those that it was asked for.
  /// - Returns: the reason; `nil` if there is none.
  func lapse(
    of name: String, in families: Set<AddressFamily> = Set(AddressFamily.allCases)
  ) -> String? {
    guard let router = routers[name] else { return "it was removed meanwhile" }
    for instance in routers.members(of: router) where families.contains(instance.family) {
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

  /// The families in which a router takes part.
  func runningFamilies(of name: String) -> Set<AddressFamily> {
    let group = routers[name].map(routers.members) ?? []
    return Set(group.lazy.filter(\.attendance.isRunning).map(\.family))
  }

  /// Whether a router that has just left the role still has the addresses up for a successor.
  func stillServes(_ name: String) -> Bool {
    addressees(name).allSatisfy {
      !$0.attendance.isRunning || $0.isHolding || $0.handover.isUnderWay
    }
  }

  /// The longest interval in use by a router and those with which it moves, their own or that of
  /// their Active.
  func longestInterval(of name: String) -> Duration {
    addressees(name)
      .map { max($0.settings.interval.duration, $0.election.activeInterval.duration) }
      .max() ?? .zero
  }
}
