import Glibc
import Testing
import VIPCore

@testable import VIP

/// The kernel's lists of multicast groups.
@Suite struct GroupMembershipTests {
  private static let group = IPv4Address(239, 198, 18, 77)

  private func v4(_ group: IPv4Address) -> String {
    // The kernel prints the four bytes as a number of the machine.
    "\t\t\t\t"
      + String(group.rawValue.bigEndian, radix: 16, uppercase: true)
      + "     1 0:00000000\t\t0"
  }

  private func has4(_ index: Int32, _ lines: [String]) -> Bool {
    GroupMembership.hasIPv4(index, .v4(Self.group), lines.map { $0[...] })
  }

  private func has6(_ index: Int32, _ group: String, _ lines: [String]) throws -> Bool {
    GroupMembership.hasIPv6(index, try #require(IPAddress(group)), lines.map { $0[...] })
  }

  @Test func `a group of IPv4 belongs to the interface above it`() {
    let lines = [
      "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter",
      "2\teth0      :     2      V3", v4(Self.group), v4(IPv4Address(224, 0, 0, 1)),
      "3\teth1      :     1      V3", v4(IPv4Address(224, 0, 0, 1)),
    ]
    #expect(has4(2, lines))
    #expect(!has4(3, lines), "the group of the interface before is not its own")
    #expect(!has4(22, lines) && !has4(0, lines))
    let behind = Array(lines[0...0] + lines[4...5] + lines[1...3])
    #expect(has4(2, behind) && !has4(3, behind))
    #expect(!has4(2, []))
  }

  @Test func `a group of IPv4 is compared in the order of its bytes`() {
    // The bytes the other way round name another group.
    #expect(!has4(2, ["2\teth0      :     1      V3", v4(IPv4Address(77, 18, 198, 239))]))
  }

  @Test func `a line of IPv6 counts with its interface and all of its group`() throws {
    let lines = ["2    eth0            ff020000000000010000000000000012     1 00000004 0"]
    #expect(try has6(2, "ff02::1:0:0:0:12", lines))
    #expect(try !has6(3, "ff02::1:0:0:0:12", lines))
    #expect(try !has6(2, "ff02::1:0:0:0:13", lines))
    #expect(try !has6(2, "ff02::2:0:0:0:12", lines))
    // What is too long, or cut off, is none.
    #expect(try !has6(2, "ff02::1:0:0:0:12", ["2 eth0 ff0200000000000100000000000000012 1 0 0"]))
    #expect(try !has6(2, "ff02::1:0:0:0:12", ["2    eth0", ""]))
  }

  @Test func `the kernel's list has a group while a socket is in it`() throws {
    let index = Int32(if_nametoindex("lo"))
    try #require(index > 0)
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var request = ip_mreqn()
    request.imr_multiaddr.s_addr = Self.group.rawValue.bigEndian
    request.imr_ifindex = index
    func change(_ option: Int32) -> Int32 {
      setsockopt(
        descriptor, Int32(IPPROTO_IP), option, &request, socklen_t(MemoryLayout<ip_mreqn>.size))
    }
    #expect(GroupMembership.has(index, .v4(Self.group)) == false)
    try #require(change(IP_ADD_MEMBERSHIP) == 0)
    #expect(GroupMembership.has(index, .v4(Self.group)) == true)
    try #require(change(IP_DROP_MEMBERSHIP) == 0)
    #expect(GroupMembership.has(index, .v4(Self.group)) == false)
  }
}
