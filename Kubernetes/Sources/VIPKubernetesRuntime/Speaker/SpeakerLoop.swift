public import KubernetesClient
import Synchronization
public import VIP
import VIPCore
import VIPKubernetes

/// How a ``SpeakerLoop`` works.
public struct SpeakerOptions: Sendable {
  /// The name of the node in the cluster.
  public var node: String
  /// The settings of the node's engine.
  public var settings: NodeSettings
  /// How to look at kube-proxy; `nil` if its health does not matter.
  public var proxy: ProxyCheck?
  /// How the objects are watched.
  public var reflectors: ReflectorOptions
  /// How long to wait for the API server before going on from what an earlier life has left behind.
  public var patience: Duration
  /// The time between two looks at the machine.
  public var lookPeriod: Duration
  /// The time after which what the machine has refused is tried again.
  public var retryPeriod: Duration
  /// The namespace in which it says by a Lease that it is there; `nil` if it does not.
  public var leaseNamespace: String?
  /// The name of this program in events.
  public var instance: String

  /// Makes options; what is left out has its default.
  public init(
    node: String, settings: NodeSettings = NodeSettings(isGuarded: true),
    proxy: ProxyCheck? = nil, reflectors: ReflectorOptions = ReflectorOptions(),
    patience: Duration = .seconds(3), lookPeriod: Duration = .seconds(5),
    retryPeriod: Duration = .seconds(15), leaseNamespace: String? = nil, instance: String? = nil
  ) {
    self.node = node
    self.settings = settings
    self.proxy = proxy
    self.reflectors = reflectors
    self.patience = patience
    self.lookPeriod = lookPeriod
    self.retryPeriod = retryPeriod
    self.leaseNamespace = leaseNamespace
    self.instance = instance ?? node
  }
}

/// What a speaker has to tell, for logs.
public enum SpeakerNews: Sendable {
  /// It goes on from what an earlier life has left behind, without having asked the API server.
  case restored(routers: Int)
  /// All routers have been listed.
  case listed(routers: Int)
  /// The routers are as they are to be, but for these problems, by the name of the router.
  case applied(routers: Int, problems: [String: String])
  /// Objects of a kind can't be listed or watched at the moment.
  case interrupted(kind: String, APIError)
  /// An object can't be read; what was read before is the last known.
  case skipped(kind: String, ObjectReference?, problem: String)
  /// The status of a router can't be written.
  case writeFailed(router: String, APIError)
  /// The node is unfit for a cause, or no longer: then there is no text.
  case fitness(cause: String, String?)
  /// What is to be kept for a later life can't be read or written.
  case file(SpeakerFileError)
}

/// What a speaker is about, for metrics and probes.
public struct SpeakerGauges: Sendable, Hashable {
  /// Whether it knows what to run, from the server or from an earlier life.
  public var isReady = false
  /// Whether that is from an earlier life.
  public var isFromFile = false
  /// The time of its last turn, by the client's clock.
  public var lastTurn: Duration?
  /// The time of the last news of routers, by the client's clock.
  public var lastNews: Duration?
  /// The time of the last list of all routers, by the client's clock.
  public var lastList: Duration?
  /// The number of routers in the cluster.
  public var objectCount = 0
  /// The number of routers that the node is to run.
  public var routerCount = 0
  /// The number of those that are not as they are to be.
  public var problemCount = 0
  /// The number of routers whose acknowledgement waits until their addresses are gone.
  public var withheldCount = 0
  /// Whether addresses are under way for which the segment is asked.
  public var isBusy = false
  /// The number of writes into the status of routers.
  public var writeCount: UInt64 = 0
  /// The number of those that have failed.
  public var failedWriteCount: UInt64 = 0
  /// Why the node is unfit, by cause.
  public var unfit: [String: String] = [:]
}

/// Runs on a node what the cluster's VirtualRouter objects say, and says in their status what it
/// runs.
///
/// It reads these objects and its own Node, and writes the status of the routers in which the node
/// is a candidate, events about them, and a Lease that says that it is there, nothing
/// else. While there is no API server all goes on as it was.
public final class SpeakerLoop: Sendable {
  private let client: KubernetesClient
  private let node: Node
  private let machine: any SpeakerMachine
  private let options: SpeakerOptions
  private let file: SpeakerFile?
  private let store: Mutex<SpeakerStore>
  private let proxyProblem = Mutex<String?>(nil)
  private let measures = Mutex(SpeakerGauges())
  private let writer: StatusWriter
  private let events: EventWriter
  /// What the cluster knows of the node.
  private let owner = Mutex(SpeakerPresence.Owner.unknown)
  private let ownerBell = Bell()
  private let bell = Bell()

  /// What comes within this time of a turn is dealt with together.
  private static let quietPeriod: Duration = .milliseconds(10)

  /// Makes a speaker for a node that runs without routers.
  ///
  /// - Parameters:
  ///   - client: the way to the API server, with a field manager of the node's own
  ///     (`ClientConfiguration.forSpeaker(on:)`).
  ///   - node: what runs the routers; nothing else may add or remove any.
  ///   - machine: the machine of the node.
  ///   - options: how it works.
  ///   - file: where it keeps what a later life needs; `nil` if nowhere.
  public init(
    _ client: KubernetesClient, _ node: Node, on machine: any SpeakerMachine,
    options: SpeakerOptions, file: SpeakerFile?
  ) {
    self.client = client
    self.node = node
    self.machine = machine
    self.options = options
    self.file = file
    store = Mutex(SpeakerStore(node: options.node, memory: nil))
    writer = StatusWriter(client, node: options.node)
    events = EventWriter(client, instance: options.instance)
  }

  /// What it is about now.
  public var gauges: SpeakerGauges { measures.withLock { $0 } }
  /// The number of routers about which something is still to be written.
  public var openWriteCount: Int { writer.openCount }
  /// The time by which its gauges are.
  public var now: Duration { client.clock.now }

  /// Works until the task is cancelled.
  ///
  /// The node's routers stay as they are then.
  public func run(tell: @escaping @Sendable (SpeakerNews) async -> Void = { _ in }) async {
    let memory = await readFile(tell)
    let start = SpeakerStore(node: options.node, memory: memory)
    store.withLock { $0 = start }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.reflectRouters(start.remembered, tell) }
      group.addTask { await self.reflectNode(tell) }
      group.addTask { await self.write(tell) }
      group.addTask { await self.events.run() }
      if let namespace = options.leaseNamespace {
        group.addTask { await self.sayThatItIsThere(in: namespace) }
      }
      group.addTask {
        for await _ in self.node.stampedEvents(keeping: 1) { self.bell.ring() }
      }
      group.addTask {
        if await self.client.clock.isOver(self.options.patience) { await self.useMemory(tell) }
      }
      if let proxy = options.proxy {
        group.addTask { await self.check(proxy, tell) }
      }
      await takeTurns(tell)
      group.cancelAll()
    }
  }

  // MARK: What comes in

  private func readFile(_ tell: @Sendable (SpeakerNews) async -> Void) async -> SpeakerMemory? {
    do throws(SpeakerFileError) {
      return try await file?.read(for: options.node)
    } catch {
      await tell(.file(error))
      return nil
    }
  }

  private func reflectRouters(
    _ known: [ObjectReference], _ tell: @escaping @Sendable (SpeakerNews) async -> Void
  ) async {
    await Reflector(client, .virtualRouters, known: known, options: options.reflectors)
      .run { event in
        self.store.withLock { $0.take(event) }
        let now = self.client.clock.now
        switch event {
        case .listed(let list):
          self.measures.withLock { ($0.lastList, $0.lastNews) = (now, now) }
          await tell(.listed(routers: list.objects.count))
        case .changed, .gone, .watching: self.measures.withLock { $0.lastNews = now }
        case .skipped(let reference, let problem):
          await tell(.skipped(kind: "virtualrouters", reference, problem: problem))
        case .interrupted(let error, _):
          await self.useMemory(tell)
          await tell(.interrupted(kind: "virtualrouters", error))
        case .doubted: await self.useMemory(tell)
        }
        self.bell.ring()
      }
  }

  private func reflectNode(_ tell: @escaping @Sendable (SpeakerNews) async -> Void) async {
    let selection = Selection(fields: "metadata.name=\(options.node)")
    await Reflector(client, .nodes, selection, options: options.reflectors).run { event in
      self.store.withLock { $0.take(event) }
      switch event {
      case .skipped(let reference, let problem):
        await tell(.skipped(kind: "nodes", reference, problem: problem))
      case .interrupted(let error, _): await tell(.interrupted(kind: "nodes", error))
      case .listed(let list):
        let references = list.objects.map(\.reference) + list.unreadable
        let own = references.first { $0.name.name == self.options.node }
        let wasThere = list.gone.contains { $0.name.name == self.options.node }
        self.setOwner(own.map { .node(uid: $0.uid) } ?? (wasThere ? .gone : nil))
      case .changed(let reference, _):
        if reference.name.name == self.options.node { self.setOwner(.node(uid: reference.uid)) }
      case .gone(let reference):
        if reference.name.name == self.options.node { self.setOwner(.gone) }
      case .watching, .doubted: break
      }
      self.bell.ring()
    }
  }

  /// Takes note of the Node with which the Lease goes; `nil` if nothing is news.
  private func setOwner(_ owner: SpeakerPresence.Owner?) {
    guard let owner else { return }
    self.owner.withLock { $0 = owner }
    ownerBell.ring()
  }

  /// Goes on from what an earlier life has left behind, if nothing else is known.
  private func useMemory(_ tell: @Sendable (SpeakerNews) async -> Void) async {
    let count = store.withLock { store -> Int? in
      store.useMemory() ? store.objects.count : nil
    }
    guard let count else { return }
    await tell(.restored(routers: count))
    bell.ring()
  }

  private func check(
    _ proxy: ProxyCheck, _ tell: @escaping @Sendable (SpeakerNews) async -> Void
  ) async {
    await proxy.run(client.clock) { problem in
      self.proxyProblem.withLock { $0 = problem }
      self.bell.ring()
    }
  }

  private func write(_ tell: @escaping @Sendable (SpeakerNews) async -> Void) async {
    await writer.run { write, reference in
      self.measures.withLock { $0.writeCount += 1 }
      self.store.withLock { $0.confirm(write, reference) }
      self.bell.ring()
    } failed: { name, error in
      self.measures.withLock {
        $0.writeCount += 1
        $0.failedWriteCount += 1
      }
      await tell(.writeFailed(router: name, error))
    }
  }

  private func sayThatItIsThere(in namespace: String) async {
    let presence = SpeakerPresence(client: client, node: options.node, namespace: namespace)
    await presence.run(bell: ownerBell) { self.owner.withLock { $0 } }
  }

  // MARK: Turns

  private func takeTurns(_ tell: @Sendable (SpeakerNews) async -> Void) async {
    var turn = SpeakerTurn(node, machine, options, file) { [bell] in bell.ring() }
    while !Task.isCancelled {
      await bell.wait(until: turn.deadline, by: client.clock)
      guard !Task.isCancelled else { break }
      let facts = store.withLock { $0 }
      let problem = proxyProblem.withLock { $0 }
      let reports = await turn.take(facts, proxyProblem: problem, at: client.clock.now, tell)
      if let reports { writer.take(facts, reports) }
      for (event, uid) in turn.takeEvents() { events.tell(event, uid: uid) }
      let now = client.clock.now
      measures.withLock { measures in
        turn.fill(&measures)
        measures.lastTurn = now
        measures.objectCount = facts.objects.count
        measures.isFromFile = facts.source == .file
      }
      guard await client.clock.isOver(Self.quietPeriod) else { break }
    }
    await turn.stop()
  }
}
