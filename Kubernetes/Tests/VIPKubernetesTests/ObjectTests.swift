import Testing
import VIPCore
import VIPKubernetes
import VRRPSimulation

/// Objects as the API server sends them.
@Suite struct ObjectTests {
  private func read<Object: Decodable>(
    _ type: Object.Type = Object.self, _ text: String
  ) throws(ObjectError) -> Object {
    try ObjectReader.read(type, from: Array(text.utf8))
  }

  @Test func `a Service`() throws {
    let service = try read(
      Service.self,
      """
      {"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"shop","uid":"u",
        "resourceVersion":"77","creationTimestamp":"2026-11-30T10:00:00Z","labels":{"tier":"gold"},
        "annotations":{"vipctl.io/pool":"lan","kubectl.kubernetes.io/last-applied":"{}"},
        "managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{}}}]},
       "spec":{"type":"LoadBalancer","loadBalancerClass":"vipctl.io/vip","clusterIP":"10.0.0.1",
        "ipFamilies":["IPv6","IPv4","IPv9"],"ipFamilyPolicy":"PreferDualStack",
        "externalTrafficPolicy":"Local","selector":{"app":"web"},
        "ports":[{"name":"http","port":80,"targetPort":8080,"nodePort":30000},
         {"protocol":"UDP","port":53,"targetPort":"dns"}]},
       "status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7","ipMode":"VIP"},
         {"hostname":"a.example"}]},
        "conditions":[{"type":"Other","status":"True","reason":"x","message":"y"},
         {"type":"vipctl.io/Address","status":"False","reason":"NoVRID","message":"m",
          "lastTransitionTime":"2026-11-30T10:00:00Z"}]}}
      """)
    #expect(service.metadata.key == ObjectKey("shop", "web"))
    #expect(service.metadata.annotations == ["vipctl.io/pool": "lan"])
    #expect(service.spec.ipFamilies == [.ipv6, .ipv4])
    #expect(service.spec.externalTrafficPolicy == "Local")
    #expect(service.spec.ports == [.init("TCP", 80), .init("UDP", 53)])
    #expect(service.status.ingress == [ip("192.0.2.7")])
    #expect(service.status.condition?.reason == "NoVRID")
  }

  @Test func `a Service of which only the name is known`() throws {
    let service = try read(Service.self, #"{"metadata":{"name":"web"}}"#)
    #expect(service.spec.type == "ClusterIP" && service.status.ingress.isEmpty)
  }

  @Test func `a node`() throws {
    let node = try read(
      ClusterNode.self,
      """
      {"metadata":{"name":"a","labels":{"node.kubernetes.io/exclude-from-external-load-balancers":""},
        "annotations":{"vipctl.io/maintenance":"true"},"deletionTimestamp":null},
       "spec":{"unschedulable":true,"taints":[{"key":"node.kubernetes.io/out-of-service",
         "value":"x","effect":"NoExecute"}]},
       "status":{"conditions":[{"type":"Ready","status":"Unknown"},
         {"type":"NetworkUnavailable","status":"True","reason":"r"}],
        "addresses":[{"type":"InternalIP","address":"192.0.2.1"},
         {"type":"Hostname","address":"a"}],"images":[{"names":["x"]}]}}
      """)
    #expect(!node.isReady && node.isNetworkUnavailable && node.isInMaintenance)
    #expect(node.taints == [ClusterNode.outOfServiceTaint])
    #expect(node.addresses == [ip("192.0.2.1")])
    #expect(!node.metadata.isDeleting)
  }

  @Test(arguments: [
    (#"{"metadata":{"name":"a"},"spec":{"unschedulable":true}}"#, true),
    (#"{"metadata":{"name":"a","deletionTimestamp":"2026-11-30T10:00:00Z"}}"#, false),
    (
      #"{"metadata":{"name":"a"},"status":{"conditions":[{"type":"Ready","status":"False"}]}}"#,
      true
    ),
    (
      #"{"metadata":{"name":"a"},"status":{"conditions":[{"type":"NetworkUnavailable","status":"True"}]}}"#,
      false
    ),
    (
      #"{"metadata":{"name":"a"},"spec":{"taints":[{"key":"node.kubernetes.io/out-of-service"}]}}"#,
      false
    ),
    (
      #"{"metadata":{"name":"a","labels":{"node.kubernetes.io/exclude-from-external-load-balancers":""}}}"#,
      false
    ),
  ])
  func `a node may serve addresses or not`(text: String, isEligible: Bool) throws {
    #expect(try read(ClusterNode.self, text).isEligible == isEligible)
  }

  @Test func `maintenance can be taken back by its value`() throws {
    let text = #"{"metadata":{"name":"a","labels":{"vipctl.io/maintenance":"false"}}}"#
    #expect(try !read(ClusterNode.self, text).isInMaintenance)
  }

  @Test func `a slice`() throws {
    let slice = try read(
      EndpointSlice.self,
      """
      {"addressType":"IPv4","metadata":{"name":"web-x","namespace":"shop",
        "labels":{"kubernetes.io/service-name":"web"}},
       "endpoints":[{"addresses":["10.0.0.1"],"nodeName":"a"},
        {"addresses":["10.0.0.2"],"nodeName":"b","conditions":{"ready":false,"serving":true,
         "terminating":true},"targetRef":{"kind":"Pod"}},
        {"addresses":["10.0.0.3"],"conditions":{"ready":null}}],"ports":null}
      """)
    #expect(slice.service == ObjectKey("shop", "web"))
    #expect(
      slice.endpoints == [
        .init(on: "a"), .init(on: "b", isReady: false, isServing: true, isTerminating: true),
        .init(on: nil),
      ])
  }

  @Test func `a pool with nothing but addresses has the defaults`() throws {
    let pool = try read(
      AddressPool.self,
      #"{"metadata":{"name":"lan"},"spec":{"addresses":["192.0.2.0/24"],"new":{"a":1}}}"#)
    #expect(pool.spec == AddressPool.Spec(addresses: ["192.0.2.0/24"]))
  }

  @Test func `what is written is read back`() throws {
    var router = Router(
      metadata: ObjectMeta(name: "lan-1", generation: 3, created: "t"),
      spec: .init(
        pool: "lan", service: "default/web", vrid: 31, interface: "eth0",
        settings: .init(preempt: false, preemptDelay: .zero, virtualMAC: true),
        addresses: [ip("192.0.2.7"), ip("2001:db8::7")],
        leaving: [.init(ip("192.0.2.8"), since: 3)], candidates: [.init("a", 200)]))
    router.status = .init(
      active: [.ipv4: .init("a", since: "t")], nodes: [.init("a", generation: 2, problem: "p")],
      conflicts: [.init(ip("192.0.2.7"), by: MACAddress(2, 0, 0, 0, 0, 1))],
      conditions: [Condition(type: "Planned", isTrue: true, reason: "AsWanted", message: "")])
    #expect(try ObjectReader.read(from: ObjectReader.write(router)) == router)

    var pool = AddressPool.make("lan", "192.0.2.0/24") {
      $0.namespaceSelector = LabelSelector(
        matchExpressions: [.init(key: "a", operator: "In", values: ["b"])])
      $0.routers = 3
    }
    pool.status = .init(capacity: "254", used: 1, freeVRIDs: 29)
    #expect(try ObjectReader.read(from: ObjectReader.write(pool)) == pool)

    var service = Service.make("web", families: [.ipv4, .ipv6], isLocal: true, pool: "lan")
    service.status = .init(
      ingress: [ip("192.0.2.7")],
      condition: Condition(type: ConditionType.address, isTrue: true, reason: "r", message: "m"))
    #expect(try ObjectReader.read(from: ObjectReader.write(service)) == service)

    var node = ClusterNode.make("a", labels: ["x": "y"])
    node.taints = ["t"]
    node.addresses = [ip("192.0.2.1")]
    #expect(try ObjectReader.read(from: ObjectReader.write(node)) == node)

    let slice = EndpointSlice.make(of: "web", ["a", "b~"])
    #expect(try ObjectReader.read(from: ObjectReader.write(slice)) == slice)
  }

  @Test func `an address is written with the mode VIP`() throws {
    var service = Service.make("web")
    service.status.ingress = [ip("192.0.2.7")]
    let text = String(decoding: try ObjectReader.write(service), as: UTF8.self)
    #expect(text.contains(#""ingress":[{"ip":"192.0.2.7","ipMode":"VIP"}]"#))
  }

  @Test(arguments: [
    ("", "JSON|unusable"), ("[]", "is no Dictionary"), (#"{"metadata":{}}"#, "lacks 'name'"),
    (#"{"metadata":{"name":7}}"#, "metadata.name is no String"),
    (#"{"metadata":{"name":"a"},"spec":{"ports":[{"port":"x"}]}}"#, "ports"),
    (#"{"metadata":{"name":"a"},"spec":{"ports":{}}}"#, "ports"),
  ])
  func `an object that can't be read says why`(text: String, part: String) {
    #expect {
      try read(Service.self, text)
    } throws: { error in
      part.split(separator: "|").contains { "\(error)".contains($0) }
    }
  }

  @Test func `lists have an end`() {
    let ports = Array(repeating: #"{"port":1}"#, count: 10_001).joined(separator: ",")
    #expect {
      try read(Service.self, #"{"metadata":{"name":"a"},"spec":{"ports":[\#(ports)]}}"#)
    } throws: {
      "\($0)".contains("more than 10000 entries")
    }
  }

  @Test func `a VRID of 0 and an address that is none make a router unreadable`() {
    for spec in [
      #"{"pool":"p","vrid":0,"candidates":[]}"#, #"{"pool":"p","vrid":256,"candidates":[]}"#,
      #"{"pool":"p","vrid":1,"addresses":["x"]}"#, #"{"pool":"p","vrid":1,"interval":"1ms"}"#,
    ] {
      #expect(throws: ObjectError.self) {
        try read(Router.self, #"{"metadata":{"name":"a"},"spec":\#(spec)}"#)
      }
    }
  }

  @Test func `too long and too deep texts end in an error`() {
    #expect(throws: ObjectError.self) {
      try ObjectReader.read(
        Service.self, from: Array(repeating: 0x20, count: ObjectReader.byteCountMax + 1))
    }
    let depth = 200_000
    let deep = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    #expect(throws: ObjectError.self) {
      try read(Service.self, #"{"metadata":{"name":"a"},"x":\#(deep)}"#)
    }
  }

  /// Bytes of good objects, changed by chance: read or refused, and never the end of the program.
  @Test func `damaged objects are refused or read`() throws {
    var random = SeededRandom(seed: 11)
    let router = Router(
      metadata: ObjectMeta(name: "lan-1"),
      spec: .init(
        pool: "lan", vrid: 31, addresses: [ip("192.0.2.7"), ip("2001:db8::7")],
        candidates: [.init("a", 200)]))
    let pool = AddressPool.make("lan", "192.0.2.0/24", "2001:db8::/64")
    let originals = [try ObjectReader.write(router), try ObjectReader.write(pool)]
    var read = 0
    for _ in 0..<3000 {
      var bytes = random.pick(originals)
      for _ in 0...random.below(3) {
        let place = Int(random.below(UInt64(bytes.count)))
        switch random.below(3) {
        case 0: bytes[place] = UInt8(random.below(256))
        case 1: bytes.remove(at: place)
        default: bytes.insert(random.pick(Array("0129-.:/\"{}[],".utf8)), at: place)
        }
      }
      if (try? ObjectReader.read(Router.self, from: bytes)) != nil { read += 1 }
      guard let pool = try? ObjectReader.read(AddressPool.self, from: bytes) else { continue }
      read += 1
      var snapshot = ClusterSnapshot()
      snapshot.pools = [pool]
      snapshot.services = [.make("web")]
      _ = Allocator.plan(snapshot)
    }
    #expect(read > 300)
  }

  @Test(
    arguments: [
      ("In", ["a", "b"], ["k": "a"], true), ("In", ["a"], ["k": "c"], false),
      ("In", ["a"], [:], false), ("NotIn", ["a"], [:], true), ("NotIn", ["a"], ["k": "a"], false),
      ("Exists", [], ["k": ""], true), ("Exists", [], [:], false),
      ("DoesNotExist", [], [:], true), ("DoesNotExist", [], ["k": ""], false),
      ("Gt", ["1"], ["k": "2"], false),
    ] as [(String, [String], [String: String], Bool)])
  func `a selector`(
    operation: String, values: [String], labels: [String: String], matches: Bool
  ) {
    let selector = LabelSelector(
      matchExpressions: [.init(key: "k", operator: operation, values: values)])
    #expect(selector.matches(labels) == matches)
    #expect(!LabelSelector(matchLabels: ["other": "x"]).matches(labels))
    #expect(LabelSelector().matches(labels))
  }
}
