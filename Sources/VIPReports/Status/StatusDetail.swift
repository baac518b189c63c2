import VIP
public import VIPControl
import VIPCore
import VRRP

/// Everything about one router that a person may want to know.
public struct StatusDetail: Sendable {
  /// The most columns of text; `nil` if lines may be as long as they are.
  public var width: Int?
  /// Whether states are coloured.
  public var colour: Bool
  /// The place to have all addresses of a router that has too many; `nil` to say nothing of it.
  public var hintForAllAddresses: String?

  /// Makes a form of it.
  public init(width: Int?, colour: Bool, hintForAllAddresses: String? = nil) {
    self.width = width
    self.colour = colour
    self.hintForAllAddresses = hintForAllAddresses
  }

  /// Whether counters, leases and the lateness of turns are told too.
  public var isVerbose = false
  /// Events of the routers, which stand at the end.
  public var events: [EventRecord] = []

  /// Number of addresses that are listed one by one.
  private static let addressCountMax = 20
  /// The columns before the value of a row.
  private static let valueColumn = 13

  /// All routers of a status, one below the other, the node and what has happened.
  public func render(_ status: NodeRecord) -> String {
    (status.routers.map(section) + checkLines(status.checks ?? [])
      + (isVerbose ? nodeLines(status.node) : []) + warningLines(status) + eventLines)
      .joined(separator: "\n\n")
  }

  /// The lines about what is wrong; what both families have for one cause is told once.
  private func warningLines(_ status: NodeRecord) -> [String] {
    let lines = StatusWords.warnings(status).flatMap { wrap($0, indent: "  ") }
    return lines.isEmpty ? [] : [lines.joined(separator: "\n")]
  }

  private var eventLines: [String] {
    guard !events.isEmpty else { return [] }
    let lines = events.flatMap { wrap("  " + EventText.line($0), indent: "    ") }
    return [(["last events"] + lines).joined(separator: "\n")]
  }

  /// The node itself, and how late its turns come; nothing if it has not served a timer yet.
  private func nodeLines(_ node: NodeRecord.Node) -> [String] {
    let wakeUps = node.wakeUps
    guard wakeUps.served > 0 else { return [] }
    let limit = Self.milliseconds(wakeUps.lateAfterSeconds)
    let text =
      "node pid \(node.pid)\(node.realtime ? ", realtime" : ""): turns at most "
      + "\(Self.milliseconds(wakeUps.recentMaxSeconds)) late in the last minutes, "
      + "\(Self.milliseconds(wakeUps.maxSeconds)) ever; \(wakeUps.late) of \(wakeUps.served) "
      + "more than \(limit)"
    return [wrap(text, indent: "  ").joined(separator: "\n")]
  }

  /// The checks that the routers use, each with its last result.
  private func checkLines(_ checks: [CheckRecord]) -> [String] {
    let indent = String(repeating: " ", count: Self.valueColumn)
    let lines = checks.flatMap(CheckText.lines).flatMap { wrap($0, indent: indent) }
    return lines.isEmpty ? [] : [lines.joined(separator: "\n")]
  }

  private func section(_ router: RouterRecord) -> String {
    let title =
      "\(router.name.onOneLine) \(router.family.rawValue) on \(router.interface.onOneLine), "
      + "VRID \(router.vrid), VRRPv\(router.version)"
    var lines = wrap(title, indent: "  ")
    let indent = String(repeating: " ", count: Self.valueColumn)
    for (index, row) in rows(router).enumerated() {
      let label = "  " + row.0 + String(repeating: " ", count: Self.valueColumn - 2 - row.0.count)
      var wrapped = wrap(label + row.1, indent: indent)
      let state = StatusWords.state(router.state)
      if index == 0, colour, let place = wrapped[0].firstRange(of: " \(state) ") {
        let coloured = StatusTable(width: nil, colour: true).coloured(router.state)
        wrapped[0].replaceSubrange(place, with: " \(coloured) ")
      }
      lines += wrapped
    }
    if !router.peers.isEmpty {
      lines += [""] + peerTable(router.peers).map { fit("  " + $0) }
    }
    return lines.joined(separator: "\n")
  }

  private func rows(_ router: RouterRecord) -> [(String, String)] {
    let state = StatusWords.state(router.state)
    let since = LocalTime.text(router.since)
    var rows = [
      ("state", "\(state) for \(StatusTable.age(router.secondsInState)), since \(since)"),
      ("why", StatusWords.reason(router)),
    ]
    if let request = router.request { rows.append(("request", request.onOneLine)) }
    if let group = router.group { rows.append(("group", group.onOneLine)) }
    rows.append(("active", Self.activeText(router)))
    rows.append(("works", StatusWords.outlook(router)))
    rows.append(("priority", Self.priorityText(router)))
    if let lease = router.lease { rows.append(("lease", Self.leaseText(lease))) }
    if isVerbose { rows += Self.counterRows(router) }
    if let peers = router.unicastTo {
      let list = peers.prefix(8).map(\.description).joined(separator: " ")
      rows.append(("unicast", peers.isEmpty ? "to no peer" : "to \(list)"))
    }
    if let virtual = router.virtualMAC {
      rows.append(("MAC", "\(virtual.address), the group's own"))
    }
    for (index, check) in (router.checks ?? []).enumerated() {
      rows.append((index == 0 ? "checks" : "", CheckText.use(check)))
    }
    return rows + addressRows(router)
  }

  /// What is counted and measured.
  private static func leaseText(_ lease: LeaseRecord) -> String {
    let takeover = lease.takeoverSeconds.map {
      let time = Duration.milliseconds(Int64(clamping: Int(($0 * 1000).rounded(.up))))
      return "; the others take over within \(time.text) of silence"
    }
    return "\(heard(lease.seconds)), refreshed \(heard(lease.ageSeconds)) ago" + (takeover ?? "")
  }

  private static func counterRows(_ router: RouterRecord) -> [(String, String)] {
    var rows = [
      ("interval", router.interval.description),
      ("sent", "\(router.statistics.advertisementSent) advertisements"),
      ("received", "\(router.statistics.advertisementReceived) advertisements"),
    ]
    if let text = takeoverText(router.takeovers) { rows.append(("takeover", text)) }
    return rows
  }

  private func addressRows(_ router: RouterRecord) -> [(String, String)] {
    var rows: [(String, String)] = []
    let carrier = router.virtualMAC?.interface ?? router.interface
    for (index, address) in router.addresses.prefix(Self.addressCountMax).enumerated() {
      let place =
        switch (router.state, address.installed) {
        case (_, true): "on \((address.interface ?? carrier).onOneLine)"
        case (.active, false) where address.awaited == true: "still on another machine"
        case (.active, false): "missing"
        case (_, false): "not here"
        }
      let note = address.advertised == false ? ", not advertised" : ""
      rows.append((index == 0 ? "addresses" : "", "\(address.address) \(place)\(note)"))
    }
    let rest = router.addresses.count - Self.addressCountMax
    if rest > 0 {
      rows.append(("", "and \(rest) more" + (hintForAllAddresses.map { "; \($0)" } ?? "")))
    }
    for (index, entry) in (router.routing ?? []).prefix(Self.addressCountMax).enumerated() {
      let place = entry.installed ? "" : router.state == .active ? ", missing" : ", not here"
      rows.append((index == 0 ? "routing" : "", "\(entry.entry.onOneLine)\(place)"))
    }
    return rows
  }

  private static func activeText(_ router: RouterRecord) -> String {
    guard let active = router.activeRouter else { return "not known" }
    return router.state == .active ? "\(active), this machine" : active.description
  }

  /// The course of the last takeover, or the progress of the one under way.
  private static func takeoverText(_ takeovers: TakeoverRecord) -> String? {
    if takeovers.pendingAddresses > 0 {
      return "under way, \(takeovers.pendingAddresses) addresses not yet announced"
    }
    guard let last = takeovers.lastSeconds else { return nil }
    let text = "took \(milliseconds(last))"
    guard takeovers.count > 1, let longest = takeovers.maxSeconds else { return text }
    return text + "; \(takeovers.count) in all, at most \(milliseconds(longest))"
  }

  /// A span in milliseconds with one decimal.
  static func milliseconds(_ seconds: Double) -> String {
    guard let tenths = Int(exactly: (max(seconds, 0) * 10_000).rounded()) else { return "?" }
    return "\(tenths / 10).\(tenths % 10) ms"
  }

  private static func priorityText(_ router: RouterRecord) -> String {
    guard router.priority != router.effectivePriority else { return router.priority.description }
    let isTracked = router.warnings.contains { $0.contains("which lowers the priority") }
    let why =
      router.effectivePriority > router.priority
      ? ((router.checks ?? []).contains { $0.weight > 0 } ? "raised by its checks" : "promoted")
      : isTracked ? "lowered by what it depends on" : "resigned"
    return "\(router.priority), but \(why): \(router.effectivePriority)"
  }

  /// The peers, a line each; how they speak is told only if all is.
  private func peerTable(_ peers: [PeerRecord]) -> [String] {
    let details = isVerbose ? ["VERSION", "INTERVAL", "CHECKSUM"] : []
    let header = ["PEER", "PRIO", "HEARD"] + details + ["ADDRESSES", ""]
    let rows = peers.map { peer in
      let first = [
        peer.address.description,
        peer.priority == 0 ? "left" : "\(peer.priority)",
        Self.heard(peer.secondsSinceHeard) + " ago",
      ]
      let form = ["\(peer.version)", peer.interval.description, peer.checksumForm.rawValue]
      return first + (isVerbose ? form : [])
        + [Self.addresses(peer), peer.isActive ? "active" : "silent"]
    }
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    return ([header] + rows).map { row in
      var line = ""
      for (cell, width) in zip(row, widths) {
        line += cell + String(repeating: " ", count: width - cell.count + 2)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  private static func addresses(_ peer: PeerRecord) -> String {
    switch peer.addresses {
    case .same: "same"
    case .overlapping: "\(peer.addressCount), differ"
    case .disjoint: "\(peer.addressCount), others"
    }
  }

  /// A short span in tenths of a second, a longer one as an age.
  static func heard(_ seconds: Double) -> String {
    guard seconds < 60, let tenths = Int(exactly: (max(seconds, 0) * 10).rounded(.down)) else {
      return StatusTable.age(seconds)
    }
    return "\(tenths / 10).\(tenths % 10)s"
  }

  /// Cuts a line off that is too long.
  private func fit(_ line: String) -> String {
    guard let width, line.count > width else { return line }
    return String(line.prefix(max(width - 1, 0))) + "…"
  }

  private func wrap(_ text: String, indent: String) -> [String] {
    guard let width else { return [text] }
    return StatusBlocks.wrap(text, to: width, indent: indent)
  }
}
