import VIPCore
import VRRP

/// Addresses that a router which does not hold them has got from another router of this node that
/// did: one that was replaced, or that has them no longer.
///
/// The former group may go on without this machine, and the new one may have no Active yet. So each
/// address stays on the interface until another machine has announced it, or until this router
/// becomes Active and holds it; no time limit comes before that. An advertisement that lists some
/// of them begins a wait for their announcements, as in a ``Handover``. A router that leaves the
/// election, and can't become Active any more, keeps them only for as long as a successor may take.
struct Inheritance: Equatable {
  /// The time when each address goes although it was not announced; `nil` as long as no machine has
  /// advertised it.
  private var ends: [IPAddress: Instant?] = [:]
  private var limit: Instant?

  /// Whether any address stays.
  var isUnderWay: Bool { !ends.isEmpty }

  /// Number of addresses that stay.
  var count: Int { ends.count }

  /// Whether an address stays.
  func keeps(_ address: IPAddress) -> Bool { ends[address] != nil }

  /// The time to call ``advanced(to:)``; `nil` if time alone ends nothing.
  private(set) var deadline: Instant?

  // MARK: Events

  /// The router has got an address.
  mutating func inherit(_ address: IPAddress) {
    ends[address] = .some(nil)
    updateDeadline()
  }

  /// Another machine has announced an address, or the address is gone.
  ///
  /// - Returns: whether it has stayed until now.
  mutating func release(_ address: IPAddress) -> Bool {
    guard ends.removeValue(forKey: address) != nil else { return false }
    updateDeadline()
    return true
  }

  /// Another machine advertises as Active.
  ///
  /// - Parameters:
  ///   - lists: whether it lists an address.
  ///   - patience: how long it is given to announce the addresses.
  ///   - now: the time.
  mutating func advertised(
    listing lists: (IPAddress) -> Bool, patience: Duration, at now: Instant
  ) {
    guard isUnderWay else { return }
    for (address, end) in ends where end == nil && lists(address) {
      ends[address] = .some(now + patience)
    }
    updateDeadline()
  }

  /// The router leaves the election, so that it won't hold the addresses itself.
  mutating func routerLeft(until limit: Instant) {
    guard isUnderWay else { return }
    self.limit = limit
    updateDeadline()
  }

  /// Time has passed.
  ///
  /// - Returns: whether some addresses stay no longer.
  mutating func advanced(to now: Instant) -> Bool {
    guard let deadline, deadline <= now else { return false }
    if let limit, limit <= now {
      end()
      return true
    }
    ends = ends.filter { $0.value.map { $0 > now } ?? true }
    updateDeadline()
    return true
  }

  /// The router holds the addresses, or none of them stays any more.
  mutating func end() { self = Inheritance() }

  private mutating func updateDeadline() {
    guard isUnderWay else { return end() }
    deadline = earliest(ends.values.lazy.compactMap(\.self).min(), limit)
  }
}
