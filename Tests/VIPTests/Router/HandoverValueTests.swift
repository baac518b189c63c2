import Testing
import VIPCore
import VRRP

@testable import VIP

/// The wait for a successor as a value, without an engine.
@Suite struct HandoverValueTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let first = IPAddress.v4(IPv4Address(198, 18, 0, 100))
  private static let second = IPAddress.v4(IPv4Address(198, 18, 0, 101))

  private static let byPriority = Transition.Reason.higherPriority(
    .v4(IPv4Address(198, 18, 0, 2)), .owner)
  private static let byAddress = Transition.Reason.higherAddress(
    .v4(IPv4Address(198, 18, 0, 2)), .owner)

  private func waiting(
    _ reason: Transition.Reason = .shutdown, installed: Int = 2
  ) -> Handover {
    var handover = Handover()
    handover.letGo(reason, addresses: 2, installed: installed, interval: .default, at: Self.start)
    return handover
  }

  @Test func `nothing is kept before it begins and after it has ended`() {
    var handover = Handover()
    #expect(!handover.isUnderWay && handover.deadline == nil && !handover.keeps(Self.first))
    #expect(handover.announced(Self.first) == .nothing)
    #expect(handover.successorAdvertised(at: Self.start) == .nothing)
    #expect(handover.advanced(to: Self.start + .seconds(100)) == .nothing)
    handover = waiting()
    #expect(handover.isUnderWay && handover.keeps(Self.first))
    handover.end()
    #expect(handover == Handover())
  }

  @Test func `a departure waits for an interval and a margin, a successor for its announcements`() {
    #expect(waiting(.shutdown).deadline == Self.start + .milliseconds(1100))
    #expect(waiting(.resigned).deadline == Self.start + .milliseconds(2100))
    #expect(waiting(Self.byPriority).deadline == Self.start + .milliseconds(201))
    #expect(waiting(Self.byAddress).deadline == Self.start + .milliseconds(201))
    #expect(Handover.longest(addresses: 2, interval: .default) == .milliseconds(1301))
  }

  @Test func `one that has resigned waits until it takes the role back, unless it leaves`() {
    var handover = waiting(.resigned)
    handover.routerLeft()
    #expect(handover.deadline == Self.start + .milliseconds(1100))
    handover = waiting(.resigned)
    _ = handover.successorAdvertised(at: Self.start + .seconds(1))
    handover.routerLeft()
    #expect(handover.deadline == Self.start + .milliseconds(1201))
  }

  @Test func `one that has resigned is given more time as long as it may take the role back`() {
    let end = Self.start + .milliseconds(2100)
    var handover = waiting(.resigned)
    #expect(!handover.isReturnOverdue(.default, at: Self.start + .milliseconds(2099)))
    #expect(handover.isReturnOverdue(.default, at: end))
    #expect(!handover.isReturnOverdue(.default, at: end + .milliseconds(3001)), "it was away")
    handover.awaitReturn(.default, at: end)
    #expect(handover.deadline == end + .milliseconds(1100))
    #expect(handover.advanced(to: end) == .nothing && handover.keeps(Self.first))
    handover.routerLeft()
    #expect(handover.deadline == Self.start + .milliseconds(1100))
    #expect(!handover.isReturnOverdue(.default, at: end), "it can't take the role back any more")

    #expect(!waiting(.shutdown).isReturnOverdue(.default, at: end))
    handover = waiting(.withGroup)
    _ = handover.successorAdvertised(at: Self.start + .seconds(1))
    #expect(!handover.isReturnOverdue(.default, at: end), "there is a successor")
  }

  @Test func `it is known whether a successor has announced all that it was left`() {
    var handover = waiting(.shutdown)
    #expect(!handover.lacksAnnouncements, "there is no successor")
    handover = waiting(Self.byPriority)
    #expect(handover.announced(Self.first) == .removeSome && handover.lacksAnnouncements)
    #expect(handover.announced(Self.second) == .release && !handover.lacksAnnouncements)
  }

  @Test func `only some reasons leave anything to wait for`() {
    for reason in [.resigned, Self.byPriority, Self.byAddress] {
      #expect(Handover.isDue(reason, isLeaving: false))
    }
    #expect(Handover.isDue(.shutdown, isLeaving: true))
    #expect(!Handover.isDue(.shutdown, isLeaving: false), "the interface is gone")
    #expect(!Handover.isDue(nil, isLeaving: true))
  }

  @Test func `the successor's first advertisement sets the deadline, further ones do not`() {
    var handover = waiting()
    let heard = Self.start + .milliseconds(50)
    #expect(handover.successorAdvertised(at: heard) == .nothing)
    #expect(handover.deadline == heard + .milliseconds(201))
    #expect(handover.successorAdvertised(at: heard + .milliseconds(100)) == .nothing)
    #expect(handover.deadline == heard + .milliseconds(201))
    #expect(handover.advanced(to: heard + .milliseconds(200)) == .nothing)
    #expect(handover.advanced(to: heard + .milliseconds(201)) == .release)
  }

  @Test func `each address stays until it is announced, and the last one ends it`() {
    var handover = waiting()
    #expect(handover.announced(Self.second) == .removeSome)
    #expect(handover.keeps(Self.first) && !handover.keeps(Self.second))
    #expect(handover.announced(Self.second) == .nothing, "said already")
    #expect(handover.announced(Self.first) == .release)
  }

  @Test func `an address that has gone is not waited for, and one that came later is not kept`() {
    var handover = waiting()
    #expect(handover.withdrawn(Self.first) == .removeSome)
    let third = IPAddress.v4(IPv4Address(198, 18, 0, 102))
    handover.added(third)
    #expect(!handover.keeps(third))
    #expect(handover.announced(third) == .nothing)
    #expect(handover.withdrawn(Self.second) == .release)
  }

  @Test func `under a virtual MAC address a successor's advertisement ends it`() {
    var handover = Handover()
    let successor = handover.letGoAtOnce(Self.byPriority, interval: .default, at: Self.start)
    #expect(!successor && !handover.isUnderWay, "the successor is here already")
    let departure = handover.letGoAtOnce(.shutdown, interval: .default, at: Self.start)
    #expect(departure && handover.deadline == Self.start + .milliseconds(1100))
    #expect(handover.announced(Self.first) == .nothing)
    #expect(handover.successorAdvertised(at: Self.start) == .release)
  }
}
