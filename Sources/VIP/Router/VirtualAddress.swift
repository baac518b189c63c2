import VIPCore

/// A virtual address: whether the kernel has it, and what is known of the attempts to put it there.
///
/// Changed by events only, so that it always says what the kernel was last known to have.
struct VirtualAddress: Equatable {
  /// The place of an address, and its state there.
  enum Place: Equatable {
    /// Not on the interface.
    case absent
    /// Removed by another program while it was held, and not back yet.
    case missing
    /// The host's own address (an owner's), which is never touched.
    case host
    /// On the interface, put there by this node.
    case here(Lease)
  }

  /// The state of an address on its interface.
  enum Lease: Equatable {
    /// The address waits without an end on an interface that is off; the machine does not use it.
    case asleep
    /// The machine uses it until it is removed.
    case endless
    /// The lease ends some time after it was last refreshed.
    case refreshed(at: Instant)
  }

  /// The meaning of a removal that the kernel has reported.
  enum Loss: Equatable {
    /// Nothing: this node removed the address, or did not have it.
    case expected
    /// Another program removed an address that is not held now.
    case unheld
    /// Another program removed a held address.
    ///
    /// `isDueNow` says whether it is put back at once, otherwise its ``VirtualAddress/retryAt`` is
    /// set; `isFight` is true once in a series of removals.
    case held(isDueNow: Bool, isFight: Bool)
  }

  /// The state of a router while addresses are worked on, as far as it decides what is to be done.
  struct Circumstances {
    /// Whether its addresses belong on the interface.
    var isHolding: Bool
    /// Whether its addresses have an interface of their own, which can be off.
    var hasOwnInterface: Bool
    /// Whether what is on the interface can be reached.
    var isReachable: Bool
    /// Whether the interface exists.
    var isAttached: Bool
    /// The addresses that stay for a moment although they are no longer held.
    var handover: Handover
    /// The groups whose Active may still have them.
    var formerGroups = FormerGroups()
  }

  /// The obstacle between an address and its interface.
  private enum Unrest: Equatable {
    case none
    /// The kernel refused the last request, for a reason.
    case refused(String)
    /// Another program removes it: how often so far, and when it last did.
    case contested(losses: Int, last: Instant)
  }

  /// Removals further apart than this are not one series.
  private static let seriesGap = Duration.seconds(30)
  /// The first pause in a series; each further one is twice as long, up to 64 times.
  private static let shortestPause = Duration.milliseconds(100)
  /// The pause before an address that waits on an interface is put there again.
  private static let longestPause = Duration.seconds(1)
  /// Number of removals in a series, without the first, that are a fight with another program.
  private static let fightLosses = 3

  let address: InterfaceAddress
  private(set) var place: Place
  /// The time when the next attempt may be made; `nil` if nothing forbids it now.
  private(set) var retryAt: Instant?
  /// Whether a takeover waits for its announcement.
  private(set) var isAwaited = false
  private var unrest = Unrest.none
  /// Removals by this node that the kernel has still to report.
  private var echoes = 0

  init(_ address: InterfaceAddress, _ place: Place = .absent) {
    self.address = address
    self.place = place
  }

  // MARK: State

  /// Whether this node has put it on the interface.
  var isInstalled: Bool { if case .here = place { true } else { false } }

  /// Whether the interface has it, by this node's doing or as the host's own.
  var isPresent: Bool { isInstalled || place == .host }

  /// The reason why the kernel refused the last request; `nil` if it did not.
  var failure: String? { if case .refused(let text) = unrest { text } else { nil } }

  /// The time when it was last refreshed; `nil` if it has no end.
  var refreshedAt: Instant? {
    if case .here(.refreshed(let time)) = place { time } else { nil }
  }

  /// Whether another program keeps removing it.
  func isContested(at now: Instant) -> Bool {
    guard case .contested(let losses, let last) = unrest else { return false }
    return losses > Self.fightLosses && now <= last + Self.seriesGap
  }

  /// Whether a kind of work is to be done on it.
  func isDue(for kind: AddressWork.Kind, _ circumstances: Circumstances) -> Bool {
    switch kind {
    case .install:
      guard circumstances.isHolding, retryAt == nil,
        !circumstances.formerGroups.hold(address.address)
      else { return false }
      // A refresh that was refused is made good, too.
      return !isPresent || (isInstalled && failure != nil)
    case .refresh:
      return isInstalled && circumstances.isReachable
        && (circumstances.isHolding || circumstances.hasOwnInterface
          || circumstances.handover.keeps(address.address))
    case .load:
      return !circumstances.isHolding && !circumstances.isReachable && circumstances.isAttached
        && place != .host && place != .here(.asleep) && retryAt == nil
    case .remove:
      return isInstalled && !circumstances.isHolding
        && !circumstances.handover.keeps(address.address)
    case .retire:
      return isInstalled && retryAt == nil
    }
  }

  // MARK: Answers of the kernel

  /// The kernel has put it on the interface, or refreshed it.
  ///
  /// - Returns: whether that ends what another program has done.
  mutating func installed(_ lease: Lease) -> Bool {
    let wasMissing = place == .missing
    place = .here(lease)
    forgetRefusal()
    return wasMissing
  }

  /// Forgets what the kernel has refused.
  private mutating func forgetRefusal() {
    guard failure != nil else { return }
    unrest = .none
    retryAt = nil
  }

  /// The kernel has refused a request, for a reason; where the address is has not changed.
  ///
  /// - Returns: whether that reason is new.
  mutating func refused(_ reason: String, retryAt: Instant) -> Bool {
    let isNew = failure != reason
    unrest = .refused(reason)
    self.retryAt = retryAt
    return isNew
  }

  /// Notes that it is off the interface: this node removed it, or left it to another router.
  mutating func removed() {
    place = .absent
    unrest = .none
    retryAt = nil
  }

  /// The kernel will report a removal by this node.
  mutating func expectRemoval() { echoes += 1 }

  /// Linux does not use it, and this node has removed it for that.
  mutating func rejected() {
    place = .absent
    echoes += 1
  }

  /// Passes it on to another router, which goes on with all that is known of it.
  mutating func passed(on other: VirtualAddress) {
    place = other.place
    unrest = other.unrest
    echoes = other.echoes
  }

  // MARK: The interface

  /// The host turns out to have it, as its owner should, or to have it no longer.
  ///
  /// - Returns: whether the host has taken it away.
  mutating func follow(hostHasIt: Bool) -> Bool {
    switch place {
    case .absent, .missing:
      guard hostHasIt else { return false }
      place = .host
      unrest = .none
      retryAt = nil
      return false
    case .host:
      if !hostHasIt { place = .absent }
      return !hostHasIt
    case .here: return false
    }
  }

  /// The interface was switched on: what waited there is in use.
  mutating func interfaceCameUp() {
    if place == .here(.asleep) { place = .here(.endless) }
  }

  /// The interface was switched off: Linux drops an IPv6 address that has an end, and lets one that
  /// has none wait; it goes on using IPv4 addresses.
  mutating func interfaceWentDown() {
    guard case .here(let lease) = place, address.family == .ipv6 else { return }
    switch lease {
    case .asleep, .endless: place = .here(.asleep)
    case .refreshed: rejected()
    }
  }

  /// The interface is gone, with all that was on it.
  mutating func interfaceVanished() {
    if isPresent { place = .absent }
    echoes = 0
    forgetRefusal()
  }

  /// Events of the kernel were lost: none that is still to come belongs to a removal by this node.
  mutating func eventsWereLost() { echoes = 0 }

  /// The kernel has reported its removal.
  mutating func reportedGone(at now: Instant, _ circumstances: Circumstances, isRetired: Bool)
    -> Loss
  {
    guard echoes == 0 else {
      echoes -= 1
      return .expected
    }
    guard isInstalled else { return .expected }
    place = .absent
    // A removal that was refused is made good by another program, or by the end of the lease.
    forgetRefusal()
    if isRetired { return .unheld }
    if circumstances.isHolding { return lost(at: now) }
    if circumstances.hasOwnInterface { retryAt = now + Self.longestPause }
    return .unheld
  }

  /// A held address is put back at once the first time, later and later if it is lost again.
  private mutating func lost(at now: Instant) -> Loss {
    var before = 0
    if case .contested(let losses, let last) = unrest, now <= last + Self.seriesGap {
      before = losses
    }
    place = .missing
    unrest = .contested(losses: min(before + 1, 10), last: now)
    if before > 0 { retryAt = now + Self.shortestPause * (1 << min(before, 6)) }
    return .held(isDueNow: before == 0, isFight: before == Self.fightLosses)
  }

  // MARK: The router

  /// The router holds it no longer: nothing is to be put back.
  mutating func letGo() {
    retryAt = nil
    if place == .missing { place = .absent }
    // That it could not be put there no longer matters.
    if failure != nil, !isInstalled { unrest = .none }
  }

  /// Notes that it no longer belongs to the router.
  mutating func retire() {
    retryAt = nil
    isAwaited = false
  }

  /// Whether the time of the next attempt has come; then nothing forbids it any more.
  mutating func takeRetry(by now: Instant) -> Bool {
    guard let time = retryAt, time <= now else { return false }
    retryAt = nil
    return true
  }

  /// A takeover waits for its announcement, or no longer does.
  mutating func expectAnnouncement(_ isExpected: Bool) { isAwaited = isExpected }
}
