import Testing
import VIPCore

@testable import VRRP

/// Virtual routers that are Active together or not at all.
@Suite struct GroupTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)

  private func router(
    _ priority: UInt8 = 100, address: UInt8 = 1, at now: Instant = start
  ) throws -> VirtualRouter {
    let vrid = try #require(VRID(exactly: 51))
    var router = VirtualRouter(
      VirtualRouter.Configuration(
        vrid: vrid, family: .ipv4, priority: Priority(rawValue: priority)))
    _ = router.start(at: now, from: .v4(IPv4Address(192, 0, 2, address)))
    return router
  }

  private func active(_ priority: UInt8 = 100, address: UInt8 = 1) throws -> VirtualRouter {
    var router = try router(priority, address: address)
    let timer = try #require(router.deadline)
    _ = router.advance(to: timer)
    #expect(router.state == .active)
    return router
  }

  private func hear(
    _ priority: UInt8, from address: UInt8 = 9, by router: inout VirtualRouter, at now: Instant
  ) throws -> Actions {
    let advertisement = Advertisement(
      vrid: router.configuration.vrid, priority: Priority(rawValue: priority), interval: .default,
      addressCount: 1, family: .ipv4, checksumForm: .pseudoHeader, version: .v3)
    return router.receive(advertisement, from: .v4(IPv4Address(192, 0, 2, address)), at: now)
  }

  private func isDue(_ routers: [VirtualRouter], at now: Instant, heldBack: Int? = nil) -> Bool {
    var decision = JointTakeover(at: now)
    for (index, router) in routers.enumerated() {
      decision.add(router, isHeldBack: index == heldBack)
    }
    return decision.isDue
  }

  // MARK: Taking over

  @Test func `a Backup takes over with its group as if its timer had fired`() throws {
    var router = try router()
    let actions = router.takeOver(at: Self.start + .seconds(1))
    #expect(
      Array(actions.prefix(3)) == [.advertise(100), .installAddresses, .announceAddresses])
    #expect(actions.transition?.reason == .withGroup)
    #expect(router.state == .active)
  }

  @Test func `its own reason is told if its timer is due too`() throws {
    var router = try router()
    let timer = try #require(router.deadline)
    let reason = router.takeOver(at: timer).transition?.reason
    guard case .activeDown = reason else {
      Issue.record("another reason")
      return
    }
  }

  @Test func `an Active, and one that has not started, has nothing to take over`() throws {
    var active = try active()
    let actions = active.takeOver(at: Self.start + .seconds(5))
    #expect(actions.isEmpty)
    var idle = VirtualRouter(active.configuration)
    let none = idle.takeOver(at: Self.start)
    #expect(none.isEmpty)
  }

  // MARK: Giving way

  @Test func `an Active gives way with a farewell and is Active again if no other comes`() throws {
    var router = try active()
    let now = try #require(router.deadline)
    let actions = router.giveWay(at: now)
    #expect(Array(actions.prefix(2)) == [.advertise(.farewell), .removeAddresses])
    #expect(actions.transition == Transition(from: .active, to: .backup, reason: .withGroup))
    let again = try #require(router.deadline)
    #expect(again > now + .seconds(1) && again < now + .seconds(2))
    #expect(router.effectivePriority == 100)
  }

  @Test func `a router whose group has resigned has the lowest priority as long`() throws {
    var router = try active()
    let now = try #require(router.deadline)
    _ = router.giveWay(at: now, until: now + .seconds(60))
    #expect(router.effectivePriority == .lowest)
    #expect(router.resignedUntil == now + .seconds(60))
  }

  @Test func `one that was silent for too long gives way without a word`() throws {
    var router = try active()
    let now = try #require(router.deadline) + .seconds(10)
    let actions = router.giveWay(at: now)
    #expect(!actions.contains(.advertise(.farewell)))
    #expect(router.state == .backup)
  }

  @Test func `a Backup has nothing to give way with`() throws {
    var router = try router()
    let actions = router.giveWay(at: Self.start)
    #expect(actions.isEmpty)
  }

  // MARK: Ties

  @Test func `a tie that is left to the group is answered and not yielded to`() throws {
    var router = try active()
    let now = try #require(router.deadline)
    router.leavesTiesToGroup = true
    let actions = try hear(100, by: &router, at: now)
    #expect(router.state == .active)
    #expect(actions.contains(.advertise(100)))
    let yielding = try hear(101, by: &router, at: now)
    #expect(yielding.transition?.to == .backup)
  }

  @Test func `a tie that is not left to the group goes to the higher address`() throws {
    var router = try active()
    let now = try #require(router.deadline)
    let actions = try hear(100, by: &router, at: now)
    #expect(actions.transition?.to == .backup)
  }

  // MARK: The decision

  @Test func `all become Active when the last timer is due`() throws {
    let early = try router()
    let late = try router(at: Self.start + .milliseconds(400))
    #expect(!isDue([early, late], at: try #require(early.deadline)))
    #expect(isDue([early, late], at: try #require(late.deadline)))
    #expect(!isDue([early, late], at: try #require(late.deadline), heldBack: 0))
  }

  @Test func `a member that hears a living Active keeps all of them Backup`() throws {
    let deaf = try router()
    var hearing = try router()
    let now = try #require(deaf.deadline)
    _ = try hear(150, by: &hearing, at: now + .milliseconds(-900))
    #expect(hearing.followsActive)
    #expect(!isDue([deaf, hearing], at: now))
  }

  @Test func `an Active of lower priority keeps none of them Backup`() throws {
    var one = try router(150)
    var other = try router(150)
    let now = try max(#require(one.deadline), #require(other.deadline))
    _ = try hear(100, by: &one, at: now + .milliseconds(-900))
    _ = try hear(100, by: &other, at: now + .milliseconds(-900))
    #expect(!one.followsActive)
    #expect(isDue([one, other], at: now))
  }

  @Test func `a farewell to one is enough if the others hear nothing after it`() throws {
    var told = try router()
    var silent = try router()
    let farewell = Self.start + .seconds(2)
    _ = try hear(150, by: &told, at: farewell + .milliseconds(-300))
    _ = try hear(150, by: &silent, at: farewell + .milliseconds(-200))
    _ = try hear(0, by: &told, at: farewell)
    let now = try #require(told.deadline)
    #expect(now < farewell + .seconds(1))
    #expect(isDue([told, silent], at: now))
    _ = try hear(150, by: &silent, at: farewell + .milliseconds(100))
    #expect(!isDue([told, silent], at: now), "the other one lives there")
  }

  @Test func `one that takes no part keeps the others from it, and one that is Active does not`()
    throws
  {
    let ready = try router()
    let now = try #require(ready.deadline)
    #expect(!isDue([ready, VirtualRouter(ready.configuration)], at: now))
    #expect(try isDue([ready, active()], at: now))
  }
}
