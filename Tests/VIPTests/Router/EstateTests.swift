import Testing
import VIPCore
import VRRP

@testable import VIP

/// What becomes of the addresses that a router leaves to others, as a value, without an engine.
@Suite struct EstateTests {
  private static let served = IPAddress.v4(IPv4Address(198, 18, 0, 100))
  private static let other = IPAddress.v4(IPv4Address(198, 18, 0, 101))

  private func party(
    _ name: String = "web", on index: Int32? = 2, addressesOn addressInterface: Int32? = 2,
    virtualMAC: Bool = false, hasMacvlan: Bool = false, isSeamless: Bool = true,
    isLeaving: Bool = false, isReplaced: Bool = false
  ) -> Estate.Party {
    Estate.Party(
      seat: Succession.Seat(name: name, family: .ipv4), interfaceIndex: index,
      addressInterface: addressInterface, hasVirtualMAC: virtualMAC, hasMacvlan: hasMacvlan,
      isSeamless: isSeamless, isLeaving: isLeaving,
      isReplaced: isReplaced)
  }

  private func group(_ number: Int = 51) throws -> FormerGroups.Group {
    FormerGroups.Group(
      vrid: try #require(VRID(exactly: number)), version: .v3, authentication: .none)
  }

  /// The estate of a router that serves the first of two addresses.
  private func estate(of former: Estate.Party, isHeldElsewhere: Bool = false) throws -> Estate {
    let addresses = try ["198.18.0.100/24", "198.18.0.101/24"].map {
      try #require(InterfaceAddress($0))
    }
    return Estate(try group(), of: former, addresses, isHeldElsewhere: isHeldElsewhere) {
      $0 == Self.served
    }
  }

  private func deed(
    _ former: Estate.Party, _ heir: Estate.Party, about address: IPAddress = served
  ) throws -> Estate.Deed {
    try estate(of: former).deed(about: address, from: former, to: heir)
  }

  @Test func `an address that was served goes on where it is`() throws {
    #expect(try deed(party("old"), party("new")) == .pass)
    #expect(try deed(party("old"), party("new"), about: Self.other) == .nothing)
  }

  @Test func `nothing is passed on where either of the two hands over with a gap`() throws {
    #expect(try deed(party(isSeamless: false), party("new")) == .nothing)
    #expect(try deed(party(), party("new", isSeamless: false)) == .nothing)
  }

  @Test func `nor from a router that has no interface any more`() throws {
    let former = party("old")
    let gone = party("old", on: nil, addressesOn: nil, isReplaced: true)
    let heir = party("old", addressesOn: nil)
    #expect(try estate(of: former).deed(about: Self.served, from: gone, to: heir) == .nothing)
  }

  @Test func `a router serves on only for the one of its name that comes in its place`() throws {
    let former = party(isReplaced: true)
    #expect(try deed(former, party(on: 3, addressesOn: 3)) == .linger)
    #expect(try deed(former, party("new", on: 3, addressesOn: 3)) == .nothing)
    #expect(try deed(party(), party(on: 3, addressesOn: 3)) == .nothing)
  }

  @Test func `an address does not go to a macvlan from elsewhere`() throws {
    let former = party(isReplaced: true)
    let heir = party(addressesOn: 7, virtualMAC: true, hasMacvlan: true)
    #expect(try deed(former, heir) == .linger)
    let sameNumber = party(addressesOn: 2, virtualMAC: true, hasMacvlan: true)
    #expect(try deed(former, sameNumber) == .linger)
  }

  @Test func `with a macvlan that was passed on its addresses go along`() throws {
    let former = party(addressesOn: nil, virtualMAC: true, isReplaced: true)
    let heir = party(addressesOn: 7, virtualMAC: true, hasMacvlan: true)
    #expect(try deed(former, heir) == .pass)
    let keeping = party(addressesOn: 7, virtualMAC: true, hasMacvlan: true, isReplaced: true)
    #expect(try deed(keeping, heir) == .linger, "each has its own")
    let stranger = party("new", addressesOn: 7, virtualMAC: true, hasMacvlan: true)
    #expect(try deed(former, stranger) == .nothing)
  }

  @Test func `a former group is listened to if its Active may have the address`() throws {
    func isWatched(
      _ number: Int = 52, isHeldElsewhere: Bool = false, isLeaving: Bool = false
    ) throws -> Bool {
      let former = party("old", isLeaving: isLeaving)
      let group = try group(number)
      return try estate(of: former, isHeldElsewhere: isHeldElsewhere)
        .mustBeWatched(by: group, from: former)
    }
    #expect(try !isWatched(), "this machine is still the group's Active")
    #expect(try isWatched(isHeldElsewhere: true))
    #expect(try isWatched(isLeaving: true))
    #expect(try !isWatched(51, isHeldElsewhere: true), "it hears its own group anyway")
  }

  @Test func `the longer of both intervals decides how long a router serves on`() throws {
    let long = try #require(AdvertisementInterval("2s"))
    #expect(Estate.patience(.default, heir: .default) == .seconds(6))
    #expect(Estate.patience(long, heir: .default) == .seconds(11))
    #expect(Estate.patience(.default, heir: long) == .seconds(11))
  }

  @Test func `a macvlan is left to a router with its Ethernet address and interface`() throws {
    func settings(
      _ vrid: Int = 51, on interface: String = "eth0", virtualMAC: Bool = true,
      handover: HandoverPolicy = .seamless
    ) throws -> RouterConfiguration {
      RouterConfiguration(
        interface: interface, vrid: try #require(VRID(exactly: vrid)),
        addresses: [try #require(InterfaceAddress("198.18.0.100/24"))], handover: handover,
        virtualMAC: virtualMAC)
    }
    let former = try settings()
    #expect(try former.leavesMacvlan(to: settings()))
    #expect(try !former.leavesMacvlan(to: settings(52)))
    #expect(try !former.leavesMacvlan(to: settings(on: "eth1")))
    #expect(try !former.leavesMacvlan(to: settings(virtualMAC: false)))
    #expect(try !former.leavesMacvlan(to: settings(handover: .strict)))
    #expect(try !settings(handover: .strict).leavesMacvlan(to: former))
  }
}
