import KubernetesClient
import Synchronization
import Testing
import VIPKubernetes

@testable import VIPKubernetesRuntime

/// The allocator beside a server that refuses what it writes about one object, or does not answer.
@Suite(.timeLimit(.minutes(3))) struct RefusalTests {
  /// What stands between the allocator and the server.
  private final class Gatekeeper: Sendable {
    let api = MemoryAPI()
    /// Whether a request is refused, and how.
    let refuse = Mutex<@Sendable (FakeRequest) -> (Int, String)?>({ _ in nil })
    let refusals = Counter()
    /// Whether Events are taken and not answered.
    let isForgetful = Mutex(false)
    let events = Counter()

    init() { AllocatorLoopTests.addCluster(to: api) }

    func answer(_ request: FakeRequest, _ reply: FakeReply) async throws {
      if let (code, reason) = refuse.withLock({ $0 })(request) {
        refusals.increase()
        if code == 200 { return try await reply.json(200, reason) }
        return try await reply.failure(code, reason)
      }
      if request.method != "GET", request.path.contains("/events") {
        events.increase()
        if isForgetful.withLock({ $0 }) { return try await reply.hang() }
      }
      try await api.answer(request, reply)
    }

    func hasAddress(_ name: String) -> Bool {
      let services = (try? api.all("services", as: Service.self)) ?? []
      return services.contains { $0.metadata.name == name && !$0.status.ingress.isEmpty }
    }
  }

  /// Runs an allocator beside a test, in which the time passes only as far as it has to.
  private static func run(
    _ test: @escaping @Sendable (Lab, Gatekeeper) async throws -> Void
  ) async throws {
    let keeper = Gatekeeper()
    try await Lab.run(
      configure: { ($0.requestRate, $0.requestBurst) = (100_000, 100_000) },
      script: { request, reply in try await keeper.answer(request, reply) }
    ) { lab in
      let task = Task { await AllocatorLoop(lab.client, instance: "test").run(nil) }
      let result: Result<Void, any Error>
      do { result = .success(try await test(lab, keeper)) } catch { result = .failure(error) }
      task.cancel()
      await task.value
      try result.get()
      try AllocatorLoopTests.check(keeper.api)
    }
  }

  /// Waits for something, and lets the time pass slowly meanwhile.
  private static func eventuallyLater(
    _ what: String, _ lab: Lab, step: Duration = .milliseconds(50), _ condition: () -> Bool
  ) async {
    await eventually(what) {
      if condition() { return true }
      // Slowly enough for requests that are under way.
      for _ in 0..<10 { await shortPause() }
      lab.clock.advance(step)
      return false
    }
  }

  private static func isServed(_ keeper: Gatekeeper, _ count: Int) -> Bool {
    let routers =
      (try? keeper.api.all("virtualrouters", as: VIPKubernetes.VirtualRouter.self)) ?? []
    return routers.flatMap(\.spec.addresses).count >= count
  }

  @Test(arguments: [403, 413, 422, 500])
  func oneServiceThatIsRefusedKeepsNothingFromOthers(code: Int) async throws {
    try await Self.run { lab, keeper in
      keeper.refuse.withLock {
        $0 = { request in
          request.method == "PATCH" && request.path.contains("/services/bad/")
            ? (code, "Forbidden") : nil
        }
      }
      // By its name the first of all.
      for name in ["bad", "good", "other"] { AllocatorLoopTests.addService(name, to: keeper.api) }
      await Self.eventuallyLater("the others have addresses", lab) {
        keeper.hasAddress("good") && keeper.hasAddress("other") && Self.isServed(keeper, 2)
      }
      await Self.eventuallyLater("it is refused more than once", lab) {
        keeper.refusals.value >= 3
      }
      AllocatorLoopTests.addService("later", to: keeper.api)
      await Self.eventuallyLater("one that comes later, too", lab) { keeper.hasAddress("later") }
      await Self.eventuallyLater("that it is refused is told", lab) {
        let events = (try? keeper.api.all("events", as: JSONValue.self)) ?? []
        return events.contains { $0["reason"] == "NotWritten" && $0["type"] == "Warning" }
      }
      #expect(!keeper.hasAddress("bad"))
      keeper.refuse.withLock { $0 = { _ in nil } }
      await Self.eventuallyLater("it has its address at last", lab) {
        keeper.hasAddress("bad") && AllocatorLoopTests.isSettled(keeper.api)
      }
    }
  }

  @Test func aRouterThatCanNotBeReadKeepsNothingFromOtherPools() async throws {
    try await Self.run { lab, keeper in
      keeper.refuse.withLock {
        $0 = { request in
          guard request.path.hasSuffix("/virtualrouters/lan-1") || request.method == "POST",
            request.path.contains("/virtualrouters"),
            request.method == "GET" || request.body.contains(#""name":"lan-1""#)
          else { return nil }
          // It is there, and of another version.
          return request.method == "GET"
            ? (200, #"{"metadata":{"name":"lan-1","uid":"u"},"spec":{"vrid":"none"}}"#)
            : (409, "AlreadyExists")
        }
      }
      AllocatorLoopTests.addService("web", to: keeper.api)
      await Self.eventuallyLater("it has been read in vain", lab) { keeper.refusals.value >= 6 }
      keeper.api.put(
        "/apis/vipctl.io/v1alpha1/addresspools/other",
        ["metadata": ["name": "other"], "spec": ["addresses": ["198.51.100.1-198.51.100.9"]]])
      keeper.api.put(
        "/api/v1/namespaces/default/services/second",
        [
          "metadata": [
            "name": "second", "namespace": "default",
            "annotations": ["vipctl.io/pool": "other"],
          ],
          "spec": [
            "type": "LoadBalancer", "loadBalancerClass": "vipctl.io/vip", "ipFamilies": ["IPv4"],
            "ports": [["port": 80]],
          ],
        ])
      await Self.eventuallyLater("the other pool's Service is served", lab) {
        keeper.hasAddress("second") && Self.isServed(keeper, 1)
      }
    }
  }

  @Test func nothingWaitsForEvents() async throws {
    try await Self.run { lab, keeper in
      keeper.isForgetful.withLock { $0 = true }
      AllocatorLoopTests.addService("web", to: keeper.api)
      await eventually("an event is on its way") { keeper.events.value >= 1 }
      for name in ["b", "c", "d"] { AllocatorLoopTests.addService(name, to: keeper.api) }
      await Self.eventuallyLater("all have addresses", lab, step: .milliseconds(1)) {
        ["b", "c", "d"].allSatisfy { keeper.hasAddress($0) } && Self.isServed(keeper, 4)
      }
      // The first event has not been given up yet.
      #expect(lab.clock.now < .seconds(10) && keeper.events.value == 1)
    }
  }

  @Test func newsAreTakenBetweenTwoWrites() async throws {
    let api = MemoryAPI()
    AllocatorLoopTests.addCluster(to: api)
    for name in ["a", "b", "c"] { AllocatorLoopTests.addService(name, to: api) }
    try await Lab.run(
      configure: { ($0.requestRate, $0.requestBurst) = (1000, 1000) },
      script: { request, reply in try await api.answer(request, reply) }
    ) { lab in
      let writer = PlanWriter(lab.client, leadership: nil, instance: "test")
      var turn = AllocatorTurn(lab.client, AllocatorOptions(), nil, writer, ClusterStore())
      for event in try Self.lists(api) { _ = turn.take(event) }
      guard case .waits(nil) = await turn.work(unless: { true }, { _ in }) else {
        return #expect(Bool(false))
      }
      #expect(api.writeCount == 1)
      _ = await turn.work(unless: { true }, { _ in })
      #expect(api.writeCount == 2)
      _ = await turn.work(unless: { false }, { _ in })
      #expect(AllocatorLoopTests.isSettled(api))
    }
  }

  /// All kinds of objects, as they are listed.
  private static func lists(_ api: MemoryAPI) throws -> [ClusterEvent] {
    func list<Object: Decodable & Sendable>(
      _ plural: String, _ name: (Object) -> ObjectName
    ) throws -> ReflectorEvent<Object> {
      .listed(
        ReflectedList(
          objects: try api.all(plural, as: Object.self).map { (ObjectReference(name($0)), $0) },
          gone: [], unreadable: []))
    }
    return [
      .service(try list("services") { ObjectName($0.metadata.key) }),
      .slice(try list("endpointslices") { ObjectName($0.metadata.key) }),
      .node(try list("nodes") { ObjectName($0.metadata.name) }),
      .namespace(try list("namespaces") { ObjectName($0.metadata.name) }),
      .pool(try list("addresspools") { ObjectName($0.metadata.name) }),
      .router(try list("virtualrouters") { ObjectName($0.metadata.name) }),
    ]
  }
}
