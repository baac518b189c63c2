import Testing
import VIPCore

extension ClusterTests {
  /// The node that holds addresses dies while no API server can be asked.
  @Suite struct FailoverTests {
    /// What happens to the node.
    enum Fault: String, CaseIterable, CustomTestStringConvertible {
      /// Its link to the switch goes down.
      case cut
      /// All of its processes are killed at once; the kernel lives.
      case killed
      /// All of its processes stand still; the kernel lives.
      case frozen

      var testDescription: String { rawValue }

      func happens(to node: ClusterNode) throws {
        switch self {
        case .cut: try node.cut()
        case .killed: try node.killAll()
        case .frozen: try node.freeze()
        }
      }
    }

    @Test(
      "The holder dies: another node serves within the bound, without the API",
      arguments: Fault.allCases)
    func holderDies(_ fault: Fault) throws {
      let running = try Running()
      let cluster = running.cluster
      try cluster.addService("web")
      let addresses = try cluster.waitForAddresses(of: "web")
      let holder = try cluster.waitForFirst(of: addresses)
      // Pods of a dead node would be chosen on, without the API.
      try cluster.addService("web", on: cluster.nodes.filter { $0 !== holder })
      let next = try cluster.successor(of: holder, for: addresses[0])
      let askers = try running.ask(addresses)
      try cluster.control("api", "stop")
      for asker in askers { try asker.waitForReply() }

      try fault.happens(to: holder)
      for address in addresses {
        try eventually("\(next.node.name) holds \(address)", detail: { running.logs }) {
          try next.node.holds(address)
        }
      }
      for address in addresses {
        // The end of the lease, where nothing is left that could remove it.
        let bound = fault == .cut ? Bound(machine: .seconds(1)) : Bounds.lease(address.family)
        try eventually("\(address) is gone from \(holder.name)", within: bound) {
          try !holder.holds(address)
        }
      }
      for asker in askers {
        try asker.waitForReply()
        let report = try asker.stop()
        #expect(report.outages(over: Bounds.outage(next)) == [], "\(asker.target)")
      }
      if fault == .frozen { try holder.thaw() }
      try running.expectOneHolder(
        within: { fault == .cut ? Bounds.overlap : Bounds.lease($0) },
        announcement: { fault == .cut ? Bounds.announcement : Bounds.lease($0) },
        without: fault == .frozen ? [] : [holder])
    }
  }
}
