import ARP
import Testing
import VIPCore

@testable import VIP

/// The watch over held addresses by itself: claims and time in, deeds out.
@Suite struct ConflictWatchTests {
  private static let stranger = MACAddress(2, 0, 0, 0, 0, 0x66)
  private static let other = MACAddress(2, 0, 0, 0, 0, 0x67)
  private static let start = Instant(nanoseconds: 1_000_000_000_000)
  private static let grace = Duration.seconds(3)

  private func address(_ number: UInt8 = 100) -> IPAddress { .v4(IPv4Address(198, 18, 0, number)) }

  private func at(_ offset: Duration) -> Instant { Self.start + offset }

  private func hear(
    _ watch: inout ConflictWatch, _ number: UInt8 = 100, at offset: Duration,
    from mac: MACAddress = stranger
  ) -> ConflictWatch.Deed? {
    watch.heard(
      AddressClaim(address: address(number), mac: mac, form: .request), at: at(offset))
  }

  private func review(
    _ watch: inout ConflictWatch, at offset: Duration, groupHeardAt: Duration? = nil,
    grace: Duration = grace
  ) -> [ConflictWatch.Deed] {
    watch.review(at: at(offset), grace: grace, groupHeardAt: groupHeardAt.map { at($0) })
  }

  @Test func `a claim is answered after 20 ms, reported after the grace, over after a minute`() {
    var watch = ConflictWatch()
    #expect(watch.deadline == nil)
    #expect(hear(&watch, at: .zero) == nil)
    #expect(watch.deadline == at(.milliseconds(20)))
    #expect(review(&watch, at: .milliseconds(19)) == [])
    #expect(review(&watch, at: .milliseconds(20)) == [.defend(address())])
    #expect(watch.deadline == at(.seconds(3)))
    #expect(review(&watch, at: .milliseconds(2999)) == [])
    #expect(watch.status.current.isEmpty)
    #expect(review(&watch, at: .seconds(3)) == [.report(address(), Self.stranger)])
    #expect(watch.status.current.count == 1)
    #expect(watch.deadline == at(.seconds(50)))
    #expect(review(&watch, at: .seconds(50)) == [.probe(address())])
    #expect(watch.deadline == at(.seconds(60)))
    #expect(review(&watch, at: .milliseconds(59_999)) == [])
    #expect(review(&watch, at: .seconds(60)) == [.end(address(), Self.stranger)])
    #expect(watch.deadline == nil && watch.status.current.isEmpty)
    #expect(watch.status == RouterStatus.Conflicts(claims: 1, defenses: 1))
  }

  @Test func `a group that is heard around the claim excuses it`() {
    for heard in [Duration.seconds(-3), .zero, .milliseconds(10)] {
      var watch = ConflictWatch()
      _ = hear(&watch, at: .zero)
      #expect(review(&watch, at: .milliseconds(20), groupHeardAt: heard) == [])
      #expect(review(&watch, at: .seconds(3), groupHeardAt: heard) == [])
      #expect(watch.deadline == nil && watch.status == RouterStatus.Conflicts())
    }
    // More than three intervals before the claim it was another matter.
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    let long = Duration.milliseconds(-3001)
    #expect(review(&watch, at: .milliseconds(20), groupHeardAt: long) == [.defend(address())])
    #expect(
      review(&watch, at: .seconds(3), groupHeardAt: long) == [.report(address(), Self.stranger)])
  }

  @Test func `a further claim that comes too late for the group is judged by itself`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    #expect(review(&watch, at: .milliseconds(20), groupHeardAt: .seconds(-2)) == [])
    _ = hear(&watch, at: .milliseconds(1500), from: Self.other)
    #expect(review(&watch, at: .seconds(3), groupHeardAt: .seconds(-2)) == [.defend(address())])
    #expect(
      review(&watch, at: .milliseconds(4500), groupHeardAt: .seconds(-2))
        == [.report(address(), Self.other)])
    // One that comes in time is part of the takeover.
    watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    _ = review(&watch, at: .milliseconds(20), groupHeardAt: .seconds(-1))
    _ = hear(&watch, at: .milliseconds(1500), from: Self.other)
    #expect(review(&watch, at: .seconds(3), groupHeardAt: .seconds(-1)) == [])
    #expect(watch.deadline == nil)
  }

  @Test func `an advertisement after the defence still excuses the claim`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    #expect(review(&watch, at: .milliseconds(20)) == [.defend(address())])
    #expect(review(&watch, at: .seconds(3), groupHeardAt: .seconds(2)) == [])
    #expect(watch.deadline == nil)
  }

  @Test func `one claim's deadline does not shorten another's`() {
    var watch = ConflictWatch()
    _ = hear(&watch, 100, at: .zero)
    _ = hear(&watch, 101, at: .milliseconds(15))
    #expect(review(&watch, at: .milliseconds(20)) == [.defend(address(100))])
    #expect(watch.deadline == at(.milliseconds(35)))
    #expect(review(&watch, at: .milliseconds(35)) == [.defend(address(101))])
  }

  @Test func `a claim that was not answered before is when it is reported`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    // The turn came late.
    #expect(
      review(&watch, at: .seconds(4))
        == [.defend(address()), .report(address(), Self.stranger)])
  }

  @Test func `further claims are answered every ten seconds, and keep the conflict alive`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    _ = review(&watch, at: .milliseconds(20))
    _ = review(&watch, at: .seconds(3))
    var defenses: [Duration] = []
    for second in 4...80 where hear(&watch, at: .seconds(second)) != nil {
      defenses.append(.seconds(second))
    }
    #expect(defenses == [11, 21, 31, 41, 51, 61, 71].map { .seconds($0) })
    #expect(review(&watch, at: .seconds(80)) == [])
    #expect(watch.deadline == at(.seconds(81)))
    #expect(review(&watch, at: .seconds(81)) == [.defend(address())])
    #expect(watch.deadline == at(.seconds(130)))
    #expect(review(&watch, at: .seconds(130)) == [.probe(address())])
    #expect(watch.status.claims == 78 && watch.status.defenses == 9)
    #expect(review(&watch, at: .seconds(140)) == [.end(address(), Self.stranger)])
  }

  @Test func `a claim within ten seconds of an answer is answered when they are over`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    #expect(review(&watch, at: .milliseconds(20)) == [.defend(address())])
    #expect(hear(&watch, at: .seconds(1)) == nil)
    #expect(review(&watch, at: .seconds(3)) == [.report(address(), Self.stranger)])
    #expect(hear(&watch, at: .seconds(5)) == nil)
    #expect(watch.deadline == at(.milliseconds(10_020)))
    #expect(review(&watch, at: .milliseconds(10_019)) == [])
    #expect(review(&watch, at: .milliseconds(10_020)) == [.defend(address())])
    // Once for all that came in between.
    #expect(review(&watch, at: .seconds(54)) == [])
    #expect(watch.deadline == at(.seconds(55)))
  }

  @Test func `a further claim that was a takeover's is not answered`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    _ = review(&watch, at: .milliseconds(20), grace: .seconds(30))
    #expect(hear(&watch, at: .seconds(1)) == nil)
    #expect(
      review(&watch, at: .seconds(11), groupHeardAt: .seconds(2), grace: .seconds(30)) == [])
    #expect(
      review(&watch, at: .seconds(30), groupHeardAt: .seconds(2), grace: .seconds(30)) == [])
    #expect(watch.deadline == nil)
  }

  @Test func `the claimant that is named is the last one`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    _ = hear(&watch, at: .seconds(1), from: Self.other)
    _ = review(&watch, at: .seconds(1))
    #expect(review(&watch, at: .seconds(3)) == [.report(address(), Self.other)])
    #expect(watch.status.current.map(\.mac) == [Self.other])
    #expect(watch.status.current.map(\.claims) == [2])
  }

  @Test func `an address that the router has lost is dropped, and a reported conflict ended`() {
    var watch = ConflictWatch()
    _ = hear(&watch, 100, at: .zero)
    _ = review(&watch, at: .milliseconds(20))
    _ = review(&watch, at: .seconds(3))
    _ = hear(&watch, 101, at: .seconds(4))
    let kept = address(101)
    #expect(watch.keepOnly { $0 == kept } == [.end(address(100), Self.stranger)])
    #expect(watch.status.current.isEmpty)
    #expect(watch.deadline == at(.milliseconds(4020)), "the other one goes on")
    #expect(watch.keepOnly { _ in false } == [], "nothing was told of it")
    #expect(watch.deadline == nil)
  }

  @Test func `the end of holding ends what was reported, and nothing else`() {
    var watch = ConflictWatch()
    _ = hear(&watch, 100, at: .zero)
    _ = review(&watch, at: .milliseconds(20))
    _ = review(&watch, at: .seconds(3))
    _ = hear(&watch, 101, at: .seconds(4))
    #expect(watch.end() == [.end(address(100), Self.stranger)])
    #expect(watch.deadline == nil && watch.end() == [])
    #expect(watch.status == RouterStatus.Conflicts(claims: 1, defenses: 1), "the counters go on")
  }

  @Test func `so many claims are kept and no more`() {
    var watch = ConflictWatch()
    for number in 0..<UInt8(200) { _ = hear(&watch, number, at: .zero) }
    let deeds = review(&watch, at: .milliseconds(20))
    #expect(deeds.count == ConflictWatch.capacity)
    _ = review(&watch, at: .seconds(3))
    #expect(watch.status.claims == 200, "the others are counted")
    #expect(watch.status.current.count == ConflictWatch.capacity)
  }

  @Test func `a grace that grows meanwhile puts the report off, and defends nothing again`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    #expect(review(&watch, at: .milliseconds(20)) == [.defend(address())])
    #expect(review(&watch, at: .seconds(3), grace: .seconds(30)) == [])
    #expect(watch.deadline == at(.seconds(30)))
    #expect(
      review(&watch, at: .seconds(30), grace: .seconds(30))
        == [.report(address(), Self.stranger)])
  }

  @Test func `a short interval shortens the grace`() {
    var watch = ConflictWatch()
    _ = hear(&watch, at: .zero)
    let grace = Duration.milliseconds(30)
    #expect(review(&watch, at: .milliseconds(20), grace: grace) == [.defend(address())])
    #expect(watch.deadline == at(.milliseconds(30)))
    #expect(
      review(&watch, at: .milliseconds(30), grace: grace) == [.report(address(), Self.stranger)])
  }
}
