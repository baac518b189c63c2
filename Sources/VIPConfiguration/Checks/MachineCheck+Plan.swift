import Netlink
import VIP
import VIPChecks
import VIPCore
import VRRP

/// The plan of a node.
extension MachineCheck {
  /// The plan of a node with the configuration, a line for each virtual router.
  public func plan(_ file: FileConfiguration) -> [String] {
    let lease = file.settings.lease
    let end = lifetime(lease, file).map { "go after at most \(($0 + .seconds(1)).text)" } ?? "stay"
    let events = file.eventsPath.map { ", events to \($0)" } ?? ""
    var lines = ["node: lease \(lease), addresses of a frozen node \(end)\(events)"]
    lines += groupPlan(file)
    for settings in file.routers {
      for family in settings.families { lines += plan(settings, family) }
    }
    lines += HealthCheckRemarks.plan(file)
    return lines
  }

  /// The time that the last address of a frozen node lives, but for the kernel's last second; `nil`
  /// if it stays.
  private func lifetime(_ lease: LeasePolicy, _ file: FileConfiguration) -> Duration? {
    file.routers.flatMap { router in
      router.families.compactMap { lease.lifetime(interval: router.interval, $0) }
    }.max() ?? lease.lifetime
  }

  private func plan(_ settings: RouterConfiguration, _ family: AddressFamily) -> [String] {
    let link = self.link(settings.interface)
    let source = link.flatMap { self.source(of: settings, on: $0, family) }
    let silence = Timing.activeDownInterval(
      priority: settings.priority, interval: settings.interval, version: settings.version)
    let takeover =
      settings.priority == .owner
      ? "active at once" : "active after \(Self.seconds(silence)) of silence"
    let preemption =
      if settings.priority == .owner {
        "preempts always"
      } else if !settings.preempts {
        "does not preempt"
      } else if settings.preemptDelay > .zero {
        "preempts after \(settings.preemptDelay.text)"
      } else {
        "preempts"
      }
    let tracks = settings.tracks.map { track in
      (track.decrement.map { "priority \($0) lower" } ?? "no part")
        + " while \(track.interface) is down"
    }
    let checks = settings.checkUses.map(HealthCheckRemarks.text)
    let transport: [String] =
      if settings.virtualMAC {
        ["virtual MAC address \(MACAddress.virtualRouter(settings.vrid, family))"]
      } else if !settings.peers.isEmpty {
        ["unicast to \(settings.peers(family).map(\.description).joined(separator: " "))"]
      } else {
        []
      }
    let parts: [String] =
      [
        "VRID \(settings.vrid) on \(settings.interface)"
          + (source.map { " from \($0)" } ?? ""),
        "\(settings.version), every \(settings.interval)", "priority \(settings.priority)",
        preemption, takeover, "\(settings.handover.rawValue) handover",
      ] + transport + tracks + checks
    let all = settings.addresses(family)
    let list = all.prefix(3).map(\.description).joined(separator: " ")
    let more = all.count > 3 ? " and \(all.count - 3) more" : ""
    return [
      "\(settings.name) \(family.rawValue): \(parts.joined(separator: ", "))",
      "  \(all.count == 1 ? "address" : "\(all.count) addresses"): \(list)\(more)",
    ]
      + settings.hooks.states.map { state in
        let words = settings.hooks[state].map(Self.word).joined(separator: " ")
        return "  on \(state.rawValue): \(words) (at most \(settings.hooks.timeout.text))".onOneLine
      }
  }

  /// An argument as one can read where it ends.
  private static func word(_ text: String) -> String {
    text.isEmpty || text.contains(where: \.isWhitespace) ? "'\(text)'" : text
  }

  private static func seconds(_ duration: Duration) -> String {
    Duration.milliseconds(Int64(duration.inNanoseconds / 1_000_000)).text
  }
}
