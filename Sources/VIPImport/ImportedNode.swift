package import ARP
import VIP
import VIPConfiguration
import VIPCore

/// The settings that belong to a whole node here: announcements and real-time scheduling.
///
/// keepalived has those of announcements for each instance, with defaults for all. Where instances
/// differ, the node gets what suits the one that asks for most, and a remark says so.
package struct ImportedNode: Sendable {
  /// The policy that the settings amount to, with the defaults for what keepalived does not set.
  package private(set) var announcements = AnnouncementPolicy()
  package private(set) var isRealtime = false
  private(set) var remarks: [ImportRemark] = []
  /// The lines of the block `node`, and of `announcements` in it.
  private var settings: [ImportedRouter.Setting] = []
  /// The lines whose values are not usable, which has been said.
  private var told: Set<SourceLine> = []
  private var announced: [ImportedRouter.Setting] = []

  init() {}

  /// Reads what is set for all instances, for groups of interfaces and for the routers themselves.
  init(globals: [KeepalivedNode], groups: [KeepalivedNode], routers: [ImportedRouter]) {
    let values = Dictionary(globals.map { ($0.keyword, $0) }) { $1 }
    if let child = values["vrrp_rt_priority"] {
      isRealtime = true
      settings.append(.init(key: "realtime", value: "true", origin: .line(child.source)))
    }
    readRate(values, groups)
    readPauses(values, routers)
    readRefresh(values, routers)
  }

  /// The file's part about the node, as its block `node`; empty if there is none.
  var yaml: String {
    var lines = settings.map { ImportedRouter.line("  \($0.key): \($0.value)", $0.origin.comment) }
    if !announced.isEmpty {
      lines.append("  announcements:")
      lines += announced.map {
        ImportedRouter.line("    \($0.key): \($0.value)", $0.origin.comment)
      }
    }
    return lines.isEmpty ? "" : "node:\n" + lines.joined(separator: "\n") + "\n"
  }

  private mutating func remark(
    _ node: KeepalivedNode, _ text: String, _ kind: ImportRemark.Kind = .note
  ) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }

  // MARK: Rate

  /// The time between two announcements on an interface, as a rate.
  private mutating func readRate(_ values: [String: KeepalivedNode], _ groups: [KeepalivedNode]) {
    var candidates = ["vrrp_garp_interval", "vrrp_gna_interval"].compactMap { values[$0] }
    for group in groups {
      let block = group.block ?? []
      candidates += block.filter { ["garp_interval", "gna_interval"].contains($0.keyword) }
      for child in block where child.keyword == "interfaces" {
        remark(
          child, "announcements are paced on each interface here, not on several together", .lost)
      }
    }
    var intervals: [(node: KeepalivedNode, seconds: Double)] = []
    for node in candidates {
      guard let seconds = seconds(node) else { continue }
      if seconds > 0 { intervals.append((node, seconds)) }
    }
    guard let slowest = intervals.max(by: { $0.seconds < $1.seconds }) else { return }
    let rate = max(1, min(1_000_000, Int((1 / slowest.seconds).rounded(.down))))
    announcements.maximumRate = rate
    announcements.burst = 1
    announced.append(.init(key: "rate", value: "\(rate)", origin: .line(slowest.node.source)))
    announced.append(
      .init(key: "burst", value: "1", origin: .note("keepalived pauses after each of them")))
    if slowest.seconds > 1 {
      remark(slowest.node, "one announcement a second is the slowest rate; it is taken")
    } else if Set(intervals.map(\.seconds)).count > 1 {
      remark(
        slowest.node,
        "'announcements: { rate: … }' is the same for all interfaces and both families; the slowest "
          + "one, \(rate) a second, is taken")
    }
  }

  // MARK: Repeats

  private static let usualPauses = AnnouncementPolicy().pauses

  /// Reads the pauses after which an address is announced again after a takeover.
  private mutating func readPauses(_ values: [String: KeepalivedNode], _ routers: [ImportedRouter])
  {
    tellCopies(values["vrrp_garp_master_repeat"])
    for router in routers { tellCopies(router.announcements["garp_master_repeat"]) }
    var delays: [(node: KeepalivedNode, seconds: Double)] = []
    for router in routers {
      guard
        let node = router.announcements["garp_master_delay"] ?? values["vrrp_garp_master_delay"],
        let seconds = seconds(node)
      else { continue }
      delays.append((node, seconds))
    }
    if let minimum = values["vrrp_min_garp"], KeepalivedBool(minimum) != .off {
      guard let other = delays.first(where: { $0.seconds > 0 }) else {
        announcements.pauses = []
        announced.append(.init(key: "repeat", value: "[]", origin: .line(minimum.source)))
        return
      }
      remark(
        minimum,
        "'vrrp_min_garp' is left out: 'announcements' are the same for all routers, and "
          + "'\(other.node.keyword)' asks for more of them", .lost)
    }
    guard let longest = delays.max(by: { $0.seconds < $1.seconds }) else { return }
    if Set(delays.map(\.seconds)).count > 1 {
      remark(
        longest.node,
        "'announcements: { repeat: … }' is the same for all routers; the longest delay, "
          + "\(Self.duration(longest.seconds).text), is taken")
    }
    repeatAlso(after: longest.seconds, longest.node)
  }

  /// Adds an announcement to the usual ones, which come 1 s and 3 s after the first.
  private mutating func repeatAlso(after seconds: Double, _ node: KeepalivedNode) {
    guard seconds > 0 else {
      return remark(
        node,
        "an address is announced again 1s and 3s after a takeover, not only at once; 'repeat: []' in "
          + "'announcements' stops that")
    }
    var times = [Duration.seconds(1), .seconds(3)]
    let wanted = Self.duration(seconds)
    guard !times.contains(wanted) else { return }
    times = (times + [wanted]).sorted()
    let pauses = zip(times, [Duration.zero] + times).map { $0 - $1 }
    guard pauses.allSatisfy({ $0 >= .milliseconds(100) && $0 <= .seconds(3600) }) else {
      return remark(
        node,
        "'\(node.keyword)' is left out: an address is announced at once, after 1s and after 3s; "
          + "'repeat' in 'announcements' takes pauses from 100ms to 1h", .lost)
    }
    announcements.pauses = pauses
    let list = pauses.map(\.text).joined(separator: ", ")
    announced.append(.init(key: "repeat", value: "[\(list)]", origin: .line(node.source)))
  }

  private mutating func tellCopies(_ node: KeepalivedNode?) {
    guard let node, node.arguments.first != "1" else { return }
    remark(
      node,
      "'\(node.keyword)' needs no equivalent; instead of several copies at once, one is sent at once, "
        + "one after 1s and one after 3s")
  }

  // MARK: Refresh

  /// Reads the time after which held addresses are announced again without a reason.
  private mutating func readRefresh(
    _ values: [String: KeepalivedNode], _ routers: [ImportedRouter]
  ) {
    let global = values["vrrp_garp_master_refresh"]
    tellRefreshCopies(values["vrrp_garp_master_refresh_repeat"])
    var wanted: [(router: ImportedRouter, node: KeepalivedNode, seconds: Double)] = []
    for router in routers {
      tellRefreshCopies(router.announcements["garp_master_refresh_repeat"])
      guard let node = router.announcements["garp_master_refresh"] ?? global,
        let seconds = seconds(node)?.rounded(.down), seconds > 0
      else { continue }
      wanted.append((router, node, seconds))
    }
    guard let shortest = wanted.min(by: { $0.seconds < $1.seconds }) else { return }
    let refresh = min(Self.duration(shortest.seconds), .seconds(86_400))
    announcements.refresh = refresh
    announced.append(
      .init(key: "refresh", value: refresh.text, origin: .line(shortest.node.source)))
    if wanted.count < routers.count || wanted.contains(where: { $0.seconds != shortest.seconds }) {
      remark(
        shortest.node,
        "'announcements: { refresh: \(refresh.text) }' holds for all routers of a node, also for those "
          + "that keepalived refreshes less often or never")
    } else if shortest.seconds > 86_400 {
      remark(shortest.node, "addresses are announced again every 24h at least; that is taken")
    }
  }

  private mutating func tellRefreshCopies(_ node: KeepalivedNode?) {
    guard let node, let first = node.arguments.first, !["0", "1"].contains(first) else { return }
    remark(node, "'\(node.keyword)' needs no equivalent; one announcement is sent each time")
  }

  // MARK: Numbers

  /// The first argument as a number of seconds; a remark and `nil` if it is none.
  private mutating func seconds(_ node: KeepalivedNode) -> Double? {
    let text = node.arguments.first ?? ""
    let isNumber = text.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: ".")
    }
    if isNumber, let number = Double(text), number < 1_000_000_000 { return number }
    // One that holds for several routers is read for each.
    if told.insert(node.source).inserted {
      remark(
        node, "'\(node.keyword) \(text.shortened)' is no number of seconds; it is left out", .lost)
    }
    return nil
  }

  private static func duration(_ seconds: Double) -> Duration {
    .milliseconds(Int64((seconds * 1000).rounded()))
  }
}

/// One of keepalived's truth values, as the argument of a statement.
enum KeepalivedBool {
  case on, off

  init?(_ node: KeepalivedNode) {
    switch node.arguments.first?.lowercased() {
    case nil, "on", "true", "yes": self = .on
    case "off", "false", "no": self = .off
    default: return nil
    }
  }
}
