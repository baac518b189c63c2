import Synchronization
import Testing
import VIPCore
import VIPKubernetes

@testable import KubernetesClient
@testable import VIPKubernetesRuntime

/// News that come late, nodes that are gone, and another program that writes the same: what the
/// allocator's surroundings have to do with them.
@Suite(.timeLimit(.minutes(3))) struct LateNewsTests {
  private typealias Router = VIPKubernetes.VirtualRouter

  private static func router(_ version: String, uid: String = "u1") -> Router {
    Router(
      metadata: ObjectMeta(name: "lan-1", uid: uid, resourceVersion: version, generation: 1),
      spec: Router.Spec(pool: "lan", vrid: 31))
  }

  private static let written =
    #"{"metadata":{"name":"lan-1","uid":"u1","resourceVersion":"9","generation":1}}"#

  @Test func aDeletionFromBeforeAnObjectWasReadAgainIsNoNews() async throws {
    let text = String(
      decoding: try ObjectReader.write(Self.router("12", uid: "u2")), as: UTF8.self)
    try await Lab.run(skips: true) { _, reply in
      try await reply.json(200, text)
    } _: { lab in
      var writer = PlanWriter(lab.client, leadership: nil, instance: "test")
      _ = writer.observe(.router(Self.router("7")))
      // It has been deleted and made again meanwhile.
      let again = try await writer.reread([.changeRouter("lan-1", basedOn: 1, RouterChange())])
      #expect(again == [.router(Self.router("12", uid: "u2"))])
      let isEarlyNews = writer.observe(.routerGone("lan-1", version: "10"))
      #expect(!isEarlyNews)
      #expect(writer.routers["lan-1"]?.uid == "u2")
      let isLateNews = writer.observe(.routerGone("lan-1", version: "13"))
      #expect(isLateNews)
      #expect(writer.routers["lan-1"] == nil)
    }
  }

  @Test func aDeletionHasItsVersion() {
    var store = ClusterStore()
    let reference = ObjectReference(ObjectName("x", in: "ns"), uid: "u", resourceVersion: "77")
    let plain = ObjectReference(ObjectName("x"), uid: "u", resourceVersion: "78")
    let events: [(ClusterEvent, Observation)] = [
      (.service(.gone(reference)), .serviceGone(ObjectKey("ns", "x"), version: "77")),
      (.router(.gone(plain)), .routerGone("x", version: "78")),
      (.pool(.gone(plain)), .poolGone("x", version: "78")),
      (.time, .timePassed),
    ]
    for (event, observation) in events {
      guard case .news(let news) = store.take(event, at: .zero) else {
        Issue.record("\(event) is no news")
        continue
      }
      #expect(news == [observation])
    }
  }

  @Test func whatANodeHasSaidIsTakenAwayInItsName() async throws {
    try await Lab.run(skips: true) { _, reply in
      try await reply.json(200, Self.written)
    } _: { lab in
      var writer = PlanWriter(lab.client, leadership: nil, instance: "test")
      _ = writer.observe(.router(Self.router("7")))
      let report = await writer.make([.forgetNode("lan-1", node: "node-b")])
      #expect(report.madeCount == 1)
      let request = try #require(lab.server.requests.first)
      #expect(request.method == "PATCH")
      #expect(request.path == "/apis/vipctl.io/v1alpha1/virtualrouters/lan-1/status")
      #expect(request.query == ["fieldManager": "vipctl-speaker-node-b", "force": "true"])
      #expect(request.header("Content-Type") == "application/apply-patch+yaml")
      #expect(
        request.body
          == #"{"apiVersion":"vipctl.io/v1alpha1","kind":"VirtualRouter","#
          + #""metadata":{"name":"lan-1","uid":"u1"}}"#)
      let failed = await writer.make([.forgetNode("lan-1", node: "node-b")])
      #expect(failed.failed.isEmpty)
      #expect(Write.forgetNode("lan-1", node: "node-b").subject == .router("lan-1"))
    }
  }

  /// With an API server that knows who has said what.
  @Test func anEntryOfANodeThatIsGoneGoesAndNoOther() async throws {
    let api = MemoryAPI()
    AllocatorLoopTests.addCluster(to: api)
    AllocatorLoopTests.addService("web", to: api)
    try await Self.run(api) { lab in
      await eventually("there is a router") { (try? Self.router(api)) != nil }
      let name = try #require(try Self.router(api)).metadata.name
      for node in ["node-a", "node-b"] {
        let body: JSONValue = [
          "apiVersion": "vipctl.io/v1alpha1", "kind": "VirtualRouter",
          "metadata": ["name": .string(name)],
          "status": ["nodes": [["node": .string(node), "generation": 1]]],
        ]
        try await lab.client.patch(
          .virtualRouters, ObjectName(name), .apply(body, force: true), subresource: .status,
          as: ClientConfiguration.fieldManager(ofSpeakerOn: node))
      }
      await eventually("both are there") { (try? Self.entries(api)) == ["node-a", "node-b"] }
      api.remove("/api/v1/nodes/node-b")
      await eventually("one goes after a while") {
        await Self.pass(2, of: lab)
        return (try? Self.entries(api)) == ["node-a"]
      }
      let conditions = try #require(try Self.router(api)).status.conditions
      #expect(conditions.contains { $0.type == ConditionType.planned })
    }
  }

  @Test func anotherProgramIsAnsweredWithTheSameAddress() async throws {
    let api = MemoryAPI()
    AllocatorLoopTests.addCluster(to: api)
    AllocatorLoopTests.addService("web", to: api)
    try await Self.run(api) { lab in
      await eventually("the Service has an address") {
        !Self.service(api).status.ingress.isEmpty
      }
      let address = Self.service(api).status.ingress
      for _ in 0..<12 {
        Self.overwrite(api)
        await eventually("it is answered, in half a minute at the latest") {
          await Self.pass(2, of: lab)
          return Self.service(api).status.ingress == address
        }
      }
    }
  }

  private static func run(
    _ api: MemoryAPI, _ test: @escaping @Sendable (Lab) async throws -> Void
  ) async throws {
    try await Lab.run(
      skips: true, configure: { ($0.requestRate, $0.requestBurst) = (1000, 1000) },
      script: { request, reply in try await api.answer(request, reply) }
    ) { lab in
      let task = Task { await AllocatorLoop(lab.client, instance: "test").run(nil) }
      let result: Result<Void, any Error>
      do { result = .success(try await test(lab)) } catch { result = .failure(error) }
      task.cancel()
      await task.value
      try result.get()
    }
  }

  /// Lets seconds pass, slowly enough for requests, which have 30 s.
  private static func pass(_ seconds: Int, of lab: Lab) async {
    for _ in 0..<5 { await shortPause() }
    lab.clock.advance(.seconds(seconds))
  }

  private static func router(_ api: MemoryAPI) throws -> Router? {
    try api.all("virtualrouters", as: Router.self).first
  }

  private static func entries(_ api: MemoryAPI) throws -> [String] {
    try router(api)?.status.nodes.map(\.node).sorted() ?? []
  }

  private static func service(_ api: MemoryAPI) -> Service {
    (try? api.all("services", as: Service.self).first) ?? Service(metadata: ObjectMeta(name: ""))
  }

  /// Another program writes the addresses; the conditions stay.
  private static func overwrite(_ api: MemoryAPI) {
    let service = service(api)
    var status: [String: JSONValue] = ["loadBalancer": ["ingress": [["ip": "198.51.100.7"]]]]
    if let condition = service.status.condition {
      status["conditions"] = [
        [
          "type": .string(condition.type), "status": .string(condition.status),
          "reason": .string(condition.reason), "message": .string(condition.message),
        ]
      ]
    }
    api.put(
      "/api/v1/namespaces/default/services/web",
      [
        "metadata": ["name": "web", "namespace": "default"],
        "spec": [
          "type": "LoadBalancer", "loadBalancerClass": "vipctl.io/vip", "ipFamilies": ["IPv4"],
          "ports": [["port": 80]],
        ],
        "status": .object(status),
      ])
  }
}
