import Testing
import VIPCore

@testable import VIP

@Suite struct AddressOwnersTests {
  private let address = IPAddress.v4(IPv4Address(198, 18, 0, 100))

  @Test func `an address belongs to one router on each interface`() {
    var owners = AddressOwners()
    owners.claim(address, on: 2, for: 7, isRetired: false)
    owners.claim(address, on: 3, for: 8, isRetired: false)
    #expect(owners.slot(of: address, on: 2) == 7 && owners.slot(of: address, on: 3) == 8)
    #expect(owners.slot(of: address, on: 4) == nil)
  }

  @Test func `a router that only removes an address takes it from no other`() {
    var owners = AddressOwners()
    owners.claim(address, on: 2, for: 7, isRetired: true)
    #expect(owners.slot(of: address, on: 2) == 7)
    owners.claim(address, on: 2, for: 8, isRetired: false)
    owners.claim(address, on: 2, for: 7, isRetired: true)
    #expect(owners.slot(of: address, on: 2) == 8)
  }

  @Test func `only the owner gives an address up`() {
    var owners = AddressOwners()
    owners.claim(address, on: 2, for: 7, isRetired: false)
    let isForeign = owners.giveUp(address, on: 2, by: 8)
    #expect(!isForeign && !owners.isEmpty)
    let isOwn = owners.giveUp(address, on: 2, by: 7)
    #expect(isOwn && owners.isEmpty)
  }
}
