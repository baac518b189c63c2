import FoundationEssentials
import Synchronization
import Testing
import VIPCore
import VIPKubernetes
import VRRP

@testable import KubernetesClient
@testable import VIPKubernetesRuntime

@Suite(.timeLimit(.minutes(3))) struct PlanWriterTests {
  private typealias Router = VIPKubernetes.VirtualRouter

  private static func spec(_ addresses: [String] = ["192.0.2.1"]) throws -> Router.Spec {
    Router.Spec(
      pool: "lan", vrid: 31, addresses: addresses.compactMap { IPAddress($0) },
      candidates: [.init("node-a", 200)])
  }

  private static func router(_ generation: Int64, _ version: String = "7") throws -> Router {
    Router(
      metadata: ObjectMeta(
        name: "lan-1", uid: "u1", resourceVersion: version, generation: generation),
      spec: try spec())
  }

  private static func text(_ object: some Encodable) throws -> String {
    String(decoding: try ObjectReader.write(object), as: UTF8.self)
  }

  private static func metadata(
    _ name: String, uid: String = "u1", version: Int, generation: Int = 1
  ) -> String {
    #"{"metadata":{"name":"\#(name)","uid":"\#(uid)","resourceVersion":"\#(version)","#
      + #""generation":\#(generation)}}"#
  }

  private static func write(
    _ writes: [Write], observing observations: [Observation] = [],
    script: @escaping FakeServer.Script,
    _ test: @escaping @Sendable (PlanWriter.Report, PlanWriter, FakeServer) async throws -> Void
  ) async throws {
    try await Lab.run(skips: true, script: script) { lab in
      var writer = PlanWriter(lab.client, leadership: nil, instance: "node-a")
      for observation in observations { _ = writer.observe(observation) }
      let report = await writer.make(writes)
      try await test(report, writer, lab.server)
    }
  }

  private static let key = ObjectKey("default", "web")
  private static let update = ServiceUpdate(
    ingress: [IPAddress("192.0.2.1")].compactMap { $0 },
    condition: Condition(type: "vipctl.io/Address", isTrue: true, reason: "Assigned", message: "m"))

  @Test func aServiceGetsItsStatusAndNothingElse() async throws {
    let writes: [Write] = [
      .service(Self.key, basedOn: ServiceVersion(uid: "u", resourceVersion: "5"), Self.update),
      .service(Self.key, basedOn: ServiceVersion(uid: "u", resourceVersion: nil), ServiceUpdate()),
    ]
    try await Self.write(writes) { request, reply in
      try await reply.json(200, Self.metadata("web", version: 90 + request.number))
    } _: { report, _, server in
      #expect(report.madeCount == 2 && report.failed.isEmpty && report.error == nil)
      let requests = server.requests
      #expect(requests.allSatisfy { $0.path == "/api/v1/namespaces/default/services/web/status" })
      #expect(requests.allSatisfy { $0.header("Content-Type") == "application/apply-patch+yaml" })
      #expect(requests[0].query == ["fieldManager": "vipctl", "force": "true"])
      let body = requests[0].body
      #expect(body.contains(#""ingress":[{"ip":"192.0.2.1","ipMode":"VIP"}]"#))
      #expect(body.contains(#""resourceVersion":"5","uid":"u""#))
      #expect(body.contains(#""reason":"Assigned","status":"True","type":"vipctl.io/Address""#))
      #expect(body.contains(#""lastTransitionTime":"20"#) && !body.contains("\"spec\""))
      // Based on what the write before has resulted in.
      #expect(requests[1].body.contains(#""resourceVersion":"90","uid":"u""#))
      #expect(requests[1].body.contains(#""conditions":[],"loadBalancer":{"ingress":[]}"#))
    }
  }

  @Test func aRouterIsMadeAndChangedTwice() async throws {
    var first = RouterChange()
    first.added = [IPAddress("192.0.2.2")].compactMap { $0 }
    var second = RouterChange()
    second.candidates = [.init("node-b", 190)]
    let writes: [Write] = [
      .createRouter("lan-1", try Self.spec()), .changeRouter("lan-1", basedOn: 1, first),
      .changeRouter("lan-1", basedOn: 2, second),
    ]
    let (one, two) = (first, second)
    try await Self.write(writes) { request, reply in
      try await reply.json(
        200, Self.metadata("lan-1", version: 1, generation: request.number + 1))
    } _: { report, _, server in
      #expect(report.madeCount == 3)
      let requests = server.requests
      #expect(requests.map(\.method) == ["POST", "PATCH", "PATCH"])
      #expect(requests[0].path == "/apis/vipctl.io/v1alpha1/virtualrouters")
      #expect(requests[1].path == "/apis/vipctl.io/v1alpha1/virtualrouters/lan-1")
      #expect(requests[1].header("Content-Type") == "application/json-patch+json")
      var spec = try Self.spec()
      for (number, change) in [one, two].enumerated() {
        spec.apply(change)
        let text = try JSONValue(encoding: spec).encoded()
        #expect(
          requests[number + 1].body
            == #"[{"op":"test","path":"/metadata/uid","value":"u1"},"#
            + #"{"op":"test","path":"/metadata/generation","value":\#(number + 1)},"#
            + #"{"op":"replace","path":"/spec","value":\#(String(decoding: text, as: UTF8.self))}]"#
        )
      }
    }
  }

  @Test func afterAFailureNothingMoreIsWritten() async throws {
    var change = RouterChange()
    change.candidates = []
    let writes: [Write] = [
      .poolStatus("lan", AddressPool.Status(capacity: "5")),
      .changeRouter("lan-1", basedOn: 3, change),
      .event(Event(.pool("lan"), reason: "R", message: "")),
      .deleteRouter("lan-2", basedOn: 1), .deleteRouter("lan-1", basedOn: 4),
    ]
    let router = try Self.router(4, "12")
    try await Self.write(writes, observing: [.router(try Self.router(3))]) { request, reply in
      switch (request.method, String(request.path.split(separator: "/").last ?? "")) {
      case ("GET", "lan-1"): try await reply.json(200, Self.text(router))
      case ("GET", _): try await reply.failure(404, "NotFound")
      case (_, "lan-1"):
        try await reply.failure(
          422, "Invalid", "the server rejected our request due to an error in our request")
      default: try await reply.json(200, Self.metadata("lan", version: 1))
      }
    } _: { report, writer, server in
      #expect(report.madeCount == 1)
      #expect(report.error?.isConflict == true)
      #expect(report.failed == [writes[1], writes[3], writes[4]])
      #expect(server.requests.count == 2)
      var writer = writer
      let observations = try await writer.reread(report.failed)
      #expect(observations == [.router(router), .routerGone("lan-2")])
      // What a watch says late.
      let news = try [(3, "11"), (4, "12"), (3, "11")].map { generation, version in
        writer.observe(.router(try Self.router(generation, version)))
      }
      #expect(news == [false, true, true])
    }
  }

  @Test func aChangeIsBasedOnTheGenerationOfThePlan() async throws {
    let writes: [Write] = [.changeRouter("lan-1", basedOn: 2, RouterChange())]
    try await Self.write(writes, observing: [.router(try Self.router(3))]) { _, reply in
      try await reply.json(200, Self.metadata("lan-1", version: 1))
    } _: { report, _, server in
      #expect(report.error?.isConflict == true && server.requests.isEmpty)
    }
  }

  @Test func aChangeThatMakesNoGenerationIsAFailure() async throws {
    let writes: [Write] = [.changeRouter("lan-1", basedOn: 3, RouterChange())]
    try await Self.write(writes, observing: [.router(try Self.router(3))]) { _, reply in
      try await reply.json(200, Self.metadata("lan-1", version: 8, generation: 3))
    } _: { report, _, _ in
      #expect(report.error?.isConflict == true && report.failed == writes)
    }
  }

  @Test func aRouterIsDeletedAsItWasRead() async throws {
    let routers = try [Self.text(Self.router(3, "7")), Self.text(Self.router(3, "8"))]
    try await Self.write([.deleteRouter("lan-1", basedOn: 3)]) { request, reply in
      switch request.number {
      case 0: try await reply.json(200, routers[0])
      case 1: try await reply.failure(409, "Conflict")
      case 2: try await reply.json(200, routers[1])
      default: try await reply.json(200, #"{"kind":"Status"}"#)
      }
    } _: { report, _, server in
      #expect(report.madeCount == 1)
      let requests = server.requests
      #expect(requests.map(\.method) == ["GET", "DELETE", "GET", "DELETE"])
      #expect(requests[1].body.contains(#"{"resourceVersion":"7","uid":"u1"}"#))
      #expect(requests[3].body.contains(#"{"resourceVersion":"8","uid":"u1"}"#))
    }
  }

  @Test func aRouterThatHasChangedIsNotDeleted() async throws {
    let router = try Self.text(Self.router(4))
    try await Self.write([.deleteRouter("lan-1", basedOn: 3)]) { _, reply in
      try await reply.json(200, router)
    } _: { report, _, server in
      #expect(report.error?.isConflict == true)
      #expect(server.requests.map(\.method) == ["GET"])
    }
  }

  @Test func aRouterThatIsGoneIsDeleted() async throws {
    try await Self.write([.deleteRouter("lan-1", basedOn: 3)]) { _, reply in
      try await reply.failure(404, "NotFound")
    } _: { report, _, _ in
      #expect(report.madeCount == 1 && report.error == nil)
    }
  }

  @Test func withoutTheLeaseNothingIsWritten() async throws {
    try await Lab.run { _, reply in
      try await reply.json(200, Self.metadata("lan", version: 1))
    } _: { lab in
      let leadership = Leadership(lab.clock)
      leadership.take(.leading(until: .seconds(10)))
      var writer = PlanWriter(lab.client, leadership: leadership, instance: "node-a")
      let writes: [Write] = [.poolStatus("lan", AddressPool.Status())]
      #expect(await writer.make(writes).madeCount == 1)
      lab.clock.advance(.seconds(10))
      let report = await writer.make(writes)
      #expect(report.madeCount == 0 && report.failed == writes && report.error == .late)
      #expect(lab.server.requests.count == 1)
    }
  }

  @Test func aWriteThatWaitsForItsTurnIsNotMadeAfterTheLease() async throws {
    try await Lab.run(configure: { ($0.requestRate, $0.requestBurst) = (0.1, 1) }) { _, reply in
      try await reply.json(200, Self.metadata("lan", version: 1))
    } _: { lab in
      let leadership = Leadership(lab.clock)
      leadership.take(.leading(until: .seconds(10)))
      let writes = [1, 2].map { Write.poolStatus("lan", AddressPool.Status(used: $0)) }
      async let report = {
        var writer = PlanWriter(lab.client, leadership: leadership, instance: "node-a")
        return await writer.make(writes)
      }()
      await eventually("the second one waits") { lab.clock.waits == [.seconds(10)] }
      lab.clock.advance(.seconds(10))
      #expect(await report.failed == [writes[1]])
      #expect(lab.server.requests.count == 1)
    }
  }

  @Test func aConditionOfARouterIsOneFieldOfItsStatus() async throws {
    let condition = Condition(type: "Planned", isTrue: true, reason: "R", message: "m")
    let router = Observation.router(try Self.router(3))
    try await Self.write([.routerCondition("lan-1", condition)], observing: [router]) {
      _, reply in
      try await reply.json(200, Self.metadata("lan-1", version: 1))
    } _: { report, _, server in
      #expect(report.madeCount == 1)
      let request = try #require(server.requests.first)
      #expect(request.path.hasSuffix("/virtualrouters/lan-1/status"))
      #expect(request.header("Content-Type") == "application/apply-patch+yaml")
      #expect(request.body.contains(#""metadata":{"name":"lan-1","uid":"u1"}"#))
      #expect(request.body.contains(#""status":{"conditions":[{"lastTransitionTime":"#))
    }
  }

  @Test func aConditionKeepsItsTimeUntilItChanges() {
    var times = ConditionTimes()
    func time(_ isTrue: Bool, _ message: String, _ now: String) -> JSONValue? {
      let body = times.body(
        of: Condition(type: "t", isTrue: isTrue, reason: "R", message: message),
        in: .pool("lan"), now: now)
      guard case .object(let fields) = body else { return nil }
      return fields["lastTransitionTime"]
    }
    #expect(time(true, "a", "1") == "1" && time(true, "b", "2") == "1")
    #expect(time(false, "b", "3") == "3" && time(true, "b", "4") == "4")
    times.forget(.pool("lan"))
    #expect(time(true, "b", "5") == "5")
  }

  @Test func eventsAreToldAboutTheirObjectAndAreNotTooMany() async throws {
    let service = Service(metadata: ObjectMeta(name: "web", namespace: "default", uid: "su"))
    var writes: [Write] = [
      .event(
        Event(
          .service(Self.key), isWarning: true, reason: "Refused",
          message: String(repeating: "ä", count: 2000)))
    ]
    for number in 0..<200 {
      writes.append(.event(Event(.pool("lan-\(number)"), reason: "R", message: "m")))
    }
    let all = writes
    try await Self.write(all, observing: [.service(service)]) { _, reply in
      try await reply.failure(500, "InternalError")
    } _: { report, writer, server in
      #expect(report.madeCount == all.count && report.error == nil)
      #expect(server.requests.isEmpty, "nothing waits for them")
      let task = Task { await writer.events.run() }
      await eventually("they are told") { server.requests.count >= 50 }
      task.cancel()
      await task.value
      #expect((50...60).contains(server.requests.count))
      let first = try #require(server.requests.first)
      #expect(first.path == "/apis/events.k8s.io/v1/namespaces/default/events")
      #expect(
        first.body.contains(
          #""regarding":{"apiVersion":"v1","kind":"Service","name":"web","namespace":"default","#
            + #""uid":"su"}"#))
      #expect(first.body.contains(#""type":"Warning""#) && first.body.utf8.count < 2000)
      #expect(Set(server.requests.map(\.body)).count == server.requests.count)
    }
  }

  @Test func anEventThatHappensAgainIsCounted() async throws {
    let event = Write.event(Event(.pool("lan"), isWarning: true, reason: "R", message: "m"))
    try await Self.write([event, event, event], observing: []) { _, reply in
      try await reply.json(201, Self.metadata("lan.1", version: 1))
    } _: { report, writer, server in
      #expect(report.madeCount == 3)
      let task = Task { await writer.events.run() }
      await eventually("they are told") { server.requests.count >= 2 }
      task.cancel()
      await task.value
      #expect(server.requests.map(\.method) == ["POST", "PATCH"])
      let (made, counted) = (server.requests[0], server.requests[1])
      let name = try #require(counted.path.split(separator: "/").last)
      #expect(made.body.contains(#""name":"\#(name)""#))
      #expect(counted.path.hasPrefix("/apis/events.k8s.io/v1/namespaces/default/events/"))
      #expect(counted.header("Content-Type") == "application/merge-patch+json")
      #expect(counted.body.hasPrefix(#"{"series":{"count":3,"lastObservedTime":""#))
    }
  }
}
