import Netlink
import VIPCore
import VRRP

/// Routers that move together: all of them are Active here or none.
///
/// - One that takes no part keeps the others out: ``Fitness/Cause/group(_:)``, fed by what speaks
///   against each member itself, never by the group.
/// - They become Active together when ``VRRP/JointTakeover`` says so.
/// - When one leaves the role, the others do in the same turn.
/// - All have the priority of the one that would have the lowest.
/// - Between Actives of equal priority the first of the group decides, so that not one node yields
///   here and the other one there.
extension Engine {
  // MARK: Membership

  /// The groups of routers that move together.
  package var groups: [RouterGroup] { groupTable.groups.map(\.settings) }

  /// Has other groups from now on; part of a command.
  func setGroups(_ wanted: [RouterGroup]) {
    for group in groupTable.set(wanted) where group.state != .stop {
      report(.groupSettled(GroupSettlement(.stop, previous: group.state, group.settings)))
    }
    let before = liveInstances.filter { !$0.attendance.isLeaving }.map { ($0, $0.router.group) }
    for (instance, former) in before {
      let group = groupTable.group(of: instance.router.name)
      guard former !== group else { continue }
      dismiss(instance)
      instance.router.group = group
      instance.router.fitness.set(nil, for: .group(instance.family))
      enroll(instance)
      reconsiderLater(instance)
    }
  }

  /// Makes a virtual router a member of its router's group, if there is one.
  func enroll(_ instance: RouterInstance) {
    guard let group = instance.router.group else { return }
    group.enroll(instance.slot)
    resetGroup(group)
  }

  /// Takes a virtual router that leaves out of its group.
  func dismiss(_ instance: RouterInstance) {
    for group in groupTable.groups where group.slots.contains(instance.slot) {
      group.dismiss(instance.slot)
      resetGroup(group)
    }
    instance.joining.reset()
  }

  /// Has all that the members of a group know of one another found out again.
  private func resetGroup(_ group: GroupedRouters) {
    let members = members(of: group)
    group.first = members.min { Self.isBefore($0, $1) }?.slot
    for member in members {
      member.joining.reset()
      schedule(member)
    }
    groupTable.isReviewDue = true
  }

  /// The order by which the first of a group is the same on all machines: by what these have in
  /// common.
  private static func isBefore(_ one: RouterInstance, _ other: RouterInstance) -> Bool {
    if one.family != other.family { return one.family == .ipv4 }
    if one.settings.vrid != other.settings.vrid { return one.settings.vrid < other.settings.vrid }
    let lowest = { (instance: RouterInstance) in
      instance.settings.addresses(instance.family).map(\.address).min()
    }
    guard let left = lowest(one), let right = lowest(other) else { return one.slot < other.slot }
    return left == right ? one.slot < other.slot : left < right
  }

  func members(of group: GroupedRouters) -> [RouterInstance] {
    group.slots.compactMap { routers[$0] }
  }

  /// The virtual routers of a router and of those with which it moves.
  func membersMovingWith(_ router: Router) -> [RouterInstance] {
    router.group.map(members(of:)) ?? routers.members(of: router)
  }

  // MARK: Taking part

  /// A member whose group is another one now is looked at when all of them are known.
  private func reconsiderLater(_ instance: RouterInstance) {
    if instance.router.group == nil { reconsider(instance) } else { groupTable.isReviewDue = true }
  }

  /// Sees whether another member keeps this one out.
  ///
  /// - Returns: whether that is other than before.
  @discardableResult
  func assessGroup(of instance: RouterInstance) -> Bool {
    let fault = instance.router.group.flatMap { groupFault(of: instance, in: $0) }
    return instance.router.fitness.set(fault, for: .group(instance.family))
  }

  private func groupFault(
    of instance: RouterInstance, in group: GroupedRouters
  ) -> Fitness.Fault? {
    for slot in group.slots where slot != instance.slot {
      guard let other = routers[slot],
        let reason = other.router.fitness.ownObstacle(for: other.family)
      else { continue }
      let isAlone = other.settings.families.count == 1
      let member = isAlone ? other.router.name : "\(other.router.name) \(other.family)"
      return .unfit(.group(member: member, reason))
    }
    let missing = group.settings.routers.first { routers[$0] == nil }
    return missing.map { .unfit(.group(member: $0, nil)) }
  }

  /// Lets the members of all groups take part or wait as the others allow, and gives them their
  /// common priority; each change of a member may change others.
  func reviewGroups() {
    guard !groupTable.isEmpty else { return }
    // Each round ends with what the one before has changed; two members can't do so endlessly, as
    // none depends on the group's own faults.
    for _ in 0..<4 where groupTable.isReviewDue {
      groupTable.isReviewDue = false
      for group in groupTable.groups { review(group) }
    }
  }

  private func review(_ group: GroupedRouters) {
    share(group)
    for member in members(of: group) {
      let isNew = member.attendance.obstacle == .notStarted
      if assessGroup(of: member) || isNew {
        reconsider(member)
        groupTable.isReviewDue = true
      }
    }
    share(group)
  }

  /// Gives all members the priority of the one that would have the lowest.
  private func share(_ group: GroupedRouters) {
    let members = members(of: group)
    let weakest = members.min { $0.ownPriority < $1.ownPriority }
    group.weakest = weakest?.router.name
    guard weakest?.ownPriority != group.priority else { return }
    group.priority = weakest?.ownPriority
    for member in members where member.attendance.isRunning { adjustPriority(of: member) }
  }

  // MARK: The election

  /// Keeps a Backup whose timer is due from taking over before its group may; once that may, all
  /// others take over after it.
  ///
  /// - Returns: whether it has to wait.
  func isKeptBackNow(_ instance: RouterInstance) -> Bool {
    guard let group = instance.router.group, instance.election.state == .backup,
      let deadline = instance.election.deadline, !mayTakeOver(group)
    else { return false }
    let isLong = instance.joining.wait(
      deadline, interval: instance.election.activeInterval.duration, at: now)
    if isLong { warn(.groupWaits, of: instance, groupWaitText(of: instance)) }
    return true
  }

  private func mayTakeOver(_ group: GroupedRouters) -> Bool {
    var decision = JointTakeover(at: now)
    for slot in group.slots {
      guard let member = routers[slot] else { continue }
      decision.add(member.election, isHeldBack: isHeldBack(member))
    }
    return decision.isDue
  }

  /// Whether something else than its election keeps a Backup from taking over now.
  private func isHeldBack(_ instance: RouterInstance) -> Bool {
    if !instance.probing.hasEnded { return true }
    if let end = instance.damping.quietUntil, end > now { return true }
    guard let timer = instance.election.deadline, timer <= now else { return false }
    return instance.backupDeadline.map { $0 > now } ?? false
  }

  /// Lets the others of a group follow a member that has become Active or has ceased to be.
  func moveGroup(of instance: RouterInstance, after transition: Transition) {
    guard let group = instance.router.group, groupTable.isFollowing else { return }
    switch (transition.from, transition.to) {
    case (_, .active):
      for slot in group.slots where slot != instance.slot {
        guard let other = routers[slot], other.election.state == .backup else { continue }
        perform(other.election.takeOver(at: now), for: other)
        schedule(other)
      }
    case (.active, .backup):
      let end = instance.election.resignedUntil
      for slot in group.slots where slot != instance.slot {
        guard let other = routers[slot], other.election.state == .active else { continue }
        perform(other.election.giveWay(at: now, until: end), for: other)
        schedule(other)
      }
    default: break
    }
  }

  /// Has the members that are Active leave the role when another one, which is Backup, hears an
  /// Active that it would not replace: that has the group, or the group of its machine takes it.
  func agreeWithGroup(_ instance: RouterInstance) {
    guard let group = instance.router.group, instance.election.followsActive else { return }
    for slot in group.slots where slot != instance.slot {
      guard let other = routers[slot], other.election.state == .active else { continue }
      perform(other.election.giveWay(at: now), for: other)
      schedule(other)
    }
  }

  /// Leaves it to the first of the group to decide between this machine and another Active of equal
  /// priority, if an advertisement is from one that would win by its address.
  func leaveTiesToGroup(
    _ instance: RouterInstance, _ advertisement: Advertisement, from source: IPAddress
  ) {
    guard let group = instance.router.group else {
      instance.election.leavesTiesToGroup = false
      return
    }
    var isLeft = false
    if instance.election.state == .active, instance.slot != group.first,
      advertisement.priority == instance.election.effectivePriority,
      source > instance.election.primaryAddress,
      let first = group.first.flatMap({ routers[$0] }), first.election.state == .active
    {
      let interval = max(advertisement.interval.duration, instance.settings.interval.duration)
      isLeft = instance.joining.meetsEqual(interval: interval, at: now)
    }
    instance.election.leavesTiesToGroup = isLeft
  }

  // MARK: Telling

  /// Whether a Backup would be Active but for its group, for so long that it is worth telling.
  func isKeptBackByGroup(_ instance: RouterInstance) -> Bool {
    instance.router.group != nil && instance.attendance.isRunning && !instance.isHolding
      && instance.joining.isWaiting(instance.election.deadline)
  }

  private func groupWaitText(of instance: RouterInstance) -> String {
    let name = instance.router.group?.settings.name ?? ""
    let others = (instance.router.group.map(members(of:)) ?? []).filter { $0 !== instance }
    let heard = heardText(of: instance)
    for other in others {
      guard let reason = ownDelayText(of: other) else { continue }
      return "\(heard), but the group \(name) stays Backup, since \(other.router.name) "
        + "\(other.family) \(reason)"
    }
    let obstacle = others.first { $0.election.followsActive }
    guard let obstacle, let active = obstacle.election.activeRouter else {
      return "\(heard), and the other routers of the group \(name) are not ready yet"
    }
    return "\(heard), but the group \(name) stays Backup, since \(active.address) is "
      + "Active for \(obstacle.router.name) \(obstacle.family); see that all machines have the "
      + "same groups and hear one another on \(instance.settings.interface)"
  }

  /// The reason why a Backup would be Active but for its group.
  private func heardText(of instance: RouterInstance) -> String {
    guard instance.election.isPreempting, let active = instance.election.activeRouter else {
      return "no Active is heard"
    }
    return "the Active \(active.address) has a lower priority"
  }

  /// The reason for which a Backup does not become Active by its own settings; `nil` if there is
  /// none.
  private func ownDelayText(of instance: RouterInstance) -> String? {
    if let text = dampingText(of: instance) { return text }
    guard let active = instance.election.toleratedActive else { return nil }
    let settings = instance.election.configuration
    guard settings.preempts else {
      return "takes the role from no Active that is heard (preempt: false)"
    }
    return "leaves \(active.address), which has a lower priority, alone for "
      + "\(settings.preemptDelay.text) (preempt: delay)"
  }

  /// Tells of the groups all of whose routers have settled in another state.
  func tellSettledGroups() {
    for group in groupTable.groups {
      guard let state = settledState(of: group), state != group.state else { continue }
      report(.groupSettled(GroupSettlement(state, previous: group.state, group.settings)))
      group.state = state
    }
  }

  /// The state in which all routers of a group have settled; `nil` while they have not.
  private func settledState(of group: GroupedRouters) -> Settlement.State? {
    if group.slots.isEmpty {
      // Those that leave still have their addresses.
      return group.settings.routers.contains(where: routers.contains) ? nil : .stop
    }
    var state: Settlement.State?
    for slot in group.slots {
      guard let own = settlements.settledState(of: slot) else { return nil }
      if state == .fault || own == .fault {
        state = .fault
      } else if state ?? own == own {
        state = own
      } else {
        return nil
      }
    }
    return state
  }
}
