import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What is written for a guard about one router, without an engine.
@Suite struct GuardedRouterTests {
  private final class NoProcess: GuardProcess {
    let pid: Int32? = nil
    func start(_ area: GuardArea) throws(NodeError) -> Int32 { -1 }
    func news() -> GuardNews { .none }
    func dismiss() -> String { "" }
    func release() {}
  }

  private let area: GuardArea
  private let safeguard: Safeguard

  init() throws {
    area = try GuardArea()
    safeguard = Safeguard(area, NoProcess())
  }

  private func addresses(_ count: Int) throws -> VirtualAddresses {
    VirtualAddresses(
      try (1...count).map { try #require(InterfaceAddress("198.18.\($0 / 250).\($0 % 250)/32")) })
  }

  private func router(
    serial: Int = 1, duties: GuardArea.Duties = [.removals, .farewells],
    _ removal: GuardedRouter.Removal
  ) throws -> GuardedRouter {
    let election = VirtualRouter(
      VirtualRouter.Configuration(
        vrid: try #require(VRID(exactly: 51)), family: .ipv4, priority: .default))
    return GuardedRouter(
      slot: 3, serial: serial, interfaceIndex: 2, duties: duties, removal: removal,
      farewell: election.advertisement(.farewell, addressCount: 1),
      listedAddresses: [try #require(IPAddress("198.18.0.1"))],
      source: try #require(IPAddress("198.18.0.9")), destinations: [.vrrpGroup(.ipv4)],
      interval: .default,
      stay: Handover.Stay(addresses: 1, interval: .default, virtualMAC: false))
  }

  private func removedBytes() -> Int {
    area.deeds(at: 0).reduce(0) { sum, deed in
      if case .requests(let bytes) = deed { sum + bytes.count } else { sum }
    }
  }

  @Test func `each address is removed, but for those of the host`() throws {
    safeguard.publish(try router(.addresses(addresses(4), hostAddresses: [], subnets: [])))
    let all = removedBytes()
    #expect(area.deeds(at: 0).count == 2 && all > 0)
    safeguard.publish(try router(.addresses(addresses(4), hostAddresses: [2], subnets: [])))
    #expect(removedBytes() == all * 3 / 4)
    var some = try addresses(4)
    _ = some.arrange(some.current.map(\.address).reversed()) { _ in .absent }
    safeguard.publish(try router(.addresses(some, hostAddresses: [], subnets: [])))
    #expect(removedBytes() == all)
  }

  @Test func `routes are removed after the addresses`() throws {
    let subnet = try #require(InterfaceAddress("198.18.0.0/24"))
    let kernel = FakeKernel(links: [Link(index: 2, name: "eth0", flags: [.up])])
    kernel.addRoute(to: subnet, onInterface: 2, protocolTag: vipProtocolTag)
    kernel.addRoute(to: subnet, onInterface: 2, protocolTag: 2)
    safeguard.publish(
      try router(.addresses(addresses(1), hostAddresses: [], subnets: [])))
    let before = removedBytes()
    safeguard.publish(
      try router(.addresses(addresses(1), hostAddresses: [], subnets: [subnet])))
    #expect(removedBytes() > before)
    for case .requests(let bytes) in area.deeds(at: 0) { kernel.perform(bytes) }
    #expect(kernel.routes.map(\.protocolTag) == [2])
  }

  @Test func `only what is due is done`() throws {
    safeguard.publish(
      try router(duties: .removals, .addresses(addresses(1), hostAddresses: [], subnets: [])))
    #expect(area.deeds(at: 0).count == 1 && removedBytes() > 0)
    safeguard.publish(
      try router(duties: [], .addresses(addresses(1), hostAddresses: [], subnets: [])))
    #expect(area.deeds(at: 0).isEmpty)
  }

  @Test func `a router in the place of another one inherits nothing`() throws {
    safeguard.publish(try router(.addresses(addresses(4), hostAddresses: [], subnets: [])))
    let four = removedBytes()
    // The same number of changes of the list, but another list.
    safeguard.publish(
      try router(serial: 2, .addresses(addresses(2), hostAddresses: [], subnets: [])))
    #expect(removedBytes() == four / 2)
    #expect(safeguard.covers(3, serial: 2) && safeguard.covers(3, serial: 1))
  }

  @Test func `a macvlan goes with one request, with what its parent had`() throws {
    safeguard.publish(try router(.macvlan(name: "vip4-2-51", restoring: [.arpIgnore: 0])))
    let removal = LinkRequest.removal(
      ofMacvlan: "vip4-2-51", restoring: [.arpIgnore: 0], ofParent: 2)
    #expect(area.deeds(at: .max / 2).contains(.requests(removal)), "however late it is")
  }

  @Test func `what does not fit is told`() throws {
    let small = try GuardArea(byteCount: 200_000)
    let safeguard = Safeguard(small, NoProcess())
    safeguard.publish(try router(.addresses(addresses(60_000), hostAddresses: [], subnets: [])))
    #expect(!safeguard.covers(3, serial: 1))
    #expect(safeguard.covers(4, serial: 1) && safeguard.covers(3, serial: 2), "others stay")
  }
}
