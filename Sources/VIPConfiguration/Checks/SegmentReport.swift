public import ARP
import Netlink
import VIP
import VIPMonitor

/// The answers of the machines on the segments to a configuration.
public struct SegmentReport: Sendable {
  /// Lines about what is as it should be, for standard output.
  public private(set) var lines: [String] = []
  /// Remarks about what is not.
  public private(set) var remarks: [MachineCheck.Remark] = []

  /// Asks the segments of all routers whose interfaces can send now.
  ///
  /// Blocks for about a second, longer with longer intervals.
  ///
  /// - Throws: why frames can't be sent or received there. Needs CAP_NET_RAW.
  public static func ask(
    _ routers: [PlacedRouter], _ machine: MachineCheck
  ) throws(FrameError) -> SegmentReport {
    var report = SegmentReport()
    var groups: [(link: Link, routers: [PlacedRouter])] = []
    for router in routers {
      // One that is missing has been told of already.
      guard let link = machine.link(router.configuration.interface) else { continue }
      guard link.isUsable, link.macAddress != nil, link.isEthernet, !link.isLoopback else {
        report.remarks.append(
          MachineCheck.Remark(
            kind: .warning, place: router.place(of: .interface),
            text: "\(link.name) can't be probed now"))
        continue
      }
      if let index = groups.firstIndex(where: { $0.link.index == link.index }) {
        groups[index].routers.append(router)
      } else {
        groups.append((link, [router]))
      }
    }
    let answers = try SegmentProbe.probe(
      groups.map { SegmentProbe.Place($0.link, $0.routers.map(\.configuration)) },
      ownMACs: Set(machine.links.compactMap(\.macAddress)))
    for (group, outcomes) in zip(groups, answers) {
      report.add(outcomes, of: group.routers, on: group.link)
    }
    return report
  }

  /// Takes in what was found on one segment.
  mutating func add(
    _ outcomes: [SegmentProbe.Outcome], of routers: [PlacedRouter], on link: Link
  ) {
    let count = routers.reduce(0) { $0 + $1.configuration.addresses.count }
    let what = addressCountText(count)
    lines.append(
      "\(link.name): probed for \(what), "
        + (outcomes.isEmpty ? "no other machine is there" : "heard of others"))
    for outcome in outcomes {
      let router = routers[outcome.router]
      switch outcome.kind {
      case .good:
        lines.append("  \(router.configuration.name): \(outcome.text)")
      case .warning, .conflict:
        remarks.append(
          MachineCheck.Remark(
            kind: outcome.kind == .warning ? .warning : .conflict,
            place: router.place(of: outcome.field), text: outcome.text))
      }
    }
  }
}
