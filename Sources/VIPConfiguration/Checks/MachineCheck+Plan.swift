import Netlink
import VIP
import VIPChecks
import VIPCore
import VRRP

/// The plan of a node.
extension MachineCheck {
  /// The plan of a node with the configuration, a line for each virtual router.
  public func plan(_ file: FileConfiguration) -> [String] {
    let end =
      leaseTerm(file).map {
        "go after at most \(($0.lifetime + .seconds(1)).text), the others take over within "
          + $0.takeover.text
      } ?? "stay"
    let events = file.eventsPath.map { ", events to \($0)" } ?? ""
    var lines = [
      "node: lease \(file.settings.lease), addresses of a frozen node \(end)\(events)"
    ]
    lines += groupPlan(file)
    for settings in file.routers {
      for family in settings.families { lines += plan(settings, family) }
    }
    lines += HealthCheckRemarks.plan(file)
    return lines
  }

  /// The times of the addresses that outlive a frozen node for the longest, but for the second by
  /// which the kernel may be late; `nil` if they stay.
  private func leaseTerm(_ file: FileConfiguration) -> LeaseTerm? {
    let lease = file.settings.lease
    let all = file.routers.flatMap(\.allAddresses)
    let ipv6 = all.count { $0.address.family == .ipv6 }
    let load = lease.load(ipv4: all.count - ipv6, ipv6: ipv6)
    let terms = file.routers.compactMap {
      lease.term(interval: $0.interval, $0.version, load: load)
    }
    return terms.max { $0.lifetime < $1.lifetime }
      ?? lease.term(interval: .default, .v3, load: load)
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
        preemption, takeover,
      ] + Self.damping(settings) + ["\(settings.handover.rawValue) handover"] + transport + tracks
      + checks
    return ["\(settings.name) \(family.rawValue): \(parts.joined(separator: ", "))"]
      + holdings(settings, family) + Self.hookPlan(settings.hooks)
  }

  /// The things that the virtual router of a family has while it is Active: a line for each kind.
  private func holdings(_ settings: RouterConfiguration, _ family: AddressFamily) -> [String] {
    // What is of a family without an election goes with the other one.
    let families = settings.families
    func belongs(_ other: AddressFamily) -> Bool {
      other == family || family == families.first && !families.contains(other)
    }
    let own = settings.addresses.filter { belongs($0.family) }.map { address in
      let isListed = !settings.unadvertised.contains(address.address)
      return isListed ? "\(address)" : "\(address) (not advertised)"
    }
    let elsewhere = settings.elsewhere.filter { belongs($0.address.family) }
    let routes = settings.routes.filter { belongs($0.destination.family) }
    let rules = settings.rules.filter { rule in
      (rule.from ?? rule.to).map { belongs($0.family) } ?? true
    }
    let lines = [
      Self.list(own, "address", "addresses", separator: " "),
      Self.list(elsewhere, "address elsewhere", "addresses elsewhere"),
      Self.list(routes, "route", "routes"), Self.list(rules, "rule", "rules"),
    ].compactMap { $0 }
    return lines.isEmpty ? ["  no addresses"] : lines
  }

  /// The first of some things on a line, and how many there are; `nil` without any.
  private static func list(
    _ items: [some CustomStringConvertible], _ one: String, _ many: String,
    separator: String = "; "
  ) -> String? {
    guard !items.isEmpty else { return nil }
    let list = items.prefix(3).map(\.description).joined(separator: separator)
    let more = items.count > 3 ? " and \(items.count - 3) more" : ""
    return "  \(items.count == 1 ? one : "\(items.count) \(many)"): \(list)\(more)"
  }

  /// The programs that are run for the states of a router or group, a line for each.
  static func hookPlan(_ hooks: Hooks) -> [String] {
    hooks.states.map { state in
      let words = hooks[state].map(word).joined(separator: " ")
      return "  on \(state.rawValue): \(words) (at most \(hooks.timeout.text))".onOneLine
    }
  }

  /// The times that hold a router back, each in a few words.
  private static func damping(_ settings: RouterConfiguration) -> [String] {
    var parts: [String] = []
    if settings.startDelay > .zero {
      parts.append("not in the first \(settings.startDelay.text) after a start")
    }
    if settings.holdDown > .zero {
      parts.append("no preemption for \(settings.holdDown.text) after three losses in a minute")
    }
    let delay = settings.linkDelay
    if delay.up > .zero { parts.append("a link counts as back after \(delay.up.text)") }
    if delay.down > .zero { parts.append("a link counts as gone after \(delay.down.text)") }
    return parts
  }

  /// An argument as one can read where it ends.
  private static func word(_ text: String) -> String {
    text.isEmpty || text.contains(where: \.isWhitespace) ? "'\(text)'" : text
  }

  private static func seconds(_ duration: Duration) -> String {
    Duration.milliseconds(Int64(duration.inNanoseconds / 1_000_000)).text
  }
}
