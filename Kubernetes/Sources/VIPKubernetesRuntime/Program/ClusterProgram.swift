import KubernetesClient
import Synchronization
public import VIP
import VIPControl
import VIPCore
import VIPReports
public import VIPService

/// What an allocator is about, for metrics.
struct AllocatorGauges: Sendable, Hashable {
  /// Whether this program is the allocator.
  var isLeading = false
  /// How often it has read all objects.
  var beginningCount: UInt64 = 0
  /// The number of writes that have been made.
  var writeCount: UInt64 = 0
  /// The number of writes that have failed.
  var failureCount: UInt64 = 0
  /// The number of nodes whose speakers are silent; `nil` as long as it is not the allocator.
  var silentCount: Int?
  /// The number of objects about which the server refuses to have written.
  var refusedCount = 0
}

/// What runs on each node of a cluster: a node that runs what the cluster says, the allocator if
/// this program has the Lease, a control socket, metrics and probes.
public final class ClusterProgram: Sendable {
  private let options: ClusterOptions
  private let node: Node
  private let door: NodeDoor
  private let speaker: SpeakerLoop
  /// One client for each role, so that the many writes of an allocator hold up no acknowledgement.
  private let clients: (speaker: KubernetesClient, allocator: KubernetesClient)
  private let log: ClusterLog
  private let allocator = Mutex(AllocatorGauges())
  private let isEnding = Mutex(false)

  /// The time in which a speaker takes a turn, however long a handover is.
  private static let turnPeriodMax: Duration = .seconds(180)
  /// The time after which a port that is taken is tried again.
  private static let listenPeriod: Duration = .seconds(5)
  /// What ending takes beside the handover.
  private static let endPeriod: Duration = .seconds(4)

  /// Claims the runtime directory and starts a node without routers.
  ///
  /// - Parameters:
  ///   - options: how it runs.
  ///   - platform: the machine of the node; this one if left out.
  ///   - machine: the same as the speaker looks at it.
  ///   - log: where it says what happens.
  /// - Throws: why not; ``NodeError/Kind/alreadyRunning`` if another one has the directory.
  public init(
    _ options: ClusterOptions, on platform: sending (any Platform)? = nil,
    seenBy machine: any SpeakerMachine = LinuxSpeakerMachine(), log: ClusterLog
  ) throws(NodeError) {
    self.options = options
    self.log = log
    let directory = try RuntimeDirectory(path: options.runtimeDirectory)
    let nodeOptions = Node.Options(
      settings: options.settings,
      addressesPath: RuntimeDirectory.addressesPath(in: directory.path), unready: .wait)
    do throws(NodeError) {
      node = try Node(nodeOptions, on: platform)
      door = try NodeDoor(in: directory, for: node)
    } catch {
      directory.release()
      throw error
    }
    clients = (
      KubernetesClient(options.api.forSpeaker(on: options.node)), KubernetesClient(options.api)
    )
    speaker = SpeakerLoop(
      clients.speaker, node, on: machine,
      options: SpeakerOptions(
        node: options.node, settings: options.settings,
        proxy: options.proxyURL.map { ProxyCheck(url: $0) },
        leaseNamespace: options.namespace, instance: options.instance),
      file: options.stateDirectory.map { SpeakerFile(in: $0) })
  }

  /// Works until it is told to stop; returns when all addresses are handed over.
  public func run(until stops: Stops) async {
    let events = node.stampedEvents()
    let logging = Task { await log.follow(events) }
    let web = Task { await serveWeb() }
    let work = Task { await self.work() }
    log.add(
      .info, "ready",
      [("node", options.node), ("instance", options.instance), ("server", options.api.server)])
    loop: for await cause in stops.causes {
      switch cause {
      case .signal: break loop
      case .reload: log.add(.info, "SIGHUP changes nothing: the cluster says what this node runs")
      case .routerGone, .starterGone: continue
      }
    }
    log.add(.info, "handing over and stopping")
    isEnding.withLock { $0 = true }
    NodeProcess.allowEnd(within: await node.longestHandover + Self.endPeriod)
    // The Lease is given back meanwhile. What is under way with routers ends with the node.
    work.cancel()
    await node.retire()
    await work.value
    await door.close()
    await node.shutdown()
    door.leave()
    await logging.value
    web.cancel()
    await web.value
    await clients.speaker.shutdown()
    await clients.allocator.shutdown()
    log.add(.info, "stopped")
  }

  private func work() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await self.speaker.run { news in self.log.add(news) }
      }
      if let leaseName = options.leaseName {
        group.addTask { await self.allocate(by: leaseName) }
      }
    }
  }

  private func allocate(by leaseName: String) async {
    // Another life of the same pod is another candidate.
    let identity = "\(options.instance)_\(String(UInt64.random(in: 0...(.max)), radix: 16))"
    let elector = LeaseElector(
      clients.allocator, ObjectName(leaseName, in: options.namespace), identity: identity)
    await elector.run { state in
      let isLeading = if case .leading = state { true } else { false }
      let isNews = self.allocator.withLock { gauges in
        defer { gauges.isLeading = isLeading }
        // What it knew once says nothing of now.
        if !isLeading { (gauges.silentCount, gauges.refusedCount) = (nil, 0) }
        return gauges.isLeading != isLeading
      }
      guard isNews else { return }
      self.log.add(
        .info,
        isLeading ? "this program is the allocator now" : "this program is no allocator any more")
    } lead: { leadership in
      await AllocatorLoop(
        self.clients.allocator, options: self.options.allocator, instance: self.options.instance,
        speakersIn: self.options.namespace
      ).run(leadership) { news in
        self.log.add(news)
        self.allocator.withLock { gauges in
          switch news {
          case .began:
            gauges.beginningCount += 1
            gauges.refusedCount = 0
          case .made(let writes): gauges.writeCount += UInt64(writes.count)
          case .failed: gauges.failureCount += 1
          case .silent(let count): gauges.silentCount = count
          case .refused(_, _, let count), .leftAlone(let count): gauges.refusedCount = count
          case .interrupted, .skipped: break
          }
        }
      }
    }
  }

  // MARK: Pages

  /// Serves metrics and probes until the task is cancelled.
  private func serveWeb() async {
    guard let port = options.port else { return }
    while !Task.isCancelled {
      // Without IPv6 on the machine there is no address for all of both families.
      let addresses = options.address.map { [$0] } ?? ["::", "0.0.0.0"]
      var failure: WebServerError?
      for address in addresses {
        do throws(WebServerError) {
          let server = try await WebServer(address: address, port: port) { await self.page($0) }
          await Self.waitUntilCancelled()
          return await server.close()
        } catch {
          failure = failure ?? error
        }
      }
      if let failure { log.add(.warning, "\(failure); it is tried again") }
      do throws(any Error) {
        try await Task.sleep(for: Self.listenPeriod)
      } catch {
        return
      }
    }
  }

  private static func waitUntilCancelled() async {
    while !Task.isCancelled {
      do throws(any Error) {
        try await Task.sleep(for: .seconds(3600))
      } catch {
        return
      }
    }
  }

  /// The page of a path.
  func page(_ path: String) async -> WebPage? {
    switch path {
    case "/metrics": return await metrics()
    case "/healthz": return await Self.verdict(illness())
    case "/readyz":
      if isEnding.withLock({ $0 }) { return Self.verdict("the program is ending") }
      return Self.verdict(
        speaker.gauges.isReady ? nil : "it is not known yet what this node is to serve")
    default: return nil
    }
  }

  private static func verdict(_ problem: String?) -> WebPage {
    problem.map { WebPage(status: 503, "\($0)\n") } ?? WebPage("ok\n")
  }

  private func metrics() async -> WebPage {
    let text = ClusterMetrics.render(
      await status(), speaker.gauges, openWrites: speaker.openWriteCount,
      allocator.withLock { $0 },
      [
        (role: "speaker", counts: clients.speaker.requestCounts),
        (role: "allocator", counts: clients.allocator.requestCounts),
      ], at: speaker.now)
    return WebPage(contentType: "text/plain; version=0.0.4; charset=utf-8", text)
  }

  /// Why the program hangs; `nil` if it does not.
  private func illness() async -> String? {
    if let last = speaker.gauges.lastTurn, speaker.now - last > Self.turnPeriodMax {
      return "the speaker has taken no turn for \((speaker.now - last).components.seconds) s"
    }
    return await status() == nil ? "the node does not answer" : nil
  }

  /// The node's status; the one that asks for a page gives up on a node that hangs.
  private func status() async -> NodeStatus? {
    do throws(NodeError) {
      return try await node.status()
    } catch {
      return nil
    }
  }
}
