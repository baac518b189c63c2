import Netlink
import Testing
import VIPCore

@testable import VIP

/// Which interface has a name, through renaming, exchange and removal.
@Suite struct InterfaceTableTests {
  private func link(_ index: Int32, _ name: String) -> Link {
    Link(index: index, name: name)
  }

  @Test func `a name leads to the interface that has it now`() {
    var table = InterfaceTable(links: [link(1, "lo"), link(2, "eth0")], addresses: [])
    #expect(table.link(named: "eth0")?.index == 2)
    #expect(table.link(named: "eth1") == nil)
    table.update(link(2, "lan"))
    #expect(table.link(named: "eth0") == nil && table.link(named: "lan")?.index == 2)
    table.update(link(2, "lan"))
    #expect(table.link(named: "lan")?.index == 2)
    table.update(link(3, "eth0"))
    #expect(table.link(named: "eth0")?.index == 3)
    table.remove(2)
    #expect(table.link(named: "lan") == nil && table.link(2) == nil)
    #expect(table.names == ["eth0", "lo"])
  }

  @Test func `a name that was changed leads to the new one`() {
    var table = InterfaceTable(links: [link(2, "eth0"), link(3, "eth1")], addresses: [])
    #expect(table.newName(of: "eth0") == nil && table.newName(of: "eth9") == nil)
    table.update(link(2, "lan"))
    table.update(link(2, "lan0"))
    #expect(table.newName(of: "eth0") == "lan0" && table.newName(of: "lan") == "lan0")
    let read = InterfaceTable(
      links: [link(2, "lan0"), link(3, "wan0")], addresses: [], after: table)
    #expect(read.newName(of: "eth0") == "lan0" && read.newName(of: "eth1") == "wan0")
    table.update(link(4, "eth0"))
    #expect(table.newName(of: "eth0") == nil, "another interface has it")
    table.remove(4)
    table.remove(2)
    #expect(table.newName(of: "eth0") == nil)
    for number in 0..<10_000 { table.update(link(3, "n\(number)")) }
    #expect(table.newName(of: "n9998") == "n9999")
  }

  @Test func `two interfaces exchange their names`() {
    var table = InterfaceTable(links: [link(2, "left"), link(3, "right")], addresses: [])
    table.update(link(2, "between"))
    table.update(link(3, "left"))
    table.update(link(2, "right"))
    #expect(table.link(named: "left")?.index == 3 && table.link(named: "right")?.index == 2)
    #expect(table.link(named: "between") == nil)
  }

  @Test func `an interface that has taken a name keeps it when the former one goes`() {
    var table = InterfaceTable(links: [link(2, "eth0")], addresses: [])
    table.update(link(7, "eth0"))
    table.remove(2)
    #expect(table.link(named: "eth0")?.index == 7)
    table.remove(7)
    #expect(table.link(named: "eth0") == nil)
  }

  @Test func `an alternative name leads to the interface that has it now`() {
    var table = InterfaceTable(
      links: [Link(index: 2, name: "eth0", alternativeNames: ["enp2s0"])], addresses: [])
    #expect(table.link(named: "enp2s0")?.name == "eth0")
    table.update(Link(index: 2, name: "lan", alternativeNames: ["enp2s0", "eth0"]))
    #expect(table.link(named: "eth0")?.name == "lan" && table.link(named: "enp2s0")?.index == 2)
    table.update(link(2, "lan"))
    #expect(table.link(named: "eth0") == nil && table.link(named: "enp2s0") == nil)
    table.update(Link(index: 3, name: "eth1", alternativeNames: ["eth0"]))
    table.remove(3)
    #expect(table.link(named: "eth0") == nil && table.names == ["lan"])
  }

  @Test func `an IPv6 address that may be another machine's is no source`() throws {
    var table = InterfaceTable(links: [link(2, "eth0")], addresses: [])
    let address = try #require(InterfaceAddress("fe80::1/64"))
    for flags in [AddressFlags.tentative, .dadFailed] {
      table.update(AddressRecord(interfaceIndex: 2, address: address, flags: flags))
      #expect(table.primaryAddress(of: 2, .ipv6) == nil)
    }
    table.update(AddressRecord(interfaceIndex: 2, address: address, flags: .permanent))
    #expect(table.primaryAddress(of: 2, .ipv6) == address.address)
    #expect(table.primaryAddress(of: 2, .ipv6, isGlobal: true) == nil)
  }

  @Test func `of a subnet the first IPv4 address is the source`() throws {
    let first = try #require(InterfaceAddress("198.18.0.9/24"))
    let second = try #require(InterfaceAddress("198.18.0.1/24"))
    var table = InterfaceTable(
      links: [link(2, "eth0")],
      addresses: [
        AddressRecord(interfaceIndex: 2, address: second, flags: [.permanent, .secondary]),
        AddressRecord(interfaceIndex: 2, address: first, flags: .permanent),
      ])
    #expect(table.primaryAddress(of: 2, .ipv4) == first.address)
    table.remove(AddressRecord(interfaceIndex: 2, address: first))
    // Any will do, if it is not a virtual one.
    #expect(table.primaryAddress(of: 2, .ipv4) == second.address)
    #expect(table.primaryAddress(of: 2, .ipv4) { $0 == second.address } == nil)
  }

  @Test func `an address is the host's on any interface, one with the tag on none`() throws {
    let address = try #require(InterfaceAddress("198.18.0.1/24"))
    let record = AddressRecord(interfaceIndex: 3, address: address)
    var table = InterfaceTable(links: [link(2, "eth0"), link(3, "eth1")], addresses: [record])
    #expect(table.isHostAddress(address.address))
    table.remove(record)
    #expect(!table.isHostAddress(address.address))
    table.update(AddressRecord(interfaceIndex: 3, address: address, protocolTag: vipProtocolTag))
    #expect(!table.isHostAddress(address.address))
  }

  @Test func `a macvlan is told from another interface with its Ethernet address`() {
    let mac = MACAddress(0, 0, 0x5E, 0, 1, 51)
    var table = InterfaceTable(
      links: [Link(index: 2, name: "eth0", macAddress: mac)], addresses: [])
    #expect(!table.hasMacvlan(mac))
    let macvlan = Link(
      index: 3, name: "vip4-2-51", macAddress: mac, parentIndex: 2, kind: "macvlan")
    table.update(macvlan)
    #expect(table.hasMacvlan(mac) && !table.hasMacvlan(MACAddress(0, 0, 0x5E, 0, 1, 52)))
  }
}
