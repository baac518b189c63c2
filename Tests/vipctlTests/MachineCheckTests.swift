import Netlink
import Testing
import VIP
import VIPCore

@testable import vipctl

/// What `vipctl check` says of a file and a machine.
@Suite struct MachineCheckTests {
  private static let eth0 = Link(
    index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1), mtu: 1500,
    flags: [.up, .running, .lowerUp, .broadcast, .multicast])

  private func machine(
    _ link: Link = eth0, _ addresses: [String] = ["192.0.2.1/24", "fe80::1/64"],
    lacking: [String] = [], lacksIPv6: Bool = false
  ) throws -> MachineCheck {
    MachineCheck(
      links: [link],
      addresses: try addresses.map {
        AddressRecord(interfaceIndex: 2, address: try #require(InterfaceAddress($0)))
      }, missingCapabilities: lacking
    ) { _ in lacksIPv6 }
  }

  private func remarks(_ text: String, _ machine: MachineCheck) throws -> [String] {
    var routers: [PlacedRouter] = []
    let file = try ConfigurationReader.read(text) { routers.append($0) }
    return machine.remarks(file, routers).map { remark in
      "\(remark.place.map { "\($0): " } ?? "")\(remark.kind.rawValue): \(remark.text)"
    }
  }

  private static let good =
    "routers: [{interface: eth0, vrid: 1, addresses: [192.0.2.9/24, 2001:db8::9]}]"

  @Test func `nothing is wrong`() throws {
    #expect(try remarks(Self.good, machine()) == [])
  }

  @Test func `what run would do`() throws {
    let file = try ConfigurationReader.read(
      """
      node: {lease: off}
      routers:
      - {name: a, interface: eth0, vrid: 1, addresses: [192.0.2.9/24, 2001:db8::9]}
      - {name: b, interface: eth0, vrid: 2, priority: 255, addresses: [192.0.2.1/24], version: 2,
         preempt: {delay: 30s}, handover: strict}
      """)
    #expect(
      try machine().plan(file) == [
        "node: lease off, addresses of a frozen node stay",
        "a ipv4: VRID 1 on eth0 from 192.0.2.1, VRRPv3, every 1s, priority 100, preempts, active "
          + "after 3.609s of silence, seamless handover",
        "  address: 192.0.2.9/24",
        "a ipv6: VRID 1 on eth0 from fe80::1, VRRPv3, every 1s, priority 100, preempts, active "
          + "after 3.609s of silence, seamless handover",
        "  address: 2001:db8::9/128",
        "b ipv4: VRID 2 on eth0 from 192.0.2.1, VRRPv2, every 1s, priority 255, preempts always, "
          + "active at once, strict handover",
        "  address: 192.0.2.1/24",
      ])
  }

  @Test func `an interface that is not there is an error where it stands`() throws {
    let text = "routers:\n- vrid: 1\n  interface: eth7\n  addresses: [192.0.2.9]\n"
    #expect(
      try remarks(text, machine()) == [
        "3:14: error: there is no interface 'eth7'; this machine has eth0"
      ])
  }

  @Test func `an interface that can't be used yet is a warning`() throws {
    var link = Self.eth0
    link.flags = [.broadcast]
    #expect(
      try remarks(Self.good, machine(link, [], lacking: ["CAP_NET_RAW"], lacksIPv6: true)) == [
        "warning: this user lacks CAP_NET_RAW, without which no node runs",
        "1:23: warning: eth0 is down; the router waits until it is up",
        "1:23: warning: eth0 does not carry multicast, which advertisements are; list the others under 'peers'",
        "1:23: warning: eth0 has no IPv4 address to send from; the router waits until it has",
        "1:23: warning: IPv6 is switched off on eth0 (net.ipv6.conf.eth0.disable_ipv6)",
      ])
  }

  @Test(arguments: [
    (
      "[192.0.2.1/24]", "",
      "error: 192.0.2.1 is eth0's own address; only an owner (priority 255) may have it as a "
        + "virtual address"
    ),
    (
      "[192.0.2.9/24]", "priority: 255, ",
      "warning: priority 255 says that 192.0.2.9 is eth0's own address, which it is not"
    ),
    (
      "[198.51.100.1/24]", "",
      "warning: 198.51.100.1/24 lies in no network of eth0 (192.0.2.1/24); its neighbours may not "
        + "reach it"
    ),
    (
      "[192.0.2.9/25]", "",
      "warning: 192.0.2.9/25 has another prefix length than 192.0.2.1/24 on eth0"
    ),
  ])
  func `addresses that don't fit`(addresses: String, more: String, message: String) throws {
    let text = "routers: [{interface: eth0, vrid: 1, \(more)addresses: \(addresses)}]"
    let column = 50 + more.count
    #expect(try remarks(text, machine()) == ["1:\(column): \(message)"])
  }

  @Test func `more addresses than an advertisement holds`() throws {
    let many = (1...200).map { "192.0.2.\($0 + 10)" }.joined(separator: ", ")
    var link = Self.eth0
    link.mtu = 576
    let text = "routers: [{interface: eth0, vrid: 1, addresses: [\(many)]}]"
    #expect(
      try remarks(text, machine(link)) == [
        "1:23: warning: 63 of 200 IPv4 addresses don't fit into an advertisement (MTU 576); they "
          + "are held, but peers can't compare them"
      ])
  }

  @Test func `a password is warned of, not told`() throws {
    let text = """
      node: {lease: off}
      routers:
      - {interface: eth0, vrid: 1, version: 2, addresses: [192.0.2.9],
         authentication: {password: sesame}}
      """
    #expect(
      try remarks(text, machine()) == [
        "warning: without a lease a frozen or killed node leaves its addresses up",
        "4:20: warning: a password of version 2 is readable by everybody in the network; it "
          + "protects nothing",
      ])
  }
}
