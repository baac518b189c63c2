import VIP
public import VIPControl
import VIPCore
import VRRP

/// The status of a node in Prometheus' text format.
public struct MetricsText: Sendable {
  private var text = ""
  /// The beginning of the text.
  public static let start = "# HELP vipctl_"

  typealias Labels = [(String, String)]

  /// All metrics of a status.
  public static func render(_ status: NodeRecord) -> String {
    var metrics = MetricsText()
    metrics.add(status.node)
    metrics.add(status.routers)
    metrics.addCounters(status.routers)
    metrics.addTakeovers(status.routers)
    metrics.addConflicts(status.routers)
    metrics.addHooks(status.routers)
    metrics.addChecks(status)
    metrics.addSegments(status.routers)
    metrics.addPeers(status.routers)
    return metrics.text
  }

  private mutating func add(_ node: NodeRecord.Node) {
    family("vipctl_info", "gauge", "The running node.")
    sample("vipctl_info", [("version", node.version), ("lease", node.lease)], 1)
    family("vipctl_uptime_seconds", "gauge", "Time since the node was started.")
    sample("vipctl_uptime_seconds", [], node.uptimeSeconds)
    family("vipctl_realtime", "gauge", "1 if the node runs before all ordinary work.")
    sample("vipctl_realtime", [], node.realtime ? 1 : 0)
    family("vipctl_warnings", "gauge", "Things that are wrong with the node itself now.")
    sample("vipctl_warnings", [], Double(node.warnings?.count ?? 0))
    add(node.wakeUps)
  }

  private mutating func add(_ routers: [RouterRecord]) {
    family("vipctl_router_state", "gauge", "1 for the state that the router is in.")
    for router in routers {
      for state in [VirtualRouter.State.initialize, .backup, .active] {
        sample(
          "vipctl_router_state", Self.labels(router) + [("state", state.rawValue)],
          router.state == state ? 1 : 0)
      }
    }
    let grouped = routers.filter { $0.group != nil }
    if !grouped.isEmpty {
      family("vipctl_router_group", "gauge", "1 for the group with which the router moves.")
      for router in grouped {
        sample("vipctl_router_group", Self.labels(router) + [("group", router.group ?? "")], 1)
      }
    }
    let gauges: [(String, String, (RouterRecord) -> Double)] = [
      ("priority", "The configured priority.", { Double($0.priority.rawValue) }),
      (
        "effective_priority", "The priority that is advertised now.",
        { Double($0.effectivePriority.rawValue) }
      ),
      (
        "interval_seconds", "Time between the router's advertisements.",
        { Double($0.interval.nanoseconds) / 1e9 }
      ),
      ("state_age_seconds", "Time since the state was entered.", { $0.secondsInState }),
      ("addresses", "Virtual addresses of the router.", { Double($0.addresses.count) }),
      (
        "addresses_installed", "Virtual addresses that are on the interface.",
        { Double($0.addresses.count(where: \.installed)) }
      ),
      ("warnings", "Things that are wrong now.", { Double($0.warnings.count) }),
      (
        "conflicts", "Addresses that other machines use too, now.",
        { Double($0.conflicts.current.count) }
      ),
      (
        "takeover_pending_addresses",
        "Addresses of a takeover under way that have not been announced yet.",
        { Double($0.takeovers.pendingAddresses) }
      ),
      ("peers", "Other machines heard for the router.", { Double($0.peers.count) }),
    ]
    for (name, help, value) in gauges {
      family("vipctl_router_\(name)", "gauge", help)
      for router in routers { sample("vipctl_router_\(name)", Self.labels(router), value(router)) }
    }
    let optional: [(String, String, (RouterRecord) -> Double?)] = [
      (
        "lease_seconds", "The lifetime that the addresses on the interface are refreshed with.",
        { $0.lease?.seconds }
      ),
      (
        "lease_age_seconds", "Time since the address that waits longest was refreshed.",
        { $0.lease?.ageSeconds }
      ),
      (
        "last_takeover_seconds", "How long the last takeover took.",
        { $0.takeovers.lastSeconds }
      ),
    ]
    for (name, help, value) in optional {
      family("vipctl_router_\(name)", "gauge", help)
      for router in routers {
        guard let value = value(router) else { continue }
        sample("vipctl_router_\(name)", Self.labels(router), value)
      }
    }
  }

  private mutating func addHooks(_ routers: [RouterRecord]) {
    let counters: [(String, String, (RouterStatus.Hooks) -> UInt64)] = [
      ("hook_runs", "Hooks that have ended, well or not.", \.runs),
      ("hook_failures", "Hooks that went wrong.", \.failures),
      ("hooks_skipped", "States that were over before their hook's turn.", \.skipped),
    ]
    guard routers.contains(where: { $0.hooks != nil }) else { return }
    add(counters, "vipctl_router", routers, Self.labels) { $0.hooks }
  }

  private mutating func addCounters(_ routers: [RouterRecord]) {
    let counters: [(String, String, (Statistics) -> UInt64)] = [
      ("master_transitions", "Times the router became Active.", \.masterTransitions),
      ("advertisement_rcvd", "Valid advertisements received.", \.advertisementReceived),
      ("advertisement_sent", "Advertisements sent.", \.advertisementSent),
      ("interval_errors", "Advertisements with another interval.", \.intervalErrors),
      ("priority_zero_pkts_rcvd", "Farewells received.", \.priorityZeroReceived),
      ("priority_zero_pkts_sent", "Farewells sent.", \.priorityZeroSent),
      ("invalid_type_pkts_rcvd", "Messages of an unknown type.", \.invalidTypeReceived),
      ("address_list_errors", "Advertisements with other addresses.", \.addressListErrors),
      ("packet_length_errors", "Messages that are too short.", \.packetLengthErrors),
      ("version_errors", "Advertisements of the other version.", \.versionMismatches),
      (
        "authentication_errors", "Advertisements with another password.", \.authenticationErrors
      ),
    ]
    add(counters, "vipctl_router", routers, Self.labels) { $0.statistics }
  }

  private mutating func add(_ wakeUps: WakeUpRecord) {
    let gauges = [
      ("max", "How late the latest turn of the loop was.", wakeUps.maxSeconds),
      (
        "recent_max", "How late the latest turn of the last minute or two was.",
        wakeUps.recentMaxSeconds
      ),
    ]
    for (name, help, value) in gauges {
      family("vipctl_wakeup_latency_\(name)_seconds", "gauge", help)
      sample("vipctl_wakeup_latency_\(name)_seconds", [], value)
    }
    family(
      "vipctl_late_wakeups_total", "counter", "Turns of the loop that were late by more than 10 ms."
    )
    sample("vipctl_late_wakeups_total", [], Double(wakeUps.late))
    let name = "vipctl_wakeup_latency_seconds"
    family(name, "histogram", "How late turns of the loop were for the deadline they served.")
    for bucket in wakeUps.histogram {
      sample("\(name)_bucket", [("le", "\(bucket.upToSeconds)")], Double(bucket.count))
    }
    sample("\(name)_bucket", [("le", "+Inf")], Double(wakeUps.served))
    sample("\(name)_sum", [], wakeUps.sumSeconds)
    sample("\(name)_count", [], Double(wakeUps.served))
  }

  private mutating func addTakeovers(_ routers: [RouterRecord]) {
    let name = "vipctl_router_takeover_seconds"
    family(name, "summary", "How long takeovers took, until the last address was announced.")
    for router in routers {
      sample("\(name)_sum", Self.labels(router), router.takeovers.sumSeconds)
      sample("\(name)_count", Self.labels(router), Double(router.takeovers.count))
    }
  }

  private mutating func addConflicts(_ routers: [RouterRecord]) {
    let counters: [(String, String, (RouterStatus.Conflicts) -> UInt64)] = [
      ("claims", "Claims of held addresses by other machines.", \.claims),
      ("defenses", "Announcements to defend a claimed address.", \.defenses),
    ]
    add(counters, "vipctl_router_conflict", routers, Self.labels) { $0.conflicts }
  }

  /// Counters that routers of one interface and family share, once.
  private mutating func addSegments(_ routers: [RouterRecord]) {
    var seen: Set<[String]> = []
    let segments = routers.filter {
      $0.state != .initialize && seen.insert([$0.interface, $0.family.rawValue]).inserted
    }
    let counters: [(String, String, (SegmentStatistics) -> UInt64)] = [
      ("checksum_errors", "Messages with a wrong checksum.", \.checksumErrors),
      ("version_errors", "Messages of an unknown version.", \.versionErrors),
      ("vrid_errors", "Messages for a VRID that is not configured here.", \.vridErrors),
      ("ip_ttl_errors", "Messages that came from another network.", \.ipTTLErrors),
      ("packet_length_errors", "Messages too short to name a router.", \.packetLengthErrors),
    ]
    add(
      counters, "vipctl_segment", segments,
      { [("interface", $0.interface), ("family", $0.family.rawValue)] }, { $0.segmentStatistics })
  }

  private mutating func addPeers(_ routers: [RouterRecord]) {
    let gauges: [(String, String, (PeerRecord) -> Double)] = [
      ("active", "1 if the peer acts as Active.", { $0.isActive ? 1 : 0 }),
      ("priority", "The priority that the peer last advertised.", { Double($0.priority) }),
      ("silence_seconds", "Time since the peer was last heard.", { $0.secondsSinceHeard }),
    ]
    for (name, help, value) in gauges {
      family("vipctl_peer_\(name)", "gauge", help)
      for router in routers {
        for peer in router.peers {
          let labels = Self.labels(router) + [("peer", peer.address.description)]
          sample("vipctl_peer_\(name)", labels, value(peer))
        }
      }
    }
  }

  // MARK: The format

  /// Adds counters that have a name, a help text and a value, with a sample for each item that has
  /// any.
  private mutating func add<Item, Values>(
    _ counters: [(String, String, (Values) -> UInt64)], _ prefix: String, _ items: [Item],
    _ labels: (Item) -> Labels, _ values: (Item) -> Values?
  ) {
    for (name, help, value) in counters {
      let name = "\(prefix)_\(name)_total"
      family(name, "counter", help)
      for item in items {
        guard let values = values(item) else { continue }
        sample(name, labels(item), Double(value(values)))
      }
    }
  }

  static func labels(_ router: RouterRecord) -> Labels {
    [
      ("router", router.name), ("interface", router.interface),
      ("vrid", router.vrid.description), ("family", router.family.rawValue),
    ]
  }

  mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  mutating func sample(_ name: String, _ labels: Labels, _ value: Double) {
    text += name
    if !labels.isEmpty {
      let list = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }
      text += "{\(list.joined(separator: ","))}"
    }
    let whole = Int(exactly: value).map(String.init)
    text += " \(whole ?? (value.isFinite ? "\(value)" : "NaN"))\n"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
