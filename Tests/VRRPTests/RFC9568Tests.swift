import Testing
import VIPCore
import VRRP

// One test per sentence of RFC 9568 §6 that an election can obey or break. Each is written as
// init / act / check. What concerns traffic (ARP answers, forwarding) is done by the node and
// tested there; here the machine must ask for it at the right moment.

/// RFC 9568 §6.1: parameters of a virtual router.
@Suite struct RFC9568ParameterTests {
  @Test("§6.1 Priority: the default for backups is 100; 255 is the owner's, 0 reserved")
  func priority() {
    #expect(VirtualRouter.fresh().configuration.priority == .default)
    #expect(Priority.default.rawValue == 100)
    #expect(Priority(configured: 0) == nil)
    #expect(Priority(configured: 1)?.rawValue == 1)
    #expect(Priority(configured: 254)?.rawValue == 254)
    #expect(Priority(configured: 255) == .owner)
    #expect(Priority(configured: 256) == nil)
    #expect(Priority(configured: -1) == nil)
  }

  @Test("§6.1 Advertisement_Interval: default 100 centiseconds, 1 to 4095 of them")
  func interval() {
    #expect(AdvertisementInterval.default.centiseconds == 100)
    #expect(AdvertisementInterval(centiseconds: 0) == nil)
    #expect(AdvertisementInterval(centiseconds: 1)?.nanoseconds == 10_000_000)
    #expect(AdvertisementInterval(centiseconds: 4095)?.nanoseconds == 40_950_000_000)
    #expect(AdvertisementInterval(centiseconds: 4096) == nil)
    #expect(AdvertisementInterval(.milliseconds(5)) == nil)
    #expect(AdvertisementInterval(.milliseconds(15)) == nil)
    #expect(AdvertisementInterval(.seconds(41)) == nil)
  }

  @Test("An interval in the source: the number with its unit")
  func intervalLiterals() {
    #expect(AdvertisementInterval.milliseconds(100) == AdvertisementInterval(centiseconds: 10))
    #expect(AdvertisementInterval.milliseconds(10).nanoseconds == 10_000_000)
    #expect(AdvertisementInterval.milliseconds(40_950) == .version3Max)
    #expect(AdvertisementInterval.seconds(1) == .default)
    #expect(AdvertisementInterval.seconds(255) == AdvertisementInterval(seconds: 255))
    #expect(AdvertisementInterval.milliseconds(255_000) == .seconds(255))
  }

  @Test("An interval in the source that no advertisement carries stops the program")
  func impossibleIntervalLiterals() async {
    await #expect(processExitsWith: .failure) { _ = AdvertisementInterval.milliseconds(15) }
    await #expect(processExitsWith: .failure) { _ = AdvertisementInterval.milliseconds(0) }
    await #expect(processExitsWith: .failure) { _ = AdvertisementInterval.milliseconds(-10) }
    await #expect(processExitsWith: .failure) {
      _ = AdvertisementInterval.milliseconds(41_000 + 10)
    }
    await #expect(processExitsWith: .failure) { _ = AdvertisementInterval.seconds(0) }
    await #expect(processExitsWith: .failure) { _ = AdvertisementInterval.seconds(256) }
  }

  @Test("§6.1 Active_Adver_Interval: initially the same as Advertisement_Interval")
  func activeInterval() {
    let router = VirtualRouter.backup(interval: .milliseconds(250))
    #expect(router.activeInterval == VRRPTests.interval(.milliseconds(250)))
  }

  @Test(
    "§6.1 Skew_Time and Active_Down_Interval, without rounding",
    arguments: [
      (100, 100, 609_375_000, 3_609_375_000), (254, 100, 7_812_500, 3_007_812_500),
      (1, 100, 996_093_750, 3_996_093_750), (255, 100, 3_906_250, 3_003_906_250),
      (100, 4095, 24_953_906_250, 147_803_906_250), (254, 1, 78_125, 30_078_125),
    ] as [(UInt8, UInt16, Int64, Int64)])
  func skew(priority: UInt8, centiseconds: UInt16, skew: Int64, down: Int64) throws {
    let interval = try #require(AdvertisementInterval(centiseconds: centiseconds))
    let router = VirtualRouter.backup(priority: priority, interval: interval.duration)
    #expect(router.skewTime == .nanoseconds(skew))
    #expect(router.activeDownInterval == .nanoseconds(down))
    let priority = Priority(rawValue: priority)
    #expect(
      Timing.activeDownInterval(priority: priority, interval: interval) == .nanoseconds(down))
  }

  @Test("§6.1 Skew_Time: a higher priority never waits longer than a lower one")
  func skewOrder() {
    for priority in UInt8(1)..<255 {
      let slow = Timing.skewTime(priority: Priority(rawValue: priority), interval: .default)
      let fast = Timing.skewTime(priority: Priority(rawValue: priority + 1), interval: .default)
      let lastRank = Timing.tieBreakOffset(rank: Timing.tieBreakRankCount - 1, interval: .default)
      #expect(fast + lastRank < slow)
    }
  }

  @Test("§6.1 Preempt_Mode: the default is true")
  func preemptDefault() {
    let configuration = VirtualRouter.Configuration(vrid: vrid(1), family: .ipv4)
    #expect(configuration.preempts)
  }
}

/// RFC 9568 §6.4.1: Initialize.
@Suite struct RFC9568InitializeTests {
  @Test("§6.4.1 The purpose of this state is to wait for a Startup event: no timer runs")
  func waits() {
    var router = VirtualRouter.fresh()
    #expect(router.state == .initialize)
    #expect(router.deadline == nil)
    #expect(router.advance(to: .ms(1_000_000)).isEmpty)
    #expect(router.state == .initialize)
  }

  @Test("§6.4.1 Startup of the owner: advertise, announce, set the Adver_Timer, become Active")
  func startOwner() {
    var router = VirtualRouter.fresh(priority: 255)
    let actions = router.start(at: .ms(500), from: Fixture.own)
    #expect(
      actions.kinds == [
        .advertise(.owner), .installAddresses, .announceAddresses,
        .transition(Transition(from: .initialize, to: .active, reason: .startupAsOwner)),
      ])
    #expect(router.state == .active)
    #expect(router.deadline == .ms(1500))
  }

  @Test("§6.4.1 Startup of any other router: set the Active_Down_Timer, become Backup, stay silent")
  func startBackup() {
    var router = VirtualRouter.fresh(priority: 254)
    let actions = router.start(at: .ms(500), from: Fixture.own)
    #expect(
      actions.kinds == [
        .transition(Transition(from: .initialize, to: .backup, reason: .startup))
      ])
    #expect(router.state == .backup)
    #expect(router.deadline == Instant.ms(500).advanced(byNanoseconds: 3_007_812_500))
  }

  @Test("§6.4.1 An advertisement before Startup is ignored")
  func ignoresAdvertisements() {
    var router = VirtualRouter.fresh()
    #expect(router.hear(200, at: .ms(1)).isEmpty)
    #expect(router.state == .initialize)
    #expect(router.deadline == nil)
  }

  @Test("§6.4.1 A second Startup and a Shutdown before any change nothing")
  func repeatedEvents() {
    var router = VirtualRouter.fresh()
    #expect(router.stop(at: .ms(1)).isEmpty)
    _ = router.start(at: .ms(2), from: Fixture.own)
    let deadline = router.deadline
    #expect(router.start(at: .ms(900), from: Fixture.own).isEmpty)
    #expect(router.deadline == deadline)
  }

  @Test("§6.4.1 A restart forgets what was learned from the Active before")
  func restart() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, interval: .seconds(10), at: .ms(100))
    _ = router.stop(at: .ms(200))
    _ = router.start(at: .ms(300), from: Fixture.own)
    #expect(router.activeInterval == .default)
    #expect(router.activeRouter == nil)
    #expect(router.deadline == Instant.ms(300).advanced(byNanoseconds: 3_609_375_000))
  }
}

/// RFC 9568 §6.4.2: Backup.
@Suite struct RFC9568BackupTests {
  @Test("§6.4.2 Shutdown: cancel the Active_Down_Timer and go to Initialize, silently")
  func shutdown() {
    var router = VirtualRouter.backup()
    let actions = router.stop(at: .ms(100))
    #expect(
      actions.kinds == [
        .transition(Transition(from: .backup, to: .initialize, reason: .shutdown))
      ])
    #expect(router.deadline == nil)
  }

  @Test("§6.4.2 Active_Down_Timer fires: advertise, announce, set the Adver_Timer, become Active")
  func takeover() {
    var router = VirtualRouter.backup()
    let moment = Instant.zero.advanced(byNanoseconds: 3_609_375_000)
    #expect(router.deadline == moment)
    let early = Instant(nanoseconds: moment.nanoseconds - 1)
    #expect(router.advance(to: early).isEmpty)
    #expect(router.state == .backup)

    let actions = router.advance(to: moment)
    #expect(actions.count == 4)
    #expect(
      Array(actions.kinds.prefix(3)) == [
        .advertise(.default), .installAddresses, .announceAddresses,
      ])
    #expect(actions.transition?.to == .active)
    #expect(
      actions.transition?.reason
        == .activeDown(lastHeard: nil, silentFor: .nanoseconds(3_609_375_000)))
    #expect(router.deadline == moment.advanced(byNanoseconds: 1_000_000_000))
    #expect(router.statistics.masterTransitions == 1)
  }

  @Test("§6.4.2 Priority zero: set the Active_Down_Timer to Skew_Time")
  func priorityZero() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, at: .ms(1000))
    #expect(router.hear(0, at: .ms(1500)).isEmpty)
    let moment = Instant.ms(1500).advanced(byNanoseconds: 609_375_000)
    #expect(router.deadline == moment)
    #expect(router.advance(to: moment).transition?.reason == .activeReleased(Fixture.higher))
  }

  @Test("§6.4.2 Priority zero: Skew_Time comes from the interval learned, not from the zero's")
  func priorityZeroKeepsInterval() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, interval: .seconds(2), at: .ms(1000))
    _ = router.hear(0, interval: .seconds(40), at: .ms(1500))
    #expect(router.activeInterval == VRRPTests.interval(.seconds(2)))
    #expect(router.deadline == Instant.ms(1500).advanced(byNanoseconds: 1_218_750_000))
  }

  @Test("§6.4.2 Priority equal or higher: restart the Active_Down_Timer", arguments: [100, 200])
  func follow(_ priority: Int) {
    var router = VirtualRouter.backup()
    #expect(router.hear(UInt8(priority), from: Fixture.lower, at: .ms(1000)).isEmpty)
    #expect(router.state == .backup)
    #expect(router.deadline == Instant.ms(1000).advanced(byNanoseconds: 3_609_375_000))
    #expect(router.activeRouter?.address == Fixture.lower)
    #expect(router.activeRouter?.priority.rawValue == UInt8(priority))
  }

  @Test("§6.4.2 Follow: set Active_Adver_Interval to the one in the advertisement, recompute")
  func learnInterval() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, interval: .milliseconds(100), at: .ms(1000))
    #expect(router.activeInterval == VRRPTests.interval(.milliseconds(100)))
    #expect(router.skewTime == .nanoseconds(60_937_500))
    #expect(router.activeDownInterval == .nanoseconds(360_937_500))
    #expect(router.deadline == Instant.ms(1000).advanced(byNanoseconds: 360_937_500))
  }

  @Test("§6.4.2 Lower priority with Preempt_Mode: discard; the timer runs on")
  func preempt() {
    var router = VirtualRouter.backup()
    let deadline = router.deadline
    for moment in stride(from: UInt64(100), to: 3600, by: 500) {
      #expect(router.hear(50, from: Fixture.lower, interval: .seconds(9), at: .ms(moment)).isEmpty)
      #expect(router.deadline == deadline)
      #expect(router.activeInterval == .default)
    }
    let actions = router.advance(to: .ms(3610))
    #expect(actions.transition?.reason == .preempting(Fixture.lower, Priority(rawValue: 50)))
    #expect(router.state == .active)
  }

  @Test("§6.4.2 Lower priority without Preempt_Mode: follow it")
  func noPreempt() {
    var router = VirtualRouter.backup(preempts: false)
    #expect(router.hear(1, from: Fixture.lower, at: .ms(1000)).isEmpty)
    #expect(router.deadline == Instant.ms(1000).advanced(byNanoseconds: 3_609_375_000))
    #expect(router.activeRouter?.priority.rawValue == 1)
  }

  @Test("§6.1 Preempt_Mode: the owner always preempts, whatever the setting")
  func ownerPreempts() {
    var (router, since) = VirtualRouter.active(priority: 255, preempts: false)
    // A second owner with a higher address makes this one Backup; then only a backup is heard.
    _ = router.hear(255, from: Fixture.higher, at: since)
    #expect(router.state == .backup)
    let deadline = router.deadline
    _ = router.hear(254, from: Fixture.higher, at: .ms(500))
    #expect(router.deadline == deadline)
  }

  @Test("§6.4.2 Without Preempt_Mode a silent Active is replaced all the same")
  func noPreemptStillBacksUp() {
    var router = VirtualRouter.backup(preempts: false)
    _ = router.hear(1, from: Fixture.lower, at: .ms(1000))
    _ = router.advance(to: .ms(4610))
    #expect(router.state == .active)
  }

  @Test("§6.4.2 A Backup never sends, whatever it hears")
  func silent() {
    var router = VirtualRouter.backup()
    for (index, priority) in ([0, 1, 99, 100, 101, 254, 255] as [UInt8]).enumerated() {
      let moment = Instant.ms(UInt64(index) * 10)
      #expect(!router.hear(priority, at: moment).advertises)
      #expect(!router.hear(priority, from: Fixture.lower, at: moment).advertises)
    }
    #expect(router.statistics.advertisementSent == 0)
  }
}

/// RFC 9568 §6.4.3: Active.
@Suite struct RFC9568ActiveTests {
  @Test("§6.4.3 Shutdown: send priority 0, stop the Adver_Timer, go to Initialize")
  func shutdown() {
    var (router, since) = VirtualRouter.active()
    let actions = router.stop(at: since)
    #expect(
      actions.kinds == [
        .advertise(.farewell), .removeAddresses,
        .transition(Transition(from: .active, to: .initialize, reason: .shutdown)),
      ])
    #expect(router.deadline == nil)
    #expect(router.statistics.priorityZeroSent == 1)
  }

  @Test("§6.4.3 Adver_Timer fires: advertise and set it again")
  func periodic() {
    var (router, since) = VirtualRouter.active()
    var moment = since
    for _ in 0..<5 {
      moment = moment.advanced(byNanoseconds: 1_000_000_000)
      #expect(router.deadline == moment)
      #expect(router.advance(to: moment).kinds == [.advertise(.default)])
      #expect(router.advance(to: moment).isEmpty, "advancing twice to one moment does nothing")
    }
    #expect(router.statistics.advertisementSent == 6)
  }

  @Test("§6.4.3 Adver_Timer: being served late does not add up; being served very late catches up")
  func lateService() {
    var (router, since) = VirtualRouter.active()
    _ = router.advance(to: since.advanced(byNanoseconds: 1_200_000_000))
    #expect(router.deadline == since.advanced(byNanoseconds: 2_000_000_000))
    let now = since.advanced(byNanoseconds: 3_100_000_000)
    #expect(router.advance(to: now).kinds == [.advertise(.default)])
    #expect(router.deadline == now.advanced(byNanoseconds: 1_000_000_000))
  }

  @Test("§6.4.3 Adver_Timer: counts our Advertisement_Interval, not the one learned as Backup")
  func ownInterval() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, interval: .milliseconds(100), at: .ms(100))
    _ = router.advance(to: .ms(461))
    #expect(router.state == .active)
    #expect(router.deadline == .ms(1461))
  }

  @Test("§6.4.3 Priority zero: advertise and set the Adver_Timer")
  func priorityZero() {
    var (router, since) = VirtualRouter.active()
    let moment = since.advanced(byNanoseconds: 300_000_000)
    #expect(router.hear(0, at: moment).kinds == [.advertise(.default)])
    #expect(router.state == .active)
    #expect(router.deadline == moment.advanced(byNanoseconds: 1_000_000_000))
  }

  @Test("§6.4.3 Higher priority: stop the Adver_Timer, follow it, become Backup")
  func higherPriority() {
    var (router, since) = VirtualRouter.active()
    let actions = router.hear(
      101, from: Fixture.lower, interval: .milliseconds(100), at: since)
    let reason = Transition.Reason.higherPriority(Fixture.lower, Priority(rawValue: 101))
    #expect(
      actions.kinds == [
        .removeAddresses, .transition(Transition(from: .active, to: .backup, reason: reason)),
      ])
    #expect(router.activeInterval == VRRPTests.interval(.milliseconds(100)))
    #expect(router.deadline == since.advanced(byNanoseconds: 360_937_500))
  }

  @Test("§6.4.3 Equal priority and a higher primary address: become Backup")
  func equalHigherAddress() {
    var (router, since) = VirtualRouter.active()
    let actions = router.hear(100, from: Fixture.higher, at: since)
    #expect(actions.transition?.reason == .higherAddress(Fixture.higher, .default))
    #expect(router.state == .backup)
    #expect(!actions.advertises)
  }

  @Test("§6.4.3 Equal priority and a lower primary address: stay Active, advertise at once")
  func equalLowerAddress() {
    var (router, since) = VirtualRouter.active()
    let actions = router.hear(100, from: Fixture.lower, at: since)
    #expect(actions.kinds == [.advertise(.default), .announceAddresses])
    #expect(router.state == .active)
  }

  @Test("§6.4.3 Addresses compare as unsigned numbers in network order")
  func unsignedComparison() {
    for (higher, own) in [("200.0.0.1", "100.0.0.1"), ("128.0.0.0", "127.255.255.255")] {
      var router = VirtualRouter.fresh()
      _ = router.start(at: .zero, from: address(own))
      _ = router.advance(to: .ms(4000))
      _ = router.hear(100, from: address(higher), at: .ms(4001))
      #expect(router.state == .backup, "\(higher) is above \(own)")
    }
    var router = VirtualRouter.fresh(family: .ipv6)
    _ = router.start(at: .zero, from: address("fe80::7fff:0:0:1"))
    _ = router.advance(to: .ms(4000))
    _ = router.hear(100, from: address("fe80::8000:0:0:1"), at: .ms(4001))
    #expect(router.state == .backup)
  }

  @Test("§6.4.3 Lower priority: stay Active and advertise at once to assert the role")
  func assertRole() {
    var (router, since) = VirtualRouter.active()
    let timer = router.deadline
    let actions = router.hear(99, from: Fixture.higher, at: since)
    #expect(actions.kinds == [.advertise(.default), .announceAddresses])
    #expect(router.deadline == timer, "the Adver_Timer runs on")
  }

  @Test("§6.4.3 Preempt_Mode concerns Backups only: an Active yields to a higher priority")
  func noPreemptYields() {
    var (router, since) = VirtualRouter.active(preempts: false)
    _ = router.hear(101, at: since)
    #expect(router.state == .backup)
  }

  @Test("§6.4.3 with erratum 8298: an owner hears a second owner and the higher address wins")
  func twoOwners() {
    var (router, since) = VirtualRouter.active(priority: 255)
    #expect(router.hear(255, from: Fixture.lower, at: since).kinds.first == .advertise(.owner))
    _ = router.hear(255, from: Fixture.higher, at: since)
    #expect(router.state == .backup)
  }
}

/// RFC 9568 §7.1 and §8: what is noticed but does not stop an advertisement.
@Suite struct RFC9568ReceiveTests {
  @Test("§7.1 An unlike Advertisement Interval is counted and the advertisement kept")
  func intervalMismatch() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, interval: .seconds(2), at: .ms(1))
    #expect(router.statistics.intervalErrors == 1)
    #expect(router.statistics.advertisementReceived == 1)
    #expect(router.activeRouter?.address == Fixture.higher)
  }

  @Test("§7.1 An unlike address list is counted and the advertisement kept")
  func addressListMismatch() {
    var router = VirtualRouter.backup()
    _ = router.hear(200, listsOurAddresses: false, at: .ms(1))
    #expect(router.statistics.addressListErrors == 1)
    #expect(router.activeRouter?.address == Fixture.higher)
  }

  @Test("§7.1 Every failed check is counted under its RFC 8347 name")
  func counters() {
    var segment = SegmentStatistics()
    var router = Statistics()
    for error in [.hopLimit(1), .version(2), .checksum, .vridZero] as [AdvertisementError] {
      let belongsToSegment = segment.count(error)
      #expect(belongsToSegment)
    }
    #expect(segment.ipTTLErrors == 1)
    #expect(segment.versionErrors == 1)
    #expect(segment.checksumErrors == 1)
    #expect(segment.vridErrors == 1)
    for error in [.length(3), .type(2), .noAddresses, .intervalZero] as [AdvertisementError] {
      let belongsToSegment = segment.count(error)
      #expect(!belongsToSegment)
      router.count(error)
    }
    #expect(router.packetLengthErrors == 1)
    #expect(router.invalidTypeReceived == 1)
    #expect(router.addressListErrors == 1)
    #expect(router.intervalErrors == 1)
  }

  @Test("§7.1 priority-zero-pkts-rcvd counts what a leaving Active sends")
  func priorityZeroCounter() {
    var router = VirtualRouter.backup()
    _ = router.hear(0, at: .ms(1))
    #expect(router.statistics.priorityZeroReceived == 1)
    #expect(router.statistics.advertisementReceived == 1)
  }

  @Test("§7.2 The advertisement sent carries VRID, priority, our interval and the address count")
  func sentFields() throws {
    let router = VirtualRouter.fresh(priority: 77, interval: .milliseconds(30))
    let advertisement = router.advertisement(Priority(rawValue: 77), addressCount: 1)
    let message = advertisement.encoded([Fixture.vip], from: Fixture.source, to: Fixture.group)
    #expect(message.prefix(6).elementsEqual([0x31, 51, 77, 1, 0, 3]))
    #expect(try parse(message) == advertisement)
  }

  @Test("§7.3 The virtual router MAC addresses")
  func virtualMAC() {
    #expect(MACAddress.virtualRouter(vrid(51), .ipv4).description == "00:00:5e:00:01:33")
    #expect(MACAddress.virtualRouter(vrid(51), .ipv6).description == "00:00:5e:00:02:33")
  }
}
