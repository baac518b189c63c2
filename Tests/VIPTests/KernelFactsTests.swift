import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What a node believes of the kernel, when that changes under it.
@Suite struct KernelFactsTests {
  private func address(_ text: String) throws -> InterfaceAddress {
    try #require(InterfaceAddress(text))
  }

  private func holder(_ addresses: [String] = ["198.18.0.100/24"]) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings(addresses))
    bench.pass(.seconds(8))
    #expect(bench.engine.status().allSatisfy { $0.state == .active })
    return bench
  }

  @Test(arguments: [false, true])
  func `a holder without a source address says farewell and hands over`(promotes: Bool) throws {
    let bench = try holder()
    bench.platform.fake.promotesSecondaries = promotes
    let own = try #require(FakePlatform.ownV4)
    _ = bench.platform.fake.remove([AddressRequest(interfaceIndex: 2, address: own)])
    bench.settle()
    #expect(bench.state() == .initialize)
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0)
    #expect(try bench.held == ["198.18.0.100/24"], "it waits for the successor")
    try bench.hear(100, from: "198.18.0.2")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held.isEmpty)
  }

  @Test func `a virtual address that has become the first of its subnet is put behind`() throws {
    let bench = try holder(["198.18.0.100/24", "198.18.0.101/24"])
    let fake = bench.platform.fake
    fake.promotesSecondaries = true
    let new = try address("198.18.0.77/24")
    fake.add(AddressRecord(interfaceIndex: 2, address: new, flags: [.permanent, .secondary]))
    bench.settle()
    _ = fake.remove([
      AddressRequest(interfaceIndex: 2, address: try #require(FakePlatform.ownV4))
    ])
    bench.settle()
    bench.pass(.seconds(10))
    #expect(bench.state() == .active)
    #expect(bench.platform.transport(.ipv4)?.source == new.address)
    let records = try fake.addresses().filter { $0.address.family == .ipv4 }
    #expect(records.filter { !$0.flags.contains(.secondary) }.map(\.address) == [new])
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.101/24"])
    // Either comes first in its turn: the second one when the first has been put behind.
    #expect(
      try bench.routerChanges() == [
        .addressReordered(address("198.18.0.100/24"), interface: "eth0"),
        .addressReordered(address("198.18.0.101/24"), interface: "eth0"),
      ])
  }

  @Test func `that the machine becomes a router is announced`() throws {
    let bench = try holder(["2001:db8::100/64"])
    bench.platform.wire.removeAll()
    bench.platform.forwards = true
    bench.platform.fake.reportSettings(of: 2)
    bench.settle()
    // Behind the Ethernet and the IP header: type, code, checksum, flags.
    let flags = bench.platform.wire.frames.filter { $0.count > 58 && $0[54] == 136 }.map { $0[58] }
    #expect(!flags.isEmpty && flags.allSatisfy { $0 & 0x80 != 0 })
  }

  @Test func `the kernel's lists of groups are read`() throws {
    let v4 = """
      Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
      1\tlo        :     1      V3
      \t\t\t\t010000E0     1 0:00000000\t\t0
      12\teth0      :     2      V3
      \t\t\t\t\(String(IPv4Address.vrrpGroup.rawValue.bigEndian, radix: 16, uppercase: true))     1 0:00000000\t\t0
      \t\t\t\t010000E0     1 0:00000000\t\t0
      """
    let lines4 = v4.split(separator: "\n")
    #expect(GroupMembership.hasIPv4(12, .vrrpGroup(.ipv4), lines4))
    #expect(!GroupMembership.hasIPv4(1, .vrrpGroup(.ipv4), lines4))
    let lines6 = """
      1    lo              ff020000000000000000000000000001     1 0000000C 0
      12   eth0            ff020000000000000000000000000012     1 00000004 0
      """.split(separator: "\n")
    #expect(GroupMembership.hasIPv6(12, .vrrpGroup(.ipv6), lines6))
    #expect(!GroupMembership.hasIPv6(1, .vrrpGroup(.ipv6), lines6))
  }
}
