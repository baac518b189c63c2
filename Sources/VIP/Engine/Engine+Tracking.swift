import Netlink
import VIPCore
import VRRP

/// Following other interfaces that routers depend on.
extension Engine {
  /// Why something that a router tracks keeps it out of the election; `nil` if nothing does.
  func unfitness(of instance: RouterInstance) -> String? {
    for track in instance.settings.tracks where track.decrement == nil {
      if let fault = fault(of: track) { return "\(fault), which the router tracks" }
    }
    return nil
  }

  /// Fits a router's priority to what it tracks.
  func updateDecrement(of instance: RouterInstance) {
    let decrement = instance.settings.tracks.reduce(0) { sum, track in
      fault(of: track) == nil ? sum : sum + Int(track.decrement ?? 0)
    }
    guard decrement != instance.priorityDecrement else { return }
    let before = instance.electionSettings.priority
    instance.priorityDecrement = decrement
    let after = instance.electionSettings.priority
    perform(instance.election.reconfigure(instance.electionSettings, at: now), for: instance)
    // Both families depend on the same, which is told once.
    guard instance.family == instance.settings.families.first, before != after else { return }
    let faults = decrements(of: instance).joined(separator: ", ")
    report(
      .changed(
        router: instance.settings.name,
        text: "priority \(before) → \(after): \(faults.isEmpty ? "all it tracks is up" : faults)"))
  }

  /// What lowers a router's priority now, a sentence for each.
  func decrements(of instance: RouterInstance) -> [String] {
    instance.settings.tracks.compactMap { track in
      guard let decrement = track.decrement, let fault = fault(of: track) else { return nil }
      return "\(fault), which lowers the priority by \(decrement)"
    }
  }

  private func fault(of track: Track) -> String? {
    guard let link = interfaces.link(named: track.interface) else {
      return "interface \(track.interface) does not exist"
    }
    if !link.isUp { return "\(link.name) is down" }
    return link.isRunning ? nil : "\(link.name) has no carrier"
  }
}
