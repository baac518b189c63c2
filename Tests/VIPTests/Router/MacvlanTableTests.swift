import Glibc
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Making, switching and removing macvlans, without an engine.
@Suite struct MacvlanTableTests {
  private static let parent = Link(
    index: 2, name: "eth0", macAddress: FakePlatform.eth0.macAddress,
    ipv4: [.arpIgnore: 0, .arpAnnounce: 1])

  private let platform = FakePlatform()
  private let macvlan: RouterMacvlan

  init() throws {
    let vrid = try #require(VRID(exactly: 51))
    macvlan = RouterMacvlan(
      name: RouterMacvlan.name(onInterface: 2, vrid, .ipv4), vrid, .ipv4)
    platform.fake.setLink(Self.parent)
  }

  private func make(_ table: inout MacvlanTable) throws -> RouterMacvlan {
    var made = macvlan
    let index = try table.make(macvlan, for: 7, on: Self.parent, partOf: nil, Wording())
    made.created(index: index)
    return made
  }

  private func parent(_ setting: IPv4Setting) throws -> Int32? {
    try platform.fake.link(2)?.ipv4[setting]
  }

  @Test func `a macvlan is known until it is removed, and its parent is as it was then`() throws {
    var table = MacvlanTable(platform, NameClaims(platform))
    #expect(table.isEmpty)
    let made = try make(&table)
    let index = try #require(made.index)
    #expect(table.slot(of: index) == 7 && table.interfaces == [index])
    #expect(try platform.fake.link(index)?.isUp == false)
    let preparation = table.prepareSwitchingOn(made, of: 7, on: Self.parent)
    #expect(table.savedSettings(of: Self.parent, for: 7) == [.arpIgnore: 0, .arpAnnounce: 1])
    #expect(table.switchOn(index, after: preparation) == nil)
    #expect(try platform.fake.link(index)?.isUp == true && parent(.arpIgnore) == 1)
    #expect(table.interfaces == [2, index])
    table.remove(made, of: 7, on: Self.parent)
    #expect(table.isEmpty && table.slot(of: index) == nil)
    #expect(try platform.fake.links().map(\.name) == ["eth0"])
    #expect(try parent(.arpIgnore) == 0 && parent(.arpAnnounce) == 1)
  }

  @Test func `one that can't be made as it should be is not left behind`() throws {
    var table = MacvlanTable(platform, NameClaims(platform))
    platform.fake.failure = { request in
      guard case .change(.setIPv4) = request else { return nil }
      return NetlinkError(operation: "set it", code: EBUSY)
    }
    #expect(throws: NodeError.self) { try make(&table) }
    #expect(try table.isEmpty && platform.fake.links().map(\.name) == ["eth0"])
  }

  @Test func `one that is gone is off, and one that can't be switched off is not`() throws {
    var table = MacvlanTable(platform, NameClaims(platform))
    let index = try #require(try make(&table).index)
    platform.fake.failure = { request in
      guard case .change(.setUp(false, _)) = request else { return nil }
      return NetlinkError(operation: "switch it off", code: EBUSY)
    }
    #expect(table.switchOff(index)?.code == EBUSY)
    platform.fake.failure = nil
    #expect(table.switchOff(index) == nil)
    platform.fake.removeLink(index: index)
    #expect(table.switchOff(index) == nil)
  }
}
