import Testing
import VIPCore
import VIPKubernetes

/// What the definitions of the objects can't refuse: each is said in a condition and an event, with
/// the remedy, and stops nothing else.
@Suite struct BadInputTests {
  /// A bad object beside a good one.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    /// The reason of the Service's condition.
    var reason: String
    /// A part of the remedy.
    var remedy: String
    /// Whether the condition of the router says so, too.
    var isOfRouter = false
    var pool: @Sendable (inout AddressPool.Spec) -> Void = { _ in }
    var service: @Sendable (inout Service) -> Void = { _ in }

    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case(
      name: "an address in no network of a node", reason: "Unusable",
      remedy: "give the node an address there", isOfRouter: true,
      pool: { $0.addresses = ["203.0.113.5"] }),
    Case(
      name: "an interface that no node has", reason: "Unusable",
      remedy: "correct interface in pool bad", isOfRouter: true, pool: { $0.interface = "eth9" }),
    Case(
      name: "no node that is chosen", reason: "NoCandidate", remedy: "nodeSelector of pool bad",
      isOfRouter: true,
      pool: { $0.nodeSelector = LabelSelector(matchLabels: ["no": "such"]) }),
    Case(
      name: "no VRID", reason: "NoVRID", remedy: "widen vrids", pool: { $0.vrids = "nonsense" }),
    Case(
      name: "VRIDs that are all in use", reason: "NoVRID", remedy: "widen vrids",
      pool: { $0.vrids = "31" }),
    Case(
      name: "no address that can be read", reason: "NoPool", remedy: "add a range",
      pool: { $0.addresses = ["nonsense"] }),
    Case(
      name: "nodes' own addresses alone", reason: "PoolExhausted", remedy: "add addresses to it",
      pool: { $0.addresses = ["192.0.2.1"] }),
    Case(
      name: "a pool that is closed", reason: "PoolClosed", remedy: "serviceSelector",
      pool: { $0.serviceSelector = LabelSelector(matchLabels: ["no": "such"]) }),
    Case(
      name: "a pool that is not there", reason: "NoSuchPool", remedy: "name another one",
      service: { $0.metadata.annotations[Annotation.pool] = "nowhere" }),
    Case(
      name: "no address", reason: "BadRequest", remedy: "correct or remove it",
      service: { $0.metadata.annotations[Annotation.addresses] = "192.0.2.300" }),
    Case(
      name: "an address of another family", reason: "BadRequest", remedy: "spec.ipFamilies",
      service: { $0.metadata.annotations[Annotation.addresses] = "2001:db8::1" }),
    Case(
      name: "an address outside of all pools", reason: "AddressOutsidePools",
      remedy: "ask for one that is",
      service: {
        $0.metadata.annotations[Annotation.pool] = nil
        $0.metadata.annotations[Annotation.addresses] = "198.51.100.77"
      }),
    Case(
      name: "an address that another Service has", reason: "AddressTaken",
      remedy: "ask for another one",
      service: {
        $0.metadata.annotations[Annotation.pool] = nil
        $0.metadata.annotations[Annotation.addresses] = "192.0.2.100"
      }),
    Case(
      name: "an address of a node", reason: "AddressOfNode", remedy: "ask for another one",
      pool: { $0.addresses = ["192.0.2.1-192.0.2.9"] },
      service: { $0.metadata.annotations[Annotation.addresses] = "192.0.2.1" }),
    Case(
      name: "no endpoint for the policy Local", reason: "NoEndpoints", remedy: "ready endpoint",
      isOfRouter: true, service: { $0.spec.externalTrafficPolicy = "Local" }),
  ]

  private static func bench() -> Bench {
    var bench = Bench()
    for (number, name) in ["a", "b"].enumerated() {
      var node = ClusterNode.make(name)
      node.addresses = [ip("192.0.2.\(number + 1)")]
      bench.cluster.put(node)
    }
    bench.cluster.put(
      AddressPool.make("good", "192.0.2.100-192.0.2.109", vrids: "31") { $0.routers = 1 })
    bench.cluster.put(Service.make("good", pool: "good"))
    bench.settle()
    return bench
  }

  @Test(arguments: cases)
  func `it is said with the remedy, and stops nothing else`(_ bad: Case) throws {
    var bench = Self.bench()
    bench.cluster.put(AddressPool.make("bad", "192.0.2.200", vrids: "61-70", change: bad.pool))
    var service = Service.make("bad", pool: "bad")
    bad.service(&service)
    bench.cluster.put(service)
    let writes = bench.settle()
    let condition = try #require(bench.service("bad")?.status.condition)
    #expect(condition.reason == bad.reason && !condition.isTrue)
    #expect(condition.message.contains(bad.remedy), "\(condition.message)")
    let warnings = writes.compactMap { write -> Event? in
      if case .event(let event) = write, event.isWarning { event } else { nil }
    }
    let key = ObjectKey("default", "bad")
    #expect(
      warnings.contains {
        $0.subject == .service(key) && $0.reason == bad.reason && $0.message == condition.message
      })
    let isOfRouter = warnings.contains { warning in
      guard case .router(let name) = warning.subject else { return false }
      let planned = bench.cluster.routers[name]?.status.conditions
        .first { $0.type == ConditionType.planned }
      return planned?.reason == bad.reason && planned?.message == warning.message
    }
    #expect(isOfRouter == bad.isOfRouter)
    // What was so before is so still, and what comes later is served.
    #expect(bench.reason("good") == "Assigned")
    #expect(bench.cluster.holder(of: ip("192.0.2.100")) != nil)
    bench.cluster.put(Service.make("later", pool: "good"))
    bench.settle()
    #expect(bench.reason("later") == "Assigned" && bench.ingress("later") == ["192.0.2.101"])
    #expect(bench.cluster.holder(of: ip("192.0.2.101")) != nil)
    #expect(bench.violations == [])
    // Planned again it gives nothing, also by another allocator.
    let again = bench.plan()
    bench.restart()
    let fresh = bench.plan()
    #expect(again == [] && fresh == [])
  }

  @Test func `it is over as soon as it is put right`() {
    var bench = Self.bench()
    bench.cluster.put(
      AddressPool.make("bad", "192.0.2.200", vrids: "61-70") { $0.interface = "eth9" })
    bench.cluster.put(Service.make("bad", pool: "bad"))
    bench.settle()
    #expect(bench.reason("bad") == "Unusable")
    bench.cluster.put(AddressPool.make("bad", "192.0.2.200", vrids: "61-70"))
    bench.settle()
    #expect(bench.reason("bad") == "Assigned" && bench.ingress("bad") == ["192.0.2.200"])
    #expect(bench.cluster.holder(of: ip("192.0.2.200")) != nil && bench.violations == [])
  }

  @Test func `pools that overlap say so of each other, and give each address once`() throws {
    var bench = Self.bench()
    bench.cluster.put(AddressPool.make("twin", "192.0.2.105-192.0.2.112", vrids: "61-70"))
    let writes = bench.settle()
    for (name, other) in [("good", "twin"), ("twin", "good")] {
      let valid = try #require(
        bench.cluster.pools[name]?.status.conditions.first { $0.type == ConditionType.valid })
      #expect(!valid.isTrue && valid.message.contains("is also in pool \(other)"))
      let isTold = writes.contains { write in
        guard case .event(let event) = write else { return false }
        return event.isWarning && event.subject == .pool(name) && event.message == valid.message
      }
      #expect(isTold)
    }
    for number in 0..<16 {
      bench.cluster.put(Service.make("s\(number)", pool: number % 2 == 0 ? "good" : "twin"))
    }
    bench.settle()
    let given = bench.cluster.services.values.flatMap(\.status.ingress)
    // 100 to 112, with that of the good one.
    #expect(given.count == 13 && Set(given).count == 13)
    #expect(bench.violations == [])
    bench.cluster.removePool("twin")
    bench.settle()
    let valid = bench.cluster.pools["good"]?.status.conditions
      .first { $0.type == ConditionType.valid }
    #expect(valid?.isTrue == true)
  }
}
