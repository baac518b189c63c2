import Netlink
import Testing
import VIP
import VIPCore

@testable import VIPConfiguration

/// What `vipctl check` says of addresses that a machine serves on two interfaces.
@Suite struct ClaimCheckTests {
  private static func link(
    _ index: Int32, _ name: String, kind: String? = nil, on parent: Int32? = nil
  ) -> Link {
    Link(
      index: index, name: name, macAddress: MACAddress(2, 0, 0, 0, 0, UInt8(index)), mtu: 1500,
      flags: [.up, .running, .lowerUp, .broadcast, .multicast], parentIndex: parent, kind: kind)
  }

  /// A machine on which eth0 and a second interface have all that their routers need.
  private func machine(_ second: Link) throws -> MachineCheck {
    MachineCheck(
      links: [Self.link(2, "eth0"), second],
      addresses: try [
        (2, "192.0.2.1/24"), (3, "198.51.100.1/24"), (2, "fe80::1/64"), (3, "fe80::2/64"),
      ].map {
        AddressRecord(interfaceIndex: $0.0, address: try #require(InterfaceAddress($0.1)))
      },
      kernel: KernelSettings { $0.hasSuffix("/disable_ipv6") ? "0" : nil })
  }

  private func found(
    _ routers: [String], _ machine: MachineCheck
  ) throws -> [MachineCheck.Remark] {
    var placed: [PlacedRouter] = []
    let file = try ConfigurationReader.read("routers: [\(routers.joined(separator: ", "))]") {
      placed.append($0)
    }
    return machine.remarks(file, placed).filter {
      if case .addressOnOtherInterface = $0.fault { true } else { $0.fault == .unclaimedAddresses }
    }
  }

  private static let two = [
    "{interface: eth0, vrid: 1, name: a, addresses: [192.0.2.8/32, 192.0.2.9/32, fe80::9]}",
    "{interface: eth1, vrid: 2, name: b, addresses: [192.0.2.9/32, 192.0.2.8/32, fe80::9]}",
  ]

  @Test func `an address of two routers on two interfaces is told of, once for each`() throws {
    let machine = try machine(Self.link(3, "eth1"))
    let remarks = try found(Self.two, machine)
    let end =
      "where eth0 and eth1 reach one network, both answer for it there; take it from one of the two "
      + "then"
    #expect(
      remarks.map(\.text) == [
        "the router b has 192.0.2.8 on eth1, as this one on eth0: " + end,
        "the router a has 192.0.2.9 on eth0, as this one on eth1: "
          + end.replacing("eth0 and eth1", with: "eth1 and eth0"),
      ])
    #expect(remarks.map(\.router) == ["a", "b"] && remarks.allSatisfy { $0.kind == .warning })
    #expect(remarks.allSatisfy { $0.place != nil })
    let addresses = try ["192.0.2.8", "192.0.2.9"].map { try #require(IPAddress($0)) }
    #expect(
      remarks.map(\.fault) == [
        .addressOnOtherInterface(addresses[0], interface: "eth1"),
        .addressOnOtherInterface(addresses[1], interface: "eth0"),
      ])
  }

  @Test func `link-local addresses belong on several interfaces`() throws {
    let routers = Self.two.map { $0.replacing("192.0.2.8/32, 192.0.2.9/32, ", with: "") }
      .map { $0.replacing("192.0.2.9/32, 192.0.2.8/32, ", with: "") }
    #expect(try found(routers, machine(Self.link(3, "eth1"))).isEmpty)
  }

  @Test func `interfaces of different VRFs have nothing to do with one another`() throws {
    var machine = try machine(Self.link(3, "eth1"))
    machine.links.append(Self.link(4, "blue", kind: "vrf"))
    machine.links[1].masterIndex = 4
    #expect(try found(Self.two, machine).isEmpty)
    machine.links[0].masterIndex = 4
    #expect(try found(Self.two, machine).count == 2)
  }

  @Test(arguments: ["macvlan", "ipvlan"])
  func `what is made of one interface is one network`(kind: String) throws {
    let machine = try machine(Self.link(3, "eth1", kind: kind, on: 2))
    #expect(
      try found(Self.two, machine).map(\.text).first
        == "the router b has 192.0.2.8 on eth1, as this one on eth0: both answer for it in one "
        + "network; take it from one of the two")
    // Another VLAN is another network.
    let vlan = try self.machine(Self.link(3, "eth1", kind: "vlan", on: 2))
    #expect(try found(Self.two, vlan).allSatisfy { $0.text.contains("where eth") })
  }

  @Test func `an address that another node has on another interface is told of`() throws {
    var machine = try machine(Self.link(3, "eth1"))
    let address = try #require(IPAddress("192.0.2.8"))
    machine.links.append(Self.link(4, "eth2"))
    machine.links[2].flags = []
    machine.foreignAddresses = { addresses, indices in
      indices.filter { _ in addresses.contains(address) }.map {
        ($0, address, "process 4711 of user 0")
      }
    }
    let remarks = try found([Self.two[0]], machine)
    #expect(
      remarks.map(\.text) == [
        "another node on this machine (process 4711 of user 0) has 192.0.2.8 on eth1, as this one on "
          + "eth0: where eth0 and eth1 reach one network, both answer for it there; take it from one "
          + "of the two then"
      ])
    #expect(remarks.map(\.fault) == [.addressOnOtherInterface(address, interface: "eth1")])
    machine.foreignAddresses = { addresses, _ in [(3, addresses[0], nil)] }
    #expect(
      try found([Self.two[0]], machine).map {
        $0.text.hasPrefix("another node on this machine has 192.0.2.8 on eth1")
      } == [true])
  }

  @Test func `addresses that are too scattered to be claimed are told of`() throws {
    func router(_ vrid: Int, step: Int) -> String {
      let list = (1...300).map { "198.18.\($0 * step / 256).\($0 * step % 256)/32" }
      return "{interface: \(vrid == 1 ? "eth0" : "eth1"), vrid: \(vrid), name: r\(vrid), "
        + "addresses: [\(list.joined(separator: ", "))]}"
    }
    let machine = try machine(Self.link(3, "eth1"))
    func scattered(_ routers: [String]) throws -> [String] {
      try found(routers, machine).filter { $0.fault == .unclaimedAddresses }.map(\.text)
    }
    #expect(try scattered([router(1, step: 2)]).isEmpty)
    #expect(try scattered([router(1, step: 1), router(2, step: 2)]).isEmpty)
    #expect(
      try scattered([router(1, step: 2), router(2, step: 2)]) == [
        "the addresses stand in 600 separate ranges, of which the node claims 512, so another node on "
          + "this machine is not kept from the others; take neighbouring addresses, or see that no "
          + "other node has them"
      ])
  }
}
