import VIPCore
import VRRP

/// Routers that are held back for a while, see ``Damping``.
extension Engine {
  /// Has a virtual router whose settings are new wait until the node has run for long enough, and
  /// preempt again if it is not to be held down any more.
  func beginDamping(of instance: RouterInstance) {
    instance.damping.wait(until: startedAt + instance.settings.startDelay, at: now)
    if holdDown(of: instance) == .zero { instance.damping.forgetLosses() }
    tellDamping(of: instance)
  }

  /// Holds a router down that loses the role again and again, and those with which it moves: one
  /// that is held back keeps all of them Backup.
  func damp(_ instance: RouterInstance, after transition: Transition) {
    guard transition.losesRole else { return }
    let pause = holdDown(of: instance)
    for member in membersDampedWith(instance) where member.damping.lost(pause, at: now) {
      tellDamping(of: member)
      followDamping(of: member)
      schedule(member)
    }
  }

  /// The routers whose losses are counted together.
  private func membersDampedWith(_ instance: RouterInstance) -> [RouterInstance] {
    instance.router.group.map(members(of:)) ?? [instance]
  }

  /// The time for which a router does not preempt once it has lost the role too often: in a group
  /// the longest that one of its routers has.
  private func holdDown(of instance: RouterInstance) -> Duration {
    membersDampedWith(instance).map(\.settings.holdDown).max() ?? instance.settings.holdDown
  }

  /// Ends what is over.
  func reviewDamping(of instance: RouterInstance) {
    guard let deadline = instance.damping.deadline, deadline <= now else { return }
    noteChange()
    if instance.damping.advance(to: now) { followDamping(of: instance) }
  }

  /// Gives the election of a router the settings that it has now.
  private func followDamping(of instance: RouterInstance) {
    guard instance.attendance.isRunning else { return }
    perform(instance.election.reconfigure(instance.electionSettings, at: now), for: instance)
  }

  private func tellDamping(of instance: RouterInstance) {
    if let text = dampingText(of: instance) { warn(.heldBack, of: instance, text) }
  }

  /// The reason why a router is held back; `nil` if it is not.
  func dampingText(of instance: RouterInstance) -> String? {
    let settings = instance.settings
    if instance.damping.isHeld {
      return "lost the role three times within a minute; it takes it from no other machine for "
        + instance.damping.pause.text
    }
    guard let end = instance.damping.quietUntil, end > now, instance.election.state != .active
    else { return nil }
    return "does not become Active in the first \(settings.startDelay.text) of its node"
  }
}
