import Netlink
import Testing
import VIPCore

@testable import VIP

/// The list of a router's addresses and what it keeps count of.
@Suite struct VirtualAddressesTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let holding = VirtualAddress.Circumstances(
    isHolding: true, hasOwnInterface: false, isReachable: true, isAttached: true,
    handover: Handover())
  private static let backup = VirtualAddress.Circumstances(
    isHolding: false, hasOwnInterface: false, isReachable: true, isAttached: true,
    handover: Handover())

  private func list(_ range: ClosedRange<UInt8>) throws -> [InterfaceAddress] {
    try range.map {
      try #require(InterfaceAddress(.v4(IPv4Address(198, 18, 0, $0)), prefixLength: 24))
    }
  }

  private func installed(_ range: ClosedRange<UInt8>) throws -> VirtualAddresses {
    VirtualAddresses(try list(range)) { _ in .here(.endless) }
  }

  private func lastBytes(_ addresses: VirtualAddresses, _ positions: [Int]) -> [UInt8] {
    positions.compactMap {
      guard case .v4(let address) = addresses[$0].address.address else { return nil }
      return UInt8(truncatingIfNeeded: address.rawValue)
    }
  }

  @Test func `retired addresses stand behind the current ones until they are gone`() throws {
    var addresses = try installed(1...4)
    let kept = Set(try list(2...3))
    var hasChanged = addresses.retire(keeping: kept)
    #expect(hasChanged)
    #expect(addresses.current.map(\.address) == (try list(2...3)))
    #expect(addresses.count == 4 && addresses.isRetired(2) && !addresses.isRetired(1))
    let gone = try #require(try list(1...1).first)
    #expect(addresses.position(of: gone.address) == nil)
    let position = try #require(addresses.position(of: gone))
    #expect(addresses.isRetired(position))
    let due = addresses.due(for: .retire, from: 0, atMost: 10, Self.holding)
    // From the last one, or the kernel would give the place of the first to the next, each time.
    #expect(lastBytes(addresses, due.positions) == [4, 1] && due.next == nil)
    hasChanged = addresses.dropRetired()
    #expect(!hasChanged, "they are still there")
    addresses.removed(position)
    hasChanged = addresses.dropRetired()
    #expect(hasChanged && addresses.count == 3 && addresses.installedCount == 3)
    hasChanged = addresses.retire(keeping: kept)
    #expect(!hasChanged)
  }

  @Test func `an address goes from one router to another one as it is, once`() throws {
    var former = try installed(1...3)
    var heir = VirtualAddresses(try list(2...4)) { _ in .absent }
    func takeOver(_ last: UInt8) throws -> Bool {
      heir.takeOver(try #require(try list(last...last).first), from: &former)
    }
    #expect(try !takeOver(1), "it is none of the new router's")
    #expect(try !takeOver(4), "it was none of the former router's")
    let isTakenOver = [try takeOver(2), try takeOver(2)]
    #expect(isTakenOver == [true, false])
    #expect(former.map(\.isInstalled) == [true, false, true])
    #expect(heir.map(\.isInstalled) == [true, false, false])
    #expect(former.installedCount == 2 && heir.installedCount == 1)
    // One that is only to be removed is left where it is.
    _ = former.retire(keeping: Set(try list(1...2)))
    var third = VirtualAddresses(try list(3...3)) { _ in .here(.endless) }
    _ = third.retire(keeping: [])
    let last = try #require(try list(3...3).first)
    let isTaken = third.takeOver(last, from: &former)
    #expect(!isTaken && former.installedCount == 2)
  }

  @Test func `an address that comes back while it is retired is the same one`() throws {
    var addresses = try installed(1...2)
    _ = addresses.retire(keeping: Set(try list(1...1)))
    let new = addresses.arrange(try list(1...3)) { _ in .absent }
    #expect(new == (try list(2...3)))
    #expect(addresses.count == 3 && addresses.retired.isEmpty && addresses.installedCount == 2)
    #expect(addresses.arrange(try list(1...3)) { _ in .absent } == nil)
    let order = Array(try list(1...3).reversed())
    #expect(addresses.arrange(order) { _ in .absent } == [])
    #expect(addresses.current.map(\.address) == order)
    let first = try #require(order.first)
    #expect(addresses.position(of: first.address) == 0)
  }

  @Test func `an address with another prefix length is another one`() throws {
    var addresses = try installed(1...1)
    let old = try #require(try list(1...1).first)
    let wider = try #require(InterfaceAddress(old.address, prefixLength: 32))
    _ = addresses.retire(keeping: [wider])
    #expect(addresses.arrange([wider]) { _ in .absent } == [wider])
    #expect(addresses.position(of: wider) == 0 && addresses.position(of: old) == 1)
    #expect(addresses.position(of: old.address) == 0)
  }

  @Test func `slices of a pass go on where the last one ended, removals from the end`() throws {
    var addresses = try installed(1...9)
    let first = addresses.due(for: .refresh, from: 0, atMost: 4, Self.holding)
    #expect(lastBytes(addresses, first.positions) == [1, 2, 3, 4] && first.next == 4)
    let last = addresses.due(for: .refresh, from: 8, atMost: 4, Self.holding)
    #expect(lastBytes(addresses, last.positions) == [9] && last.next == nil)
    _ = addresses.retire(keeping: Set(try list(1...8)))
    let removal = addresses.due(for: .remove, from: 0, atMost: 3, Self.backup)
    #expect(lastBytes(addresses, removal.positions) == [9, 8, 7], "the retired one, too")
    let held = addresses.due(for: .remove, from: 0, atMost: 3, Self.holding)
    #expect(held.positions.isEmpty)
  }

  @Test func `the next attempt is known without a look at all addresses`() throws {
    var addresses = VirtualAddresses(try list(1...3))
    #expect(addresses.deadline == nil)
    let early = Self.start + .seconds(1)
    let late = Self.start + .seconds(2)
    _ = addresses.refused(1, "no", retryAt: late)
    _ = addresses.refused(0, "no", retryAt: early)
    #expect(addresses.deadline == early)
    let nothing = addresses.takeRetries(by: Self.start)
    #expect(!nothing.current && !nothing.retired && addresses.deadline == early)
    let due = addresses.takeRetries(by: early)
    #expect(due.current && !due.retired && addresses.deadline == late)
    #expect(addresses[0].retryAt == nil && addresses[1].retryAt == late)
    addresses.letGo()
    #expect(addresses.deadline == nil)
  }

  @Test func `a refused removal of a retired address is an attempt of its own`() throws {
    var addresses = try installed(1...2)
    _ = addresses.retire(keeping: Set(try list(1...1)))
    let later = Self.start + .seconds(1)
    _ = addresses.refused(1, "busy", retryAt: later)
    // Whatever becomes of the router meanwhile.
    addresses.letGo()
    #expect(addresses.deadline == later)
    #expect(addresses.due(for: .retire, from: 0, atMost: 9, Self.holding).positions.isEmpty)
    let due = addresses.takeRetries(by: later)
    #expect(!due.current && due.retired)
    #expect(addresses.due(for: .retire, from: 0, atMost: 9, Self.holding).positions == [1])
  }

  @Test func `a takeover waits for the addresses that still belong to the router`() throws {
    var addresses = try installed(1...4)
    addresses.takeoverBegan()
    #expect(addresses.awaitedCount == 4)
    let announced = [addresses.announced(0), addresses.announced(0)]
    #expect(announced == [true, false] && addresses.awaitedCount == 3)
    _ = addresses.retire(keeping: Set(try list(1...3)))
    #expect(addresses.awaitedCount == 2)
    addresses.takeoverEnded()
    #expect(addresses.awaitedCount == 0)
  }

  @Test func `the oldest lease is that of the address that was refreshed first`() throws {
    var addresses = VirtualAddresses(try list(1...3))
    #expect(addresses.oldestRefresh == nil)
    _ = addresses.installed(2, .refreshed(at: Self.start))
    _ = addresses.installed(0, .refreshed(at: Self.start + .seconds(1)))
    _ = addresses.installed(1, .endless)
    #expect(addresses.oldestRefresh == Self.start)
  }
}
