import Testing
import VIPCore
import VRRP

@testable import VIP

/// What former groups may still have, as a value, without an engine.
@Suite struct FormerGroupsTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let first = IPAddress.v4(IPv4Address(198, 18, 0, 100))
  private static let second = IPAddress.v4(IPv4Address(198, 18, 0, 101))

  private static let holder = IPAddress.v4(IPv4Address(198, 18, 0, 2))

  private func group(_ vrid: Int) throws -> FormerGroups.Group {
    FormerGroups.Group(
      vrid: try #require(VRID(exactly: vrid)), version: .v3, authentication: .none)
  }

  private func known(isHeld: Bool = true) throws -> FormerGroups {
    var groups = FormerGroups()
    groups.came(
      Self.first, from: try group(51), isHeld: isHeld, interval: .default, at: Self.start)
    groups.came(
      Self.second, from: try group(51), isHeld: isHeld, interval: .default, at: Self.start)
    return groups
  }

  private func hear(
    _ groups: inout FormerGroups, _ vrid: Int = 51, _ list: [IPAddress] = [first, second],
    isFarewell: Bool = false, after time: Duration
  ) throws -> Bool {
    groups.heard(
      try group(vrid), listing: list.contains, isFarewell: isFarewell, from: Self.holder,
      interval: .default, at: Self.start + time)
  }

  @Test func `an Active that is silent for as long as any Backup waits has let go`() throws {
    var groups = try known()
    #expect(groups.hold(Self.first) && groups.hold(Self.second) && groups.holdAny)
    #expect(groups.deadline == Self.start + .milliseconds(4100))
    #expect(groups.lastHold == Self.start + .milliseconds(4100))
    #expect(groups.advanced(to: Self.start + .seconds(4)) == false)
    #expect(try !hear(&groups, after: .seconds(4)))
    #expect(groups.advanced(to: Self.start + .milliseconds(4100)) == false)
    #expect(groups.advanced(to: Self.start + .milliseconds(8100)) == true)
    #expect(!groups.hold(Self.first) && !groups.holdAny)
  }

  @Test func `an Active lets go of what it lists no longer, at once`() throws {
    var groups = try known()
    #expect(try hear(&groups, 51, [Self.second], after: .seconds(1)))
    #expect(!groups.hold(Self.first) && groups.hold(Self.second))
    #expect(try hear(&groups, 51, [], after: .seconds(2)))
    #expect(!groups.holdAny && groups.lastHold == Self.start + .seconds(2))
  }

  @Test func `senders that take turns are one holder`() throws {
    var groups = try known()
    for last in 2...200 {
      _ = groups.heard(
        try group(51), listing: [Self.first].contains, isFarewell: false,
        from: .v4(IPv4Address(198, 18, 0, UInt8(last))), interval: .default,
        at: Self.start + .seconds(last / 10))
    }
    #expect(groups.lasting(at: Self.start + .seconds(20))?.holder == Self.holder)
  }

  @Test func `each change has its time to reach all machines`() throws {
    var groups = try known(isHeld: false)
    for second in 1..<60 {
      #expect(try !hear(&groups, 51, [], after: .seconds(second)))
    }
    // There and back: the group has the address again, and then the router here.
    groups.came(
      Self.first, from: try group(51), isHeld: true, interval: .default,
      at: Self.start + .seconds(60))
    for second in 60..<70 {
      #expect(try !hear(&groups, after: .seconds(second)))
      #expect(groups.lasting(at: Self.start + .seconds(second)) == nil)
    }
    #expect(groups.lasting(at: Self.start + .seconds(70))?.holder == Self.holder)
    #expect(try hear(&groups, 51, [], after: .seconds(71)))
    #expect(try !hear(&groups, after: .seconds(80)))
    #expect(groups.lasting(at: Self.start + .seconds(80)) == nil, "it has just taken them again")
  }

  @Test func `a slow group has more time`() throws {
    var groups = FormerGroups()
    let slow = try #require(AdvertisementInterval("10s"))
    groups.came(Self.first, from: try group(51), isHeld: true, interval: slow, at: Self.start)
    for second in [10, 20, 30, 40] {
      _ = groups.heard(
        try group(51), listing: { _ in true }, isFarewell: false, from: Self.holder,
        interval: slow, at: Self.start + .seconds(second))
      #expect(groups.lasting(at: Self.start + .seconds(second)) == nil)
    }
    #expect(groups.lasting(at: Self.start + .seconds(41))?.holder == Self.holder)
  }

  @Test func `after a farewell another member may take over within an interval`() throws {
    var groups = try known()
    #expect(try !hear(&groups, isFarewell: true, after: .seconds(1)))
    #expect(groups.hold(Self.first))
    #expect(try !hear(&groups, after: .milliseconds(1600)))
    #expect(groups.advanced(to: Self.start + .milliseconds(2100)) == false)
    #expect(try !hear(&groups, isFarewell: true, after: .seconds(3)))
    #expect(groups.advanced(to: Self.start + .milliseconds(4100)) == true)
    #expect(!groups.holdAny && groups.lastHold == Self.start + .milliseconds(4100))
  }

  @Test func `a group that had its Active here is listened to, and may go on elsewhere`() throws {
    var groups = try known(isHeld: false)
    #expect(!groups.holdAny && groups.lastHold == nil && !groups.isEmpty)
    #expect(try groups.contains(group(51)) && !groups.contains(group(52)))
    #expect(try !hear(&groups, 52, after: .milliseconds(500)))
    #expect(!groups.holdAny)
    #expect(try !hear(&groups, after: .milliseconds(600)))
    #expect(groups.hold(Self.first))
    #expect(try !hear(&groups, 51, isFarewell: true, after: .seconds(1)))
  }

  @Test func `an Active that holds on for ten seconds is named`() throws {
    var groups = try known()
    for second in 1..<10 { _ = try hear(&groups, after: .seconds(second)) }
    #expect(groups.lasting(at: Self.start + .seconds(9)) == nil)
    _ = try hear(&groups, after: .seconds(10))
    let lasting = try #require(groups.lasting(at: Self.start + .seconds(10)))
    #expect(try lasting.group == group(51) && lasting.holder == Self.holder)
    _ = try hear(&groups, 51, [], after: .seconds(11))
    #expect(groups.lasting(at: Self.start + .seconds(11)) == nil)
  }

  @Test func `a group that is not heard is forgotten`() throws {
    var groups = try known(isHeld: false)
    #expect(groups.deadline == Self.start + .seconds(12))
    #expect(groups.advanced(to: Self.start + .seconds(12)) == false)
    #expect(groups.isEmpty && groups.deadline == nil)
  }

  @Test func `a router that takes part again listens for as long as one that is new`() throws {
    var groups = try known(isHeld: false)
    groups.resume(at: Self.start + .seconds(100))
    #expect(groups.deadline == Self.start + .seconds(112))
    groups.resume(at: Self.start + .seconds(50))
    #expect(groups.deadline == Self.start + .seconds(112))
  }
}
