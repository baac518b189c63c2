import Testing
import VIPCore
import VRRP

@testable import VIP

/// Addresses that a router got from another one of its node, as a value, without an engine.
@Suite struct InheritanceTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let first = IPAddress.v4(IPv4Address(198, 18, 0, 100))
  private static let second = IPAddress.v4(IPv4Address(198, 18, 0, 101))

  private func both() -> Handover {
    var handover = Handover()
    handover.inherit(Self.first)
    handover.inherit(Self.second)
    return handover
  }

  @Test func `what was inherited stays without an end`() {
    var handover = both()
    #expect(handover.isUnderWay && handover.hasInherited && handover.deadline == nil)
    #expect(handover.keeps(Self.first) && handover.keeps(Self.second))
    #expect(handover.advanced(to: Self.start + .seconds(1000)) == .nothing)
    handover.end()
    #expect(handover == Handover())
  }

  @Test func `another machine's announcement ends it for that address`() {
    var handover = both()
    #expect(handover.announced(Self.first) == .removeSome)
    #expect(!handover.keeps(Self.first) && handover.keeps(Self.second))
    #expect(handover.announced(Self.first) == .nothing)
    #expect(handover.announced(Self.second) == .release)
  }

  @Test func `an advertisement counts only for what it lists, and gives time to announce`() {
    var handover = both()
    #expect(handover.successorAdvertised(at: Self.start, listing: { _ in false }) == .nothing)
    #expect(handover.deadline == nil)
    let listing = { $0 == Self.first }
    #expect(handover.successorAdvertised(at: Self.start, listing: listing) == .nothing)
    #expect(handover.deadline == Self.start + .milliseconds(201))
    // Further ones don't put it off.
    _ = handover.successorAdvertised(at: Self.start + .milliseconds(100), listing: listing)
    #expect(handover.advanced(to: Self.start + .milliseconds(200)) == .nothing)
    #expect(handover.advanced(to: Self.start + .milliseconds(201)) == .removeSome)
    #expect(!handover.keeps(Self.first) && handover.keeps(Self.second))
    #expect(handover.deadline == nil)
  }

  @Test func `a router that leaves keeps it for as long as a successor may take`() {
    var handover = both()
    handover.leavesInheritance(.default, at: Self.start)
    #expect(handover.deadline == Self.start + .milliseconds(1100))
    #expect(handover.advanced(to: Self.start + .milliseconds(1100)) == .release)
    #expect(!handover.isUnderWay)
    handover.leavesInheritance(.default, at: Self.start)
    #expect(handover == Handover(), "there is nothing to keep")
  }

  @Test func `the end of a router's own handover leaves what it has inherited`() {
    var handover = Handover()
    handover.letGo(.shutdown, addresses: 1, installed: 1, interval: .default, at: Self.start)
    handover.inherit(Self.second)
    #expect(handover.keeps(Self.first) && handover.keeps(Self.second))
    #expect(handover.advanced(to: Self.start + .milliseconds(1100)) == .removeSome)
    #expect(!handover.keeps(Self.first) && handover.keeps(Self.second))
    handover = Handover()
    handover.letGo(.shutdown, addresses: 1, installed: 1, interval: .default, at: Self.start)
    handover.inherit(Self.second)
    #expect(handover.announced(Self.first) == .removeSome)
    #expect(handover.announced(Self.second) == .release)
  }

  @Test func `a router waits for the one in its place, and no longer once that won't come`() {
    var handover = Handover()
    handover.letGo(.shutdown, addresses: 1, installed: 1, interval: .default, at: Self.start)
    handover.awaitHeir(until: Self.start + .seconds(6))
    #expect(handover.deadline == Self.start + .seconds(6))
    handover.heirLeft(.default, at: Self.start + .seconds(2))
    #expect(handover.deadline == Self.start + .milliseconds(3100))
    handover.heirLeft(.default, at: Self.start + .seconds(3))
    #expect(handover.deadline == Self.start + .milliseconds(3100))
    handover.end()
    handover.awaitHeir(until: Self.start + .seconds(6))
    #expect(!handover.isUnderWay)
  }
}
