import Testing
import VIPCore
import VIPKubernetes

/// Which of several Services has an address, and which one loses it.
@Suite struct ClaimTests {
  private func bench(_ pool: AddressPool = .make("lan", "192.0.2.100-192.0.2.110")) -> Bench {
    var bench = Bench()
    for name in ["a", "b"] { bench.cluster.put(ClusterNode.make(name)) }
    bench.cluster.put(pool)
    return bench
  }

  /// Two Services that share 192.0.2.100.
  private func sharers() -> Bench {
    var bench = bench()
    bench.cluster.put(Service.make("old", key: "k", ports: [.init("TCP", 80)]))
    bench.settle()
    bench.cluster.put(Service.make("new", key: "k", ports: [.init("TCP", 443)]))
    bench.settle()
    return bench
  }

  /// What no longer goes with the other Service that has the address.
  static let edits: [Service] = [
    .make("old", key: "k", ports: [.init("TCP", 80), .init("TCP", 443)]),
    .make("old", ports: [.init("TCP", 80)]),
    .make("old", key: "other", ports: [.init("TCP", 80)]),
    .make("old", isLocal: true, key: "k", ports: [.init("TCP", 80)]),
  ]

  @Test(arguments: edits)
  func `the Service that is changed loses the address, also if it is the older one`(
    _ edit: Service
  ) {
    var bench = sharers()
    #expect(bench.ingress("old") == ["192.0.2.100"] && bench.ingress("new") == ["192.0.2.100"])
    bench.cluster.put(edit)
    bench.settle()
    #expect(bench.ingress("new") == ["192.0.2.100"] && bench.reason("new") == "Assigned")
    #expect(bench.ingress("old") == ["192.0.2.101"] && bench.violations == [])
    // It is not held against it for ever.
    bench.cluster.put(Service.make("old", key: "k", ports: [.init("TCP", 80)]))
    bench.settle()
    bench.cluster.put(
      Service.make("new", addresses: "192.0.2.101", key: "k", ports: [.init("TCP", 443)]))
    bench.settle()
    bench.cluster.put(
      Service.make("new", addresses: "192.0.2.101", key: "k", ports: [.init("TCP", 80)]))
    bench.settle()
    #expect(bench.ingress("old") == ["192.0.2.101"])
    #expect(bench.ingress("new") == [] && bench.reason("new") == "SharingRefused")
  }

  @Test func `a new allocator knows nothing of changes, and goes by age`() {
    var bench = sharers()
    bench.cluster.put(Self.edits[0])
    bench.restart()
    bench.settle()
    #expect(bench.ingress("old") == ["192.0.2.100"] && bench.ingress("new") == ["192.0.2.101"])
  }

  @Test func `what is being deleted is written to have no address before another one gets it`() {
    var bench = bench(.make("lan", "192.0.2.100"))
    bench.cluster.put(Service.make("web"))
    bench.settle()
    bench.cluster.put(Service.make("api", key: "k"))
    bench.settle()
    var service = Service.make("web")
    service.metadata.isDeleting = true
    bench.cluster.put(service)
    let writes = bench.settle()
    let statuses = writes.compactMap { write -> String? in
      guard case .service(let key, _, let update) = write else { return nil }
      return "\(key.name) \(update.ingress)"
    }
    #expect(statuses.first == "web []" && statuses.last == "api [192.0.2.100]")
    #expect(bench.ingress("web") == [] && bench.service("web")?.status.condition == nil)
    #expect(bench.violations == [])
    // It is gone for good: nothing more is written to it.
    bench.restart()
    let fresh = bench.plan()
    #expect(fresh == [])
  }

  @Test func `what another program has written into a status stays when it is deleted`() {
    var bench = bench()
    var service = Service.make("web", class: "other.io/class", ingress: [ip("192.0.2.105")])
    bench.cluster.put(service)
    bench.settle()
    service.metadata.isDeleting = true
    bench.cluster.put(service)
    let writes = bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.105"] && writes == [])
  }

  @Test func `Services without a selector do not share an address with policy Local`() {
    for isLocal in [true, false] {
      var bench = bench()
      for (name, port) in [("one", 80), ("two", 443)] {
        bench.cluster.put(
          Service.make(
            name, isLocal: isLocal, key: "k", ports: [.init("TCP", port)], selector: [:]))
      }
      bench.cluster.put(EndpointSlice.make(of: "one", ["a"]))
      bench.cluster.put(EndpointSlice.make(of: "two", ["b"]))
      bench.settle()
      #expect(bench.ingress("one") == ["192.0.2.100"])
      #expect(bench.ingress("two") == [isLocal ? "192.0.2.101" : "192.0.2.100"])
      #expect(bench.reason("two") == "Assigned" && bench.violations == [])
      if isLocal { #expect(bench.cluster.holder(of: ip("192.0.2.101")) == "b") }
    }
  }

  @Test func `a node's own address is not taken over from a status`() {
    var bench = bench()
    var node = ClusterNode.make("a")
    node.addresses = [ip("192.0.2.105")]
    bench.cluster.put(node)
    bench.cluster.put(Service.make("web", ingress: [ip("192.0.2.105")]))
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.100"])
    #expect(bench.cluster.holder(of: ip("192.0.2.105")) == nil)
  }

  @Test func `an address that is served stays when a node says that it is its own`() {
    var bench = bench()
    bench.cluster.put(Service.make("web"))
    bench.settle()
    var node = ClusterNode.make("a")
    node.addresses = [ip("192.0.2.100")]
    bench.cluster.put(node)
    bench.settle()
    bench.restart()
    bench.settle()
    #expect(bench.ingress("web") == ["192.0.2.100"] && bench.reason("web") == "Assigned")
  }
}
