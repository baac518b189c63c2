import ARP
import Testing
import VIPCore

@testable import VIP

/// The signs that a machine which answers a probe belongs to the group, without an engine.
@Suite struct SignOfGroupTests {
  private static let stranger = MACAddress(2, 0, 0, 0, 0, 9)
  private static let addresses = (UInt8(0)..<20).map {
    IPAddress.v4(IPv4Address(198, 18, 0, 100 + $0))
  }

  /// The sign of a machine that has answered for the first of a router's addresses.
  private func sign(
    _ mac: MACAddress = stranger, answers: Int = 1, addresses: Int = 1, isGroupHeard: Bool = false
  ) throws -> String? {
    var probing = AddressProbing()
    probing.begin(for: Self.addresses, at: .zero)
    for address in Self.addresses.prefix(answers) {
      _ = probing.heard(AddressClaim(address: address, mac: mac, form: .reply))
    }
    let holder = AddressProbing.Holder(address: Self.addresses[0], mac: mac)
    return probing.signOfGroup(
      AddressProbing.Refusal(holder: holder, isGroupHeard: isGroupHeard),
      try #require(VRID(exactly: 51)), .ipv4, addresses: addresses)
  }

  @Test func `the group's virtual MAC address is one, and that of another group or family none`()
    throws
  {
    let own = MACAddress(0, 0, 0x5E, 0, 1, 51)
    #expect(try sign(own)?.hasPrefix("this is the virtual MAC address of VRID 51, so") == true)
    #expect(try sign(MACAddress(0, 0, 0x5E, 0, 1, 52)) == nil)
    #expect(try sign(MACAddress(0, 0, 0x5E, 0, 2, 51)) == nil)
    #expect(try sign(own, isGroupHeard: true) == nil, "the group was heard, and lists it not")
  }

  @Test func `so is a machine that has all of several addresses, as far as answers are kept`()
    throws
  {
    #expect(try sign(answers: 2, addresses: 2)?.hasPrefix("it has all addresses") == true)
    #expect(try sign(answers: 2, addresses: 3) == nil)
    #expect(try sign(answers: 1, addresses: 1) == nil, "one address tells nothing")
    #expect(try sign(answers: 20, addresses: 20)?.hasPrefix("it has all addresses") == true)
    #expect(try sign(answers: 15, addresses: 20) == nil)
  }
}
