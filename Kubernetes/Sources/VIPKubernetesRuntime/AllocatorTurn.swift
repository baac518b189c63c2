import KubernetesClient
import VIPKubernetes

/// The allocator, and what it needs to go on.
struct AllocatorTurn {
  /// What follows from an event.
  enum Consequence {
    case goOn
    /// The allocator begins with it.
    case begin
    /// All kinds have to be listed again.
    case startAgain
  }

  /// What follows from work.
  enum Rest {
    /// There is something to do at this time although nothing has happened, if there is one.
    case waits(until: Duration?)
    /// The right to write has ended.
    case ended
  }

  private let client: KubernetesClient
  private let leadership: Leadership?
  private(set) var cluster: ClusterStore
  private var allocator: Allocator
  private var hasBegun = false
  private var silentCount: Int?
  private var writer: PlanWriter
  private var queue = WriteQueue()
  /// Whether something may have to be planned.
  private var needsPlan = false
  /// Until when nothing is asked of the server.
  private var pausedUntil: Duration?
  private var backoff = Backoff(first: .milliseconds(100))
  /// What has been written and not been told yet, and since when.
  private var made: [Write] = []
  private var madeSince: Duration?
  private var refusedCount = 0
  /// The routers of which it may have to be said that a node holds them no more.
  private var unsure: Set<String> = []

  /// For how long writes are told of together.
  private static let tellPeriod: Duration = .seconds(1)

  init(
    _ client: KubernetesClient, _ options: AllocatorOptions, _ leadership: Leadership?,
    _ writer: PlanWriter, _ cluster: ClusterStore
  ) {
    self.client = client
    self.leadership = leadership
    self.cluster = cluster
    self.writer = writer
    allocator = Allocator(options: options)
  }

  /// Takes the number of silent speakers, if it is another one than before.
  mutating func takeSilence() -> Int? {
    let count = cluster.silentCount
    guard hasBegun, count != silentCount else { return nil }
    silentCount = count
    return count
  }

  mutating func take(_ event: ClusterEvent) -> Consequence {
    switch cluster.take(event, at: client.clock.now) {
    case .nothing: return .goOn
    case .listedAgain: return .startAgain
    case .listed:
      guard cluster.isComplete else { return .goOn }
      let snapshot = cluster.snapshot
      allocator.observe(snapshot)
      for observation in snapshot.observations { _ = writer.observe(observation) }
      (hasBegun, needsPlan) = (true, true)
      unsure = Set(snapshot.routers.map(\.metadata.name))
      return .begin
    case .news(let observations):
      guard hasBegun else { return .goOn }
      for observation in observations { review(observation) }
      for observation in observations where writer.observe(observation) {
        allocator.observe(observation)
        needsPlan = true
      }
      return .goOn
    }
  }

  /// Takes note of the routers whose holder may be dead.
  private mutating func review(_ observation: Observation) {
    let name: String
    switch observation {
    case .router(let router):
      if !router.status.active.isEmpty { unsure.insert(router.metadata.name) }
      return
    case .node(let node): name = node.metadata.name
    case .nodeGone(let node), .speaker(let node, _), .speakerGone(let node): name = node
    case .service, .serviceGone, .slice, .sliceGone, .namespace, .namespaceGone, .pool, .poolGone,
      .routerGone, .timePassed:
      return
    }
    for router in cluster.routers.unsorted
    where router.status.active.values.contains(where: { $0.node == name }) {
      unsure.insert(router.metadata.name)
    }
  }

  /// Says of a router that a dead node holds it no more, if that is so.
  private mutating func vacate(_ name: String) async {
    let families = cluster.vacancies(of: name)
    guard !families.isEmpty, let router = cluster.routers[ObjectName(name)] else { return }
    do throws(APIError) {
      try await writer.vacate(router, families)
    } catch {
      // It is looked at again with the next news of it, or of the node.
    }
  }

  /// Does one thing after the other, until there is nothing to do for now or something else has to
  /// be done.
  ///
  /// At least one thing is done.
  mutating func work(
    unless isNeeded: () -> Bool, _ tell: @Sendable (AllocatorLoop.News) async -> Void
  ) async -> Rest {
    guard hasBegun else { return .waits(until: nil) }
    repeat {
      guard leadership?.isValid ?? true else { return .ended }
      if let pausedUntil, client.clock.now < pausedUntil {
        await tellOfWrites(tell)
        return .waits(until: pausedUntil)
      }
      pausedUntil = nil
      if let subject = queue.subjectToRead(at: client.clock.now) {
        guard await read(subject, tell) else { return .ended }
      } else {
        if needsPlan { plan() }
        guard let entry = queue.next() else {
          if let name = unsure.popFirst() {
            await vacate(name)
            continue
          }
          await tellOfWrites(tell)
          return .waits(until: queue.nextRead)
        }
        guard await make(entry, tell) else { return .ended }
        // What is made may be the reason for more, though it seldom is.
        if queue.isEmpty { needsPlan = true }
      }
      if let madeSince, client.clock.now - madeSince >= Self.tellPeriod {
        await tellOfWrites(tell)
      }
    } while !Task.isCancelled && !isNeeded()
    return Task.isCancelled ? .ended : .waits(until: nil)
  }

  private mutating func plan() {
    needsPlan = false
    let (dropped, events) = queue.add(allocator.plan(), to: writer)
    for write in dropped { allocator.failed(write) }
    for event in events { writer.tell(event) }
  }

  /// Makes a write; `false` if there is no right to write any more.
  private mutating func make(
    _ entry: WriteQueue.Entry, _ tell: @Sendable (AllocatorLoop.News) async -> Void
  ) async -> Bool {
    do throws(APIError) {
      try await writer.make(entry.write)
    } catch {
      guard error != .late, error != .cancelled else { return false }
      let dropped = queue.failed(
        entry, error, at: client.clock.now, jitter: { Double.random(in: 0..<1) })
      for write in dropped { allocator.failed(write) }
      needsPlan = true
      pause(after: error)
      await tell(.failed(dropped, error))
      await tellOfRefusal(entry.subject, error, tell)
      return true
    }
    backoff.reset()
    queue.made(entry)
    for event in entry.events { writer.tell(event) }
    made.append(entry.write)
    madeSince = madeSince ?? client.clock.now
    return true
  }

  /// Reads an object again about which a write has failed; `false` if there is no right to write
  /// any more.
  private mutating func read(
    _ subject: Event.Subject, _ tell: @Sendable (AllocatorLoop.News) async -> Void
  ) async -> Bool {
    do throws(APIError) {
      let observation = try await writer.reread(subject)
      queue.read(subject, isGone: observation.isGone)
      allocator.observe(observation)
      needsPlan = true
    } catch {
      guard error != .late, error != .cancelled else { return false }
      queue.readFailed(
        subject, error, at: client.clock.now, jitter: { Double.random(in: 0..<1) })
      pause(after: error)
      await tellOfRefusal(subject, error, tell)
    }
    return true
  }

  /// Leaves a server alone that does not answer, or wants to be left alone.
  private mutating func pause(after error: APIError) {
    guard error.isPassing else { return }
    let now = client.clock.now
    pausedUntil =
      now
      + backoff.delay(
        afterFailureAt: now, retryAfter: error.status?.retryAfter,
        jitter: { Double.random(in: 0..<1) })
  }

  // MARK: What is told

  private mutating func tellOfWrites(
    _ tell: @Sendable (AllocatorLoop.News) async -> Void
  ) async {
    if !made.isEmpty {
      await tell(.made(made))
      (made, madeSince) = ([], nil)
    }
    guard queue.refusedCount < refusedCount else { return }
    refusedCount = queue.refusedCount
    await tell(.leftAlone(count: refusedCount))
  }

  private mutating func tellOfRefusal(
    _ subject: Event.Subject, _ error: APIError,
    _ tell: @Sendable (AllocatorLoop.News) async -> Void
  ) async {
    guard queue.isRefused(subject) else { return }
    refusedCount = queue.refusedCount
    await tell(.refused(subject, error, count: refusedCount))
    writer.tell(
      Event(
        subject, isWarning: true, reason: "NotWritten",
        message: "what vipctl has to write about it is refused: \(error); see which admission "
          + "policy or limit forbids it"))
  }
}

extension Observation {
  /// Whether it says that there is no such object.
  fileprivate var isGone: Bool {
    switch self {
    case .serviceGone, .poolGone, .routerGone, .sliceGone, .nodeGone, .namespaceGone, .speakerGone:
      true
    case .service, .pool, .router, .slice, .node, .namespace, .speaker, .timePassed: false
    }
  }
}
