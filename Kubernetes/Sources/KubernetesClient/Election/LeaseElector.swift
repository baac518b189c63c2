import Synchronization

/// Takes part in a ``LeaseElection`` and does something as long as the Lease is its own.
public struct LeaseElector: Sendable {
  private let client: KubernetesClient
  private let name: ObjectName
  private let candidate: LeaseElection

  /// The longest time for one request.
  private static var requestTimeout: Duration { .seconds(5) }

  /// Makes a candidate.
  ///
  /// Its identity, which stands in the Lease, has to be different from all others, and from those
  /// of earlier processes of the same machine.
  public init(
    _ client: KubernetesClient, _ name: ObjectName, identity: String,
    timing: LeaseTiming = .standard
  ) {
    self.client = client
    self.name = name
    candidate = LeaseElection(identity: identity, timing: timing)
  }

  /// Takes part until the task is cancelled, or until what is done with the Lease ends by itself.
  ///
  /// Before the Lease can be another's the task of `lead` is cancelled, and no new attempt is made
  /// before it has ended. At the end the Lease is given back.
  public func run(
    onChange: @escaping @Sendable (LeaseElection.State) async -> Void = { _ in },
    lead: @escaping @Sendable (Leadership) async -> Void
  ) async {
    var election = candidate
    var hasEnded = false
    while !hasEnded, !Task.isCancelled {
      election = await campaign(election, nil, onChange) { !$0.isLeading(at: client.clock.now) }
      guard !Task.isCancelled else { break }
      (election, hasEnded) = await serve(election, onChange, lead)
    }
    election.stop()
    // Also when this task is cancelled, for as long as one request takes.
    let last = election
    await Task { _ = await campaign(last, nil, onChange) { $0.state != .stopped } }.value
  }

  private enum Outcome: Sendable {
    case lost(LeaseElection)
    /// What was to be done has ended, and the right to do it has not.
    case ended
    /// What was to be done has noticed first that the right to do it has ended.
    case stopped
  }

  /// Does what is to be done with the Lease while it is renewed.
  private func serve(
    _ election: LeaseElection,
    _ onChange: @escaping @Sendable (LeaseElection.State) async -> Void,
    _ lead: @escaping @Sendable (Leadership) async -> Void
  ) async -> (LeaseElection, hasEnded: Bool) {
    let leadership = Leadership(client.clock)
    leadership.take(election.state)
    defer { leadership.take(.stopped) }
    return await withTaskGroup(of: Outcome.self) { group in
      group.addTask {
        await lead(leadership)
        return leadership.isValid ? .ended : .stopped
      }
      group.addTask {
        .lost(
          await campaign(election, leadership, onChange) { $0.isLeading(at: client.clock.now) })
      }
      var last = election
      var hasEnded = false
      var isFirst = true
      for await outcome in group {
        switch outcome {
        case .lost(let election): last = election
        case .ended: hasEnded = hasEnded || isFirst
        case .stopped: break
        }
        isFirst = false
        group.cancelAll()
      }
      return (last, hasEnded)
    }
  }

  /// Does what the election says while a condition holds.
  private func campaign(
    _ start: LeaseElection, _ leadership: Leadership?,
    _ onChange: @Sendable (LeaseElection.State) async -> Void,
    while condition: (LeaseElection) -> Bool
  ) async -> LeaseElection {
    var election = start
    while condition(election), !Task.isCancelled {
      let before = election.state
      await step(&election)
      leadership?.take(election.state)
      if before != election.state { await onChange(election.state) }
    }
    return election
  }

  private func step(_ election: inout LeaseElection) async {
    let clock = client.clock
    switch election.next(at: clock.now) {
    case .finish: return
    case .wait(let end):
      var end = end
      // Candidates that were started together do not come together.
      if election.state == .following { end += election.timing.retry * client.jitter() }
      do throws(CancellationError) {
        try await clock.sleep(until: end)
      } catch {
        return
      }
    case .read:
      do throws(APIError) {
        let lease = try await client.get(.leases, name, options: options(election))
        election.read(lease, at: clock.now)
      } catch {
        if error.isNotFound {
          election.read(nil, at: clock.now)
        } else {
          election.failed(error, at: clock.now)
        }
      }
    case .write(let write):
      let sent = clock.now
      do throws(APIError) {
        let reference = try await make(write, options(election))
        election.wrote(write, reference, sentAt: sent, at: clock.now)
      } catch {
        election.failed(error, at: clock.now)
      }
    }
  }

  /// No request takes longer than the right to act, which ends when there is no reply.
  private func options(_ election: LeaseElection) -> RequestOptions {
    var timeout = Self.requestTimeout
    if let end = election.heldUntil { timeout = min(timeout, end - client.clock.now) }
    return RequestOptions(timeout: timeout, isUrgent: true, repetition: .never)
  }

  private func make(
    _ write: LeaseWrite, _ options: RequestOptions
  ) async throws(APIError) -> ObjectReference {
    let spec = write.spec(time: MicroTime.now())
    guard let version = write.basedOn else {
      return try await client.create(
        .leases, in: name.namespace,
        [
          "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
          "metadata": ["name": .string(name.name), "namespace": .string(name.namespace)],
          "spec": spec,
        ], options: options)
    }
    return try await client.patch(
      .leases, name, .merge(["metadata": ["resourceVersion": .string(version)], "spec": spec]),
      options: options)
  }
}

/// The right to act that a Lease gives, for a time that grows with each renewal.
///
/// Once it has ended it does not begin again: then there is another one.
public final class Leadership: Sendable {
  private let clock: any ClientClock
  private let state = Mutex<Duration?>(nil)

  init(_ clock: any ClientClock) { self.clock = clock }

  /// Whether it is still there.
  public var isValid: Bool { clock.now < end }

  /// The time of the client's clock at which it ends if it is not renewed before: the deadline of
  /// each request that only its holder may make.
  public var end: Duration { state.withLock { $0 ?? .zero } }

  func take(_ state: LeaseElection.State) {
    let now = clock.now
    self.state.withLock { end in
      let isOver = end.map { now >= $0 } ?? false
      if !isOver, case .leading(let until) = state { end = until } else { end = .zero }
    }
  }
}
