import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Which routers a node accepts, and what it says about the others.
@Suite struct RouterRulesTests {
  private func refusal(
    _ bench: Bench, _ settings: RouterConfiguration
  ) throws -> String {
    let before = bench.engine.routerNames
    let error = #expect(throws: NodeError.self) { try bench.engine.add(settings) }
    #expect(bench.engine.routerNames == before, "a refused router must leave nothing behind")
    return try #require(error).description
  }

  @Test func `unknown interface`() throws {
    let text = try refusal(Bench(), settings(interface: "eth7"))
    #expect(text == "web: there is no interface 'eth7'; this machine has eth0")
  }

  @Test func `a loopback interface is refused`() throws {
    let bench = try Bench()
    bench.platform.fake.setLink(Link(index: 1, name: "lo", flags: [.up, .running, .loopback]))
    bench.settle()
    #expect(try refusal(bench, settings(interface: "lo")).contains("lo is a loopback interface"))
  }

  @Test func `numbers can be written as numbers`() throws {
    let web = RouterConfiguration(
      name: "web", interface: "eth0", vrid: 51, priority: 150, addresses: [])
    #expect(web.vrid.rawValue == 51 && web.priority.rawValue == 150)
  }

  @Test func `an interface that is down is waited for`() throws {
    let bench = try Bench()
    bench.platform.fake.setFlags([.broadcast, .multicast], onInterface: 2)
    try bench.engine.add(settings())
    bench.settle()
    #expect(bench.state() == .initialize)
    #expect(bench.engine.status().first?.reason.description == "eth0 is down")
  }

  @Test func `the same settings twice are one router`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.engine.add(settings())
    #expect(bench.engine.routerNames == ["web"])
  }

  @Test func `a name that is taken is refused; changing a router is another verb`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    let text = try refusal(bench, settings(priority: 150))
    #expect(text.contains("there is such a router already"))
  }

  @Test func `two routers with one VRID, interface and family are refused`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    let text = try refusal(bench, settings(["198.18.0.101"], name: "other"))
    #expect(text.contains("VRID 51 is already used on eth0 for IPv4 by 'web'"))
    try bench.engine.add(settings(["2001:db8::101"], name: "six"))
  }

  @Test func `an address of another router is refused`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    let text = try refusal(bench, settings(vrid: 52, name: "other"))
    #expect(text.contains("198.18.0.100 already belongs to 'web'"))
  }

  @Test func `the interface's own address needs priority 255`() throws {
    let bench = try Bench()
    let text = try refusal(bench, settings(["198.18.0.1/24"]))
    #expect(text.contains("198.18.0.1 is eth0's own address"))
    #expect(text.contains("255"))
  }

  @Test func `an owner is Active at once and its address is never touched`() throws {
    let bench = try Bench()
    let before = try bench.platform.fake.addresses()
    try bench.engine.add(settings(["198.18.0.1/24"], priority: 255))
    bench.settle()
    #expect(bench.state() == .active)
    bench.pass(.seconds(5))
    #expect(bench.engine.status().first?.addresses.map(\.installed) == [true])
    #expect(bench.platform.wire.claims.first?.address == IPAddress("198.18.0.1"))
    bench.engine.remove("web")
    bench.settle()
    #expect(try bench.platform.fake.addresses() == before)
  }

  @Test(arguments: [
    ("0.0.0.0", "unspecified"), ("127.0.0.1", "loopback"), ("224.0.0.5", "multicast"),
    ("240.0.0.1", "reserved"), ("0.1.2.3/8", "0.0.0.0/8"), ("198.18.0.0/24", "network address"),
    ("198.18.0.255/24", "broadcast address"), ("198.18.0.9/0", "prefix length 0"),
    ("::", "unspecified"), ("::1", "loopback"), ("ff02::1", "multicast"),
    ("::ffff:198.18.0.9", "IPv4-mapped"),
  ])
  func `addresses that can't be virtual`(text: String, reason: String) throws {
    let message = try refusal(Bench(), settings([text]))
    #expect(message.contains(reason), "\(message)")
  }

  @Test func `no address, and one address twice`() throws {
    #expect(try refusal(Bench(), settings([])).contains("no addresses"))
    let text = try refusal(Bench(), settings(["198.18.0.9/24", "198.18.0.9/32"]))
    #expect(text.contains("198.18.0.9 is given twice"))
  }

  @Test(arguments: ["", "a b", "a/b", String(repeating: "x", count: 65)])
  func `names that can't be used`(name: String) throws {
    #expect(try refusal(Bench(), settings(name: name)).contains("name"))
  }
}
