import Netlink
import Testing
import VIPCore

@testable import VIP

/// A router's macvlan as a value, without an engine.
@Suite struct RouterMacvlanTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let on = Link(index: 5, name: "vip4-2-51")
  private static let off = Link(index: 5, name: "vip4-2-51", flags: [.broadcast, .multicast])

  private func macvlan(_ family: AddressFamily = .ipv4, isUp: Bool = false) throws -> RouterMacvlan
  {
    let vrid = try #require(VRID(exactly: 51))
    var macvlan = RouterMacvlan(
      name: RouterMacvlan.name(onInterface: 2, vrid, family), vrid, family)
    macvlan.created(index: 5)
    if isUp { _ = macvlan.switchedOn(addresses: 3, hasLeases: false, at: Self.start) }
    return macvlan
  }

  @Test func `it is made switched off`() throws {
    let macvlan = try macvlan()
    #expect(macvlan.index == 5 && !macvlan.isUp && macvlan.deadline == nil)
    #expect(macvlan.macAddress == MACAddress(0, 0, 0x5E, 0, 1, 51))
    #expect(try self.macvlan(.ipv6).macAddress == MACAddress(0, 0, 0x5E, 0, 2, 51))
  }

  @Test func `leases of IPv4 are due at once, those of IPv6 when Linux has made them usable`()
    throws
  {
    var macvlan = try macvlan()
    var areDue = macvlan.switchedOn(addresses: 3, hasLeases: true, at: Self.start)
    #expect(areDue && macvlan.isUp && !macvlan.isWaking)
    macvlan = try self.macvlan(.ipv6)
    areDue = macvlan.switchedOn(addresses: 1000, hasLeases: true, at: Self.start)
    let later = Self.start + .milliseconds(500)
    #expect(!areDue && macvlan.isWaking && macvlan.deadline == later)
    let early = macvlan.takeDue(by: Self.start + .milliseconds(499))
    #expect(!early.areLeasesDue && macvlan.isWaking)
    let due = macvlan.takeDue(by: later)
    #expect(due.areLeasesDue && !due.isReviewDue && !macvlan.isWaking && macvlan.deadline == nil)
    macvlan = try self.macvlan(.ipv6)
    areDue = macvlan.switchedOn(addresses: 3, hasLeases: false, at: Self.start)
    #expect(!areDue && !macvlan.isWaking, "nothing is due without leases")
  }

  @Test func `one that is switched off again gets no leases`() throws {
    var macvlan = try macvlan(.ipv6)
    _ = macvlan.switchedOn(addresses: 3, hasLeases: true, at: Self.start)
    macvlan.switchedOff()
    #expect(!macvlan.isUp && !macvlan.isWaking && macvlan.deadline == nil)
  }

  @Test func `what is as it should be needs nothing`() throws {
    var macvlan = try macvlan()
    #expect(macvlan.review(Self.off, serves: false, at: Self.start) == .nothing)
    macvlan = try self.macvlan(isUp: true)
    #expect(macvlan.review(Self.on, serves: true, at: Self.start) == .nothing)
    #expect(macvlan.deadline == nil)
  }

  @Test func `one that another program has switched is switched back`() throws {
    var macvlan = try macvlan(isUp: true)
    #expect(macvlan.review(Self.off, serves: true, at: Self.start) == .switchOn(wasSwitched: true))
    #expect(!macvlan.isUp, "as it is now")
    macvlan = try self.macvlan()
    #expect(
      macvlan.review(Self.on, serves: false, at: Self.start)
        == .switchOff(wasSwitched: true))
    macvlan = try self.macvlan()
    #expect(macvlan.review(Self.off, serves: true, at: Self.start) == .switchOn(wasSwitched: false))
  }

  @Test func `one that could not be switched off is switched off a second later`() throws {
    var macvlan = try macvlan(isUp: true)
    #expect(macvlan.review(Self.on, serves: false, at: Self.start) == .nothing, "it is to be yet")
    _ = macvlan.failed("busy", at: Self.start)
    #expect(macvlan.isUp && macvlan.isDisturbed(serves: false))
    let later = Self.start + .seconds(1)
    #expect(macvlan.takeDue(by: later).isReviewDue)
    #expect(
      macvlan.review(Self.on, serves: false, at: later) == .switchOff(wasSwitched: false))
    macvlan.switchedOff()
    #expect(!macvlan.isDisturbed(serves: false))
  }

  @Test func `that it could not be switched off no longer matters once it is to be on`() throws {
    var macvlan = try macvlan(isUp: true)
    _ = macvlan.failed("busy", at: Self.start)
    #expect(macvlan.review(Self.on, serves: true, at: Self.start + .seconds(1)) == .nothing)
    #expect(macvlan.isUp && !macvlan.isDisturbed(serves: true))
  }

  @Test func `that it could not be switched on no longer matters once it is to be off`() throws {
    var macvlan = try macvlan()
    _ = macvlan.failed("busy", at: Self.start)
    #expect(macvlan.review(Self.off, serves: false, at: Self.start + .seconds(1)) == .nothing)
    #expect(macvlan.problem == nil)
  }

  @Test func `one that is gone is made again`() throws {
    var macvlan = try macvlan(isUp: true)
    #expect(macvlan.review(nil, serves: true, at: Self.start) == .create(wasRemoved: true))
    #expect(macvlan.index == nil && !macvlan.isUp)
    let later = Self.start + .seconds(1)
    #expect(macvlan.review(nil, serves: true, at: later) == .create(wasRemoved: false))
  }

  @Test func `one that this node has removed is made again, and no other program blamed`() throws {
    var macvlan = try macvlan(isUp: true)
    _ = macvlan.failed("busy", at: Self.start)
    macvlan.followed(failure: "no such setting", at: Self.start)
    macvlan.removed()
    #expect(macvlan.index == nil && !macvlan.isUp && macvlan.problem == nil)
    #expect(macvlan.review(nil, serves: true, at: Self.start) == .create(wasRemoved: false))
  }

  @Test func `it is put in order at most once a second`() throws {
    var macvlan = try macvlan(isUp: true)
    _ = macvlan.review(Self.off, serves: true, at: Self.start)
    _ = macvlan.switchedOn(addresses: 3, hasLeases: false, at: Self.start)
    let soon = Self.start + .milliseconds(100)
    #expect(macvlan.review(Self.off, serves: true, at: soon) == .nothing)
    let later = Self.start + .seconds(1)
    #expect(macvlan.deadline == later)
    let due = macvlan.takeDue(by: later)
    #expect(due.isReviewDue)
    #expect(macvlan.review(Self.off, serves: true, at: later) == .switchOn(wasSwitched: true))
  }

  @Test func `a failure is told once, and is over when it is on`() throws {
    var macvlan = try macvlan()
    let tellings = [
      macvlan.failed("busy", at: Self.start), macvlan.failed("busy", at: Self.start),
      macvlan.failed("no room", at: Self.start),
    ]
    #expect(tellings == [true, false, true] && macvlan.failure == "no room")
    #expect(macvlan.deadline == Self.start + .seconds(1))
    _ = macvlan.switchedOn(addresses: 3, hasLeases: false, at: Self.start)
    #expect(macvlan.failure == nil)
  }

  @Test func `its alias tells what its parent had`() throws {
    let vrid = try #require(VRID(exactly: 51))
    let saved: [IPv4Setting: Int32] = [.arpIgnore: 0, .arpAnnounce: 1]
    let alias = RouterMacvlan.alias(vrid, on: "eth0", restoring: saved)
    #expect(alias == "vipctl: virtual router 51 on eth0; to restore: arp_announce=1 arp_ignore=0")
    #expect(RouterMacvlan.restoration(in: alias) == saved)
    #expect(RouterMacvlan.restoration(in: "x forwarding=1 arp_ignore=y") == [:])
    #expect(RouterMacvlan.isOurs(Link(index: 5, name: "x", kind: "macvlan", alias: alias)))
    #expect(!RouterMacvlan.isOurs(Link(index: 5, name: "x", kind: "macvlan", alias: "other")))
    #expect(!RouterMacvlan.isOurs(Link(index: 5, name: "x", kind: "dummy", alias: alias)))
  }
}
