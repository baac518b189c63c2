import Testing
import VIPCore
import VRRP

/// The advertisements that an election accepts, and the hearing of a router that has stopped.
@Suite struct HearingTests {
  private static func active(_ priority: UInt8, _ address: IPAddress = Fixture.higher)
    -> VirtualRouter.ActiveRouter
  {
    VirtualRouter.ActiveRouter(address: address, priority: Priority(rawValue: priority))
  }

  @Test(
    "An accepted advertisement is named, whatever its priority and the state",
    arguments: [50, 100, 200] as [UInt8])
  func accepted(_ priority: UInt8) {
    var backup = VirtualRouter.backup()
    #expect(backup.hear(priority, at: .ms(1000)).heardActive == Self.active(priority))
    var (active, since) = VirtualRouter.active()
    let now = since.advanced(byNanoseconds: 1)
    #expect(active.hear(priority, at: now).heardActive == Self.active(priority))
  }

  @Test("A farewell names no Active")
  func farewell() {
    var backup = VirtualRouter.backup()
    #expect(backup.hear(0, at: .ms(1000)).heardActive == nil)
    var (active, since) = VirtualRouter.active()
    #expect(active.hear(0, at: since).heardActive == nil)
  }

  @Test("What a check refuses names no Active")
  func refused() throws {
    var router = VirtualRouter.backup()
    #expect(router.hear2(200, at: .ms(1)).heardActive == nil, "another version")
    #expect(router.hear(200, from: Fixture.own, at: .ms(2)).heardActive == nil, "our own address")
    let password = Authentication.simpleText(try #require(Authentication.Password("sesame")))
    var old = VirtualRouter.backup2(authentication: password)
    #expect(old.hear2(200, at: .ms(3)).heardActive == nil, "no password")
    #expect(
      old.hear2(200, interval: 2, authentication: password, at: .ms(4)).heardActive == nil,
      "another interval in version 2")
    #expect(
      old.hear2(200, authentication: password, at: .ms(5)).heardActive == Self.active(200))
  }

  @Test("A router that was never started hears nothing")
  func initialize() {
    var router = VirtualRouter.fresh()
    #expect(router.hear(200, at: .ms(1)).heardActive == nil)
    #expect(router.statistics.advertisementReceived == 0)
  }

  /// A router that was Active or Backup and has stopped.
  private func stopped(_ state: VirtualRouter.State) -> (VirtualRouter, at: Instant) {
    var (router, now) = VirtualRouter.active()
    if state == .backup { router = .backup() }
    _ = router.stop(at: now)
    return (router, now)
  }

  @Test(
    "One that has stopped hears its successor and does nothing",
    arguments: [.active, .backup] as [VirtualRouter.State])
  func leaving(_ state: VirtualRouter.State) {
    var (router, now) = stopped(state)
    #expect(router.state == .initialize && router.isLeaving && router.deadline == nil)
    for priority in [200, 100, 50, 0] as [UInt8] {
      let actions = router.hear(priority, from: Fixture.lower, at: now)
      #expect(actions.isEmpty)
      #expect(
        actions.heardActive == (priority == 0 ? nil : Self.active(priority, Fixture.lower)))
    }
    #expect(router.hear2(200, at: now).heardActive == nil, "another version")
    #expect(router.advance(to: now.advanced(byNanoseconds: 1 << 40)).isEmpty)
    #expect(router.stop(at: now).isEmpty)
    #expect(router.state == .initialize && router.activeRouter == nil)
  }

  @Test("Its hearing ends when the addresses are handed over, or when it starts again")
  func finishLeaving() {
    var (router, now) = stopped(.active)
    var again = router
    router.finishLeaving()
    #expect(!router.isLeaving)
    #expect(router.hear(200, at: now).heardActive == nil)
    #expect(router.statistics.advertisementReceived == 0)

    #expect(again.start(at: now, from: Fixture.own).transition?.to == .backup)
    #expect(!again.isLeaving)
    again.finishLeaving()
    #expect(again.state == .backup, "one that runs is not ended by it")
  }

  @Test("A lower priority heard after a farewell is what is preempted")
  func lowerAfterFarewell() throws {
    var router = VirtualRouter.backup()
    _ = router.hear(200, from: Fixture.higher, at: .ms(1000))
    _ = router.hear(0, from: Fixture.higher, at: .ms(1500))
    let deadline = try #require(router.deadline)
    _ = router.hear(50, from: Fixture.lower, at: .ms(1600))
    #expect(router.deadline == deadline)
    #expect(
      router.advance(to: deadline).transition?.reason
        == .preempting(Fixture.lower, Priority(rawValue: 50)))
  }

  @Test("While a router is Active, Active_Adver_Interval is its own")
  func ownInterval() throws {
    var router = VirtualRouter.backup()
    _ = router.hear(200, interval: .milliseconds(250), at: .ms(1000))
    _ = router.advance(to: try #require(router.deadline))
    #expect(router.state == .active && router.activeInterval == .default)
  }
}
