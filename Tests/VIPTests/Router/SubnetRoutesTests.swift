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
    routes.update(addresses)
    #expect(try Array(routes.subnets) == list("2001:db8::/64", "2001:db8:1::/48"))
    #expect(try routes.places.suffix(1) == list("2001:db8::9/128"))
  }

  @Test func `subnets of IPv4 too, but no host addresses`() throws {
    var routes = SubnetRoutes()
    routes.update(
      VirtualAddresses(try list("192.0.2.10/24", "192.0.2.11/32", "192.0.2.64/31")))
    #expect(try routes.places == list("192.0.2.0/24", "192.0.2.64/31"))
  }

  @Test func `of addresses that name no network a few are looked at`() throws {
    var routes = SubnetRoutes()
    let near = (1...9).map { "2001:db8::\($0)/128" }
    let far = (1...50).map { "2001:db8:\($0)::1/128" }
    routes.update(VirtualAddresses(try (near + far).map { try #require(InterfaceAddress($0)) }))
    #expect(routes.subnets.isEmpty && routes.places.count == 16)
    #expect(try routes.places.prefix(2) == list("2001:db8::1/128", "2001:db8:1::1/128")[...])
  }

  @Test func `a round has an end, and the next one goes on there`() {
    var rounds = RouteRounds()
    #expect(rounds.next(of: 0).isEmpty)
    #expect(rounds.next(of: 3) == 0..<3 && rounds.next(of: 3) == 0..<3)
    #expect(rounds.next(of: 150) == 0..<64 && rounds.next(of: 150) == 64..<128)
    #expect(rounds.next(of: 150) == 128..<192 && rounds.next(of: 150) == 42..<106)
    #expect(rounds.next(of: 10) == 0..<10)
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
    for (text, strangers) in [
      ("2001:db8::1/127", ["2001:db8::"]), ("192.0.2.10/31", ["192.0.2.11"]),
      ("192.0.2.9/30", ["192.0.2.9", "192.0.2.10"]),
      ("2001:db8::1/126", ["2001:db8::1", "2001:db8::2"]),
      ("2001:db8::10/128", ["2001:db8::11", "2001:db8::12", "2001:db8::13", "2001:db8::14"]),
    ] {
      #expect(try list(text)[0].strangers.map(\.description) == strangers)
    }
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

  @Test func `a route that another program removes is put back and told as that`() throws {
    let bench = try Bench()
    let kernel = bench.platform.fake
    let subnet = try #require(subnet)
    func repairs() -> [NodeEvent] {
      bench.events.filter { if case .repairedRoute = $0 { true } else { false } }
    }
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(10))
    #expect(kernel.routes.count == 1 && repairs() == [], "it has not been there before")
    #expect(bench.routerChanges() == [.routeMade(subnet: subnet)])
    kernel.removeRoute(to: subnet, onInterface: 2, protocolTag: vipProtocolTag)
    bench.pass(.seconds(5))
    #expect(kernel.routes.count == 1)
    #expect(repairs() == [.repairedRoute(router: "web", subnet: subnet)])
    // One that is never used has not been removed.
    kernel.addRoute(to: subnet, onInterface: 2, protocolTag: 9, kind: .unreachable)
    bench.pass(.seconds(5))
    #expect(repairs().count == 1)
    kernel.removeRoute(to: subnet, onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(5))
    #expect(repairs().count == 1)
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

  private func told(_ bench: Bench, _ text: String) -> Int {
    bench.events.count {
      if case .warning(let problem) = $0 { problem.text.contains(text) } else { false }
    }
  }

  private func ours(_ bench: Bench) -> [InterfaceAddress] {
    bench.platform.fake.routes.filter { $0.protocolTag == vipProtocolTag }.map(\.subnet)
  }

  @Test(arguments: [FakeRoute.Kind.blackhole, .unreachable, .prohibit])
  func `a route that leads nowhere is none`(kind: FakeRoute.Kind) throws {
    let bench = try Bench()
    bench.platform.fake.addRoute(
      to: try #require(InterfaceAddress("2001:db8::/32")), onInterface: 2, protocolTag: 9,
      kind: kind)
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(10))
    #expect(ours(bench) == [subnet])
    #expect(bench.warnings == [])
  }

  @Test func `a route that leads nowhere and comes first is told of, once for each holding`() throws
  {
    let bench = try Bench()
    let kernel = bench.platform.fake
    let subnet = try #require(subnet)
    kernel.addRoute(to: subnet, onInterface: 2, protocolTag: 9, kind: .unreachable)
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(20))
    #expect(told(bench, "get nowhere") == 1)
    #expect(bench.warnings.contains { $0.contains("get nowhere") })
    try bench.hear(200, from: "fe80::2", family: .ipv6, addresses: ["2001:db8::10"])
    #expect(bench.state(.ipv6) == .backup)
    bench.settle()
    #expect(!bench.warnings.contains { $0.contains("get nowhere") })
    bench.pass(.seconds(20))
    #expect(bench.state(.ipv6) == .active)
    #expect(told(bench, "get nowhere") == 2)
    kernel.removeRoute(to: subnet, onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(2))
    #expect(!bench.warnings.contains { $0.contains("get nowhere") })
    #expect(ours(bench) == [subnet])
  }

  @Test func `a refused route is told again after another takeover`() throws {
    let bench = try Bench()
    bench.platform.fake.failure = { request in
      guard case .installRoute = request else { return nil }
      return NetlinkError(operation: "add a route", code: 12)
    }
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(20))
    #expect(told(bench, "can't be reached here") == 1)
    try bench.hear(200, from: "fe80::2", family: .ipv6, addresses: ["2001:db8::10"])
    bench.pass(.seconds(20))
    #expect(bench.state(.ipv6) == .active)
    #expect(told(bench, "can't be reached here") == 2)
    bench.platform.fake.failure = nil
    bench.pass(.seconds(2))
    #expect(!bench.warnings.contains { $0.contains("can't be reached here") })
  }

  @Test func `a pair of addresses is a network`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["2001:db8::10/127"]))
    bench.pass(.seconds(10))
    #expect(try ours(bench) == list("2001:db8::10/127"))
    #expect(bench.warnings == [])
  }

  @Test func `an IPv6 address without the length of its network is told of`() throws {
    let bench = try Bench()
    let kernel = bench.platform.fake
    let subnet = try #require(subnet)
    kernel.addRoute(to: try #require(InterfaceAddress("::/0")), onInterface: 2, protocolTag: 9)
    try bench.engine.add(settings(["2001:db8::10"]))
    bench.pass(.seconds(10))
    #expect(ours(bench) == [])
    #expect(told(bench, "as in /64") == 1)
    #expect(
      bench.warnings == [
        "2001:db8::10 has no prefix length that names its network, and no route but a default one "
          + "leads there; write it with the length of its network, as in /64"
      ])
    kernel.addRoute(to: subnet, onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(2))
    #expect(bench.warnings == [])
  }

  @Test func `an IPv4 address without the length of its network may be routed here`() throws {
    let bench = try Bench()
    bench.platform.fake.addRoute(
      to: try #require(InterfaceAddress("0.0.0.0/0")), onInterface: 2, protocolTag: 9)
    try bench.engine.add(settings(["203.0.113.7/32"]))
    bench.pass(.seconds(10))
    #expect(bench.state() == .active && bench.warnings == [] && ours(bench) == [])
  }

  @Test func `an IPv4 address beside one without a route gets one`() throws {
    let bench = try Bench()
    let kernel = bench.platform.fake
    let host = try #require(FakePlatform.ownV4)
    kernel.add(
      AddressRecord(interfaceIndex: 2, address: host, flags: [.permanent, .noPrefixRoute]))
    try bench.engine.add(settings())
    bench.pass(.seconds(10))
    #expect(ours(bench) == [host.network])
    kernel.addRoute(to: host.network, onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(2))
    #expect(ours(bench) == [])
    kernel.removeRoute(to: host.network, onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(2))
    #expect(ours(bench) == [host.network])
    _ = bench.engine.remove("web")
    bench.pass(.seconds(4))
    #expect(kernel.routes.isEmpty)
  }

  @Test func `an IPv4 address beside one with a route gets none`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(10))
    let requests = requests(bench)
    #expect(requests.made.isEmpty && requests.removed.isEmpty)
  }

  @Test func `without a lease a route that goes is noticed, and nothing is refreshed`() throws {
    let bench = try Bench(lease: .off)
    let kernel = bench.platform.fake
    let subnet = try #require(subnet)
    let wider = try #require(InterfaceAddress("2001:db8::/48"))
    kernel.addRoute(to: wider, onInterface: 2, protocolTag: 9)
    try bench.engine.add(settings(["2001:db8::10/64"]))
    bench.pass(.seconds(10))
    #expect(ours(bench) == [])
    kernel.removeRoute(to: wider, onInterface: 2, protocolTag: 9)
    bench.pass(.seconds(1))
    #expect(ours(bench) == [subnet])
    kernel.removeRoute(to: subnet, onInterface: 2, protocolTag: vipProtocolTag)
    bench.pass(.seconds(1))
    #expect(ours(bench) == [subnet])
    _ = requests(bench)
    bench.pass(.seconds(10))
    #expect(requests(bench).made.isEmpty)
  }

  @Test func `many subnets are looked at in turn`() throws {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings((0..<100).map { "2001:db8:\($0)::10/64" }))
    bench.pass(.seconds(10))
    let subnets = ours(bench)
    #expect(subnets.count == 100)
    bench.platform.fake.forgetRequests()
    bench.pass(.seconds(10))
    let asked = bench.platform.fake.requests.count {
      if case .findRoute = $0 { true } else { false }
    }
    #expect((576...704).contains(asked), "\(asked)")
    for subnet in subnets {
      bench.platform.fake.removeRoute(
        to: subnet, onInterface: 2, protocolTag: vipProtocolTag)
    }
    bench.pass(.seconds(2))
    #expect(ours(bench).count == 100)
  }
}
