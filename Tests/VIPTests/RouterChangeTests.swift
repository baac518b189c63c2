import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

extension Bench {
  /// The changes of a router that have been told.
  func routerChanges(of name: String = "web") -> [NodeEvent.RouterChange] {
    events.compactMap {
      if case .changed(name, let change) = $0 { change } else { nil }
    }
  }
}

/// The words for what changes about a router.
@Suite struct RouterChangeTests {
  private static let link = WaitingReason.tracked(InterfaceFault(.down, of: "eth1"))
  private static let load = WaitingReason.external(cause: "load", text: "busy")

  @Test func `a priority is told with all that lowers it`() {
    let link = NodeEvent.PriorityEffect(Self.link, weight: -60)
    let load = NodeEvent.PriorityEffect(Self.load, weight: -10)
    let texts = [
      NodeEvent.RouterChange.priority(from: 150, to: 90, because: [link]),
      .priority(from: 90, to: 80, because: [link, load]),
      .priority(from: 80, to: 150, because: []),
    ].map(\.description)
    #expect(
      texts == [
        "priority 150 → 90: eth1 is down, which lowers the priority by 60",
        "priority 90 → 80: eth1 is down, which lowers the priority by 60, "
          + "load: busy, which lowers the priority by 10",
        "priority 80 → 150: nothing lowers it any more",
      ])
    #expect(link.loweringCause == .tracked(interface: "eth1"))
    #expect(load.loweringCause == .external("load"))
  }

  @Test func `other settings are told as in the report of a change`() throws {
    let change = ChangeReport.Change(
      from: try settings(), to: try settings(["198.18.0.101/24"], priority: 120))
    let told = NodeEvent.RouterChange.settings(change).description
    #expect(told == change.description && told.hasPrefix("priority 100 → 120"))
  }

  @Test func `addresses and routes are told with the interface and the subnet`() throws {
    let address = try #require(InterfaceAddress("198.18.0.100/24"))
    #expect(
      NodeEvent.RouterChange.addressReordered(address, interface: "eth0").description
        == "198.18.0.100/24 had become the first address of its subnet on eth0 and is behind the "
        + "host's own again")
    let subnet = try #require(InterfaceAddress("2001:db8::/64"))
    #expect(
      NodeEvent.RouterChange.routeMade(subnet: subnet).description
        == "this machine has no route to 2001:db8::/64 and gets one with the virtual address")
  }

  @Test func `the event is about its router, and its text is that of the change`() throws {
    let subnet = try #require(InterfaceAddress("2001:db8::/64"))
    let change = NodeEvent.RouterChange.routeMade(subnet: subnet)
    let event = NodeEvent.changed(router: "web", change)
    #expect(event.router == "web" && event.family == nil && event.problem == nil)
    #expect(event.text == change.description)
    #expect(event.description == "web: changed: \(change)")
  }
}
