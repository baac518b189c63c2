import VIPCore
import VRRP

/// The groups that a router's addresses belonged to on this node before, as far as their Active may
/// be another machine that has not been told of the change yet.
///
/// While that machine is heard to advertise an address, it holds it: to put it up here too would
/// give the address two holders. It lets go when it lists the address no longer; when it has said
/// farewell and no other member of the former group has taken over within an interval; or when it
/// has been silent for as long as any Backup waits. A former group that says nothing for long is
/// forgotten.
struct FormerGroups: Equatable {
  /// The properties that tell a group from another one on the same interface.
  struct Group: Hashable {
    var vrid: VRID
    var version: ProtocolVersion
    var authentication: Authentication
  }

  private struct Knowledge: Equatable {
    /// The time since which its Active may have addresses of the router; `nil` while it has let go
    /// of them.
    var since: Instant?
    /// The group's interval.
    var interval: Duration
    /// The router's addresses that the group had.
    var addresses: Set<IPAddress>
    /// The Active that was heard.
    var holder: IPAddress?
    /// Those that its Active has now.
    var held: Set<IPAddress>
    /// The time when its Active counts as dead, or when it has let go.
    var heldUntil: Instant
    /// The time when it is forgotten.
    var end: Instant
  }

  /// The time that a Backup waits for its Active, in intervals: three and its Skew_Time.
  private static let silenceMax = 4
  /// The time for which a group is listened for that is not heard, in intervals.
  private static let memory = 12
  /// Time that a message and a busy machine may take beyond a timer.
  private static let margin = Duration.milliseconds(100)
  /// Time that a change may take until it has reached all machines.
  private static let patience = Duration.seconds(10)

  private var groups: [Group: Knowledge] = [:]

  /// Whether no group is listened for.
  var isEmpty: Bool { groups.isEmpty }

  /// Whether a group is listened for.
  func contains(_ group: Group) -> Bool { groups[group] != nil }

  /// Whether the Active of a former group has an address.
  func hold(_ address: IPAddress) -> Bool {
    groups.contains { $0.value.held.contains(address) }
  }

  /// Whether the Active of a former group has any address.
  var holdAny: Bool { groups.contains { !$0.value.held.isEmpty } }

  /// The time until which the Active of a former group has, or has had, addresses; `nil` if none
  /// was heard.
  private(set) var lastHold: Instant?

  /// A group whose Active has had addresses for so long that it is not about to be changed too.
  func lasting(at now: Instant) -> (group: Group, holder: IPAddress)? {
    let lasting = groups.filter { _, known in
      guard let since = known.since, !known.held.isEmpty else { return false }
      return now >= since + max(Self.patience, known.interval * Self.silenceMax + Self.margin)
    }
    return lasting.compactMap { group, known in known.holder.map { (group: group, holder: $0) } }
      .min { $0.group.vrid.rawValue < $1.group.vrid.rawValue }
  }

  /// The time to call ``advanced(to:)``.
  var deadline: Instant? {
    groups.values.lazy.map { $0.held.isEmpty ? $0.end : $0.heldUntil }.min()
  }

  // MARK: Events

  /// The router has got an address from a group.
  ///
  /// - Parameters:
  ///   - address: the address.
  ///   - group: the group.
  ///   - isHeld: whether another machine was its Active lately, and may have the address.
  ///   - interval: the group's interval.
  ///   - now: the time.
  mutating func came(
    _ address: IPAddress, from group: Group, isHeld: Bool, interval: AdvertisementInterval,
    at now: Instant
  ) {
    let patience = interval.duration * Self.silenceMax + Self.margin
    let memory = interval.duration * Self.memory
    var known =
      groups[group]
      ?? Knowledge(
        interval: interval.duration, addresses: [], held: [], heldUntil: now, end: now + memory)
    // Another change takes its time too.
    if known.held.isEmpty { known.since = now }
    known.interval = interval.duration
    known.addresses.insert(address)
    if isHeld {
      known.held.insert(address)
      known.heldUntil = max(known.heldUntil, now + patience)
      known.end = max(known.end, known.heldUntil + memory)
      noteHold(until: known.heldUntil)
    }
    groups[group] = known
  }

  /// A member of a group has advertised.
  ///
  /// - Parameters:
  ///   - group: the group.
  ///   - lists: whether it lists an address.
  ///   - isFarewell: whether it leaves.
  ///   - source: its address.
  ///   - interval: the interval that it advertises.
  ///   - now: the time.
  /// - Returns: whether it has let go of addresses.
  mutating func heard(
    _ group: Group, listing lists: (IPAddress) -> Bool, isFarewell: Bool,
    from source: IPAddress, interval: AdvertisementInterval, at now: Instant
  ) -> Bool {
    guard var known = groups[group] else { return false }
    let before = known.held
    if isFarewell {
      // Any Backup of it takes over within its Skew_Time, which is shorter than an interval.
      guard !before.isEmpty else { return false }
      known.heldUntil = now + interval.duration + Self.margin
    } else {
      known.held = known.addresses.filter(lists)
      known.interval = interval.duration
      if known.held.isEmpty {
        if !before.isEmpty { known.since = nil }
      } else if known.since == nil {
        known.since = now
      }
      // Forged senders in turn are one holder, and one line in the log.
      if before.isEmpty || known.holder == nil { known.holder = source }
      known.heldUntil =
        known.held.isEmpty ? now : now + interval.duration * Self.silenceMax + Self.margin
    }
    known.end = max(known.end, known.heldUntil + interval.duration * Self.memory)
    groups[group] = known
    if !known.held.isEmpty || !before.isEmpty { noteHold(until: known.heldUntil, replacing: group) }
    return !before.isSubset(of: known.held)
  }

  /// Time has passed.
  ///
  /// - Returns: whether an Active has let go of addresses.
  mutating func advanced(to now: Instant) -> Bool {
    var hasLetGo = false
    for (group, known) in groups {
      if !known.held.isEmpty, known.heldUntil <= now {
        groups[group]?.held = []
        groups[group]?.since = nil
        hasLetGo = true
      }
      if known.end <= now { groups[group] = nil }
    }
    return hasLetGo
  }

  /// The router takes part again, or for the first time: it has heard nothing until now.
  mutating func resume(at now: Instant) {
    for (group, known) in groups {
      groups[group]?.end = max(known.end, now + known.interval * Self.memory)
    }
  }

  private mutating func noteHold(until moment: Instant, replacing group: Group? = nil) {
    let others = groups.lazy.filter { $0.key != group && !$0.value.held.isEmpty }
    lastHold = others.map(\.value.heldUntil).max().map { max($0, moment) } ?? moment
  }
}
