import Testing
import VIPCore
import VRRP

/// The machine where the RFC is silent, or on purpose otherwise than it says.
@Suite struct BeyondRFCTests {
  // MARK: Our own address

  @Test("A looped-back packet of our own is ignored in every state and never answered")
  func ownAddress() {
    var (active, since) = VirtualRouter.active()
    for priority in [0, 1, 100, 255] as [UInt8] {
      #expect(active.hear(priority, from: Fixture.own, at: since).isEmpty)
    }
    #expect(active.state == .active)
    var backup = VirtualRouter.backup()
    let deadline = backup.deadline
    #expect(backup.hear(255, from: Fixture.own, at: .ms(1000)).isEmpty)
    #expect(backup.deadline == deadline)
  }

  @Test("Two Actives can't drive each other: answers are bounded, however fast losers speak")
  func boundedAnswers() {
    var (router, since) = VirtualRouter.active()
    var answers = 0
    for microseconds in UInt64(0)..<1_000_000 where microseconds % 100 == 0 {
      let now = since.advanced(byNanoseconds: microseconds * 1000)
      if router.hear(50, from: Fixture.lower, at: now).advertises { answers += 1 }
    }
    #expect(answers == 4)
  }

  /// Lets farewells come in for three intervals.
  private func farewells(
    every pause: UInt64, losers: Bool = false
  ) -> (router: VirtualRouter, advertised: [Instant], last: Instant) {
    var (router, since) = VirtualRouter.active()
    var advertised: [Instant] = []
    var now = since
    while now < since.advanced(byNanoseconds: 3_000_000_000) {
      now = now.advanced(byNanoseconds: pause)
      if let deadline = router.deadline, deadline <= now {
        if router.advance(to: deadline).advertises { advertised.append(deadline) }
      }
      if router.hear(0, from: Fixture.lower, at: now).advertises { advertised.append(now) }
      if losers, router.hear(50, from: Fixture.lower, at: now).advertises { advertised.append(now) }
    }
    #expect(router.state == .active)
    return (router, advertised, now)
  }

  @Test("Forged farewells don't multiply packets: four in an interval, those to losers included")
  func boundedFarewells() {
    for losers in [false, true] {
      let (_, advertised, _) = farewells(every: 10_000_000, losers: losers)
      // Every window of one interval.
      for (index, first) in advertised.enumerated() {
        let end = first.advanced(byNanoseconds: 1_000_000_000)
        #expect(advertised[index...].count { $0 < end } <= 4)
      }
      #expect(advertised.count >= 8)
    }
  }

  @Test("The last of many farewells is answered within a quarter of an interval")
  func lastFarewell() throws {
    let (router, advertised, last) = farewells(every: 7_000_000)
    let quarter: UInt64 = 250_000_000
    #expect(try #require(advertised.last).advanced(byNanoseconds: quarter) > last)
    #expect(try #require(router.deadline) <= last.advanced(byNanoseconds: quarter))
  }

  @Test("A farewell right after a losing advertisement is answered when the next answer may go")
  func farewellAfterLoser() {
    var (router, since) = VirtualRouter.active()
    #expect(router.hear(50, from: Fixture.lower, at: since).advertises)
    let soon = since.advanced(byNanoseconds: 1_000_000)
    #expect(!router.hear(0, from: Fixture.lower, at: soon).advertises)
    #expect(router.deadline == since.advanced(byNanoseconds: 250_000_000))
    // It does not put off what comes sooner anyway.
    #expect(!router.hear(0, from: Fixture.lower, at: soon).advertises)
    #expect(router.deadline == since.advanced(byNanoseconds: 250_000_000))
  }

  // MARK: Late wake-up

  @Test("An Active that wakes up after three silent intervals steps down before it advertises")
  func lateTimer() {
    var (router, since) = VirtualRouter.active()
    let actions = router.advance(to: since.advanced(byNanoseconds: 3_000_000_001))
    #expect(!actions.advertises)
    #expect(
      actions.kinds == [
        .removeAddresses,
        .transition(
          Transition(
            from: .active, to: .backup, reason: .lateWakeUp(silentFor: .nanoseconds(3_000_000_001)))
        ),
      ])
    #expect(
      router.deadline == since.advanced(byNanoseconds: 3_000_000_001 + 3_609_375_000))
  }

  @Test("Up to three silent intervals no other can have taken over: the Active just goes on")
  func notLateYet() {
    var (router, since) = VirtualRouter.active()
    let actions = router.advance(to: since.advanced(byNanoseconds: 3_000_000_000))
    #expect(actions.kinds == [.advertise(.default)])
  }

  @Test("Waking up to a queue of advertisements, it steps down before it would answer the first")
  func lateReceive() {
    var (router, since) = VirtualRouter.active()
    let now = since.advanced(byNanoseconds: 10_000_000_000)
    let first = router.hear(50, from: Fixture.lower, at: now)
    #expect(!first.advertises)
    #expect(first.transition?.reason == .lateWakeUp(silentFor: .seconds(10)))
    #expect(router.state == .backup)
    #expect(router.activeRouter?.address == Fixture.lower)
    // A leaving Active is no exception.
    var (other, start) = VirtualRouter.active()
    let zero = other.hear(0, at: start.advanced(byNanoseconds: 10_000_000_000))
    #expect(!zero.advertises)
    #expect(other.state == .backup)
  }

  @Test("Late and outranked: one step down, following the better router")
  func lateAndOutranked() {
    var (router, since) = VirtualRouter.active()
    let now = since.advanced(byNanoseconds: 10_000_000_000)
    let actions = router.hear(200, at: now)
    #expect(actions.count == 2)
    #expect(router.activeRouter?.address == Fixture.higher)
    #expect(router.deadline == now.advanced(byNanoseconds: 3_609_375_000))
  }

  @Test("A Backup whose timer fires much too late listens for another Active_Down_Interval")
  func lateBackup() throws {
    var router = VirtualRouter.backup()
    let due = try #require(router.deadline)
    // A quarter of an interval is no pause.
    var other = router
    #expect(other.advance(to: due.advanced(byNanoseconds: 250_000_000)).transition?.to == .active)
    let now = due.advanced(byNanoseconds: 250_000_001)
    #expect(router.advance(to: now).isEmpty)
    #expect(router.state == .backup && router.activeRouter == nil)
    #expect(router.deadline == now.advanced(byNanoseconds: 3_609_375_000))
    // Once in a row, unless it was away for long again.
    let next = try #require(router.deadline)
    other = router
    #expect(
      other.advance(to: next.advanced(byNanoseconds: 3_000_000_000)).transition?.to == .active)
    #expect(router.advance(to: next.advanced(byNanoseconds: 3_000_000_001)).isEmpty)
    // What is put off on purpose is not late.
    let last = try #require(router.deadline).advanced(byNanoseconds: 5_000_000_000)
    #expect(router.advance(to: last, postponedTo: last).transition?.to == .active)
  }

  @Test("A Backup that wakes up to the Active's advertisement follows it")
  func lateBackupHears() throws {
    var router = VirtualRouter.backup()
    let now = try #require(router.deadline).advanced(byNanoseconds: 10_000_000_000)
    #expect(router.advance(to: now).isEmpty)
    let heard = now.advanced(byNanoseconds: 500_000_000)
    _ = router.hear(200, at: heard)
    #expect(router.activeRouter?.address == Fixture.higher)
    #expect(router.deadline == heard.advanced(byNanoseconds: 3_609_375_000))
  }

  // MARK: After a split

  @Test("A router that has yielded can let the winner know that there were two Actives")
  func concession() {
    var (router, since) = VirtualRouter.active()
    #expect(router.concede().isEmpty, "it is Active")
    _ = router.hear(200, at: since)
    let deadline = router.deadline
    #expect(router.concede().kinds == [.advertise(.default)])
    #expect(router.deadline == deadline && router.state == .backup)
    // Not to one that would yield to it.
    _ = router.hear(50, from: Fixture.lower, at: since)
    #expect(router.concede().isEmpty)
    _ = router.hear(0, at: since)
    #expect(router.concede().isEmpty)
  }

  @Test("The owner never steps down for being late: its addresses are its own")
  func lateOwner() {
    var (router, since) = VirtualRouter.active(priority: 255)
    let now = since.advanced(byNanoseconds: 60_000_000_000)
    #expect(router.advance(to: now).kinds == [.advertise(.owner)])
  }

  // MARK: Equal priorities

  @Test("Among equals the rank spreads the takeover below one priority step")
  func ranks() throws {
    var last: Instant?
    for rank in UInt8(0)..<Timing.tieBreakRankCount {
      let deadline = try #require(VirtualRouter.backup(rank: rank).deadline)
      if let last { #expect(last < deadline) }
      last = deadline
    }
    let worse = try #require(VirtualRouter.backup(priority: 99).deadline)
    #expect(try #require(last) < worse)
    // Ranks beyond the last share its place instead of reaching into the next priority.
    #expect(VirtualRouter.backup(rank: 255).deadline == last)
  }

  @Test("Rank 0 keeps the RFC's times exactly")
  func rankZero() {
    #expect(Timing.tieBreakOffset(rank: 0, interval: .default) == .zero)
  }

  // MARK: Checksum forms

  @Test("auto: pseudo-header while alone, then the form heard from the peer")
  func automaticChecksum() {
    var router = VirtualRouter.backup()
    #expect(router.checksumFormToSend == .pseudoHeader)
    _ = router.hear(200, form: .message, at: .ms(1000))
    #expect(router.checksumFormToSend == .message)
    #expect(router.advertisement(.default, addressCount: 1).checksumForm == .message)
    _ = router.hear(200, form: .pseudoHeader, at: .ms(9000))
    #expect(router.checksumFormToSend == .pseudoHeader)
  }

  @Test("A fixed form is sent whatever is heard")
  func fixedChecksum() {
    for (policy, form) in [
      (ChecksumPolicy.message, ChecksumForm.message), (.pseudoHeader, .pseudoHeader),
    ] {
      var router = VirtualRouter.fresh(checksum: policy)
      _ = router.start(at: .zero, from: Fixture.own)
      for heard in ChecksumForm.allCases {
        _ = router.hear(200, form: heard, at: .ms(1))
        #expect(router.checksumFormToSend == form)
      }
    }
  }

  @Test("IPv6 has one form, whatever the policy says", arguments: ChecksumPolicy.allCases)
  func ipv6Checksum(_ policy: ChecksumPolicy) {
    let router = VirtualRouter.fresh(family: .ipv6, checksum: policy)
    #expect(router.checksumFormToSend == .pseudoHeader)
  }

  // MARK: Sentences for people

  @Test("Each reason reads as a sentence fragment")
  func reasons() {
    let one = Priority(rawValue: 1)
    let reasons: [(Transition.Reason, String)] = [
      (.startup, "started"), (.startupAsOwner, "started as address owner"),
      (.shutdown, "stopped"),
      (
        .activeDown(lastHeard: Fixture.lower, silentFor: .nanoseconds(3_609_375_000)),
        "no advertisement from 192.0.2.9 for 3.609s"
      ),
      (
        .activeDown(lastHeard: nil, silentFor: .nanoseconds(36_093_750)),
        "no advertisement from anyone for 0.036s"
      ),
      (.activeReleased(Fixture.lower), "192.0.2.9 released its role"),
      (.preempting(Fixture.lower, one), "preempting 192.0.2.9, which has lower priority 1"),
      (.higherPriority(Fixture.lower, one), "192.0.2.9 has higher priority 1"),
      (
        .higherAddress(Fixture.lower, one),
        "192.0.2.9 has equal priority 1 and the higher address"
      ),
      (.noSuccessor, "no other router took over"),
      (.lateWakeUp(silentFor: .seconds(5)), "woke up 5.000s after the last advertisement"),
    ]
    for (reason, text) in reasons { #expect(reason.description == text) }
  }
}
