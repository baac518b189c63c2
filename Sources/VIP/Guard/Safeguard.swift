import Netlink
import VIPCore
import VRRP

/// A node's guard as its engine sees it: the shared area, and a process that is kept alive.
package final class Safeguard {
  /// How often a process that dies is replaced at once, and in which time.
  ///
  /// More than that is a fault that replacing does not cure; the node has other work.
  static let startCountMax = 5
  static let startPeriod = Duration.seconds(60)

  package let area: GuardArea
  private let process: any GuardProcess
  private(set) var state = GuardState.off
  /// The latest starts, oldest first.
  private var starts: [Instant] = []
  /// What the area says, by the router's slot.
  private var published: [Int: Published] = [:]

  /// What was written for a router, and from what.
  private struct Published {
    let instance: RouterInstance
    var link: Int32
    var addressRevision: Int
    var hostAddresses: Set<Int>
    /// What removes its macvlan, if it has one.
    var macvlanRemoval: [UInt8] = []
    var farewell: Advertisement?
    var destinations: [IPAddress] = []
    var source: IPAddress?
    var duties: GuardArea.Duties = []
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

  /// Starts a guard, unless it has been started too often lately.
  ///
  /// - Returns: a descriptor to watch; `nil` if it is too early, see ``nextStart``.
  func start(at now: Instant) throws(NodeError) -> Int32? {
    starts.removeAll { now >= $0 + Self.startPeriod }
    guard starts.count < Self.startCountMax else {
      state = .down
      return nil
    }
    starts.append(now)
    state = .down
    area.stamp(now.nanoseconds)
    let descriptor = try process.start(area)
    state = .starting
    return descriptor
  }

  /// When the next start may be tried.
  func nextStart(after now: Instant) -> Instant {
    starts.count < Self.startCountMax
      ? now + .seconds(1) : starts.first.map { $0 + Self.startPeriod } ?? now
  }

  /// What the process has to say.
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
  func release() {
    guard state != .off else { return }
    state = .off
    process.release()
  }

  // MARK: The area

  /// Whether all of a router is in the area.
  func covers(_ instance: RouterInstance) -> Bool {
    guard let entry = published[instance.slot], entry.instance === instance else { return true }
    return entry.hasRemovals && entry.hasFarewell
  }

  /// Makes a router's place say what it should.
  ///
  /// - Parameters:
  ///   - instance: the router.
  ///   - link: the interface it is attached to.
  ///   - hostAddresses: which of its addresses, by index, are the host's own and not to be touched.
  ///   - duties: what is to be done if the node dies now.
  ///   - savedSettings: what the interface below its macvlan had before.
  func publish(
    _ instance: RouterInstance, link: Int32, hostAddresses: Set<Int>, duties: GuardArea.Duties,
    savedSettings: [IPv4Setting: Int32] = [:]
  ) {
    let slot = instance.slot
    if let entry = published[slot], entry.instance !== instance || entry.link != link {
      forget(slot)
    }
    var entry =
      published[slot]
      ?? Published(instance: instance, link: link, addressRevision: -1, hostAddresses: [])
    let isOtherList = entry.addressRevision != instance.addressRevision
    entry.addressRevision = instance.addressRevision
    if let virtual = instance.virtual {
      // One message for all addresses.
      let removal = LinkRequest.removal(
        ofMacvlan: virtual.name, restoring: savedSettings, ofParent: link)
      if entry.macvlanRemoval != removal {
        entry.macvlanRemoval = removal
        entry.hasRemovals = area.write(
          removal, for: .removals, of: slot, interfaceIndex: link,
          // No lease ends it, and nobody else can have one of this name while the node lives.
          limit: .max)
      }
    } else if isOtherList || entry.hostAddresses != hostAddresses {
      entry.hostAddresses = hostAddresses
      entry.hasRemovals = area.write(
        instance.removals(except: hostAddresses), for: .removals, of: slot, interfaceIndex: link)
    }
    let farewell = instance.farewell
    let source = instance.election.primaryAddress
    let destinations = instance.destinations
    if isOtherList || entry.farewell != farewell || entry.source != source
      || entry.destinations != destinations
    {
      entry.farewell = farewell
      entry.destinations = destinations
      entry.source = source
      entry.hasFarewell = writeFarewell(farewell, of: instance, link: link)
    }
    if entry.duties != duties {
      entry.duties = duties
      area.setDuties(duties, of: slot)
    }
    published[slot] = entry
  }

  /// Says what lifetime addresses are installed with; `nil` for ever.
  ///
  /// A node that has been dead or frozen for much longer has lost them all to the kernel, and
  /// whatever is there now is somebody else's.
  func setLease(_ lifetime: Duration?) {
    area.setRemovalLimit(
      lifetime.map { UInt64(clamping: ($0 * 2 + .seconds(2)).inNanoseconds) } ?? 0)
  }

  /// Empties the places of routers that are gone.
  func keepOnly(_ isThere: (Int) -> Bool) {
    for slot in published.keys where !isThere(slot) { forget(slot) }
  }

  private func forget(_ slot: Int) {
    area.clear(slot)
    published[slot] = nil
  }

  private func writeFarewell(
    _ farewell: Advertisement, of instance: RouterInstance, link: Int32
  ) -> Bool {
    let source = instance.election.primaryAddress
    let packets = instance.destinations.flatMap { destination in
      AdvertisementPacket.encoded(
        farewell.encoded(instance.advertisedAddresses, from: source, to: destination),
        from: source, to: destination)
    }
    return area.write(
      packets, for: .farewells, of: instance.slot, interfaceIndex: link,
      // Later than this others are Active, and their backups would take it for their farewell.
      limit: 3 * instance.settings.interval.nanoseconds)
  }
}

extension RouterInstance {
  /// The advertisement that says farewell.
  fileprivate var farewell: Advertisement {
    election.advertisement(.release, addressCount: advertisedAddresses.count)
  }

  /// Requests that remove the addresses, but for those of the host.
  fileprivate func removals(except hostAddresses: Set<Int>) -> [UInt8] {
    let requests = addresses.indices.lazy
      .filter { !self.addresses[$0].belongsToHost && !hostAddresses.contains($0) }
      .map { self.request($0, lifetime: nil) }
    // Linux searches IPv6 addresses from the latest to the earliest, IPv4 the other way round.
    return AddressRequest.removals(family == .ipv4 ? Array(requests) : requests.reversed())
  }
}
