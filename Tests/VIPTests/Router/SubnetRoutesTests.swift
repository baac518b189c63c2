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

  private let subnet = InterfaceAddress("2001:db8::/64")

  private func requests(_ bench: Bench) -> (made: [RouteRequest], removed: [InterfaceAddress]) {
    var result: (made: [RouteRequest], removed: [InterfaceAddress]) = ([], [])
    for request in bench.platform.fake.requests {
      if case .installRoute(let request) = request { result.made.append(request) }
      if case .removeRoute(let request) = request { result.removed.append(request.subnet) }
    }
    bench.platform.fake.forgetRequests()
    return result
  }

  @Test func `a route is made, refreshed, given up for a better one, and made again`() throws {
    let bench = try Bench()
    let kernel = bench.platform.fake
    let subnet = try #require(subnet)
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(10))
    #expect(bench.state(.ipv6) == .active)
    let first = requests(bench)
    #expect(first.made.count > 1, "with the leases")
    #expect(first.made.allSatisfy { $0.subnet == subnet && $0.lifetime == .seconds(9) })
    // The one that it made itself is no reason to stop, a default route neither.
    kernel.addRoute(
      to: try #require(InterfaceAddress("::/0")), onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(4))
    let second = requests(bench)
    #expect(second.made.count >= 1 && second.removed.isEmpty)
    let wider = try #require(InterfaceAddress("2001:db8::/48"))
    kernel.addRoute(to: wider, onInterface: 2, protocolTag: 9)
    // One that is longer than the other's is used although it is ours.
    kernel.removeRoute(to: subnet, onInterface: 2, protocolTag: vipProtocolTag)
    bench.pass(.seconds(4))
    #expect(requests(bench).removed == [subnet])
    kernel.removeRoute(to: wider, onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(4))
    #expect(requests(bench).made.isEmpty == false)
    _ = bench.engine.remove("web")
    bench.pass(.seconds(4))
    #expect(requests(bench).removed == [subnet] && kernel.routes.count == 1)
  }

  @Test func `a route goes with the last address of its subnet`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["2001:db8::10/64", "2001:db8:1::10/64"]))
    bench.pass(.seconds(10))
    #expect(bench.platform.fake.routes.count == 2)
    try bench.engine.change([settings(["2001:db8::10/64"])])
    bench.pass(.seconds(4))
    #expect(bench.platform.fake.routes.map(\.subnet) == [subnet])
  }

  @Test func `what an earlier life has left goes with its route`() throws {
    let bench = try Bench()
    let address = try #require(InterfaceAddress("2001:db8::10/64"))
    let subnet = try #require(subnet)
    let kernel = bench.platform.fake
    // Both without an end.
    #expect(kernel.install([AddressRequest(interfaceIndex: 2, address: address)]) == [nil])
    #expect(kernel.install(RouteRequest(interfaceIndex: 2, subnet: subnet)) == nil)
    bench.settle()
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.settle()
    #expect(try bench.held == [] && kernel.routes.isEmpty)
  }

  @Test func `what is listed as left goes with its route`() throws {
    let bench = try Bench()
    let address = try #require(InterfaceAddress("2001:db8::10/64"))
    let kernel = bench.platform.fake
    #expect(kernel.install([AddressRequest(interfaceIndex: 2, address: address)]) == [nil])
    #expect(kernel.install(RouteRequest(interfaceIndex: 2, subnet: try #require(subnet))) == nil)
    bench.settle()
    bench.engine.removeLeftovers([AddressFile.Entry(interface: "eth0", address: address)])
    #expect(kernel.routes.isEmpty)
  }

  @Test func `an interface without IPv6 is no failure of a route`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(10))
    bench.platform.fake.setIPv6(enabled: false, onInterface: 2)
    bench.settle()
    let warnings = bench.events.filter { if case .warning = $0 { true } else { false } }
    #expect(!warnings.contains { "\($0)".contains("route") }, "\(warnings)")
  }
}
