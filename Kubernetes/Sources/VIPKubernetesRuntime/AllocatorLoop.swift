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
    /// The first of some writes has failed, and the others depend on it. Their objects are read
    /// again.
    case failed([Write], APIError)
    /// The server refuses again and again what is to be done with an object; it is left alone for a
    /// while, and the count says how many are. Nothing else waits for it.
    case refused(Event.Subject, APIError, count: Int)
    /// So many objects are left alone.
    case leftAlone(count: Int)
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
  /// How many are taken one after the other before something is written in any case.
  private static var eventCountMax: Int { 1000 }

  /// What the loop waits for.
  private enum Call: Sendable {
    case event(ClusterEvent)
    /// The time for something has come.
    case alarm
  }

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
  /// When a kind has to be listed again, all are, and a new allocator begins: what has been written
  /// comes back by the watches, and must not be missing from what the next plan is based on.
  public func run(
    _ leadership: Leadership?, tell: @escaping @Sendable (News) async -> Void = { _ in }
  ) async {
    var cluster = ClusterStore(watchesSpeakers: options.watchesSpeakers)
    var backoff = reflectors.backoff
    let events = EventWriter(
      client, controller: "vipctl.io/allocator", instance: instance, rate: 2, burst: 50,
      leadership: leadership)
    while !Task.isCancelled, leadership?.isValid ?? true {
      cluster = await runOnce(cluster, leadership, events, tell)
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
    _ known: ClusterStore, _ leadership: Leadership?, _ events: EventWriter,
    _ tell: @escaping @Sendable (News) async -> Void
  ) async -> ClusterStore {
    let queue = BoundedQueue<Call>(capacity: Self.queueCapacity)
    return await withDiscardingTaskGroup { group in
      // What people are told waits for nothing, and nothing waits for it.
      group.addTask { await events.run() }
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
      let writer = PlanWriter(client, leadership: leadership, events: events)
      var turn = AllocatorTurn(client, options, leadership, writer, known)
      var alarm: Duration?
      var eventCount = 0
      for await call in queue {
        switch call {
        case .alarm: alarm = nil
        case .event(let event):
          if let news = event.news { await tell(news) }
          switch turn.take(event) {
          case .goOn: break
          case .begin: await tell(.began)
          case .startAgain: return turn.cluster
          }
        }
        if options.watchesSpeakers, let count = turn.takeSilence() { await tell(.silent(count)) }
        // What has come already is planned for at once.
        eventCount += 1
        guard queue.isEmpty || eventCount >= Self.eventCountMax else { continue }
        eventCount = 0
        let rest = await turn.work(unless: { !queue.isEmpty }, tell)
        guard case .waits(let until) = rest else { break }
        guard let until, alarm.map({ until < $0 }) ?? true else { continue }
        alarm = until
        group.addTask {
          guard await client.clock.isOver(until - client.clock.now) else { return }
          await queue.send(.alarm)
        }
      }
      return turn.cluster
    }
  }

  /// Says again and again that time has passed.
  private func tellTime(_ queue: BoundedQueue<Call>) async {
    repeat {
      do throws(CancellationError) {
        try await client.clock.expire(at: client.clock.now + Self.timePeriod)
      } catch {
        return
      }
    } while await queue.send(.event(.time))
  }

  private func reflect<Object>(
    _ resource: Resource<Object>, selecting selection: Selection = .all,
    _ known: StoredKind<Object>, _ queue: BoundedQueue<Call>,
    _ transform: @escaping @Sendable (ReflectorEvent<Object>) -> ClusterEvent
  ) async {
    await Reflector(client, resource, selection, known: known.references, options: reflectors)
      .run(into: queue) { .event(transform($0)) }
  }
}
