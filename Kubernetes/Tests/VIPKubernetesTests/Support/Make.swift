import VIPCore
import VIPKubernetes

/// Short ways to write objects down.
extension Service {
  static func make(
    _ name: String, namespace: String = "default", created: String = "",
    class: String? = "vipctl.io/vip", families: [AddressFamily] = [.ipv4],
    policy: String = "SingleStack", isLocal: Bool = false, pool: String? = nil,
    addresses: String? = nil, key: String? = nil, ports: [Service.Port] = [.init("TCP", 80)],
    labels: [String: String] = [:], selector: [String: String]? = nil,
    ingress: [IPAddress] = []
  ) -> Service {
    var annotations: [String: String] = [:]
    annotations[Annotation.pool] = pool
    annotations[Annotation.addresses] = addresses
    annotations[Annotation.sharingKey] = key
    return Service(
      metadata: ObjectMeta(
        name: name, namespace: namespace, created: created, labels: labels,
        annotations: annotations),
      spec: Spec(
        loadBalancerClass: `class`, ipFamilies: families, ipFamilyPolicy: policy,
        externalTrafficPolicy: isLocal ? "Local" : "Cluster",
        selector: selector ?? ["app": name], ports: ports),
      status: Status(ingress: ingress))
  }
}

extension AddressPool {
  static func make(
    _ name: String, _ addresses: String..., vrids: String = "31-60",
    change: (inout AddressPool.Spec) -> Void = { _ in }
  ) -> AddressPool {
    var spec = Spec(addresses: addresses, vrids: vrids)
    change(&spec)
    return AddressPool(metadata: ObjectMeta(name: name), spec: spec)
  }
}

extension ClusterNode {
  static func make(
    _ name: String, labels: [String: String] = [:], isReady: Bool = true
  ) -> ClusterNode {
    ClusterNode(metadata: ObjectMeta(name: name, labels: labels), isReady: isReady)
  }
}

extension EndpointSlice {
  /// A slice of a Service; a node with a tilde behind it has an endpoint that is about to end.
  static func make(of service: String, namespace: String = "default", _ nodes: [String])
    -> EndpointSlice
  {
    EndpointSlice(
      metadata: ObjectMeta(
        name: "\(service)-1", namespace: namespace, labels: [Self.serviceLabel: service]),
      endpoints: nodes.map { text in
        text.hasSuffix("~")
          ? Endpoint(
            on: String(text.dropLast()), isReady: false, isServing: true, isTerminating: true)
          : Endpoint(on: text)
      })
  }
}

/// An address that the test is sure of.
func ip(_ text: String) -> IPAddress {
  IPAddress(text) ?? .any(.ipv4)
}
