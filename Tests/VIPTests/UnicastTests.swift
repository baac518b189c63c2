import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Advertisements to each peer instead of to the multicast group.
@Suite struct UnicastTests {
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  private func unicast(
    _ peers: [String], addresses: [String] = ["198.18.0.100/24"]
  ) throws -> RouterConfiguration {
    var settings = try settings(addresses)
    settings.peers = try peers.map(address)
    return settings
  }

  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings)
    bench.pass(.seconds(5))
    return bench
  }

  @Test func `each peer gets each advertisement, this machine none`() throws {
    let bench = try holder(unicast(["198.18.0.1", "198.18.0.2", "198.18.0.3"]))
    #expect(bench.state() == .active)
    let transport = try #require(bench.platform.transport(.ipv4))
    #expect(transport.batches.isEmpty, "nothing to the group")
    let destinations = try [address("198.18.0.2"), address("198.18.0.3")]
    #expect(transport.unicasts.prefix(2).map(\.destination) == destinations)
    #expect(Set(transport.unicasts.map(\.source)) == [try address("198.18.0.1")])
    bench.engine.remove("web")
    #expect(transport.unicasts.suffix(2).map(\.priority) == [0, 0])
    #expect(transport.unicasts.suffix(2).map(\.destination) == destinations)
  }

  @Test func `a machine that is not among the peers is ignored and named`() throws {
    let bench = try holder(unicast(["198.18.0.2"]))
    try bench.hear(200, from: "198.18.0.9")
    #expect(bench.state() == .active)
    #expect(bench.engine.status().first?.segmentStatistics.vridErrors == 1)
    #expect(
      bench.warnings == [
        "198.18.0.9 advertises VRID 51 and is not among the peers; it is ignored"
      ])
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.state() == .backup)
  }

  @Test func `a peer's hop limit does not matter, since keepalived sends 64 in IPv6`() throws {
    let bench = try holder(unicast(["198.18.0.2"]))
    try bench.hear(200, from: "198.18.0.9", hopLimit: 64)
    #expect(bench.engine.status().first?.segmentStatistics.ipTTLErrors == 1)
    try bench.hear(200, from: "198.18.0.2", hopLimit: 64)
    #expect(bench.state() == .backup)
  }

  @Test func `peers change in place`() throws {
    let bench = try holder(unicast(["198.18.0.2"]))
    let transport = try #require(bench.platform.transport(.ipv4))
    try bench.engine.change([unicast(["198.18.0.3"])])
    bench.pass(.seconds(1))
    #expect(bench.state() == .active)
    #expect(transport.unicasts.last?.destination == (try address("198.18.0.3")))
    try bench.engine.change([settings()])
    bench.pass(.seconds(1))
    #expect(transport.sentPriorities == [100], "the group again")
    #expect(transport.source == (try address("198.18.0.1")))
  }

  @Test func `IPv6 peers decide what the source is`() throws {
    let local = try holder(unicast(["fe80::2"], addresses: ["2001:db8::100/64"]))
    #expect(
      local.platform.transport(.ipv6)?.unicasts.first?.source == (try address("fe80::1")))
    let global = try Bench()
    try global.engine.add(unicast(["2001:db8::2"], addresses: ["2001:db8::100/64"]))
    #expect(
      global.engine.obstacle(to: "web") == "eth0 has no usable global IPv6 address to send from")
    global.platform.fake.add(
      AddressRecord(
        interfaceIndex: 2, address: try #require(InterfaceAddress("2001:db8::1/64")),
        flags: .permanent))
    global.pass(.seconds(5))
    let sent = try #require(global.platform.transport(.ipv6)?.unicasts.first)
    #expect(try sent.source == address("2001:db8::1") && sent.destination == address("2001:db8::2"))
  }

  @Test(arguments: [
    (["224.0.0.18"], "224.0.0.18 is no address that another machine can have"),
    (["198.18.0.100"], "198.18.0.100 is a virtual address; name the machines' own addresses"),
    (["198.18.0.2", "198.18.0.2"], "198.18.0.2 is given twice; name it once"),
    (
      ["198.18.0.2", "fe80::1"],
      "fe80::1 is an IPv6 peer, but there are no IPv6 addresses"
    ),
  ])
  func `what makes no sense is refused`(peers: [String], reason: String) throws {
    let settings = try unicast(peers)
    let error = #expect(throws: ConfigurationError.self) { try settings.validate() }
    #expect(error?.description == reason)
  }

  @Test func `not together with a virtual MAC address`() throws {
    var settings = try unicast(["198.18.0.2"])
    settings.virtualMAC = true
    let error = #expect(throws: ConfigurationError.self) { try settings.validate() }
    #expect(error?.field == .peers)
  }

  @Test func `both families need peers, of one scope`() throws {
    let both = ["198.18.0.100/24", "2001:db8::100/64"]
    for (peers, reason) in [
      (["198.18.0.2"], "there are IPv6 addresses but no IPv6 peers"),
      (
        ["198.18.0.2", "fe80::2", "2001:db8::2"], "some IPv6 peers are link-local and some are not"
      ),
    ] {
      let settings = try unicast(peers, addresses: both)
      let error = #expect(throws: ConfigurationError.self) { try settings.validate() }
      #expect(error?.field == .peers && error?.description.hasPrefix(reason) == true)
    }
    let settings = try unicast(["198.18.0.2", "2001:db8::2"], addresses: both)
    try settings.validate()
  }
}
