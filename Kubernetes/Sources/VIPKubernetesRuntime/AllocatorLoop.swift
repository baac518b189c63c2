public import KubernetesClient
public import VIPKubernetes

/// Keeps up with an API server and makes what an ``Allocator`` plans.
public struct AllocatorLoop: Sendable {
  /// What it has to tell, for logs and metrics.
  public enum News: Sendable {
    /// All kinds of objects have been listed: it plans from now on. Once more after each new list.
    case began
    /// Writes have been made.
    case made([Write])
    /// A write has failed; the report says which, and why. Its objects are read again.
    case failed(PlanWriter.Report)
    /// Objects of a kind can't be listed or watched at the moment.
    case interrupted(kind: String, APIError)
    /// The number of nodes whose speakers are silent.
    case silent(Int)
    /// An object can't be read; what was read before is the last known.
    case skipped(kind: String, ObjectReference?, problem: String)
  }

  private let client: KubernetesClient
  private var options: AllocatorOptions
  private let reflectors: ReflectorOptions
  private let instance: String
  /// The namespace of the Leases of speakers; `nil` if they are not looked at.
  private let speakersNamespace: String?

  /// The time between two observations that it has passed.
  private static var timePeriod: Duration { .seconds(30) }

  /// How many events of watches wait at most.
  private static var queueCapacity: Int { 1000 }

  /// Makes a loop.
  ///
  /// - Parameters:
  ///   - client: the way to the API server.
  ///   - options: which Services get addresses.
  ///   - instance: the name of this program in events.
  ///   - namespace: the one in which speakers say that they are there; left out, each node is taken
  ///     to have one.
  ///   - reflectors: how the objects are watched.
  public init(
    _ client: KubernetesClient, options: AllocatorOptions = AllocatorOptions(), instance: String,
    speakersIn namespace: String? = nil, reflectors: ReflectorOptions = ReflectorOptions()
  ) {
    self.client = client
    self.options = options
    self.options.watchesSpeakers = namespace != nil
    self.instance = instance
    self.reflectors = reflectors
    speakersNamespace = namespace
  }

  /// Plans and writes until the task is cancelled, or until the right to write has ended.
  ///
  /// When a kind has to be listed again, all are, and a new allocator begins: what has been written comes
  /// back by the watches, and must not be missing from what the next plan is based on.
  public func run(
    _ leadership: Leadership?, tell: @escaping @Sendable (News) async -> Void = { _ in }
  ) async {
    var cluster = ClusterStore(watchesSpeakers: options.watchesSpeakers)
    var backoff = reflectors.backoff
    while !Task.isCancelled, leadership?.isValid ?? true {
      cluster = await runOnce(cluster, leadership, tell)
      cluster.forgetLists()
      let delay = backoff.delay(
        afterFailureAt: client.clock.now, jitter: { Double.random(in: 0..<1) })
      do throws(CancellationError) {
        try await client.clock.sleep(until: client.clock.now + delay)
      } catch {
        return
      }
    }
  }

  /// Goes on until a kind is listed for the second time, and returns what is known then.
  private func runOnce(
    _ known: ClusterStore, _ leadership: Leadership?,
    _ tell: @escaping @Sendable (News) async -> Void
  ) async -> ClusterStore {
    let queue = BoundedQueue<ClusterEvent>(capacity: Self.queueCapacity)
    return await withTaskGroup(of: Void.self) { group in
      group.addTask { await reflect(.services, known.services, queue) { .service($0) } }
      group.addTask { await reflect(.endpointSlices, known.slices, queue) { .slice($0) } }
      group.addTask { await reflect(.nodes, known.nodes, queue) { .node($0) } }
      group.addTask { await reflect(.namespaces, known.namespaces, queue) { .namespace($0) } }
      group.addTask { await reflect(.addressPools, known.pools, queue) { .pool($0) } }
      group.addTask { await reflect(.virtualRouters, known.routers, queue) { .router($0) } }
      if let speakersNamespace {
        let selection = SpeakerPresence.selection(in: speakersNamespace)
        group.addTask {
          await reflect(.leases, selecting: selection, known.speakers, queue) { .speaker($0) }
        }
      }
      group.addTask { await tellTime(queue) }
      defer { group.cancelAll() }
      var turn = AllocatorTurn(client, options, leadership, instance, known)
      for await event in queue {
        if let news = event.news { await tell(news) }
        switch turn.take(event) {
        case .goOn: break
        case .begin: await tell(.began)
        case .startAgain: return turn.cluster
        }
        if options.watchesSpeakers, let count = turn.takeSilence() { await tell(.silent(count)) }
        // What has come already is planned for at once.
        guard queue.isEmpty else { continue }
        guard await turn.settle(tell) else { break }
      }
      return turn.cluster
    }
  }

  /// Says again and again that time has passed.
  private func tellTime(_ queue: BoundedQueue<ClusterEvent>) async {
    repeat {
      do throws(CancellationError) {
        try await client.clock.expire(at: client.clock.now + Self.timePeriod)
      } catch {
        return
      }
    } while await queue.send(.time)
  }

  private func reflect<Object>(
    _ resource: Resource<Object>, selecting selection: Selection = .all,
    _ known: StoredKind<Object>, _ queue: BoundedQueue<ClusterEvent>,
    _ transform: @escaping @Sendable (ReflectorEvent<Object>) -> ClusterEvent
  ) async {
    await Reflector(client, resource, selection, known: known.references, options: reflectors)
      .run(into: queue, transform)
  }
}

/// The allocator, and what it needs to go on.
private struct AllocatorTurn {
  /// What follows from an event.
  enum Consequence {
    case goOn
    /// The allocator begins with it.
    case begin
    /// All kinds have to be listed again.
    case startAgain
  }

  private let client: KubernetesClient
  private let leadership: Leadership?
  private(set) var cluster: ClusterStore
  private var allocator: Allocator
  private var hasBegun = false
  private var silentCount: Int?
  private var writer: PlanWriter
  private var backoff = Backoff(first: .milliseconds(100))

  init(
    _ client: KubernetesClient, _ options: AllocatorOptions, _ leadership: Leadership?,
    _ instance: String, _ cluster: ClusterStore
  ) {
    self.client = client
    self.leadership = leadership
    self.cluster = cluster
    allocator = Allocator(options: options)
    writer = PlanWriter(client, leadership: leadership, instance: instance)
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
      hasBegun = true
      return .begin
    case .news(let observations):
      guard hasBegun else { return .goOn }
      for observation in observations where writer.observe(observation) {
        allocator.observe(observation)
      }
      return .goOn
    }
  }

  /// Writes until there is nothing to write; `false` if the right to write has ended.
  mutating func settle(_ tell: @Sendable (AllocatorLoop.News) async -> Void) async -> Bool {
    while !Task.isCancelled {
      guard leadership?.isValid ?? true else { return false }
      guard hasBegun else { return true }
      let writes = allocator.plan()
      guard !writes.isEmpty else { return true }
      let report = await writer.make(writes)
      if report.madeCount > 0 { await tell(.made(Array(writes.prefix(report.madeCount)))) }
      guard let error = report.error else {
        backoff.reset()
        continue
      }
      await tell(.failed(report))
      for write in report.failed { allocator.failed(write) }
      guard await wait(after: error), await reread(report.failed) else { return false }
    }
    return false
  }

  private mutating func reread(_ writes: [Write]) async -> Bool {
    while !Task.isCancelled {
      do throws(APIError) {
        for observation in try await writer.reread(writes) { allocator.observe(observation) }
        return true
      } catch {
        guard await wait(after: error) else { return false }
      }
    }
    return false
  }

  private mutating func wait(after error: APIError) async -> Bool {
    let delay = backoff.delay(
      afterFailureAt: client.clock.now, retryAfter: error.status?.retryAfter,
      jitter: { Double.random(in: 0..<1) })
    do throws(CancellationError) {
      try await client.clock.sleep(until: client.clock.now + delay)
      return leadership?.isValid ?? true
    } catch {
      return false
    }
  }
}
