/// Decides when to take, renew and give back a Lease: a value without clock and network.
///
/// All times are of a clock that is this machine's alone. The time that another machine has written
/// into the Lease is never compared with it: a Lease is over when it has been seen unchanged for as
/// long as it is given. Its own Lease counts from before the request that renewed it, so that no
/// other machine can take it while this one still acts. That holds when the Lease is deleted, too:
/// whatever makes it again keeps it for as long as it is given before it acts.
public struct LeaseElection: Sendable, Hashable {
  /// What this candidate is.
  public enum State: Sendable, Hashable {
    /// It has not read the Lease yet, or has to read it again.
    case uncertain
    /// The Lease is another's, or none's, and is being waited for.
    case following
    /// It has made the Lease, which was missing, and keeps it up to a time, but does not act yet:
    /// the Lease may have been deleted while another one acted.
    case claiming(until: Duration)
    /// The Lease is its own; it may act up to a time.
    case leading(until: Duration)
    /// It does not want the Lease any more.
    case stopped
  }

  /// What to do next.
  public enum Action: Sendable, Hashable {
    /// Wait until a time.
    case wait(until: Duration)
    /// Read the Lease.
    case read
    /// Write the Lease.
    case write(LeaseWrite)
    /// Nothing more.
    case finish
  }

  /// What the candidate is called in the Lease: different from all others, and from earlier
  /// processes of the same machine.
  public let identity: String
  /// How it keeps time.
  public let timing: LeaseTiming
  /// What it is.
  public private(set) var state = State.uncertain

  /// The Lease as it was read or written last; `nil` if there was none.
  private var lease: Lease?
  /// Since when it has been seen as it is; `nil` before it has been read.
  private var observed: Duration?
  /// When the next attempt is due.
  private var due: Duration = .zero
  /// Whether it has been read after the last wait.
  private var isFresh = false
  /// Whether a write of this candidate may have been carried out without its knowledge.
  private var mayHold = false
  /// Whether it has made the Lease, or tried to, and has not acted since.
  private var isNew = false
  /// Before this time it does not act.
  private var actsFrom: Duration = .zero
  private var wantsStop = false

  /// Makes a candidate.
  public init(identity: String, timing: LeaseTiming = .standard) {
    precondition(!identity.isEmpty, "an identity is needed")
    self.identity = identity
    self.timing = timing
  }

  /// Whether it may act at a time.
  public func isLeading(at now: Duration) -> Bool {
    if case .leading(let end) = state { now < end } else { false }
  }

  /// The one that has the Lease, as far as is known.
  public var holder: String? { lease.flatMap { $0.holder.isEmpty ? nil : $0.holder } }

  /// Says what to do; to be asked again after each result and each wait.
  public mutating func next(at now: Duration) -> Action {
    if let end = heldUntil, now >= end { loseLease() }
    switch state {
    case .stopped: return .finish
    case _ where wantsStop: return nextWhenStopping()
    case .uncertain: return now < due ? .wait(until: due) : .read
    case .following:
      if now < due {
        isFresh = false
        return .wait(until: due)
      }
      guard isFresh, isFree(at: now) else { return .read }
      isNew = isNew || lease == nil
      return .write(makeWrite(holder: identity))
    case .claiming(let end), .leading(let end):
      if now < due { return .wait(until: min(due, end)) }
      return isFresh ? .write(makeWrite(holder: identity)) : .read
    }
  }

  /// Takes note of the Lease as it is; `nil` if there is none.
  public mutating func read(_ lease: Lease?, at now: Duration) {
    if observed == nil || lease != self.lease { observed = now }
    self.lease = lease
    isFresh = true
    due = now
    if lease?.holder != identity { isNew = false }
    switch state {
    case .leading(let end) where now < end && lease?.holder == identity,
      .claiming(let end) where now < end && lease?.holder == identity:
      // A renewal of which the reply was lost.
      break
    case .uncertain, .following, .claiming, .leading:
      state = .following
      // It has been made at some time before now.
      if isNew { actsFrom = max(actsFrom, now + timing.duration) }
      if !isFree(at: now) { due = min(now + timing.poll, max(now + timing.retry, freeTime(now))) }
    case .stopped: break
    }
  }

  /// Takes note that a write has succeeded, whose request was sent after a time.
  public mutating func wrote(
    _ write: LeaseWrite, _ reference: ObjectReference, sentAt sent: Duration, at now: Duration
  ) {
    lease = Lease(
      metadata: reference, holder: write.holder, duration: write.duration,
      transitions: write.transitions)
    observed = now
    isFresh = true
    guard !write.holder.isEmpty else {
      state = .stopped
      return
    }
    if write.basedOn == nil { actsFrom = now + timing.duration }
    let end = sent + timing.deadline
    let isActing = now >= actsFrom
    state = isActing ? .leading(until: end) : .claiming(until: end)
    due = max(now, sent + timing.renewal)
    if isActing { isNew = false } else { due = min(due, max(now, actsFrom)) }
    if now >= end { loseLease() }
  }

  /// Takes note that a read or a write has failed.
  public mutating func failed(_ error: APIError, at now: Duration) {
    // What is there now is not known: it is read before it is written again.
    isFresh = false
    mayHold = mayHold || error.isAmbiguous
    let isOutdated = error.isConflict || error.isNotFound || error.isAlreadyExists
    due = isOutdated ? now : now + timing.retry
    switch state {
    case _ where wantsStop && !isOutdated:
      // One attempt is enough, since it runs out by itself.
      state = .stopped
    case .claiming(let end), .leading(let end):
      if now >= end { loseLease() }
    case .following, .uncertain: state = .uncertain
    case .stopped: break
    }
  }

  /// Takes note that the program wants to stop, and has stopped to act: the Lease is given back.
  public mutating func stop() { wantsStop = true }

  /// Until when it has the Lease, whether it acts or not.
  var heldUntil: Duration? {
    switch state {
    case .claiming(let end), .leading(let end): end
    case .uncertain, .following, .stopped: nil
    }
  }

  private mutating func loseLease() {
    state = .uncertain
    isFresh = false
    mayHold = true
  }

  private mutating func nextWhenStopping() -> Action {
    guard heldUntil != nil else {
      state = .stopped
      return .finish
    }
    return isFresh ? .write(makeWrite(holder: "")) : .read
  }

  /// When a Lease that does not change is over.
  private func freeTime(_ now: Duration) -> Duration {
    guard let observed else { return now + timing.duration }
    // One that is missing can be made, which gives no right to act yet.
    guard let lease else { return observed }
    if lease.holder.isEmpty || lease.holder == identity && mayHold { return observed }
    return observed + max(lease.duration, timing.duration)
  }

  private func isFree(at now: Duration) -> Bool { now >= freeTime(now) }

  private func makeWrite(holder: String) -> LeaseWrite {
    let isAcquisition = !holder.isEmpty && lease?.holder != holder
    return LeaseWrite(
      basedOn: lease?.metadata.resourceVersion, holder: holder,
      duration: holder.isEmpty ? .seconds(1) : timing.duration, isAcquisition: isAcquisition,
      transitions: lease.map { $0.transitions + (isAcquisition ? 1 : 0) } ?? 0)
  }
}
