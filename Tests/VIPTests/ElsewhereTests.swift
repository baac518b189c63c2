import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Routers with addresses on other interfaces, addresses that are not advertised, routes and rules.
@Suite struct ElsewhereTests {
  private static let loopback = Link(
    index: 1, name: "lo", isEthernet: false, flags: [.up, .running, .loopback])

  private func bench(lease: LeasePolicy = .default) throws -> Bench {
    let bench = try Bench(lease: lease)
    bench.platform.fake.setLink(Self.loopback)
    bench.platform.fake.setLink(FakePlatform.eth1)
    bench.settle()
    return bench
  }

  private func router(
    _ change: (inout RouterConfiguration) throws -> Void
  ) throws -> RouterConfiguration {
    var router = try settings()
    try change(&router)
    return router
  }

  private func elsewhere(
    _ address: String = "10.0.0.1/32", on interface: String = "lo", isAdvertised: Bool = true
  ) throws -> ElsewhereAddress {
    ElsewhereAddress(
      try #require(InterfaceAddress(address)), interface: interface, isAdvertised: isAdvertised)
  }

  private func full() throws -> RouterConfiguration {
    try router {
      $0.elsewhere = [
        try elsewhere(), try elsewhere("10.1.0.1/24", on: "eth1", isAdvertised: false),
      ]
      $0.routes = [
        try #require(VirtualRoute("198.19.0.0/16 via 198.18.0.9 dev eth0 src 198.18.0.100"))
      ]
      $0.rules = [try #require(VirtualRule("from 198.18.0.100/32 table 100 priority 1000"))]
    }
  }

  private func held(_ bench: Bench, on index: Int32) throws -> [String] {
    try bench.platform.fake.addresses().filter { $0.isOurs && $0.interfaceIndex == index }
      .map(\.address.description)
  }

  private func routing(_ bench: Bench) -> [RoutingEntry] {
    bench.platform.fake.presentRouting.filter { $0.protocolTag == vipProtocolTag }.map(\.entry)
  }

  private func advertised(_ bench: Bench) throws -> [IPAddress] {
    let instance = try #require(bench.engine.liveInstances.first)
    return instance.outgoing.listedAddresses
  }

  @Test func `all comes with the addresses and goes with them`() throws {
    let bench = try bench()
    try bench.engine.add(full())
    bench.settle()
    #expect(try bench.held == [] && routing(bench) == [])
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(try held(bench, on: 1) == ["10.0.0.1/32"])
    #expect(try held(bench, on: 2) == ["198.18.0.100/24"])
    #expect(try held(bench, on: 3) == ["10.1.0.1/24"])
    #expect(routing(bench).count == 2)
    #expect(
      try advertised(bench).map(\.description) == ["198.18.0.100", "10.0.0.1"])
    let status = try #require(bench.engine.status().first)
    #expect(status.addresses.map(\.installed) == [true, true, true])
    #expect(status.addresses.map(\.interface) == [nil, "lo", "eth1"])
    #expect(status.addresses.map(\.advertised) == [nil, nil, false])
    #expect(status.routing?.map(\.installed) == [true, true] && status.warnings == [])

    bench.engine.remove("web")
    bench.pass(.milliseconds(200))
    #expect(try held(bench, on: 1) == ["10.0.0.1/32"], "it is handed over with the others")
    #expect(routing(bench).count == 2)
    bench.pass(.seconds(2))
    #expect(try bench.held == [] && routing(bench) == [])
    #expect(!bench.engine.contains("web"))
  }

  @Test func `leases are refreshed, and end with the node`() throws {
    let bench = try bench()
    try bench.engine.add(full())
    bench.pass(.seconds(30))
    #expect(try bench.held.count == 3)
    bench.platform.fake.advance(by: .seconds(5))
    #expect(try bench.held == [])
  }

  @Test func `in a handover they stay until the last address has been announced`() throws {
    let bench = try bench()
    try bench.engine.add(full())
    bench.pass(.seconds(5))
    let all = ["198.18.0.100", "10.0.0.1"]
    try bench.hear(200, from: "198.18.0.2", addresses: all)
    #expect(bench.state() == .backup)
    #expect(try bench.held.count == 3 && routing(bench).count == 2)
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [] && routing(bench) == [])
  }

  @Test func `without an address on its own interface the bound ends a handover`() throws {
    let bench = try bench()
    try bench.engine.add(
      router {
        $0.addresses = []
        $0.elsewhere = [try elsewhere()]
      })
    bench.pass(.seconds(5))
    #expect(try bench.state() == .active && bench.held == ["10.0.0.1/32"])
    try bench.hear(200, from: "198.18.0.2", addresses: ["10.0.0.1"])
    #expect(try bench.held == ["10.0.0.1/32"])
    bench.pass(.milliseconds(250))
    #expect(try bench.held == [])
  }

  @Test func `an election for hooks or routes alone advertises nothing`() throws {
    let bench = try bench()
    let bare = try router { $0.addresses = [] }
    #expect(throws: ConfigurationError.self) { try bare.validate() }
    let router = try router {
      $0.addresses = []
      $0.routes = [try #require(VirtualRoute("198.19.0.0/16 via 198.18.0.9"))]
    }
    try router.validate()
    #expect(router.families == [.ipv4])
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active && routing(bench).count == 1)
    #expect(try advertised(bench) == [])
    try bench.hear(200, from: "198.18.0.2", addresses: [])
    #expect(bench.state() == .backup, "another one without addresses is heard")
    bench.pass(.seconds(1))
    #expect(routing(bench) == [])
  }

  @Test func `one with addresses does not take a message without`() throws {
    let bench = try bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    try bench.hear(200, from: "198.18.0.2", addresses: [])
    #expect(bench.state() == .active)
  }

  @Test func `what is not advertised is held and announced like the others`() throws {
    let bench = try bench()
    let hidden = try #require(IPAddress("198.18.0.101"))
    var router = try settings(["198.18.0.100/24", "198.18.0.101/24"])
    router.unadvertised = [hidden]
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    #expect(try bench.held == ["198.18.0.100/24", "198.18.0.101/24"])
    #expect(try advertised(bench) == [try #require(IPAddress("198.18.0.100"))])
    #expect(bench.warnings == [])
    try bench.hear(200, from: "198.18.0.2")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == ["198.18.0.101/24"], "it waits for its own announcement")
    try bench.hearAnnouncement(of: "198.18.0.101")
    #expect(try bench.held == [])
    router.unadvertised = []
    try bench.engine.change([router])
    #expect(try advertised(bench).count == 2)
  }

  @Test func `an interface that comes late is waited for by name`() throws {
    let bench = try bench()
    bench.platform.fake.removeLink(index: 3)
    bench.settle()
    try bench.engine.add(full())
    bench.pass(.seconds(5))
    #expect(bench.state() == .initialize)
    #expect(bench.engine.obstacle(to: "web") == "interface eth1 does not exist")
    bench.platform.fake.setLink(FakePlatform.eth1)
    bench.pass(.seconds(5))
    #expect(try bench.state() == .active && bench.held.count == 3)
    bench.platform.fake.removeLink(index: 3)
    bench.settle()
    #expect(bench.state() == .initialize)
    bench.pass(.seconds(3))
    #expect(try bench.held == [] && routing(bench) == [])
  }

  @Test func `an interface elsewhere that is down keeps no router out`() throws {
    let bench = try bench()
    bench.platform.wireFailure = {
      $0.isUp ? nil : NodeError(.system(errno: 100), "\($0.name): open: it is not up")
    }
    let flags = FakePlatform.eth1.flags
    bench.platform.fake.setFlags(
      flags.subtracting([.up, .running, .lowerUp]), onInterface: FakePlatform.eth1.index)
    bench.settle()
    try bench.engine.add(router { $0.elsewhere = [try elsewhere("10.1.0.1/24", on: "eth1")] })
    bench.pass(.seconds(5))
    #expect(bench.state() == .active && bench.engine.obstacle(to: "web") == nil)
    #expect(try held(bench, on: 3) == ["10.1.0.1/24"])
    let address = try #require(IPAddress("10.1.0.1"))
    let announced = { bench.platform.wire.claims.contains { $0.address == address } }
    #expect(!announced())
    bench.platform.fake.setFlags(flags, onInterface: FakePlatform.eth1.index)
    bench.pass(.seconds(1))
    #expect(announced() && bench.state() == .active)
  }

  /// An address and routes that belong on eth1.
  private func onEth1() throws -> RouterConfiguration {
    try router {
      $0.elsewhere = [try elsewhere("10.1.0.1/24", on: "eth1")]
      $0.routes = [
        try #require(VirtualRoute("198.19.0.0/16 via 10.1.0.9 dev eth1")),
        try #require(VirtualRoute("198.20.0.0/16 dev eth1 table 100")),
      ]
    }
  }

  private func rename(_ bench: Bench) {
    var link = FakePlatform.eth1
    link.name = "later0"
    bench.platform.fake.setLink(link)
  }

  @Test(arguments: [LeasePolicy.off, .default])
  func `what is on an interface that gets another name is removed there`(lease: LeasePolicy) throws
  {
    let bench = try bench(lease: lease)
    try bench.engine.add(onEth1())
    bench.pass(.seconds(5))
    #expect(try held(bench, on: 3) == ["10.1.0.1/24"] && routing(bench).count == 2)
    rename(bench)
    bench.pass(.seconds(3))
    #expect(bench.state() == .initialize)
    #expect(bench.engine.obstacle(to: "web") == "eth1 is named later0 now")
    #expect(try bench.held == [] && routing(bench) == [])
    bench.platform.fake.setLink(FakePlatform.eth1)
    bench.pass(.seconds(5))
    #expect(try held(bench, on: 3) == ["10.1.0.1/24"] && routing(bench).count == 2)
    bench.platform.fake.remove(try #require(InterfaceAddress("10.1.0.1/24")), onInterface: 3)
    bench.settle()
    #expect(try held(bench, on: 3) == ["10.1.0.1/24"], "no removal is expected any more")
  }

  @Test func `what belongs on an interface follows when another one gets its name`() throws {
    let bench = try bench(lease: .off)
    try bench.engine.add(onEth1())
    bench.pass(.seconds(5))
    rename(bench)
    bench.platform.fake.setLink(
      Link(
        index: 9, name: "eth1", macAddress: MACAddress(2, 0, 0, 0, 0, 8), mtu: 1500,
        flags: FakePlatform.eth0.flags))
    bench.pass(.seconds(2))
    #expect(bench.state() == .active)
    #expect(try held(bench, on: 3) == [] && held(bench, on: 9) == ["10.1.0.1/24"])
    let indices = routing(bench).map { entry in
      if case .route(let route) = entry { route.interfaceIndex } else { nil }
    }
    #expect(indices == [9, 9])
  }

  @Test func `a guard knows by its number an interface that gets another name`() throws {
    let bench = try bench(lease: .off)
    try bench.engine.add(onEth1())
    let area = try GuardArea(byteCount: 200_000)
    bench.engine.protect(with: Safeguard(area, NoGuard()))
    bench.pass(.seconds(5))
    rename(bench)
    bench.engine.turn(ready: [.kernelEvents])
    let trial = bench.platform.fake.copy()
    #expect(try trial.addresses().contains { $0.isOurs && $0.interfaceIndex == 3 })
    for case .requests(let bytes) in area.deeds(at: bench.platform.time.nanoseconds) {
      trial.perform(bytes)
    }
    #expect(try trial.addresses().filter(\.isOurs) == [])
    #expect(trial.presentRouting == [])
  }

  @Test func `an earlier life's route goes although its interface has another name`() throws {
    let bench = try bench()
    let route = RoutingEntry.route(
      .init(
        destination: try #require(InterfaceAddress("198.19.0.0/16")),
        gateway: IPAddress("198.18.0.9"), interfaceIndex: 2, table: 254))
    bench.platform.fake.addRouting(route, protocolTag: vipProtocolTag)
    let noted = try #require(VirtualRoute("198.19.0.0/16 via 198.18.0.9 dev late0"))
    bench.engine.removeLeftovers([], routing: [.route(noted)])
    #expect(bench.platform.fake.presentRouting == [])
  }

  @Test func `what others remove is put back`() throws {
    let bench = try bench()
    try bench.engine.add(full())
    bench.pass(.seconds(5))
    let fake = bench.platform.fake
    fake.remove(try #require(InterfaceAddress("10.0.0.1/32")), onInterface: 1)
    bench.settle()
    #expect(try held(bench, on: 1) == ["10.0.0.1/32"])
    for entry in routing(bench) { fake.removeRouting(entry, protocolTag: vipProtocolTag) }
    bench.pass(.seconds(2))
    #expect(routing(bench).count == 2)
    let texts = bench.routerChanges().map(\.description)
    #expect(texts.count { $0.contains("had removed the r") } == 2, "\(texts)")
  }

  @Test func `a route of another program is left alone and told of`() throws {
    let bench = try bench()
    let router = try full()
    let foreign = RoutingEntry.route(
      .init(destination: try #require(InterfaceAddress("198.19.0.0/16")), interfaceIndex: 3))
    bench.platform.fake.addRouting(foreign, protocolTag: 4)
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    #expect(routing(bench).count == 1)
    #expect(bench.warnings.count { $0.contains("another program has made such a one") } == 1)
    bench.platform.fake.removeRouting(foreign, protocolTag: 4)
    bench.pass(.seconds(2))
    #expect(routing(bench).count == 2 && bench.warnings == [])
    bench.engine.remove("web")
    bench.pass(.seconds(3))
    bench.platform.fake.addRouting(foreign, protocolTag: 4)
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    bench.engine.remove("web")
    bench.pass(.seconds(3))
    #expect(bench.platform.fake.presentRouting.map(\.entry) == [foreign])
  }

  @Test func `a route that another program replaces is told of at once and left alone`() throws {
    let bench = try bench()
    try bench.engine.add(full())
    bench.pass(.seconds(5))
    let fake = bench.platform.fake
    let ours = try #require(routing(bench).first { if case .route = $0 { true } else { false } })
    let foreign = RoutingEntry.route(
      .init(destination: try #require(InterfaceAddress("198.19.0.0/16")), interfaceIndex: 3))
    fake.removeRouting(ours, protocolTag: vipProtocolTag)
    fake.addRouting(foreign, protocolTag: 3)
    bench.pass(.milliseconds(1100))
    #expect(bench.engine.status().first?.routing?.map(\.installed) == [false, true])
    let told = { bench.warnings.count { $0.contains("another program has made such a one") } }
    #expect(told() == 1)
    bench.pass(.seconds(5))
    #expect(told() == 1 && fake.presentRouting.contains { $0.entry == foreign })
    fake.removeRouting(foreign, protocolTag: 3)
    bench.pass(.seconds(2))
    #expect(routing(bench).contains(ours) && bench.warnings == [])
  }

  @Test func `routers that share a route that was replaced do not take it for that of the other`()
    throws
  {
    let bench = try bench()
    let route = try #require(VirtualRoute("198.19.0.0/16 via 198.18.0.9"))
    var (one, two) = (try settings(), try settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    one.routes = [route]
    two.routes = [route]
    try bench.engine.add(one)
    try bench.engine.add(two)
    bench.pass(.seconds(5))
    let ours = try #require(routing(bench).first)
    let foreign = RoutingEntry.route(
      .init(destination: try #require(InterfaceAddress("198.19.0.0/16")), interfaceIndex: 3))
    bench.platform.fake.removeRouting(ours, protocolTag: vipProtocolTag)
    bench.platform.fake.addRouting(foreign, protocolTag: 3)
    bench.pass(.milliseconds(3500))
    let states = bench.engine.status().compactMap(\.routing).map { $0.map(\.installed) }
    #expect(states == [[false], [false]])
  }

  @Test func `an IPv6 route has the lease of the addresses`() throws {
    let leased = try bench()
    let router = try router {
      $0.routes = [
        try #require(VirtualRoute("2001:db8:9::/48 via 2001:db8::9 dev eth0")),
        try #require(VirtualRoute("198.19.0.0/16 via 198.18.0.9 dev eth0")),
      ]
    }
    try leased.engine.add(router)
    leased.pass(.seconds(30))
    #expect(routing(leased).count == 2 && leased.warnings == [])
    leased.platform.fake.advance(by: .seconds(6))
    #expect(routing(leased).count == 1, "one of IPv4 has no lease")
    let endless = try bench(lease: .off)
    try endless.engine.add(router)
    endless.pass(.seconds(5))
    endless.platform.fake.advance(by: .seconds(3600))
    #expect(routing(endless).count == 2)
  }

  @Test func `the host's own address elsewhere is left alone`() throws {
    let bench = try bench()
    let own = try #require(InterfaceAddress("10.0.0.1/32"))
    bench.platform.fake.add(
      AddressRecord(interfaceIndex: 1, address: own, flags: .permanent))
    bench.settle()
    try bench.engine.add(full())
    bench.pass(.seconds(5))
    #expect(try held(bench, on: 1) == [])
    #expect(
      bench.warnings == ["10.0.0.1 is now lo's own address and is left alone; remove it there"])
    bench.engine.remove("web")
    bench.pass(.seconds(3))
    #expect(try bench.platform.fake.addresses().contains { $0.address == own })
  }

  @Test func `settings change while it runs`() throws {
    let bench = try bench()
    var router = try full()
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    router.elsewhere = [try elsewhere("10.0.0.2/32")]
    router.routes = []
    try bench.engine.change([router])
    bench.settle()
    #expect(try held(bench, on: 1) == ["10.0.0.2/32"])
    #expect(try held(bench, on: 3) == [] && routing(bench).count == 1)
    #expect(try advertised(bench).map(\.description) == ["198.18.0.100", "10.0.0.2"])
    #expect(bench.state() == .active)
    router.rules = []
    router.elsewhere = []
    try bench.engine.change([router])
    bench.settle()
    #expect(try bench.held == ["198.18.0.100/24"] && routing(bench) == [])
  }

  @Test func `two routers may share a route`() throws {
    let bench = try bench()
    let route = try #require(VirtualRoute("198.19.0.0/16 via 198.18.0.9"))
    var (one, two) = (try settings(), try settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    one.routes = [route]
    two.routes = [route]
    try bench.engine.add(one)
    try bench.engine.add(two)
    bench.pass(.seconds(5))
    #expect(routing(bench).count == 1 && bench.warnings == [])
    bench.engine.remove("web")
    bench.pass(.seconds(3))
    #expect(routing(bench).count == 1, "the other one needs it")
    bench.engine.remove("mail")
    bench.pass(.seconds(3))
    #expect(routing(bench) == [])
  }

  @Test func `an earlier life's routes and rules go, another program's stay`() throws {
    let bench = try bench()
    let router = try full()
    let list = AddressFile.routing(of: [router])
    #expect(list.count == 2)
    let route = RoutingEntry.route(
      .init(
        destination: try #require(InterfaceAddress("198.19.0.0/16")),
        gateway: IPAddress("198.18.0.9"), interfaceIndex: 2, table: 254))
    let plain = try #require(VirtualRoute("198.19.0.0/16 via 198.18.0.9 dev eth0"))
    bench.platform.fake.addRouting(route, protocolTag: vipProtocolTag)
    bench.platform.fake.addRouting(route, protocolTag: 4)
    bench.engine.removeLeftovers([], routing: [.route(plain)])
    #expect(bench.platform.fake.presentRouting.map(\.protocolTag) == [4])
  }

  @Test func `the guard removes all of it`() throws {
    let bench = try bench(lease: .off)
    try bench.engine.add(full())
    bench.pass(.seconds(5))
    let area = try GuardArea(byteCount: 200_000)
    bench.engine.protect(with: Safeguard(area, NoGuard()))
    let trial = bench.platform.fake.copy()
    for case .requests(let bytes) in area.deeds(at: bench.platform.time.nanoseconds) {
      trial.perform(bytes)
    }
    #expect(try trial.addresses().filter(\.isOurs) == [])
    #expect(trial.presentRouting.filter { $0.protocolTag == vipProtocolTag } == [])
  }

  @Test func `another multicast group is used alone`() throws {
    let bench = try bench()
    var router = try settings()
    let group = try #require(IPAddress("224.0.0.100"))
    router.multicastGroups = [group]
    try router.validate()
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    let instance = try #require(bench.engine.liveInstances.first)
    #expect(instance.destinations == [group])
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.state() == .active, "that was for the group of VRRP")
    for wrong in [["192.0.2.1"], ["ff02::12"], ["224.0.0.100", "224.0.0.101"]] {
      router.multicastGroups = try wrong.map { try #require(IPAddress($0)) }
      #expect(throws: ConfigurationError.self) { try router.validate() }
    }
  }

  @Test func `an address has its label`() throws {
    let bench = try bench()
    var router = try full()
    router.labels = [
      try #require(IPAddress("198.18.0.100")): "eth0:1",
      try #require(IPAddress("10.0.0.1")): "lo:x",
    ]
    try router.validate()
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    let labels = try bench.platform.fake.addresses().filter(\.isOurs).map(\.label)
    #expect(labels == ["eth0:1", "lo:x", "eth1"])
    router.labels = [try #require(IPAddress("198.18.0.100")): "eth1:1"]
    #expect(throws: ConfigurationError.self) { try router.validate() }
  }

  @Test func `unicast advertisements come from the address that is given`() throws {
    let bench = try bench()
    var router = try settings()
    router.peers = [try #require(IPAddress("198.18.0.2"))]
    router.unicastSource = [try #require(IPAddress("198.18.0.7"))]
    try router.validate()
    try bench.engine.add(router)
    bench.pass(.seconds(5))
    #expect(
      bench.engine.obstacle(to: "web")
        == "this machine does not have 198.18.0.7, which its advertisements are to come from")
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: 2, address: try #require(InterfaceAddress("198.18.0.7/24")),
        flags: .permanent))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(
      bench.engine.status().first?.activeRouter == router.unicastSource.first)
  }
}

/// A guard that never starts.
private final class NoGuard: GuardProcess {
  let pid: Int32? = nil
  func start(_ area: GuardArea) throws(NodeError) -> Int32 { -1 }
  func news() -> GuardNews { .none }
  func dismiss() -> String { "not running" }
  func release() {}
}
