import KubernetesClient
import Synchronization
import Testing
import VIPCore
import VIPKubernetes
import VRRP

@testable import VIPKubernetesRuntime

/// The allocator with all that is around it, against an API server in memory.
@Suite(.timeLimit(.minutes(5))) struct AllocatorLoopTests {
  private typealias Router = VIPKubernetes.VirtualRouter

  private static func name(_ name: String, _ namespace: String? = nil) -> JSONValue {
    var metadata: JSONValue = ["name": .string(name)]
    if let namespace { metadata["namespace"] = .string(namespace) }
    return metadata
  }

  static func addCluster(to api: MemoryAPI) {
    api.put("/api/v1/namespaces/default", ["metadata": name("default")])
    for node in ["node-a", "node-b", "node-c"] {
      api.put(
        "/api/v1/nodes/\(node)",
        [
          "metadata": name(node),
          "status": ["conditions": [["type": "Ready", "status": "True"]]],
        ])
    }
    api.put(
      "/apis/vipctl.io/v1alpha1/addresspools/lan",
      ["metadata": name("lan"), "spec": ["addresses": ["192.0.2.100-192.0.2.150"]]])
  }

  static func addService(_ service: String, to api: MemoryAPI) {
    api.put(
      "/api/v1/namespaces/default/services/\(service)",
      [
        "metadata": name(service, "default"),
        "spec": [
          "type": "LoadBalancer", "loadBalancerClass": "vipctl.io/vip", "ipFamilies": ["IPv4"],
          "ports": [["port": 80]],
        ],
      ])
  }

  private static func removeService(_ service: String, from api: MemoryAPI) {
    api.remove("/api/v1/namespaces/default/services/\(service)")
  }

  private static func snapshot(_ api: MemoryAPI) throws -> ClusterSnapshot {
    var snapshot = ClusterSnapshot()
    snapshot.services = try api.all("services", as: Service.self)
    snapshot.nodes = try api.all("nodes", as: ClusterNode.self)
    snapshot.namespaces = try api.all("namespaces", as: Namespace.self)
    snapshot.pools = try api.all("addresspools", as: AddressPool.self)
    snapshot.routers = try api.all("virtualrouters", as: Router.self)
    return snapshot
  }

  /// Runs the allocator beside a test.
  private static func run(
    _ api: MemoryAPI, _ test: @escaping @Sendable (Lab, Work) async throws -> Void
  ) async throws {
    try await Lab.run(
      skips: true, configure: { ($0.requestRate, $0.requestBurst) = (1000, 1000) },
      script: { request, reply in try await api.answer(request, reply) }
    ) { lab in
      try await test(lab, Work(lab))
    }
  }

  /// An allocator that can be started and stopped.
  private final class Work: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let lab: Lab
    let beginnings = Counter()
    let failures = Counter()

    init(_ lab: Lab) { self.lab = lab }

    func start() {
      let (lab, beginnings, failures) = (lab, beginnings, failures)
      task.withLock {
        $0 = Task {
          await AllocatorLoop(lab.client, instance: "test").run(nil) { news in
            if case .began = news { beginnings.increase() }
            if case .failed = news { failures.increase() }
          }
        }
      }
    }

    func stop() async {
      let last = task.withLock { $0 }
      last?.cancel()
      await last?.value
    }
  }

  /// Whether all Services have an address and nothing is left to do, for the one that runs as for
  /// one that begins now.
  static func isSettled(_ api: MemoryAPI) -> Bool {
    guard let snapshot = try? snapshot(api) else { return false }
    return snapshot.services.allSatisfy { !$0.status.ingress.isEmpty }
      && Allocator.plan(snapshot).allSatisfy { if case .event = $0 { true } else { false } }
  }

  static func check(_ api: MemoryAPI) throws {
    let snapshot = try snapshot(api)
    let given = snapshot.services.flatMap(\.status.ingress)
    #expect(Set(given).count == given.count, "none is given twice")
    let served = snapshot.routers.flatMap { $0.spec.addresses + $0.spec.leaving.map(\.address) }
    #expect(Set(served).count == served.count, "none is in two routers")
    #expect(Set(snapshot.routers.map(\.spec.vrid)).count == snapshot.routers.count)
  }

  @Test func aServiceGetsAnAddressThatIsServed() async throws {
    let api = MemoryAPI()
    Self.addCluster(to: api)
    Self.addService("web", to: api)
    try await Self.run(api) { _, work in
      work.start()
      await eventually("all is settled") { Self.isSettled(api) }
      let service = try #require(try api.all("services", as: Service.self).first)
      #expect(service.status.ingress.map(\.description) == ["192.0.2.100"])
      #expect(service.status.condition?.type == "vipctl.io/Address")
      let routers = try api.all("virtualrouters", as: Router.self)
      #expect(routers.flatMap(\.spec.addresses) == service.status.ingress)
      #expect(routers.first?.spec.candidates.count == 3)
      // One more while it runs, and one that goes.
      Self.addService("other", to: api)
      await eventually("the other one has one, too") {
        (try? Self.snapshot(api).services.count) == 2 && Self.isSettled(api)
      }
      Self.removeService("web", from: api)
      await eventually("its address is gone") {
        let routers = (try? api.all("virtualrouters", as: Router.self)) ?? []
        return routers.flatMap(\.spec.addresses).count == 1 && Self.isSettled(api)
      }
      try Self.check(api)
      #expect(work.beginnings.value == 1)
      await work.stop()
    }
  }

  @Test func afterANewListAllIsListedAgain() async throws {
    let api = MemoryAPI()
    Self.addCluster(to: api)
    Self.addService("web", to: api)
    try await Self.run(api) { lab, work in
      work.start()
      await eventually("all is settled") { Self.isSettled(api) }
      // Each kind has its own version, which is older than that of the last write.
      Self.addService("other", to: api)
      api.compact()
      await eventually("it has begun again") { work.beginnings.value >= 2 && Self.isSettled(api) }
      try Self.check(api)
      await work.stop()
    }
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func faultsAndRestartsLeaveNothingWrong(seed: UInt64) async throws {
    let api = MemoryAPI()
    Self.addCluster(to: api)
    try await Self.run(api) { _, work in
      var chance = Chance(seed: seed)
      api.fail(seed: seed)
      work.start()
      var step = 0
      while work.failures.value < 8 || api.writeCount < 60 {
        step += 1
        switch chance.next(of: 10) {
        case 0...4: Self.addService("s\(chance.next(of: 12))", to: api)
        case 5...6: Self.removeService("s\(chance.next(of: 12))", from: api)
        case 7: api.compact()
        case 8:
          await work.stop()
          work.start()
        default:
          let node = "node-\(step % 7)"
          api.put("/api/v1/nodes/\(node)", ["metadata": Self.name(node)])
        }
        for _ in 0..<chance.next(of: 40) { await shortPause() }
        try Self.check(api)
      }
      api.fail(seed: nil)
      await eventually("all is settled") { Self.isSettled(api) }
      try Self.check(api)
      await work.stop()
    }
  }

  /// Writes the Lease of a node's speaker, renewed for another time.
  private static func renewLease(of node: String, _ time: Int, in api: MemoryAPI) {
    let lease = SpeakerPresence.leaseName(of: node)
    api.put(
      "/apis/coordination.k8s.io/v1/namespaces/vipctl-system/leases/\(lease)",
      [
        "metadata": name(lease, "vipctl-system"),
        "spec": ["holderIdentity": .string(node), "renewTime": .string("\(time)")],
      ])
  }

  private static func candidates(_ api: MemoryAPI) -> [String] {
    let routers = (try? api.all("virtualrouters", as: Router.self)) ?? []
    return routers.first?.spec.candidates.map(\.node).sorted() ?? []
  }

  @Test func aDeadHolderWithoutSuccessorIsSaidToHoldNothing() async throws {
    let api = MemoryAPI()
    Self.addCluster(to: api)
    Self.addService("web", to: api)
    for node in ["node-a", "node-b"] { Self.renewLease(of: node, 0, in: api) }
    try await Self.run(api) { lab, _ in
      let task = Task {
        await AllocatorLoop(lab.client, instance: "test", speakersIn: "vipctl-system").run(nil)
      }
      await eventually("there is a router") { Self.candidates(api) == ["node-a", "node-b"] }
      var router = try #require(api.all("virtualrouters", as: JSONValue.self).first)
      router["status"] = [
        "active": [
          "ipv4": ["node": "node-a", "since": "2026-01-01T00:00:00Z"],
          "ipv6": ["node": "node-b", "since": "2026-01-01T00:00:00Z"],
        ]
      ]
      let name = try #require(router["metadata"]?["name"]?.string)
      api.put("/apis/vipctl.io/v1alpha1/virtualrouters/\(name)", router)
      func active() -> [AddressFamily: String]? {
        let routers = try? api.all("virtualrouters", as: Router.self)
        return routers?.first.map { $0.status.active.mapValues(\.node) }
      }
      // Its Lease goes with it.
      api.remove("/api/v1/nodes/node-a")
      let lease = SpeakerPresence.leaseName(of: "node-a")
      api.remove("/apis/coordination.k8s.io/v1/namespaces/vipctl-system/leases/\(lease)")
      await eventually("it is said to hold nothing") { active() == [.ipv6: "node-b"] }
      task.cancel()
      await task.value
    }
  }

  @Test func onlyNodesWithASpeakerServeAndSilentOnesAreTold() async throws {
    let api = MemoryAPI()
    Self.addCluster(to: api)
    Self.addService("web", to: api)
    for node in ["node-a", "node-b"] { Self.renewLease(of: node, 0, in: api) }
    let counts = SilentCounts()
    try await Self.run(api) { lab, _ in
      let task = Task {
        await AllocatorLoop(lab.client, instance: "test", speakersIn: "vipctl-system")
          .run(nil) { news in
            if case .silent(let count) = news { counts.add(count) }
          }
      }
      await eventually("those with a speaker are candidates") {
        Self.candidates(api) == ["node-a", "node-b"]
      }
      Self.renewLease(of: "node-c", 0, in: api)
      await eventually("so is one that comes") { Self.candidates(api).count == 3 }
      var second = 0
      await eventually("those that don't renew their Leases are told") {
        // Slowly enough for the requests of the allocator, which have 30 s.
        for _ in 0..<5 { await shortPause() }
        second += 1
        lab.clock.advance(.seconds(1))
        if second % 20 == 0 { Self.renewLease(of: "node-a", second, in: api) }
        let pools = (try? api.all("addresspools", as: AddressPool.self)) ?? []
        let condition = pools.first?.status.conditions.first {
          $0.type == ConditionType.speakers
        }
        return condition?.reason == "NodesSilent" && condition?.message.contains("node-b") == true
      }
      #expect(second >= 80)
      #expect(counts.all.first == 0 && counts.all.last == 2, "for metrics")
      // They keep their places.
      #expect(Self.candidates(api).count == 3)
      task.cancel()
      await task.value
    }
  }
}

/// The numbers of silent speakers that an allocator has told.
private final class SilentCounts: Sendable {
  private let counts = Mutex<[Int]>([])

  var all: [Int] { counts.withLock { $0 } }

  func add(_ count: Int) { counts.withLock { $0.append(count) } }
}
