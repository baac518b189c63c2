import VIPCore
import VRRP

/// The time in which addresses stay although the election was lost or left: until the next Active
/// has announced each of them, and never much longer.
///
/// First it waits for a successor: the longest that a Backup's timer can take. From the successor's
/// first advertisement on, it waits for announcements: as long as a router needs to put so many
/// addresses up. Where addresses share one virtual MAC address it ends with the advertisement,
/// since two holders of one Ethernet address confuse switches.
///
/// A router that has resigned takes the role back by itself if no other does. Its addresses stay
/// until then, however long that takes, so that a resignation without a successor costs nothing.
///
/// An interface that goes down ends it as well; then ``end()`` is called.
///
/// What a router has got from another one of this node stays in the same way, see ``Inheritance``.
struct Handover: Equatable {
  /// The deed that an event calls for.
  enum Deed: Equatable {
    /// Nothing.
    case nothing
    /// The addresses that it no longer keeps can be removed; others stay.
    case removeSome
    /// The handover is over: all addresses can be removed.
    case release
  }

  private struct Wait: Equatable {
    var until: Instant
    /// The time when every Backup that lives has taken over.
    let backupsUntil: Instant
    var hasSuccessor: Bool
    /// Time that a successor may take from its advertisement on; `nil` if the advertisement ends
    /// it.
    let announcementPatience: Duration?
    /// Number of kept addresses that have not been announced by the successor.
    var remaining: Int
    /// Whether the router takes the role back if no successor comes.
    var returns: Bool
    /// The addresses that need not stay any more.
    var released: Set<IPAddress> = []
  }

  /// Time that a successor is given after its advertisement to announce, and for each address more.
  private static let patience = Duration.milliseconds(200)
  private static let patiencePerAddress = Duration.microseconds(500)
  /// Time that a Backup may take, beyond its timer, until its advertisement is here.
  private static let takeoverMargin = Duration.milliseconds(100)

  private var wait: Wait?
  /// The addresses that stay as they were got from another router of this node.
  private var inheritance = Inheritance()

  /// Whether addresses stay for a successor.
  var isUnderWay: Bool { wait != nil || inheritance.isUnderWay }

  /// Whether some of them were got from another router of this node.
  var hasInherited: Bool { inheritance.isUnderWay }

  /// The time when it ends even if no successor has announced the addresses.
  var deadline: Instant? { earliest(wait?.until, inheritance.deadline) }

  /// Whether an address stays for the successor; asked only about addresses of the router.
  func keeps(_ address: IPAddress) -> Bool { hands(over: address) || inheritance.keeps(address) }

  /// Whether an address stays since the router held it.
  private func hands(over address: IPAddress) -> Bool {
    guard let wait, wait.remaining > 0 else { return false }
    return !wait.released.contains(address)
  }

  /// Whether there is anything to wait for when a router stops being Active.
  ///
  /// - Parameters:
  ///   - reason: why it stops.
  ///   - isLeaving: whether it leaves the election while its interface still serves.
  /// - Returns: whether a successor is here or may come.
  static func isDue(_ reason: Transition.Reason?, isLeaving: Bool) -> Bool {
    switch reason {
    case .shutdown, .unable: isLeaving
    case .resigned, .higherPriority, .higherAddress, .unheard, .withGroup, .stoodStill: true
    default: false
    }
  }

  // MARK: Events

  /// The router holds its addresses no longer; each stays until the successor has announced it.
  ///
  /// - Parameters:
  ///   - reason: why: the advertisement of a successor, or a departure.
  ///   - count: how many addresses the router has.
  ///   - installed: how many of them are on the interface.
  ///   - interval: the router's advertisement interval.
  ///   - now: the time.
  mutating func letGo(
    _ reason: Transition.Reason?, addresses count: Int, installed: Int,
    interval: AdvertisementInterval, at now: Instant
  ) {
    let hasSuccessor = reason?.namesSuccessor ?? false
    let patience = Self.announcementPatience(count)
    wait = Wait(
      until: now + (hasSuccessor ? patience : Self.takeoverPatience(interval, after: reason)),
      backupsUntil: now + Self.takeoverPatience(interval), hasSuccessor: hasSuccessor,
      announcementPatience: patience, remaining: installed,
      returns: reason?.leavesForAWhile ?? false)
  }

  /// The router holds its addresses no longer; all stay until a successor's advertisement.
  ///
  /// - Parameters:
  ///   - reason: why.
  ///   - interval: the router's advertisement interval.
  ///   - now: the time.
  /// - Returns: whether there is anything to wait for; a successor's advertisement is not.
  mutating func letGoAtOnce(
    _ reason: Transition.Reason?, interval: AdvertisementInterval, at now: Instant
  ) -> Bool {
    guard reason?.namesSuccessor == false else { return false }
    wait = Wait(
      until: now + Self.takeoverPatience(interval, after: reason),
      backupsUntil: now + Self.takeoverPatience(interval), hasSuccessor: false,
      announcementPatience: nil, remaining: 0, returns: reason?.leavesForAWhile ?? false)
    return true
  }

  /// The router has got an address that another router of this node has held, and does not hold it.
  mutating func inherit(_ address: IPAddress) { inheritance.inherit(address) }

  /// A router of this node comes in this one's place, with its addresses on another interface: they
  /// stay here until that one has announced them, or could have.
  mutating func awaitHeir(until end: Instant) { wait?.until = end }

  /// Notes that a router won't come.
  mutating func heirLeft(_ interval: AdvertisementInterval, at now: Instant) {
    guard let wait else { return }
    self.wait?.until = min(wait.until, now + Self.takeoverPatience(interval))
  }

  /// The router leaves the election, so that it won't hold what it has inherited.
  mutating func leavesInheritance(_ interval: AdvertisementInterval, at now: Instant) {
    inheritance.routerLeft(until: now + Self.takeoverPatience(interval))
  }

  /// The router leaves the election, so that it can't take the role back.
  mutating func routerLeft() {
    guard let wait, !wait.hasSuccessor else { return }
    self.wait?.until = min(wait.until, wait.backupsUntil)
    self.wait?.returns = false
  }

  /// Whether the time is over in which a router that has left the role for a while should have
  /// taken it back, and no successor has come.
  ///
  /// Not if the machine was away for so long that others must have taken over.
  func isReturnOverdue(_ interval: AdvertisementInterval, at now: Instant) -> Bool {
    guard let wait, wait.returns, !wait.hasSuccessor, wait.until <= now else { return false }
    return now - wait.until <= interval.duration * 3
  }

  /// The router has not taken the role back yet, and no other one has: the addresses stay for
  /// another interval.
  mutating func awaitReturn(_ interval: AdvertisementInterval, at now: Instant) {
    wait?.until = now + interval.duration + Self.takeoverMargin
  }

  /// Whether a successor has advertised and has not announced all that stays for it.
  var lacksAnnouncements: Bool { wait.map { $0.hasSuccessor && $0.remaining > 0 } ?? false }

  /// Another router of the group has advertised that it is Active.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - lists: whether it lists an address; what was inherited stays for one that does.
  /// - Returns: what is to be done.
  mutating func successorAdvertised(
    at now: Instant, listing lists: (IPAddress) -> Bool = { _ in true }
  ) -> Deed {
    inheritance.advertised(
      listing: lists, patience: Self.announcementPatience(inheritance.count), at: now)
    guard let wait, !wait.hasSuccessor else { return .nothing }
    guard let patience = wait.announcementPatience else { return finish() }
    self.wait?.hasSuccessor = true
    self.wait?.until = now + patience
    return .nothing
  }

  /// Another machine has announced an address of the router that is on the interface.
  mutating func announced(_ address: IPAddress) -> Deed { release(address) }

  /// An address that was on the interface has gone, or belongs to the router no longer.
  mutating func withdrawn(_ address: IPAddress) -> Deed { release(address) }

  /// The router has got an address since; it is not handed over.
  mutating func added(_ address: IPAddress) { wait?.released.insert(address) }

  private mutating func release(_ address: IPAddress) -> Deed {
    if inheritance.release(address) { return isUnderWay ? .removeSome : .release }
    guard hands(over: address) else { return .nothing }
    wait?.released.insert(address)
    wait?.remaining -= 1
    return wait?.remaining == 0 ? finish() : .removeSome
  }

  /// Ends the stay of the addresses that the router held.
  private mutating func finish() -> Deed {
    guard inheritance.isUnderWay else { return .release }
    wait = nil
    return .removeSome
  }

  /// Time has passed.
  mutating func advanced(to now: Instant) -> Deed {
    let hasEnded = inheritance.advanced(to: now)
    if let wait, wait.until <= now { return finish() }
    guard hasEnded else { return .nothing }
    return isUnderWay ? .removeSome : .release
  }

  /// Nothing is waited for any more.
  mutating func end() {
    wait = nil
    inheritance.end()
  }

  // MARK: Patience

  /// The time until a successor advertises, if there is one.
  ///
  /// The last Backup's Skew_Time is shorter than one interval (RFC 9568 §6.1).
  ///
  /// A router that has resigned takes the role back an interval later, by its own Skew_Time at the
  /// lowest priority.
  private static func takeoverPatience(
    _ interval: AdvertisementInterval, after reason: Transition.Reason? = nil
  ) -> Duration {
    interval.duration * (reason?.leavesForAWhile ?? false ? 2 : 1) + takeoverMargin
  }

  private static func announcementPatience(_ count: Int) -> Duration {
    patience + patiencePerAddress * count
  }

  /// The times for which addresses stay whose router can't wait for a successor itself.
  struct Stay: Equatable {
    /// The longest that a successor may take to advertise.
    var keep: Duration
    /// Time that it is given from its advertisement on; zero if that ends the stay.
    var patience: Duration

    init(addresses count: Int, interval: AdvertisementInterval, virtualMAC: Bool) {
      keep = Handover.takeoverPatience(interval)
      patience = virtualMAC ? .zero : Handover.announcementPatience(count)
    }
  }

  /// The longest that a router's handover can take: its successor advertises at the last moment.
  static func longest(addresses count: Int, interval: AdvertisementInterval) -> Duration {
    takeoverPatience(interval) + announcementPatience(count)
  }
}

extension Transition.Reason {
  /// Whether the router takes the role back if no other one does.
  fileprivate var leavesForAWhile: Bool {
    switch self {
    case .resigned, .withGroup: true
    default: false
    }
  }

  /// Whether it is the advertisement of another router that is Active now.
  fileprivate var namesSuccessor: Bool {
    switch self {
    case .higherPriority, .higherAddress, .unheard: true
    default: false
    }
  }
}
