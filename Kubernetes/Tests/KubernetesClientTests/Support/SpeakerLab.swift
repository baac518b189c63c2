import Glibc
import KubernetesClient
import ManifestChecks
import Netlink
import Synchronization
import Testing
import VIP
import VIPCore
import VIPKubernetes
import VIPTesting

@testable import VIPKubernetesRuntime

/// A machine in memory as a speaker looks at it.
struct SeenMachine: SpeakerMachine {
  let machine: MachineInMemory
  /// Addresses that seem to be there although its node has taken them away.
  var ghosts = Ghosts()

  /// Addresses that a test may change.
  final class Ghosts: Sendable {
    let addresses = Mutex<Set<IPAddress>>([])
  }

  func look() async -> MachineView? {
    machine.withKernel { kernel in
      guard let links = try? kernel.links(), let addresses = try? kernel.addresses() else {
        return nil
      }
      var view = MachineView(links, addresses)
      view.served.formUnion(ghosts.addresses.withLock { $0 })
      return view
    }
  }
}

/// An API server in memory that can be away, a machine in memory, and a speaker on it that can be
/// stopped and started.
final class SpeakerLab: Sendable {
  let api = MemoryAPI()
  let machine = MachineInMemory(
    addresses: ["192.0.2.1/24", "2001:db8::1/64", "fe80::1/64"].compactMap {
      InterfaceAddress($0)
    })
  let client: KubernetesClient
  let directory: String
  /// Whether the API server is away.
  let isAway: Mutex<Bool>
  /// Whether it takes requests and does not answer.
  let isSilent = Mutex(false)
  /// Why kube-proxy is not well.
  let proxyProblem = Mutex<String?>(nil)
  let ghosts = SeenMachine.Ghosts()
  /// How often a list of routers has been asked for.
  let lists = Counter()
  let interruptions = Counter()
  let restorations = Counter()
  private let server = Mutex<FakeServer?>(nil)
  private let running = Mutex<(node: Node, speaker: SpeakerLoop, task: Task<Void, Never>)?>(nil)

  private init(_ client: KubernetesClient, _ isAway: Bool, _ directory: String) {
    self.client = client
    self.isAway = Mutex(isAway)
    self.directory = directory
  }

  /// Runs a test, by the computer's clock: a speaker looks again and again, so that skipped waits
  /// would never end.
  static func run(
    isAway: Bool = false, _ test: @escaping @Sendable (SpeakerLab) async throws -> Void
  ) async throws {
    let directory = try temporaryDirectory()
    defer { removeDirectory(directory) }
    let place = Place()
    let server = try await FakeServer { request, reply in
      guard let lab = place.lab.withLock({ $0 }) else { throw FakeReply.Cut() }
      try await lab.answer(request, reply)
    }
    var configuration = ClientConfiguration(server: "http://127.0.0.1:\(server.port)")
      .forSpeaker(on: "node-a")
    (configuration.requestRate, configuration.requestBurst) = (1000, 1000)
    let lab = SpeakerLab(KubernetesClient(configuration), isAway, directory)
    place.lab.withLock { $0 = lab }
    lab.server.withLock { $0 = server }
    lab.annotate(isInMaintenance: false)
    // Whatever happens, nothing is left over.
    let result: Result<Void, any Error>
    do { result = .success(try await test(lab)) } catch { result = .failure(error) }
    await lab.stop()
    await lab.client.shutdown()
    await server.stop()
    lab.server.withLock { $0 = nil }
    place.lab.withLock { $0 = nil }
    try result.get()
  }

  /// All that the requests so far needed rights for.
  var accesses: Set<Access> { server.withLock { $0?.accesses } ?? [] }

  /// Where the server's script finds what it belongs to.
  private final class Place: Sendable {
    let lab = Mutex<SpeakerLab?>(nil)
  }

  private func answer(_ request: FakeRequest, _ reply: FakeReply) async throws {
    if isAway.withLock({ $0 }) { throw FakeReply.Cut() }
    if isSilent.withLock({ $0 }) { return try await reply.hang() }
    if !request.isWatch, request.path.hasSuffix("/virtualrouters") { lists.increase() }
    try await api.answer(request, reply)
  }

  /// Sends the API server away, or brings it back.
  func setAway(_ isAway: Bool) {
    self.isAway.withLock { $0 = isAway }
    if isAway { api.cutWatches() }
  }

  // MARK: Objects

  static let routerPath = "/apis/vipctl.io/v1alpha1/virtualrouters/lan-1"

  /// Makes or changes the router.
  func put(
    _ addresses: [String] = ["192.0.2.100"], leaving: [(String, Int64)] = [],
    candidates: [(String, UInt8)] = [("node-a", 200), ("node-b", 150)], vrid: Int64 = 31,
    named name: String = "lan-1"
  ) {
    api.put(
      "/apis/vipctl.io/v1alpha1/virtualrouters/\(name)",
      [
        "metadata": ["name": .string(name)],
        "spec": [
          "pool": "lan", "vrid": .integer(vrid), "interval": "100ms",
          "addresses": .array(addresses.map { .string($0) }),
          "leaving": .array(
            leaving.map { ["address": .string($0.0), "since": .integer($0.1)] }),
          "candidates": .array(
            candidates.map { ["node": .string($0.0), "priority": .integer(Int64($0.1))] }),
        ],
      ])
  }

  /// The router as the server has it.
  var router: RouterObject? { try? api.all("virtualrouters", as: RouterObject.self).first }

  /// The Leases that the server has.
  var leases: [Lease] { (try? api.all("leases", as: Lease.self)) ?? [] }

  /// The events of a reason that the server has.
  func events(_ reason: String) -> [JSONValue] {
    let all = (try? api.all("events", as: JSONValue.self)) ?? []
    return all.filter { $0["reason"]?.string == reason }
  }

  /// All requests so far.
  var requests: [FakeRequest] { server.withLock { $0?.requests } ?? [] }

  /// The node's entry in it.
  var entry: RouterObject.Acknowledgement? { entry(in: "lan-1") }

  /// The node's entry in a router.
  func entry(in name: String) -> RouterObject.Acknowledgement? {
    let routers = (try? api.all("virtualrouters", as: RouterObject.self)) ?? []
    return routers.first { $0.metadata.name == name }?.status.nodes.first { $0.node == "node-a" }
  }

  /// What tells the Node from an earlier one of its name.
  var nodeUID: String? {
    (try? api.all("nodes", as: ClusterNode.self).first { $0.metadata.name == "node-a" })?
      .metadata.uid
  }

  func annotate(isInMaintenance: Bool) {
    api.put(
      "/api/v1/nodes/node-a",
      [
        "metadata": [
          "name": "node-a",
          "annotations": ["vipctl.io/maintenance": .string(isInMaintenance ? "true" : "false")],
        ]
      ])
  }

  // MARK: The speaker

  /// Starts a node and a speaker.
  func start(
    proxy: Bool = false, emptyListCount: Int = 4, patience: Duration = .seconds(3600),
    leaseNamespace: String? = nil
  ) throws {
    let node = try Node(on: machine)
    let check = ProxyCheck(every: .milliseconds(20)) { [self] in proxyProblem.withLock { $0 } }
    // Waits are short, so that tests are.
    let reflectors = ReflectorOptions(
      list: ListOptions(request: .once),
      backoff: Backoff(first: .milliseconds(20), longest: .milliseconds(100)),
      relistDelayMax: .milliseconds(20), emptyListCount: emptyListCount,
      emptyListPeriod: .milliseconds(50) * emptyListCount)
    let speaker = SpeakerLoop(
      client, node, on: SeenMachine(machine: machine, ghosts: ghosts),
      options: SpeakerOptions(
        node: "node-a", settings: NodeSettings(), proxy: proxy ? check : nil,
        reflectors: reflectors, patience: patience, lookPeriod: .milliseconds(100),
        retryPeriod: .milliseconds(500), leaseNamespace: leaseNamespace),
      file: SpeakerFile(in: directory))
    let (interruptions, restorations) = (interruptions, restorations)
    let task = Task {
      await speaker.run { news in
        if case .interrupted = news { interruptions.increase() }
        if case .restored = news { restorations.increase() }
      }
    }
    running.withLock { $0 = (node, speaker, task) }
  }

  /// Stops both; what the node has is handed over.
  func stop() async {
    let last = running.withLock { running in
      defer { running = nil }
      return running
    }
    last?.task.cancel()
    await last?.task.value
    await last?.node.shutdown()
  }

  var gauges: SpeakerGauges? { running.withLock { $0?.speaker.gauges } }

  /// The node's status of the router of IPv4.
  func status() async -> RouterStatus? {
    guard let node = running.withLock({ $0?.node }) else { return nil }
    return try? await node.status().routers.first { $0.family == .ipv4 }
  }

  /// The addresses that the machine has from its node.
  var held: Set<String> { Set(machine.heldAddresses.map(\.address.description)) }
}

/// A new directory of this user alone.
func temporaryDirectory() throws -> String {
  var template = Array("/tmp/vipctl-speaker-XXXXXX".utf8CString)
  let path = template.withUnsafeMutableBufferPointer { buffer in
    buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
  }
  return try #require(path)
}

func removeDirectory(_ path: String) {
  for name in ["speaker.json", "speaker.json.new", "vipctl.addresses", "vipctl.pid", "vipctl.sock"]
  {
    unlink("\(path)/\(name)")
  }
  rmdir(path)
}
