import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Routers that a machine can't serve as it is: they wait while the others run, or are refused.
@Suite struct UnreadyTests {
  private func reason(_ bench: Bench, _ name: String = "web") -> String? {
    bench.engine.status(name).first?.reason.description
  }

  private func late(_ index: Int32 = 5, names: [String] = []) -> Link {
    Link(
      index: index, name: "late0", alternativeNames: names,
      macAddress: MACAddress(2, 0, 0, 0, 0, 5))
  }

  private func add(_ address: String, on index: Int32, _ bench: Bench) throws {
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: index, address: try #require(InterfaceAddress(address)), flags: .permanent))
    bench.settle()
  }

  private func remove(_ address: String, from index: Int32, _ bench: Bench) throws {
    bench.platform.fake.remove(try #require(InterfaceAddress(address)), onInterface: index)
    bench.settle()
  }

  @Test func `a router whose interface is not there waits, and starts when it comes`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(name: "web", interface: "late0"), unready: .wait)
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "other"), unready: .wait)
    bench.settle()
    #expect(reason(bench) == "interface late0 does not exist")
    #expect(bench.engine.status("other").first?.state == .backup)
    bench.platform.fake.setLink(late())
    bench.settle()
    #expect(reason(bench) == "late0 has no IPv4 address to send from")
    try add("203.0.113.1/24", on: 5, bench)
    #expect(bench.engine.status("web").first?.state == .backup)
    bench.pass(.seconds(4))
    #expect(bench.engine.status("web").first?.state == .active)
    #expect(try bench.held.sorted() == ["198.18.0.100/24", "198.18.0.101/24"])
  }

  @Test func `IPv6 that is switched off is named, and nothing else in its place`() throws {
    let bench = try Bench()
    let setting = "ipv6/conf/eth0/disable_ipv6"
    bench.platform.settings[setting] = 0
    try bench.engine.add(settings(["2001:db8::100/64"]))
    bench.pass(.seconds(4))
    #expect(bench.state(.ipv6) == .active)
    bench.platform.settings[setting] = 1
    bench.platform.fake.setIPv6(enabled: false, onInterface: 2)
    bench.pass(.seconds(2))
    #expect(bench.state(.ipv6) == .initialize)
    let text = "IPv6 is switched off on eth0 (net.ipv6.conf.eth0.disable_ipv6)"
    #expect(reason(bench) == text)
    #expect(
      bench.events.contains(
        .waiting(router: "web", family: .ipv6, reason: .ipv6Off(interface: "eth0"))))

    bench.platform.settings[setting] = 0
    bench.platform.fake.setIPv6(enabled: true, onInterface: 2)
    try add("2001:db8::1/64", on: 2, bench)
    #expect(reason(bench) == "eth0 has no usable link-local IPv6 address to send from")
    try add("fe80::1/64", on: 2, bench)
    bench.pass(.seconds(4))
    #expect(bench.state(.ipv6) == .active)
  }

  @Test func `a router is gone before its interface comes`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(interface: "late0"), unready: .wait)
    bench.settle()
    #expect(bench.engine.remove("web"))
    bench.settle()
    #expect(!bench.engine.contains("web"))
    bench.platform.fake.setLink(late())
    bench.pass(.seconds(5))
    #expect(try bench.held == [])
  }

  @Test func `the host's own address keeps a router out until it is removed there`() throws {
    let bench = try Bench()
    try add("198.18.0.100/32", on: 2, bench)
    let before = try bench.platform.fake.addresses()
    try bench.engine.add(
      settings(["198.18.0.100/24", "198.18.0.102/24"]), unready: .wait)
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "other"), unready: .wait)
    bench.pass(.seconds(5))
    #expect(
      reason(bench)
        == "198.18.0.100 is eth0's own address; stop the program that has added it, such as "
        + "keepalived, or remove it")
    #expect(bench.engine.status("other").first?.state == .active)
    #expect(try bench.platform.fake.addresses().filter { !$0.isOurs } == before)
    try remove("198.18.0.100/32", from: 2, bench)
    bench.pass(.seconds(5))
    #expect(bench.engine.status("web").first?.state == .active)
    #expect(
      try bench.held.sorted() == ["198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"])
  }

  @Test func `a router that runs goes on beside an address that has become the host's`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.101/24"]))
    bench.pass(.seconds(5))
    try add("198.18.0.100/32", on: 2, bench)
    let wanted = try settings(["198.18.0.101/24", "198.18.0.100/24"])
    #expect(throws: NodeError.self) { try bench.engine.check([wanted]) }
    try bench.engine.check([wanted], unready: .wait)
    try bench.engine.change([wanted])
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.101/24"])
    #expect(bench.warnings.contains { $0.hasPrefix("198.18.0.100 is now eth0's own address") })
    try remove("198.18.0.100/32", from: 2, bench)
    bench.pass(.seconds(2))
    #expect(try bench.held.sorted() == ["198.18.0.100/24", "198.18.0.101/24"])
    #expect(bench.warnings == [])
  }

  @Test func `an owner whose interface comes late finds its address there`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(["203.0.113.1/24"], priority: 255, interface: "late0"), unready: .wait)
    bench.settle()
    bench.platform.fake.setLink(late())
    try add("203.0.113.1/24", on: 5, bench)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active && bench.warnings == [])
    #expect(try bench.held == [])
    #expect(bench.engine.status().first?.addresses.map(\.installed) == [true])
    bench.engine.remove("web")
    bench.settle()
    #expect(
      try bench.platform.fake.addresses().contains { $0.address.description == "203.0.113.1/24" })
  }

  // MARK: Names

  @Test func `an alternative name leads to the interface, as long as it has it`() throws {
    let bench = try Bench()
    bench.platform.fake.setLink(late(names: ["enp5s0", "enx020000000005"]))
    try add("203.0.113.1/24", on: 5, bench)
    try bench.engine.add(settings(interface: "enp5s0"))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(bench.engine.status().first?.interface == "enp5s0")
    for rival in [
      try settings(["198.18.0.101/24"], name: "rival", interface: "late0"),
      try settings(vrid: 52, name: "rival", interface: "enx020000000005"),
    ] {
      #expect(throws: NodeError.self, "the same group or address on the same interface") {
        try bench.engine.add(rival)
      }
    }
    bench.platform.fake.setLink(late())
    bench.settle()
    #expect(bench.state() == .initialize)
    #expect(reason(bench) == "interface enp5s0 does not exist")
    // It hands over first, since the interface still serves.
    bench.pass(.seconds(3))
    #expect(try bench.held == [])
    bench.platform.fake.setLink(late(names: ["enp5s0"]))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
  }

  @Test func `two names that turn out to be one interface serve a group once`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(["203.0.113.8/24"], name: "a", interface: "late0"), unready: .wait)
    try bench.engine.add(
      settings(["203.0.113.9/24"], name: "b", interface: "enp5s0"), unready: .wait)
    bench.settle()
    bench.platform.fake.setLink(late(names: ["enp5s0"]))
    try add("203.0.113.1/24", on: 5, bench)
    bench.pass(.seconds(5))
    #expect(bench.engine.status("a").first?.state == .active)
    #expect(bench.engine.status("b").first?.state == .initialize)
    #expect(
      reason(bench, "b")
        == "'a' serves VRID 51 of IPv4 on late0 already, under another name of that "
        + "interface; take another VRID")
    bench.engine.remove("a")
    bench.pass(.seconds(10))
    #expect(bench.engine.status("b").first?.state == .active)
  }

  @Test(arguments: [
    ("eth0:1", "what is behind the colon is the label of an address (an alias); write eth0"),
    ("eth0@if5", "what it is stacked on, as 'ip link' shows it; write eth0"),
    ("eth0/1", "'eth0/1' can't be the name of an interface"),
    ("eth 0", "'eth 0' can't be the name of an interface"),
    (":", "':' can't be the name of an interface"), ("", "'' can't be the name of an interface"),
    (String(repeating: "e", count: 128), "it is longer than 127 bytes"),
  ])
  func `what can't be a name is refused whatever the machine has`(
    name: String, text: String
  ) throws {
    let bench = try Bench()
    for policy in UnreadyPolicy.allCases {
      let error = #expect(throws: NodeError.self) {
        try bench.engine.add(settings(interface: name), unready: policy)
      }
      #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
    }
    var tracking = try settings()
    tracking.tracks = [Track(interface: name)]
    #expect(throws: NodeError.self) { try bench.engine.add(tracking, unready: .wait) }
  }

  // MARK: Kinds

  @Test func `a loopback interface makes no sense on any machine`() throws {
    let bench = try Bench()
    bench.platform.fake.setLink(Link(index: 1, name: "lo", flags: [.up, .running, .loopback]))
    bench.settle()
    #expect(throws: NodeError.self) {
      try bench.engine.add(settings(interface: "lo"), unready: .wait)
    }
  }

  @Test func `on a tunnel no address can be announced`() throws {
    let bench = try Bench()
    bench.platform.fake.setLink(Link(index: 6, name: "tun0", isEthernet: false))
    try add("203.0.113.1/24", on: 6, bench)
    let text =
      "tun0 is no Ethernet interface, so that no address can be announced on it; name one "
      + "that is"
    let error = #expect(throws: NodeError.self) {
      try bench.engine.add(settings(interface: "tun0"))
    }
    #expect(error?.description == "web: \(text)")
    try bench.engine.add(settings(interface: "tun0"), unready: .wait)
    bench.settle()
    #expect(reason(bench) == text)
  }

  /// The interface of a driver, such as hv_netvsc, to which a fast one of the machine belongs, has
  /// no kind.
  @Test(arguments: ["bridge", "bond", "team", "openvswitch", "hsr", "batadv", nil] as [String?])
  func `a port serves nothing until it is one no longer`(kind: String?) throws {
    let bench = try Bench()
    bench.platform.fake.setLink(Link(index: 9, name: "master0", kind: kind))
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    var port = FakePlatform.eth0
    port.masterIndex = 9
    bench.platform.fake.setLink(port)
    bench.settle()
    let text = "eth0 is a port of master0, which takes its packets; serve the addresses on master0"
    #expect(bench.state() == .initialize && reason(bench) == text)
    #expect(try bench.held == [])
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0, "with a farewell")
    let error = #expect(throws: NodeError.self) {
      try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "other"))
    }
    #expect(error?.description == "other: \(text)")
    bench.platform.fake.setLink(FakePlatform.eth0)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
  }

  @Test func `a member of a VRF serves, and gets no routes in a table that is not its own`() throws
  {
    let bench = try Bench()
    var member = FakePlatform.eth0
    member.masterIndex = 9
    bench.platform.fake.setLink(Link(index: 9, name: "blue", kind: "vrf"))
    bench.platform.fake.setLink(member)
    bench.settle()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8:1::100/64"]))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active && bench.state(.ipv6) == .active)
    #expect(!bench.events.contains { "\($0)".contains("gets one with the virtual address") })
  }
}
