import Netlink
import Testing
import VIPCore
import VRRP

@testable import VIP

/// The life of an address as a value, without an engine.
@Suite struct VirtualAddressTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let holding = VirtualAddress.Circumstances(
    isHolding: true, hasOwnInterface: false, isReachable: true, isAttached: true,
    handover: Handover())
  private static let backup = VirtualAddress.Circumstances(
    isHolding: false, hasOwnInterface: false, isReachable: true, isAttached: true,
    handover: Handover())
  /// A Backup whose addresses wait on a macvlan that is off.
  private static let asleep = VirtualAddress.Circumstances(
    isHolding: false, hasOwnInterface: true, isReachable: false, isAttached: true,
    handover: Handover())

  private func address(
    _ place: VirtualAddress.Place = .absent, _ text: String = "198.18.0.100/24"
  ) throws -> VirtualAddress {
    VirtualAddress(try #require(InterfaceAddress(text)), place)
  }

  private func gone(
    _ address: inout VirtualAddress, _ circumstances: VirtualAddress.Circumstances = holding,
    at time: Instant = start, isRetired: Bool = false
  ) -> VirtualAddress.Loss {
    address.reportedGone(at: time, circumstances, isRetired: isRetired)
  }

  @Test func `what is due depends on where it is and on what the router does`() throws {
    let absent = try address()
    let here = try address(.here(.endless))
    let waiting = try address(.here(.asleep))
    let host = try address(.host)
    #expect(absent.isDue(for: .install, Self.holding) && !absent.isDue(for: .install, Self.backup))
    #expect(!here.isDue(for: .install, Self.holding) && !host.isDue(for: .install, Self.holding))
    #expect(here.isDue(for: .refresh, Self.holding) && !here.isDue(for: .refresh, Self.backup))
    #expect(!absent.isDue(for: .refresh, Self.holding) && !host.isDue(for: .refresh, Self.holding))
    #expect(here.isDue(for: .remove, Self.backup) && !here.isDue(for: .remove, Self.holding))
    #expect(!absent.isDue(for: .remove, Self.backup) && !host.isDue(for: .remove, Self.backup))
    #expect(absent.isDue(for: .load, Self.asleep) && here.isDue(for: .load, Self.asleep))
    #expect(!waiting.isDue(for: .load, Self.asleep) && !host.isDue(for: .load, Self.asleep))
    #expect(!waiting.isDue(for: .refresh, Self.asleep), "not before the interface is on")
    #expect(here.isDue(for: .retire, Self.backup) && !absent.isDue(for: .retire, Self.backup))
  }

  @Test func `an address that is handed over is refreshed and not removed`() throws {
    var handover = Handover()
    handover.letGo(.shutdown, addresses: 1, installed: 1, interval: .default, at: Self.start)
    var circumstances = Self.backup
    circumstances.handover = handover
    let here = try address(.here(.refreshed(at: Self.start)))
    #expect(here.isDue(for: .refresh, circumstances) && !here.isDue(for: .remove, circumstances))
    _ = circumstances.handover.announced(here.address.address)
    #expect(!here.isDue(for: .refresh, circumstances) && here.isDue(for: .remove, circumstances))
  }

  @Test func `a refusal is told once, and the next attempt waits`() throws {
    var absent = try address()
    let later = Self.start + .seconds(1)
    let tellings = [
      absent.refused("no room", retryAt: later), absent.refused("no room", retryAt: later),
      absent.refused("busy", retryAt: later),
    ]
    #expect(tellings == [true, false, true] && absent.failure == "busy")
    #expect(!absent.isDue(for: .install, Self.holding))
    let taken = [absent.takeRetry(by: Self.start), absent.takeRetry(by: later)]
    #expect(taken == [false, true] && absent.isDue(for: .install, Self.holding))
    let wasMissing = absent.installed(.endless)
    #expect(!wasMissing && absent.failure == nil && absent.isInstalled)
  }

  @Test func `a refused refresh leaves it where it is, and is tried again`() throws {
    var here = try address(.here(.refreshed(at: Self.start)))
    _ = here.refused("busy", retryAt: Self.start + .seconds(1))
    #expect(here.isInstalled && here.isDue(for: .remove, Self.backup))
    let isDue = here.takeRetry(by: Self.start + .seconds(1))
    #expect(isDue && here.isDue(for: .install, Self.holding))
    _ = here.installed(.refreshed(at: Self.start + .seconds(1)))
    #expect(here.failure == nil && !here.isDue(for: .install, Self.holding))
  }

  @Test func `what was refused on an interface is forgotten with the interface`() throws {
    for place in [VirtualAddress.Place.absent, .host, .here(.endless)] {
      var address = try address(place)
      _ = address.refused("no device", retryAt: Self.start + .seconds(1))
      address.interfaceVanished()
      #expect(address.failure == nil && address.retryAt == nil && address.place == .absent)
    }
  }

  @Test func `a removal by this node is expected once, a second one is not`() throws {
    var here = try address(.here(.endless))
    here.removed()
    here.expectRemoval()
    _ = here.installed(.endless)
    #expect(gone(&here) == .expected && here.isInstalled)
    #expect(gone(&here) == .held(isDueNow: true, isFight: false) && here.place == .missing)
    #expect(gone(&here) == .expected, "it is gone already")
  }

  @Test func `after lost events no removal is expected`() throws {
    var here = try address(.here(.endless))
    here.expectRemoval()
    here.eventsWereLost()
    #expect(gone(&here) == .held(isDueNow: true, isFight: false))
  }

  @Test func `a series of removals backs off, is named once, and is over after half a minute`()
    throws
  {
    var here = try address(.here(.endless))
    var time = Self.start
    var pauses: [Duration] = []
    var fights = 0
    for _ in 0..<9 {
      guard case .held(let isDueNow, let isFight) = gone(&here, at: time) else {
        Issue.record("a held address that is removed is a loss")
        return
      }
      fights += isFight ? 1 : 0
      let retryAt = isDueNow ? time : try #require(here.retryAt)
      pauses.append(retryAt - time)
      time = retryAt
      _ = here.takeRetry(by: time)
      #expect(here.isDue(for: .install, Self.holding))
      let wasMissing = here.installed(.endless)
      #expect(wasMissing)
    }
    let milliseconds = [0, 200, 400, 800, 1600, 3200, 6400, 6400, 6400]
    #expect(pauses == milliseconds.map { Duration.milliseconds($0) } && fights == 1)
    #expect(here.isContested(at: time) && !here.isContested(at: time + .seconds(31)))
    #expect(gone(&here, at: time + .seconds(31)) == .held(isDueNow: true, isFight: false))
  }

  @Test func `what is not held is not put back, what waits on an interface is`() throws {
    var here = try address(.here(.endless))
    #expect(gone(&here, Self.backup) == .unheld && here.place == .absent && here.retryAt == nil)
    here = try address(.here(.endless))
    #expect(gone(&here, isRetired: true) == .unheld && here.place == .absent)
    var waiting = try address(.here(.asleep))
    #expect(gone(&waiting, Self.asleep) == .unheld)
    #expect(waiting.retryAt == Self.start + .seconds(1))
  }

  @Test func `a router that lets go puts nothing back`() throws {
    var here = try address(.here(.endless))
    _ = gone(&here)
    _ = here.installed(.endless)
    _ = gone(&here)
    #expect(here.place == .missing && here.retryAt != nil)
    here.letGo()
    #expect(here.place == .absent && here.retryAt == nil)
    let wasMissing = here.installed(.endless)
    #expect(!wasMissing, "its coming back is no repair")
  }

  @Test func `an interface that goes off takes IPv6 leases with it`() throws {
    let time = Self.start
    for (text, lease, after) in [
      ("198.18.0.100/24", VirtualAddress.Lease.refreshed(at: time), .here(.refreshed(at: time))),
      ("198.18.0.100/24", .endless, .here(.endless)),
      ("2001:db8::100/64", .refreshed(at: time), VirtualAddress.Place.absent),
      ("2001:db8::100/64", .endless, .here(.asleep)),
      ("2001:db8::100/64", .asleep, .here(.asleep)),
    ] {
      var address = try address(.here(lease), text)
      address.interfaceWentDown()
      #expect(address.place == after, "\(text) \(lease)")
    }
    var waiting = try address(.here(.asleep))
    waiting.interfaceCameUp()
    #expect(waiting.place == .here(.endless))
  }
}
