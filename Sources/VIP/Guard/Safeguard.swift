import Netlink
import VIPCore
import VRRP

/// A node's guard as its engine sees it: the shared area, and a process that is kept alive.
package final class Safeguard {
  /// Number of times that a process that dies is replaced at once, and the time in which they are
  /// counted.
  ///
  /// More than that is a fault that replacing does not cure; the node has other work.
  static let startCountMax = 5
  static let startPeriod = Duration.seconds(60)

  package let area: GuardArea
  private let process: any GuardProcess
  private(set) var state = NodeStatus.Guard.off
  /// The descriptor to watch for news of the process; `nil` while there is none.
  private(set) var descriptor: Int32?
  /// The time for which the loop may stand still; zero if it is not watched.
  private var tolerance = Duration.zero
  /// The latest starts, oldest first.
  private var starts: [Instant] = []
  /// The contents of the area, by the router's slot.
  private var published: [Int: Published] = [:]

  /// The contents that were written for a router, and their sources.
  private struct Published {
    let serial: Int
    let interfaceIndex: Int32
    var addressRevision = -1
    var hostAddresses: Set<Int> = []
    var subnets: Set<InterfaceAddress> = []
    /// The request that removes its macvlan, if it has one.
    var macvlanRemoval: [UInt8] = []
    var extraRemovals: [UInt8] = []
    var farewell: Advertisement?
    var listedAddresses: [IPAddress] = []
    var destinations: [IPAddress] = []
    var source: IPAddress?
    var duties: GuardArea.Duties = []
    var stay: Handover.Stay?
    var hasRemovals = false
    var hasFarewell = false
  }

  /// Makes a safeguard that has not been started.
  package init(_ area: GuardArea, _ process: any GuardProcess) {
    self.area = area
    self.process = process
  }

  var pid: Int32? { process.pid }

  // MARK: The process

  /// Starts a guard, unless it has been started too often lately; then ``descriptor`` stays `nil`
  /// and ``nextStart(after:)`` tells when it may be tried.
  func start(at now: Instant) throws(NodeError) {
    starts.removeAll { now >= $0 + Self.startPeriod }
    guard starts.count < Self.startCountMax else {
      state = .down
      return
    }
    starts.append(now)
    state = .down
    area.stamp(now.nanoseconds)
    descriptor = try process.start(area)
    state = .starting
  }

  /// Hands out the descriptor that is watched no longer.
  func takeDescriptor() -> Int32? {
    defer { descriptor = nil }
    return descriptor
  }

  /// The time when the next start may be tried.
  func nextStart(after now: Instant) -> Instant {
    starts.count < Self.startCountMax
      ? now + .seconds(1) : starts.first.map { $0 + Self.startPeriod } ?? now
  }

  /// Takes the news that the process has.
  func news() -> GuardNews {
    let news = process.news()
    if news == .isReady { state = .running }
    return news
  }

  /// Clears away a process that has failed or ended.
  ///
  /// - Returns: how it ended.
  func reap() -> String {
    state = .down
    return process.dismiss()
  }

  /// Ends the process before it does anything.
  func dismiss() {
    state = .off
    process.dismiss()
  }

  /// Lets the process do its work, since the node ends without having removed its addresses.
  ///
  /// The program goes on and waits for that, so nothing is kept for a successor.
  func release() {
    guard state != .off else { return }
    state = .off
    for (slot, entry) in published {
      area.setDuties(entry.duties.subtracting(.keeps), of: slot)
    }
    process.release()
  }

  // MARK: The area

  /// Whether all of a router is in the area.
  ///
  /// - Parameters:
  ///   - slot: its place.
  ///   - serial: what tells it from others that had the place before.
  /// - Returns: whether the guard could clean up after it.
  func covers(_ slot: Int, serial: Int) -> Bool {
    guard let entry = published[slot], entry.serial == serial else { return true }
    return entry.hasRemovals && entry.hasFarewell
  }

  /// Makes a router's place say what it should; writes only what is different.
  func publish(_ router: GuardedRouter) {
    let slot = router.slot
    if let entry = published[slot],
      entry.serial != router.serial || entry.interfaceIndex != router.interfaceIndex
    {
      forget(slot)
    }
    var entry =
      published[slot]
      ?? Published(serial: router.serial, interfaceIndex: router.interfaceIndex)
    writeRemovals(of: router, &entry)
    writeFarewell(of: router, &entry)
    if entry.stay != router.stay {
      entry.stay = router.stay
      area.setTimes(
        keep: UInt64(clamping: router.stay.keep.inNanoseconds),
        patience: UInt64(clamping: router.stay.patience.inNanoseconds), of: slot)
    }
    if entry.duties != router.duties {
      entry.duties = router.duties
      area.setDuties(router.duties, of: slot)
    }
    published[slot] = entry
  }

  private func writeRemovals(of router: GuardedRouter, _ entry: inout Published) {
    let link = router.interfaceIndex
    switch router.removal {
    case .macvlan(let name, let settings):
      let removal = LinkRequest.removal(ofMacvlan: name, restoring: settings, ofParent: link)
      guard entry.macvlanRemoval != removal || entry.extraRemovals != router.extraRemovals else {
        return
      }
      entry.macvlanRemoval = removal
      entry.extraRemovals = router.extraRemovals
      entry.hasRemovals = area.write(
        router.extraRemovals + removal, for: .removals, of: router.slot, interfaceIndex: link,
        // No lease ends it, and no other node can have one of this name while the node lives.
        limit: .max)
    case .addresses(let addresses, let hostAddresses, let subnets):
      guard
        entry.addressRevision != addresses.revision || entry.hostAddresses != hostAddresses
          || entry.subnets != subnets || entry.extraRemovals != router.extraRemovals
      else { return }
      entry.addressRevision = addresses.revision
      entry.hostAddresses = hostAddresses
      entry.subnets = subnets
      entry.extraRemovals = router.extraRemovals
      entry.hasRemovals = area.write(
        router.extraRemovals
          + router.removals(of: addresses, except: hostAddresses, routesTo: subnets),
        for: .removals,
        of: router.slot, interfaceIndex: link)
    }
  }

  private func writeFarewell(of router: GuardedRouter, _ entry: inout Published) {
    guard
      entry.farewell != router.farewell || entry.source != router.source
        || entry.destinations != router.destinations
        || entry.listedAddresses != router.listedAddresses
    else { return }
    entry.farewell = router.farewell
    entry.source = router.source
    entry.destinations = router.destinations
    entry.listedAddresses = router.listedAddresses
    entry.hasFarewell = area.write(
      router.farewellPackets, for: .farewells, of: router.slot,
      interfaceIndex: router.interfaceIndex,
      // Later than this others are Active, and their Backups would take it for their farewell.
      limit: 3 * router.interval.nanoseconds)
  }

  /// Says what lifetime addresses are installed with; `nil` if they have no end.
  ///
  /// A node that has been dead or frozen for much longer has lost them all to the kernel, and
  /// whatever is there now belongs to another program.
  func setLease(_ lifetime: Duration?) {
    area.setRemovalLimit(
      lifetime.map { UInt64(clamping: ($0 * 2 + .seconds(2)).inNanoseconds) } ?? 0)
  }

  /// Says for how long the loop may stand still beyond what it has promised; zero if it is not
  /// watched.
  func setTolerance(_ tolerance: Duration) {
    guard tolerance != self.tolerance else { return }
    let wasWatched = self.tolerance > .zero
    self.tolerance = tolerance
    area.setTolerance(UInt64(clamping: tolerance.inNanoseconds))
    if !wasWatched { process.nudge() }
  }

  /// Makes the area say nothing, after a guard has worked with it, and ends the rest.
  func renew() {
    for slot in published.keys { forget(slot) }
    setTolerance(.zero)
    area.endRest()
  }

  /// Empties the places of routers that are gone.
  func keepOnly(_ isThere: (Int) -> Bool) {
    for slot in published.keys where !isThere(slot) { forget(slot) }
  }

  private func forget(_ slot: Int) {
    area.clear(slot)
    published[slot] = nil
  }
}
