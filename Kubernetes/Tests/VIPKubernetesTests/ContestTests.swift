import Testing
import VIPCore
import VIPKubernetes

/// Another load balancer that writes into the same Services.
@Suite struct ContestTests {
  private func bench() -> Bench {
    var bench = Bench(options: AllocatorOptions(isDefault: true))
    bench.cluster.put(ClusterNode.make("a"))
    bench.cluster.put(AddressPool.make("lan", "192.0.2.100-192.0.2.110"))
    bench.cluster.put(Service.make("web", class: nil))
    bench.settle()
    return bench
  }

  /// The other one writes its address, as it does each time that it sees another one.
  private func overwrite(_ bench: inout Bench, _ address: String = "198.51.100.7") {
    guard var service = bench.service("web") else { return }
    service.status.ingress = [ip(address)]
    service.otherManager = "otherlb"
    bench.cluster.put(service)
  }

  /// How many writes to Services a plan has.
  private func count(_ writes: [Write]) -> Int {
    writes.count { if case .service = $0 { true } else { false } }
  }

  @Test func `what is written by mistake is put right at once`() {
    var bench = bench()
    for _ in 0..<3 {
      overwrite(&bench)
      bench.plan()
      #expect(bench.ingress("web") == ["192.0.2.100"] && bench.reason("web") == "Assigned")
    }
    // After a while it is forgotten.
    for _ in 0..<3 {
      bench.passTime()
      let writes = bench.plan()
      #expect(writes == [])
    }
    for _ in 0..<3 {
      overwrite(&bench)
      bench.plan()
      #expect(bench.reason("web") == "Assigned")
    }
  }

  @Test func `a contest is told and slowed down`() throws {
    var bench = bench()
    var all: [Write] = []
    for _ in 0..<50 {
      overwrite(&bench)
      all += bench.plan()
    }
    #expect(count(all) == 5)
    let condition = try #require(bench.service("web")?.status.condition)
    #expect(condition.reason == "StatusContested" && !condition.isTrue)
    #expect(condition.message.contains("otherlb"))
    let warnings = all.compactMap { write -> String? in
      guard case .event(let event) = write, event.isWarning else { return nil }
      return event.reason
    }
    #expect(warnings == ["StatusContested"])
    // Once in half a minute.
    for _ in 0..<4 {
      bench.passTime()
      var writes = bench.plan()
      #expect(bench.ingress("web") == ["192.0.2.100"])
      for _ in 0..<5 {
        overwrite(&bench)
        writes += bench.plan()
      }
      #expect(count(writes) == 1)
    }
    #expect(bench.violations == [])
  }

  @Test func `a contest ends when the other program has stopped`() {
    var bench = bench()
    for _ in 0..<20 {
      overwrite(&bench)
      bench.plan()
    }
    bench.passTime()
    bench.plan()
    #expect(bench.ingress("web") == ["192.0.2.100"] && bench.reason("web") == "StatusContested")
    bench.passTime()
    bench.plan()
    #expect(bench.reason("web") == "Assigned")
    let again = bench.plan()
    #expect(again == [])
  }

  @Test func `a write that fails because another program was first takes no address away`() throws {
    var bench = bench()
    bench.cluster.put(Service.make("rival", class: nil, addresses: "192.0.2.100"))
    bench.settle()
    for _ in 0..<20 {
      overwrite(&bench)
      bench.passTime()
      // The other one is first each time, so that the answer has a conflict and is read again.
      for write in bench.allocator.plan() { bench.allocator.failed(write) }
      overwrite(&bench, "198.51.100.8")
      bench.tell()
      for name in ["web", "rival"] {
        bench.allocator.observe(.service(try #require(bench.service(name))))
      }
    }
    bench.passTime(2)
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.100"] && bench.ingress("rival") == [])
    #expect(bench.violations == [])
  }

  @Test func `a change of the Service itself does not wait`() {
    var bench = bench()
    for _ in 0..<20 {
      overwrite(&bench)
      bench.plan()
    }
    bench.cluster.put(Service.make("web", class: nil, addresses: "192.0.2.107"))
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.107"])
    bench.cluster.put(Service.make("api", class: nil, addresses: "192.0.2.100"))
    bench.settle()
    #expect(bench.ingress("api") == ["192.0.2.100"] && bench.violations == [])
  }

  @Test func `the other program is the last one that has written the addresses`() throws {
    let text = """
      {"metadata": {"name": "web", "namespace": "default", "managedFields": [
        {"manager": "kubectl", "time": "2026-01-04T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "older", "time": "2026-01-01T00:00:00Z",
         "fieldsV1": {"f:status": {"f:loadBalancer": {"f:ingress": {}}}}},
        {"manager": "newer", "time": "2026-01-02T00:00:00Z", "subresource": "status",
         "fieldsV1": {"f:status": {"f:loadBalancer": {"f:ingress": {}}}}},
        {"manager": "vipctl", "time": "2026-01-03T00:00:00Z",
         "fieldsV1": {"f:status": {"f:loadBalancer": {}, "f:conditions": {}}}},
        {"manager": "conditions", "time": "2026-01-03T00:00:00Z",
         "fieldsV1": {"f:status": {"f:conditions": {}}}},
        {}
      ]}}
      """
    let service = try ObjectReader.read(Service.self, from: Array(text.utf8))
    #expect(service.otherManager == "newer")
    let none = #"{"metadata": {"name": "web"}}"#
    #expect(try ObjectReader.read(Service.self, from: Array(none.utf8)).otherManager == nil)
  }
}
