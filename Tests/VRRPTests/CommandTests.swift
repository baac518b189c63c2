import Testing
import VIPCore
import VRRP

/// Preemption with a delay, and what an operator may ask for.
@Suite struct CommandTests {
  // MARK: Preemption with a delay

  private func delayed(_ delay: Duration, priority: UInt8 = 100) -> VirtualRouter {
    var router = VirtualRouter(
      VirtualRouter.Configuration(
        vrid: vrid(51), family: .ipv4, priority: Priority(rawValue: priority), preemptDelay: delay))
    _ = router.start(at: .zero, from: Fixture.own)
    return router
  }

  @Test("A lower priority is followed until the delay has passed, then replaced at once")
  func preemptDelay() throws {
    var router = delayed(.seconds(5))
    for second in UInt64(1)...2 {
      _ = router.hear(50, at: .ms(second * 1000))
      #expect(router.deadline == Instant.ms(second * 1000).advanced(byNanoseconds: 3_609_375_000))
    }
    for second in UInt64(3)...5 {
      _ = router.hear(50, at: .ms(second * 1000))
      #expect(router.deadline == .ms(6000), "five seconds after the first one")
    }
    let deadline = try #require(router.deadline)
    _ = router.hear(50, at: .ms(6000))
    #expect(router.deadline == deadline, "the timer runs on")
    let reason = router.advance(to: deadline).transition?.reason
    #expect(reason == .preempting(Fixture.higher, Priority(rawValue: 50)))
  }

  @Test("A delay that is over sooner changes nothing")
  func shortPreemptDelay() {
    var router = delayed(.milliseconds(500))
    let deadline = router.deadline
    for second in UInt64(1)...3 {
      _ = router.hear(50, at: .ms(second * 1000))
      #expect(router.deadline == deadline)
    }
  }

  @Test("The delay starts again after a better Active was heard")
  func preemptDelayRestarts() {
    var router = delayed(.seconds(5))
    _ = router.hear(50, at: .ms(1000))
    _ = router.hear(200, from: Fixture.lower, at: .ms(4000))
    _ = router.hear(50, at: .ms(7000))
    #expect(router.deadline == Instant.ms(7000).advanced(byNanoseconds: 3_609_375_000))
  }

  @Test("A farewell does not restart the delay")
  func preemptDelayAfterFarewell() {
    var router = delayed(.seconds(5))
    for second in UInt64(1)...4 { _ = router.hear(50, at: .ms(second * 1000)) }
    _ = router.hear(0, at: .ms(4100))
    _ = router.hear(50, from: Fixture.lower, at: .ms(4200))
    let deadline = router.deadline
    _ = router.hear(50, from: Fixture.lower, at: .ms(6100))
    #expect(router.deadline == deadline, "five seconds after the first lower priority")
  }

  @Test("A silent Active is replaced without any delay")
  func preemptDelayIsForPreemption() {
    var router = delayed(.seconds(500))
    _ = router.hear(50, at: .ms(1000))
    _ = router.advance(to: .ms(4610))
    #expect(router.state == .active)
  }

  // MARK: promote

  @Test("promote: Active at once, with one step more than the Active that is replaced")
  func promote() throws {
    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    let actions = try router.promote(at: .ms(1200))
    #expect(actions.kinds.first == .advertise(Priority(rawValue: 201)))
    #expect(actions.transition?.reason == .promoted)
    #expect(router.effectivePriority.rawValue == 201)
    #expect(router.configuration.priority.rawValue == 100)
    // The old Active speaks once more; it is the loser now.
    #expect(router.hear(200, at: .ms(1300)).kinds.first == .advertise(Priority(rawValue: 201)))
    let turn = router.advance(to: .ms(2200))
    #expect(turn.kinds == [.advertise(Priority(rawValue: 201))])
  }

  @Test("promote: a router that is better anyway keeps its own priority")
  func promoteBetter() throws {
    var router = VirtualRouter.backup(preempts: false)
    _ = router.hear(50, at: .ms(1000))
    let actions = try router.promote(at: .ms(1200))
    #expect(actions.kinds.first == .advertise(.default))
  }

  @Test("promote: 254 and an owner can't be exceeded", arguments: [254, 255] as [UInt8])
  func promoteRefused(_ priority: UInt8) {
    var router = VirtualRouter.backup()
    _ = router.hear(priority, at: .ms(1000))
    let error = CommandError.activeOutranks(Fixture.higher, Priority(rawValue: priority))
    #expect(throws: error) { try router.promote(at: .ms(1200)) }
    #expect(router.state == .backup)
    #expect(router.effectivePriority == .default)
  }

  @Test("promote: not before an Active was heard, nor after its farewell, nor when stopped")
  func promoteTooEarly() {
    var router = VirtualRouter.fresh()
    #expect(throws: CommandError.notRunning) { try router.promote(at: .zero) }
    router = .backup()
    #expect(throws: CommandError.noActiveHeard) { try router.promote(at: .ms(1)) }
    _ = router.hear(0, at: .ms(2))
    #expect(throws: CommandError.noActiveHeard) { try router.promote(at: .ms(3)) }
  }

  @Test("promote: without an Active once it has listened for Active_Down_Interval")
  func promoteWithoutActive() throws {
    var router = VirtualRouter.backup()
    let deadline = try #require(router.deadline)
    let before = Instant(nanoseconds: deadline.nanoseconds - 1)
    #expect(throws: CommandError.noActiveHeard) { try router.promote(at: before) }
    let actions = try router.promote(at: deadline)
    #expect(actions.kinds.first == .advertise(.default))
    #expect(actions.transition?.reason == .promoted)
    #expect(router.state == .active && !router.isPromoted)
  }

  @Test("promote: after a farewell as soon as Skew_Time is over")
  func promoteAfterFarewell() throws {
    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    _ = router.hear(0, at: .ms(1500))
    #expect(throws: CommandError.noActiveHeard) { try router.promote(at: .ms(1501)) }
    let deadline = try #require(router.deadline)
    let actions = try router.promote(at: deadline)
    #expect(actions.kinds.first == .advertise(.default))
  }

  @Test("promote: an Active of 254 that is silent for Active_Down_Interval does not count")
  func promoteAfterSilence() throws {
    var router = VirtualRouter.backup()
    _ = router.hear(254, at: .ms(1000))
    let deadline = try #require(router.deadline)
    let actions = try router.promote(at: deadline)
    #expect(actions.kinds.first == .advertise(.default))
    #expect(router.effectivePriority == .default)
  }

  @Test("promote: a resigned router that no other has followed takes its own priority again")
  func promoteResigned() throws {
    var (router, takeover) = VirtualRouter.active()
    _ = try router.resign(at: takeover + .milliseconds(100), for: nil)
    let deadline = try #require(router.deadline)
    let actions = try router.promote(at: deadline)
    #expect(actions.kinds.first == .advertise(.default))
    #expect(!router.isResigned(at: deadline))
  }

  @Test("vacancy: one interval and Skew_Time from the start on instead of Active_Down_Interval")
  func vacancy() {
    var router = VirtualRouter.backup()
    router.assumeVacancy(at: .ms(100))
    #expect(router.deadline == Instant.zero.advanced(byNanoseconds: 1_609_375_000))
    // Never later than it was, and told late it is due at once.
    router.assumeVacancy(at: .ms(1700))
    #expect(router.deadline == Instant.zero.advanced(byNanoseconds: 1_609_375_000))
    router = .backup()
    router.assumeVacancy(at: .ms(1700))
    #expect(router.advance(to: .ms(1700)).kinds.first == .advertise(.default))
    #expect(router.state == .active)
  }

  @Test("vacancy: an Active that is heard counts more", arguments: [50, 200] as [UInt8])
  func vacancyIsNone(_ priority: UInt8) {
    var router = VirtualRouter.backup(preempts: false)
    let silence: UInt64 = 3_609_375_000
    router.assumeVacancy(at: .zero)
    _ = router.hear(priority, at: .ms(900))
    #expect(router.deadline == Instant.ms(900).advanced(byNanoseconds: silence))
    router.assumeVacancy(at: .ms(1000))
    #expect(router.deadline == Instant.ms(900).advanced(byNanoseconds: silence))
  }

  @Test("vacancy: nothing to do in any other state")
  func vacancyElsewhere() throws {
    var router = VirtualRouter.fresh()
    router.assumeVacancy(at: .ms(1))
    #expect(router.state == .initialize && router.deadline == nil)
    let (active, since) = VirtualRouter.active()
    var same = active
    same.assumeVacancy(at: since)
    #expect(same.standing == active.standing)
    router = .backup()
    _ = try router.resign(at: .ms(1), for: nil)
    let before = router.deadline
    router.assumeVacancy(at: .ms(2))
    #expect(router.deadline == before)
  }

  @Test("promote: nothing to do for the Active; the promotion ends with the role")
  func promotionEnds() throws {
    var (active, since) = VirtualRouter.active()
    let outcome1 = try active.promote(at: since)
    #expect(outcome1.isEmpty)

    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    _ = try router.promote(at: .ms(1200))
    _ = router.hear(202, at: .ms(1300))
    #expect(router.state == .backup)
    #expect(router.effectivePriority == .default)
  }

  // MARK: Standstill

  @Test("After a standstill: Backup without a farewell, for a full Active_Down_Interval")
  func standstill() {
    var (router, since) = VirtualRouter.active(priority: 200)
    let now = since.advanced(byNanoseconds: 2_000_000_000)
    let actions = router.leaveRole(afterStandstill: .seconds(2), at: now)
    #expect(
      actions.kinds == [
        .removeAddresses,
        .transition(
          Transition(from: .active, to: .backup, reason: .stoodStill(for: .seconds(2)))),
      ])
    #expect(router.deadline == now + router.activeDownInterval)
    #expect(router.leaveRole(afterStandstill: .seconds(2), at: now).isEmpty)
    // After more than three intervals others have taken over by their timers.
    (router, since) = VirtualRouter.active()
    let late = since.advanced(byNanoseconds: 3_000_000_001)
    let reason = router.leaveRole(afterStandstill: .seconds(3), at: late).transition?.reason
    #expect(reason == .lateWakeUp(silentFor: .nanoseconds(3_000_000_001)))
    // An owner holds its addresses anyway.
    (router, since) = VirtualRouter.active(priority: 255)
    #expect(router.leaveRole(afterStandstill: .seconds(2), at: since).isEmpty)
  }

  // MARK: resign

  @Test("resign: farewell, Backup with the lowest priority, addresses off")
  func resign() throws {
    var (router, since) = VirtualRouter.active(priority: 200)
    let actions = try router.resign(at: since, for: .seconds(60))
    #expect(
      actions.kinds == [
        .advertise(.farewell), .removeAddresses,
        .transition(Transition(from: .active, to: .backup, reason: .resigned)),
      ])
    #expect(router.effectivePriority == .lowest)
    // A router below the configured priority is better now.
    let now = since.advanced(byNanoseconds: 700_000_000)
    _ = router.hear(50, at: now)
    #expect(router.deadline == now.advanced(byNanoseconds: 3_996_093_750))
  }

  @Test("resign: if no other router takes over, the addresses come back after two intervals")
  func resignAlone() throws {
    var (router, since) = VirtualRouter.active(priority: 200)
    _ = try router.resign(at: since, for: nil)
    let deadline = try #require(router.deadline)
    #expect(deadline == since.advanced(byNanoseconds: 1_996_093_750))
    let actions = router.advance(to: deadline)
    #expect(actions.kinds.first == .advertise(.lowest))
    #expect(actions.transition?.reason == .noSuccessor)
    // Wanted again: promote takes the resignation back.
    let outcome2 = try router.promote(at: deadline)
    #expect(outcome2.isEmpty)
    #expect(router.effectivePriority.rawValue == 200)
  }

  @Test("resign: when it is over, the configured priority counts again")
  func resignationEnds() throws {
    var (router, since) = VirtualRouter.active(priority: 200)
    _ = try router.resign(at: since, for: .seconds(10))
    var now = since
    for _ in 0..<9 {
      now = now.advanced(byNanoseconds: 1_000_000_000)
      _ = router.hear(100, at: now)
      #expect(router.effectivePriority == .lowest)
    }
    now = now.advanced(byNanoseconds: 1_000_000_000)
    let deadline = router.deadline
    _ = router.hear(100, at: now)
    #expect(router.effectivePriority.rawValue == 200)
    #expect(router.deadline == deadline, "a lower priority no longer sets the timer back")
  }

  @Test("resign: an owner can, too; a Backup just stands back; a stopped router can't")
  func resignOthers() throws {
    var (owner, since) = VirtualRouter.active(priority: 255)
    _ = try owner.resign(at: since, for: nil)
    #expect(!owner.isOwner)
    #expect(owner.state == .backup)

    var backup = VirtualRouter.backup()
    let outcome3 = try backup.resign(at: .ms(1), for: nil)
    #expect(outcome3.isEmpty)
    #expect(backup.effectivePriority == .lowest)
    _ = backup.stop(at: .ms(2))
    #expect(throws: CommandError.notRunning) { try backup.resign(at: .ms(3), for: nil) }
    #expect(backup.effectivePriority == .default, "a restart forgets it")
  }

  // MARK: resume

  @Test("resume: an Active that has resigned alone says its configured priority at once")
  func resumeAlone() throws {
    var (router, since) = VirtualRouter.active(priority: 200)
    _ = try router.resign(at: since, for: nil)
    let deadline = try #require(router.deadline)
    _ = router.advance(to: deadline)
    #expect(router.state == .active && router.effectivePriority == .lowest)
    #expect(router.isResigned(at: deadline))
    let now = deadline.advanced(byNanoseconds: 400_000_000)
    let actions = router.resume(at: now)
    #expect(actions.kinds == [.advertise(Priority(rawValue: 200))])
    #expect(!router.isResigned(at: now))
    #expect(router.deadline == now.advanced(byNanoseconds: 1_000_000_000))
    #expect(router.resume(at: now).isEmpty, "there is nothing left to end")
  }

  @Test("resume: a Backup takes nothing by it, but preempts as it is configured to")
  func resumeAsBackup() throws {
    for preempts in [true, false] {
      var router = VirtualRouter.backup(preempts: preempts)
      _ = try router.resign(at: .ms(1), for: nil)
      _ = router.hear(50, at: .ms(1000))
      #expect(router.resume(at: .ms(1500)).isEmpty)
      #expect(router.state == .backup && router.effectivePriority == .default)
      #expect(router.deadline == Instant.ms(1000).advanced(byNanoseconds: 3_609_375_000))
      _ = router.hear(50, at: .ms(2000))
      let since = UInt64(preempts ? 1000 : 2000)
      #expect(router.deadline == Instant.ms(since).advanced(byNanoseconds: 3_609_375_000))
    }
  }

  @Test("resume: a promotion ends, and the others hear the configured priority at once")
  func resumePromotion() throws {
    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    _ = try router.promote(at: .ms(1200))
    #expect(router.isPromoted)
    #expect(router.resume(at: .ms(1300)).kinds == [.advertise(.default)])
    #expect(!router.isPromoted && router.state == .active)
    // The former Active is better again.
    #expect(router.hear(200, at: .ms(1400)).transition?.to == .backup)
  }

  @Test("resume: nothing to do for a router that has stopped, or has neither")
  func resumeOthers() {
    var router = VirtualRouter.fresh()
    #expect(router.resume(at: .ms(1)).isEmpty)
    var (active, since) = VirtualRouter.active()
    let before = active.standing
    #expect(active.resume(at: since).isEmpty)
    #expect(active.standing == before)
  }

  @Test("resign: Backups that hear priority 0 and then the same router again follow it")
  func farewellTakenBack() throws {
    var (router, since) = VirtualRouter.active(priority: 200)
    _ = try router.resign(at: since, for: nil)
    let back = try #require(router.deadline)
    // One with priority 1 and the longest Skew_Time of all has taken over before that.
    var backup = VirtualRouter.backup(priority: 1)
    _ = backup.hear(200, at: since)
    _ = backup.hear(0, at: since)
    let takeover = try #require(backup.deadline)
    #expect(takeover < back)
    // One that has not (its segment was cut) follows the advertisement that comes next.
    _ = backup.hear(1, at: back)
    #expect(backup.state == .backup)
    #expect(backup.activeRouter?.priority == .lowest)
  }

  // MARK: yield

  @Test("Leaving the role to a router that does not hear: no farewell, and the lowest priority")
  func yieldToUnhearing() throws {
    var (router, since) = VirtualRouter.active(priority: 200)
    let rival = VirtualRouter.ActiveRouter(
      address: Fixture.lower, priority: Priority(rawValue: 100))
    let left = router.yield(
      toUnhearing: rival, interval: .default, at: since, for: .seconds(60))
    #expect(router.state == .backup && router.activeRouter == rival)
    #expect(router.effectivePriority == .lowest)
    #expect(left.transition?.reason == .unheard(by: rival.address, rival.priority))
    #expect(router.statistics.priorityZeroSent == 0)
    let again = router.yield(
      toUnhearing: rival, interval: .default, at: since, for: .seconds(60))
    #expect(again.isEmpty, "a Backup has no role to leave")

    var (owner, start) = VirtualRouter.active(priority: 255)
    let kept = owner.yield(toUnhearing: rival, interval: .default, at: start, for: .seconds(60))
    #expect(kept.isEmpty && owner.state == .active)
  }

  // MARK: Before long work

  @Test(
    "Before long work an advertisement comes early, half an interval after the last one at the earliest"
  )
  func advertiseAhead() throws {
    var (router, since) = VirtualRouter.active()
    func later(_ milliseconds: UInt64) -> Instant {
      since.advanced(byNanoseconds: milliseconds * 1_000_000)
    }
    #expect(router.advertiseAhead(at: later(499)).isEmpty)
    #expect(!router.advertiseAhead(at: later(500)).isEmpty)
    #expect(router.deadline == later(1500))
    #expect(router.advertiseAhead(at: later(900)).isEmpty)
    #expect(router.advertiseAhead(at: later(5000)).isEmpty, "it may have been frozen")
    var backup = VirtualRouter.backup()
    #expect(backup.advertiseAhead(at: .ms(800)).isEmpty)
  }
}
