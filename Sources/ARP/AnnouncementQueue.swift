public import VIPCore

/// The address to announce next, and the time to do so.
///
/// A value without a clock. Its owner calls ``announce(_:now:)`` when an address moved here, waits
/// until ``deadline``, then takes addresses with ``popDue(by:)`` until that returns `nil` and sends
/// an ``Announcement`` for each; if the interface's queue is full, ``retry(_:now:)`` brings the
/// address back. Calling `popDue` too early or too often does no harm.
///
/// ```
///              announce             popDue            popDue            popDue
///   (absent) ───────────▶ round 0 ─────────▶ round 1 ─────────▶ round 2 ─────────▶ (absent)
///                            ▲     at once      │      1 s         │      2 s
///                            └──────────────────┴──── announce ────┘
/// ```
///
/// Each round is a queue in order of arrival, and the lowest round that has something due goes
/// first: an address that was not announced yet never waits for another one's repeat. Since all
/// addresses of a round have waited for the same pause, order of arrival is order of time, so that
/// each operation takes constant time and, once the arrays have grown, no memory.
///
/// Keep one queue for an interface: rate and back-off are the interface's.
public struct AnnouncementQueue: Sendable {
  private struct Slot: Sendable {
    var address: IPAddress
    var round: Int
    var due: Instant
    /// Neighbours in the round's queue, or the next unused slot; -1 for none.
    var next = -1
    var previous = -1
  }
  private struct Round: Sendable {
    /// The time from the announcement before this round to this one.
    var pause: UInt64
    var first = -1
    var last = -1
  }

  private var slots: [Slot] = []
  private var firstUnused = -1
  private var slotOf: [IPAddress: Int] = [:]
  private var rounds: [Round]

  /// The rate as the time one announcement uses up (the generic cell rate algorithm).
  private let interval: UInt64
  private let tolerance: UInt64
  /// The time when all announcements so far are paid for at that rate.
  private var paidUntil = Instant.zero

  /// The first back-off: about what 1 Gbit/s takes for a full queue of 1,000 large frames.
  private static let firstBackOff: UInt64 = 10_000_000
  private static let longestBackOff: UInt64 = 1_000_000_000
  private var backOff: UInt64 = 0
  private var heldUntil = Instant.zero
  private var lastPop = Instant.zero
  private var failedSincePop = false

  /// Makes an empty queue.
  public init(policy: AnnouncementPolicy = AnnouncementPolicy()) {
    rounds = [Round(pause: 0)] + policy.pauses.map { Round(pause: $0.inNanoseconds) }
    interval = 1_000_000_000 / UInt64(max(policy.maximumRate, 1))
    let (tolerance, overflow) = interval.multipliedReportingOverflow(
      by: UInt64(max(policy.burst, 1) - 1))
    self.tolerance = overflow ? .max : tolerance
  }

  /// Number of addresses that have announcements to come.
  public var count: Int { slotOf.count }

  /// Whether no announcement is to come.
  public var isEmpty: Bool { slotOf.isEmpty }

  /// Whether an address has announcements to come.
  public func contains(_ address: IPAddress) -> Bool { slotOf[address] != nil }

  /// The time when ``popDue(by:)`` will have something next; `nil` if the queue is empty.
  public var deadline: Instant? {
    var earliest: Instant?
    for round in rounds where round.first >= 0 {
      let due = slots[round.first].due
      earliest = min(earliest ?? due, due)
    }
    guard let earliest else { return nil }
    return max(earliest, gate)
  }

  /// The moment before which nothing goes out, whatever is due.
  private var gate: Instant {
    let paid = paidUntil.nanoseconds
    return max(heldUntil, Instant(nanoseconds: paid > tolerance ? paid - tolerance : 0))
  }

  /// Starts an address's announcements, the first one at once.
  ///
  /// An address that is in its later rounds starts again; one that still waits for its first keeps
  /// its place.
  public mutating func announce(_ address: IPAddress, now: Instant) {
    if let index = slotOf[address] {
      guard slots[index].round > 0 else { return }
      unlink(index)
      append(index, to: 0, due: now)
    } else {
      append(newSlot(for: address), to: 0, due: now)
    }
  }

  /// Announces an address once more, after all that is new; nothing changes if it is to be
  /// announced anyway.
  public mutating func refresh(_ address: IPAddress, now: Instant) {
    guard slotOf[address] == nil else { return }
    append(newSlot(for: address), to: rounds.count - 1, due: now)
  }

  /// Forgets an address, which is no longer ours.
  public mutating func cancel(_ address: IPAddress) {
    guard let index = slotOf[address] else { return }
    unlink(index)
    release(index)
  }

  /// Takes the next address to announce now; `nil` if none is due or the rate forbids it.
  public mutating func popDue(by now: Instant) -> IPAddress? {
    guard now >= gate, let round = dueRound(by: now) else { return nil }
    if now > lastPop {
      // No failure was told of the addresses before, so the interface takes frames again.
      if !failedSincePop { backOff = 0 }
      failedSincePop = false
      lastPop = now
    }
    paidUntil = max(paidUntil, now).advanced(byNanoseconds: interval)

    let index = rounds[round].first
    let address = slots[index].address
    unlink(index)
    if round + 1 < rounds.count {
      append(index, to: round + 1, due: now.advanced(byNanoseconds: rounds[round + 1].pause))
    } else {
      release(index)
    }
    return address
  }

  /// The lowest round that has something due.
  private func dueRound(by now: Instant) -> Int? {
    for index in rounds.indices {
      let first = rounds[index].first
      if first >= 0, slots[first].due <= now { return index }
    }
    return nil
  }

  /// Takes back an address whose frame could not be sent for the moment (ENOBUFS).
  ///
  /// It goes to the front of the round it came from, and the whole queue pauses: 10 ms at first,
  /// twice as long after each further failure, at most a second.
  public mutating func retry(_ address: IPAddress, now: Instant) {
    // A batch that fails together counts as one failure.
    if now >= heldUntil {
      backOff = backOff == 0 ? Self.firstBackOff : min(backOff * 2, Self.longestBackOff)
      heldUntil = now.advanced(byNanoseconds: backOff)
    }
    failedSincePop = true
    guard let index = slotOf[address] else {
      // It was the last round, after which the address is forgotten.
      prepend(newSlot(for: address), to: rounds.count - 1, due: now)
      return
    }
    let round = slots[index].round
    guard round > 0 else { return }
    unlink(index)
    prepend(index, to: round - 1, due: now)
  }
}

/// Doubly linked queues inside one array.
extension AnnouncementQueue {
  private mutating func newSlot(for address: IPAddress) -> Int {
    let slot = Slot(address: address, round: 0, due: .zero)
    let index = firstUnused
    if index >= 0 {
      firstUnused = slots[index].next
      slots[index] = slot
    } else {
      slots.append(slot)
    }
    let used = index >= 0 ? index : slots.count - 1
    slotOf[address] = used
    return used
  }

  private mutating func release(_ index: Int) {
    slotOf[slots[index].address] = nil
    slots[index].next = firstUnused
    firstUnused = index
  }

  private mutating func append(_ index: Int, to round: Int, due: Instant) {
    let last = rounds[round].last
    slots[index].round = round
    // Never before its predecessor, even if the caller's clock went back.
    slots[index].due = last >= 0 ? max(due, slots[last].due) : due
    slots[index].previous = last
    slots[index].next = -1
    if last >= 0 { slots[last].next = index } else { rounds[round].first = index }
    rounds[round].last = index
  }

  private mutating func prepend(_ index: Int, to round: Int, due: Instant) {
    let first = rounds[round].first
    slots[index].round = round
    slots[index].due = first >= 0 ? min(due, slots[first].due) : due
    slots[index].previous = -1
    slots[index].next = first
    if first >= 0 { slots[first].previous = index } else { rounds[round].last = index }
    rounds[round].first = index
  }

  private mutating func unlink(_ index: Int) {
    let slot = slots[index]
    if slot.previous >= 0 {
      slots[slot.previous].next = slot.next
    } else {
      rounds[slot.round].first = slot.next
    }
    if slot.next >= 0 {
      slots[slot.next].previous = slot.previous
    } else {
      rounds[slot.round].last = slot.previous
    }
  }
}
