import Testing
import VIPCore
import VRRP

/// Settings that change while a router runs.
@Suite struct ReconfigureTests {
  private func changed(
    _ router: VirtualRouter, _ change: (inout VirtualRouter.Configuration) -> Void
  ) -> VirtualRouter.Configuration {
    var settings = router.configuration
    change(&settings)
    return settings
  }

  private func active() -> VirtualRouter {
    var router = VirtualRouter.backup()
    _ = router.advance(to: .ms(3610))
    #expect(router.state == .active)
    return router
  }

  @Test("An Active tells its new priority at once and goes on in its rhythm from there")
  func activePriority() throws {
    var router = active()
    let settings = changed(router) { $0.priority = Priority(rawValue: 50) }
    let actions = router.reconfigure(settings, at: .ms(4000))
    #expect(actions.kinds == [.advertise(Priority(rawValue: 50))])
    #expect(router.deadline == .ms(5000))
    #expect(router.state == .active)
  }

  @Test("An Active tells a shorter interval at once, and is not taken for one that overslept")
  func activeShorterInterval() throws {
    var router = active()
    let settings = changed(router) { $0.interval = interval(.milliseconds(100)) }
    let actions = router.reconfigure(settings, at: .ms(4500))
    #expect(actions.kinds == [.advertise(.default)])
    #expect(router.advertisement(.default, addressCount: 1).interval == settings.interval)
    #expect(router.deadline == .ms(4600))
    #expect(router.advance(to: .ms(4600)).kinds == [.advertise(.default)])
    #expect(router.state == .active)
  }

  @Test("Preemption, checksum and the like touch no timer and send nothing")
  func quietChanges() {
    var router = active()
    let deadline = router.deadline
    let settings = changed(router) {
      $0.preempts = false
      $0.checksum = .message
    }
    #expect(router.reconfigure(settings, at: .ms(4000)).isEmpty)
    #expect(router.deadline == deadline)
    #expect(router.checksumFormToSend == .message)
    #expect(router.reconfigure(settings, at: .ms(4100)).isEmpty)
  }

  @Test("A new preemption delay counts from now on")
  func preemptDelay() {
    var router = VirtualRouter.backup()
    let deadline = router.deadline
    _ = router.hear(50, at: .ms(1000))
    #expect(router.deadline == deadline)
    let settings = changed(router) { $0.preemptDelay = .seconds(60) }
    #expect(router.reconfigure(settings, at: .ms(1500)).isEmpty)
    _ = router.hear(50, at: .ms(2000))
    #expect(router.deadline == Instant.ms(2000).advanced(byNanoseconds: 3_609_375_000))
  }

  @Test("A Backup's timer becomes what the new priority would have made it")
  func backupPriority() {
    var router = VirtualRouter.backup()
    _ = router.hear(100, at: .ms(1000))
    #expect(router.deadline == Instant.ms(1000).advanced(byNanoseconds: 3_609_375_000))
    let settings = changed(router) { $0.priority = Priority(rawValue: 200) }
    #expect(router.reconfigure(settings, at: .ms(1500)).isEmpty)
    #expect(router.deadline == Instant.ms(1000).advanced(byNanoseconds: 3_218_750_000))
    // The Active is worse now: its next word does not set the timer.
    _ = router.hear(100, at: .ms(2000))
    #expect(router.deadline == Instant.ms(1000).advanced(byNanoseconds: 3_218_750_000))
  }

  @Test("A Backup of version 3 goes by the Active's interval, whatever its own becomes")
  func backupInterval() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    let deadline = router.deadline
    let settings = changed(router) { $0.interval = interval(.milliseconds(100)) }
    #expect(router.reconfigure(settings, at: .ms(1500)).isEmpty)
    #expect(router.deadline == deadline)
    #expect(router.activeInterval == .default)
  }

  @Test("A Backup that has heard no Active goes by its own interval")
  func lonelyBackupInterval() {
    var router = VirtualRouter.backup()
    let settings = changed(router) { $0.interval = interval(.milliseconds(100)) }
    #expect(router.reconfigure(settings, at: .ms(100)).isEmpty)
    #expect(router.deadline == Instant.ms(0).advanced(byNanoseconds: 360_937_500))
  }

  @Test("Counters and peers stay")
  func nothingIsForgotten() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    let settings = changed(router) { $0.priority = Priority(rawValue: 7) }
    _ = router.reconfigure(settings, at: .ms(1500))
    #expect(router.statistics.advertisementReceived == 1)
    #expect(router.peers.count == 1)
    #expect(router.activeRouter?.priority == Priority(rawValue: 200))
  }

  @Test("A router that has resigned stays so under another priority")
  func resigned() throws {
    var router = active()
    _ = try router.resign(at: .ms(4000), for: nil)
    let deadline = router.deadline
    let settings = changed(router) { $0.priority = Priority(rawValue: 200) }
    #expect(router.reconfigure(settings, at: .ms(4100)).isEmpty)
    #expect(router.effectivePriority == .lowest)
    #expect(router.deadline == deadline)
  }

  @Test("One that has just resigned waits for the new interval and skew, no longer")
  func resignedInterval() throws {
    var router = active()
    _ = try router.resign(at: .ms(4000), for: nil)
    let settings = changed(router) { $0.interval = interval(.seconds(2)) }
    #expect(router.reconfigure(settings, at: .ms(4100)).isEmpty)
    // Skew_Time of priority 1: 255 / 256 of the interval.
    #expect(router.deadline == Instant.ms(4000).advanced(byNanoseconds: 3_992_187_500))
  }

  @Test("A stopped router starts with its new settings")
  func stopped() {
    var router = VirtualRouter.backup()
    _ = router.stop(at: .ms(10))
    let settings = changed(router) { $0.interval = interval(.milliseconds(100)) }
    #expect(router.reconfigure(settings, at: .ms(20)).isEmpty)
    #expect(router.deadline == nil)
    _ = router.start(at: .ms(100), from: Fixture.own)
    #expect(router.deadline == Instant.ms(100).advanced(byNanoseconds: 360_937_500))
  }

  @Test("An Active advertises at once that its list has changed, four times an interval at most")
  func changedAddresses() {
    var router = active()
    let said = [.advertise(.default)] as [Action]
    #expect(router.addressesChanged(at: .ms(4000)).kinds == said)
    #expect(router.deadline == .ms(5000), "its rhythm goes on from there")
    #expect(router.addressesChanged(at: .ms(4100)).isEmpty)
    #expect(router.addressesChanged(at: .ms(4200)).isEmpty)
    #expect(router.deadline == .ms(4250), "as soon as it may")
    #expect(router.advance(to: .ms(4250)).kinds == said)
    #expect(router.deadline == .ms(5250))
    #expect(router.statistics.advertisementSent == 3)
  }

  @Test("A Backup says nothing of its list, nor does an Active that was silent for too long")
  func unsaidAddresses() {
    var router = VirtualRouter.backup()
    #expect(router.addressesChanged(at: .ms(1000)).isEmpty)
    router = active()
    #expect(router.addressesChanged(at: .ms(8000)).isEmpty)
    #expect(router.state == .active)
  }
}
