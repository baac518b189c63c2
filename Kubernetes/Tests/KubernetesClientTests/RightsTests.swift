import KubernetesClient
import ManifestChecks
import Testing
import VIPCore
import VIPKubernetes
import VIPKubernetesManifests

@testable import VIPKubernetesRuntime

/// The rights that are shipped, beside the requests that are made: all of those, and no other.
@Suite(.timeLimit(.minutes(3))) struct RightsTests {
  private static func metadata(_ name: String, _ namespace: String? = nil) -> JSONValue {
    guard let namespace else { return ["name": .string(name)] }
    return ["name": .string(name), "namespace": .string(namespace)]
  }

  private static func run(
    _ api: MemoryAPI, _ test: @escaping @Sendable (Lab) async throws -> Void
  ) async throws {
    try await Lab.run(
      skips: true, configure: { ($0.requestRate, $0.requestBurst) = (1000, 1000) },
      script: { request, reply in try await api.answer(request, reply) }, test)
  }

  private static func node(_ name: String) -> JSONValue {
    [
      "metadata": metadata(name),
      "status": ["conditions": [["type": "Ready", "status": "True"]]],
    ]
  }

  private static let service = "/api/v1/namespaces/default/services/web"

  /// A Service comes and goes.
  private static func allocate(_ lab: Lab, _ api: MemoryAPI) async throws {
    api.put("/api/v1/namespaces/default", ["metadata": metadata("default")])
    api.put("/api/v1/nodes/node-a", node("node-a"))
    api.put(
      "/apis/vipctl.io/v1alpha1/addresspools/lan",
      ["metadata": metadata("lan"), "spec": ["addresses": ["192.0.2.100-192.0.2.150"]]])
    api.put(
      service,
      [
        "metadata": metadata("web", "default"),
        "spec": [
          "type": "LoadBalancer", "loadBalancerClass": "vipctl.io/vip", "ipFamilies": ["IPv4"],
          "ports": [["port": 80]],
        ],
      ])
    for node in ["node-a", "node-b"] {
      let name = SpeakerPresence.leaseName(of: node)
      api.put(
        "/apis/coordination.k8s.io/v1/namespaces/vipctl-system/leases/\(name)",
        [
          "metadata": metadata(name, "vipctl-system"),
          "spec": ["holderIdentity": .string(node), "renewTime": "1"],
        ])
    }
    let task = Task {
      await AllocatorLoop(lab.client, instance: "test", speakersIn: "vipctl-system").run(nil)
    }
    let all = [
      Access("patch", "virtualrouters", of: "vipctl.io"),
      Access("create", "events", of: "events.k8s.io"),
      Access("patch", "addresspools/status", of: "vipctl.io"),
    ]
    await eventually("the Service has an address") {
      let services = (try? api.all("services", as: Service.self)) ?? []
      return services.contains { !$0.status.ingress.isEmpty }
    }
    // One more node changes the candidates.
    api.put("/api/v1/nodes/node-b", node("node-b"))
    await eventually("all is written") { lab.server.accesses.isSuperset(of: all) }
    api.remove(service)
    await eventually("the router is deleted") {
      lab.server.accesses.contains(Access("delete", "virtualrouters", of: "vipctl.io"))
    }
    task.cancel()
    await task.value
  }

  @Test func theAllocatorHasTheRightsThatItUsesAndNoOther() async throws {
    let api = MemoryAPI()
    try await Self.run(api) { lab in
      try await Self.allocate(lab, api)
      // What has failed is read again.
      var writer = PlanWriter(lab.client, leadership: nil, instance: "test")
      let condition = Condition(type: "Planned", isTrue: true, reason: "AsWanted", message: "")
      let report = await writer.make([.routerCondition("lan-1", condition)])
      #expect(report.error?.isNotFound == true)
      // What happens again is counted.
      let event = Write.event(Event(.pool("lan"), reason: "R", message: "m"))
      _ = await writer.make([event, event])
      let (events, patch) = (writer.events, Access("patch", "events", of: "events.k8s.io"))
      let task = Task { await events.run() }
      await eventually("that is written") { lab.server.accesses.contains(patch) }
      task.cancel()
      await task.value
      _ = try await writer.reread([
        .service(
          ObjectKey("default", "web"), basedOn: .init(uid: "", resourceVersion: nil), .init()),
        .poolStatus("lan", .init()), .routerCondition("lan-1", condition),
      ])
      #expect(
        lab.server.accesses.sorted()
          == (Rights.allocator + Rights.allocatorPresence).all.sorted())
    }
  }

  @Test func theSpeakerHasTheRightsThatItUsesAndNoOther() async throws {
    try await SpeakerLab.run { lab in
      lab.put(["203.0.113.1"])
      try lab.start(leaseNamespace: "vipctl-system")
      let all = (Rights.speaker + Rights.speakerPresence).all
      await eventually("that it can't serve is told") {
        lab.accesses.contains(Access("create", "events", of: "events.k8s.io"))
      }
      // The same again: it is counted.
      for round in 1...3 {
        lab.put(["192.0.2.100"])
        await eventually("it serves, round \(round)") { lab.held == ["192.0.2.100"] }
        lab.put(["203.0.113.1"])
        await eventually("it serves nothing, round \(round)") { lab.held.isEmpty }
      }
      await eventually("all rights are used") { lab.accesses == all }
      // A later life finds the Lease of the earlier one.
      await lab.stop()
      try lab.start(leaseNamespace: "vipctl-system")
      await eventually("it runs again") { lab.gauges?.isReady == true }
      #expect(lab.accesses.sorted() == all.sorted())
    }
  }

  @Test func theElectionHasTheRightsThatItUsesAndNoOther() async throws {
    let api = MemoryAPI()
    try await Self.run(api) { lab in
      let name = ObjectName(Manifests.leaseName, in: "vipctl-system")
      await LeaseElector(lab.client, name, identity: "me").run { _ in }
      #expect(
        lab.server.accesses.sorted() == Rights.election(lease: Manifests.leaseName).all.sorted())
    }
  }
}
