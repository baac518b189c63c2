import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Which subnets need a route, and which router to ask for it.
@Suite struct SubnetRoutesTests {
  private func list(_ texts: String...) throws -> [InterfaceAddress] {
    try texts.map { try #require(InterfaceAddress($0)) }
  }

  @Test func `each subnet of IPv6 once, those of the link and of one address not`() throws {
    var routes = SubnetRoutes()
    let addresses = VirtualAddresses(
      try list(
        "2001:db8::10/64", "2001:db8::11/64", "2001:db8:1::1/48", "fe80::1/64", "2001:db8::9/128"))
    routes.update(addresses, hasOwnInterface: false)
    #expect(try routes.subnets == list("2001:db8::/64", "2001:db8:1::/48"))
  }

  @Test(arguments: [false, true])
  func `IPv4 brings its route along, but not on a macvlan`(hasOwnInterface: Bool) throws {
    var routes = SubnetRoutes()
    routes.update(
      VirtualAddresses(try list("192.0.2.10/24", "192.0.2.11/32")),
      hasOwnInterface: hasOwnInterface)
    #expect(try routes.subnets == (hasOwnInterface ? list("192.0.2.0/24") : []))
  }

  @Test func `networks end where their prefix says`() throws {
    for (text, network, stranger) in [
      ("2001:db8::10/64", "2001:db8::/64", "2001:db8::ffff:ffff:ffff:fffd"),
      ("2001:db8:1:2::10/33", "2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:fffd"),
      ("2001:db8::1234/120", "2001:db8::1200/120", "2001:db8::12fd"),
      ("192.0.2.10/24", "192.0.2.0/24", "192.0.2.253"),
    ] {
      let address = try #require(InterfaceAddress(text))
      #expect(address.network.description == network)
      #expect(address.strangers.first?.description == stranger)
    }
    #expect(try list("2001:db8::1/127")[0].strangers.isEmpty)
  }

  /// A kernel without a route of its own.
  private final class Bare: Kernel {
    let fake: FakeKernel
    var found: RouteRecord?
    private(set) var made: [RouteRequest] = []
    private(set) var removed: [RouteRequest] = []
    init(_ fake: FakeKernel) { self.fake = fake }
    func links() throws(NetlinkError) -> [Link] { try fake.links() }
    func link(_ index: Int32) throws(NetlinkError) -> Link? { try fake.link(index) }
    func link(named name: String) throws(NetlinkError) -> Link? { try fake.link(named: name) }
    func change(_ requests: [LinkRequest]) -> [NetlinkError?] { fake.change(requests) }
    func addresses() throws(NetlinkError) -> [AddressRecord] { try fake.addresses() }
    func install(_ requests: [AddressRequest]) -> [NetlinkError?] { fake.install(requests) }
    func remove(_ requests: [AddressRequest]) -> [NetlinkError?] { fake.remove(requests) }
    var monitorDescriptor: Int32 { fake.monitorDescriptor }
    func drainEvents(limit: Int, _ handler: (KernelEvent) -> Void) throws(NetlinkError) {
      try fake.drainEvents(limit: limit, handler)
    }
    func route(to address: IPAddress) throws(NetlinkError) -> RouteRecord? { found }
    func install(_ request: RouteRequest) -> NetlinkError? {
      made.append(request)
      return nil
    }
    func remove(_ request: RouteRequest) -> NetlinkError? {
      removed.append(request)
      return nil
    }
  }

  @Test func `a route is made, refreshed, given up for a better one, and made again`() throws {
    let bench = try Bench()
    let kernel = Bare(bench.platform.fake)
    bench.platform.otherKernel = kernel
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(10))
    #expect(bench.state(.ipv6) == .active)
    let subnet = try #require(InterfaceAddress("2001:db8::/64"))
    #expect(kernel.made.count > 1, "with the leases")
    #expect(kernel.made.allSatisfy { $0.subnet == subnet && $0.lifetime == .seconds(9) })
    // The one that it made itself is no reason to stop, a default route neither.
    kernel.found = RouteRecord(prefixLength: 64, protocolTag: vipProtocolTag)
    let count = kernel.made.count
    bench.pass(.seconds(4))
    kernel.found = RouteRecord(prefixLength: 0, protocolTag: 9)
    bench.pass(.seconds(4))
    #expect(kernel.made.count >= count + 2 && kernel.removed.isEmpty)
    kernel.found = RouteRecord(prefixLength: 48, protocolTag: 9)
    bench.pass(.seconds(4))
    #expect(kernel.removed.map(\.subnet) == [subnet])
    kernel.found = nil
    bench.pass(.seconds(4))
    _ = bench.engine.remove("web")
    bench.pass(.seconds(4))
    #expect(kernel.removed.count == 2)
  }
}
