import Netlink
import VIPCore

/// The macvlan that has a router's addresses under its virtual MAC address (RFC 9568 §7.3): whether
/// it is there and on, and what is to be done when it is not as it should be.
///
/// It is made switched off; ``created(index:)`` tells its number. It is on while the router serves.
/// Another program may remove it or switch it: ``review(_:serves:at:)`` finds that, and says what
/// is to be done, at most once a second.
struct RouterMacvlan {
  /// The deed that a comparison with the kernel calls for.
  enum Deed: Equatable {
    /// Nothing, or nothing yet.
    case nothing
    /// Make it again; `wasRemoved` says whether another program has removed it.
    case create(wasRemoved: Bool)
    /// Switch it on; `wasSwitched` says whether another program has switched it off.
    case switchOn(wasSwitched: Bool)
    /// Switch it off; `wasSwitched` says whether another program has switched it on.
    case switchOff(wasSwitched: Bool)
  }

  /// The time between two attempts to put it in order.
  private static let repairPause = Duration.seconds(1)
  /// Time that Linux may take to make an IPv6 address usable once it is on.
  private static let wakingTime = Duration.microseconds(500)

  let name: String
  let vrid: VRID
  let family: AddressFamily
  /// The kernel's number for it; `nil` while it is missing.
  private(set) var index: Int32?
  /// Whether it is on, by this node's doing.
  private(set) var isUp = false
  /// The reason why it can't do what it should.
  private(set) var failure: String?
  /// The reason why it can't have a setting of its parent's.
  private var settingFailure: String?
  private var reviewAt: Instant?
  private var leasesAt: Instant?
  private var settingsAt: Instant?
  private var lastRepair: Instant?

  /// A macvlan that is still to be made.
  init(name: String, _ vrid: VRID, _ family: AddressFamily) {
    self.name = name
    self.vrid = vrid
    self.family = family
  }

  /// Its Ethernet address.
  var macAddress: MACAddress { .virtualRouter(vrid, family) }

  /// Whether its addresses have no leases yet, since Linux is still making them usable.
  var isWaking: Bool { leasesAt != nil }

  /// The time when something is due.
  var deadline: Instant? { earliest(earliest(reviewAt, leasesAt), settingsAt) }

  /// The fault of the macvlan, whatever its router does.
  var problem: String? { failure ?? settingFailure }

  /// Whether it is not as it should be for a router that serves, or does not.
  func isDisturbed(serves: Bool) -> Bool {
    problem != nil || index == nil || isUp != serves
  }

  // MARK: Events

  /// The macvlan has been made, switched off.
  mutating func created(index: Int32) {
    self.index = index
    isUp = false
    failure = nil
    settingFailure = nil
    settingsAt = nil
  }

  /// The macvlan has been given the settings that it should have, or not for a reason; that is
  /// tried again in a second.
  mutating func followed(failure: String?, at now: Instant) {
    settingFailure = failure
    settingsAt = failure == nil ? nil : now + Self.repairPause
  }

  /// The macvlan has been switched on, with addresses that have no leases.
  ///
  /// - Parameters:
  ///   - count: how many addresses.
  ///   - hasLeases: whether they shall get leases.
  ///   - now: the time.
  /// - Returns: whether the addresses are to get their leases at once. Those of IPv6 get them
  ///   later: Linux makes the addresses usable one by one, and requests would keep it from that.
  mutating func switchedOn(addresses count: Int, hasLeases: Bool, at now: Instant) -> Bool {
    isUp = true
    failure = nil
    guard hasLeases, family == .ipv6 else { return hasLeases }
    leasesAt = now + Self.wakingTime * count
    return false
  }

  /// The macvlan has been switched off.
  mutating func switchedOff() {
    failure = nil
    noteOff()
  }

  private mutating func noteOff() {
    isUp = false
    leasesAt = nil
  }

  /// The macvlan has been removed by this node, which is to make another one.
  mutating func removed() {
    noteOff()
    index = nil
    failure = nil
    settingFailure = nil
    settingsAt = nil
  }

  /// Something about it has failed; it is looked after again in a second.
  ///
  /// - Returns: whether that failure is new.
  mutating func failed(_ reason: String, at now: Instant) -> Bool {
    defer { failure = reason }
    reviewAt = now + Self.repairPause
    return failure != reason
  }

  /// Takes what is due.
  ///
  /// - Returns: whether it is to be compared with the kernel, whether its addresses are to get
  ///   their leases, and whether it is to be given its settings once more.
  mutating func takeDue(
    by now: Instant
  ) -> (isReviewDue: Bool, areLeasesDue: Bool, areSettingsDue: Bool) {
    var due = (isReviewDue: false, areLeasesDue: false, areSettingsDue: false)
    if let time = settingsAt, time <= now {
      settingsAt = nil
      due.areSettingsDue = true
    }
    if let time = reviewAt, time <= now {
      reviewAt = nil
      due.isReviewDue = true
    }
    if let time = leasesAt, time <= now {
      leasesAt = nil
      due.areLeasesDue = isUp
    }
    return due
  }

  /// Compares it with what the kernel has.
  ///
  /// - Parameters:
  ///   - present: the interface with its number; `nil` if there is none.
  ///   - serves: whether the router holds its addresses or hands them over.
  ///   - now: the time.
  /// - Returns: what is to be done.
  mutating func review(_ present: Link?, serves: Bool, at now: Instant) -> Deed {
    let isRefused = isUp && !serves && failure != nil
    if let present, present.isUp == isUp, isUp || !serves, !isRefused {
      // It could not be switched, and is to be as it is again.
      failure = nil
      return .nothing
    }
    if let last = lastRepair, now < last + Self.repairPause {
      reviewAt = last + Self.repairPause
      return .nothing
    }
    lastRepair = now
    guard let present else {
      let wasThere = index != nil
      noteOff()
      index = nil
      return .create(wasRemoved: wasThere)
    }
    let wasUp = isUp
    guard serves else { return .switchOff(wasSwitched: present.isUp && !wasUp) }
    noteOff()
    return .switchOn(wasSwitched: wasUp != present.isUp)
  }
}
