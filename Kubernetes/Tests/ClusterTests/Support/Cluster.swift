import Foundation
import Synchronization
import VIPCore
import VIPKubernetes
import VRRP

/// A control plane with some nodes, all in namespaces of their own; it goes with this object.
///
/// What `vipctl-kubernetes manifests` prints is applied to it. No pods are scheduled: a test starts
/// the program on the nodes itself, with the arguments and the rights of the DaemonSet.
final class Cluster: Sendable {
  /// The nodes, in the order of their numbers.
  let nodes: [ClusterNode]
  /// The namespace of a machine that only looks from outside.
  let client: String
  /// The API server, asked as administrator.
  let api: API
  /// What the DaemonSet says about a pod.
  let pod: PodTemplate
  /// A folder with the token and the authority of the account that the DaemonSet names.
  let credentials: String
  /// A place for logs, sockets and states.
  let directory: TemporaryDirectory
  /// The runtime of the nodes, when the program is to run in containers.
  let podman: Podman?
  private let lab: Lab

  /// The pause between two questions that start a process each.
  static let poll = Duration.milliseconds(50)

  /// Brings a cluster up; Services without a class are served in it.
  init(nodes count: Int = 3) throws {
    let lab = try Lab(nodes: count)
    self.lab = lab
    directory = try TemporaryDirectory()
    client = "\(lab.prefix)cl"
    api = API(lab: lab.prefix)
    nodes = (1...count).map { ClusterNode(number: $0, lab: lab.prefix) }
    podman = try Laboratory.image.map { try Podman(image: $0) }
    let manifests = try check([Laboratory.program, "manifests", "--default"])
    try api.apply(manifests)
    for name in ["addresspools", "virtualrouters"] {
      try api.kubectl([
        "wait", "--for=condition=Established", "--timeout=120s", "crd/\(name).vipctl.io",
      ])
    }
    pod = try PodTemplate(from: api)
    credentials = try lab.command(["token", pod.namespace, pod.serviceAccount, "86400"])
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Makes the Lease of the allocators, without a holder, so that the first one need not wait for
  /// what may be another one's.
  func offerLease() throws {
    try api.apply(
      """
      apiVersion: coordination.k8s.io/v1
      kind: Lease
      metadata: { name: \(pod.lease), namespace: \(pod.namespace) }
      spec: { holderIdentity: "" }
      """)
  }

  /// Starts the program on all nodes.
  func startSpeakers() throws -> [Speaker] {
    try nodes.map { try Speaker(on: $0, of: self) }
  }

  /// Writes the administrator's pool, `192.0.2.100-192.0.2.150` and `2001:db8::100/120`.
  func addPool(_ settings: String = "") throws {
    try api.apply(
      """
      apiVersion: vipctl.io/v1alpha1
      kind: AddressPool
      metadata: { name: lan }
      spec:
        addresses: [192.0.2.100-192.0.2.150, 2001:db8::100/120]
        \(settings)
      """)
  }

  /// Whether an address can be one of that pool.
  static func isInPool(_ address: IPAddress) -> Bool {
    switch address {
    case .v4(let address):
      (IPv4Address(192, 0, 2, 100)...IPv4Address(192, 0, 2, 150)).contains(address)
    case .v6(let address): address.high == 0x2001_0DB8 << 32 && address.low >> 8 == 1
    }
  }

  /// Writes a Service of type LoadBalancer, with endpoints on some nodes (all), and waits until
  /// every kube-proxy knows it.
  func addService(_ name: String, local: Bool = false, on nodes: [ClusterNode] = []) throws {
    let nodes = nodes.isEmpty ? self.nodes : nodes
    try lab.command([
      "service", name, "policy=\(local ? "Local" : "Cluster")",
      "nodes=\(nodes.map { "\($0.number)" }.joined(separator: ","))",
    ])
    try lab.command(["settle"])
  }

  /// Writes a Service of both families for the pods with the label `app=web`, and waits for
  /// nothing.
  func expose(_ name: String, local: Bool = false) throws {
    try api.request(
      "POST", "\(API.servicesPath)",
      body: """
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "\(name)"},
         "spec": {"type": "LoadBalancer", "ipFamilyPolicy": "RequireDualStack",
                  "externalTrafficPolicy": "\(local ? "Local" : "Cluster")",
                  "selector": {"app": "web"}, "ports": [{"port": 80}]}}
        """)
  }

  /// Deletes a Service.
  func delete(_ service: String) throws {
    try api.request("DELETE", "\(API.servicesPath)/\(service)")
  }

  /// Makes a pod with the label `app=web` on every node.
  func addPods() throws {
    for node in nodes { try addPod("web-\(node.number)", on: node, labels: "app=web") }
  }

  /// Makes a pod that is ready and answers.
  func addPod(_ name: String, on node: ClusterNode, labels: String...) throws {
    try lab.command(["pod", name, "\(node.number)"] + labels)
  }

  /// Waits until a Service has an address of each family, and returns them, IPv4 first.
  @discardableResult
  func waitForAddresses(of service: String, count: Int = 2) throws -> [IPAddress] {
    try eventually("\(service) has \(count) addresses", within: .seconds(60), poll: Self.poll) {
      let addresses = try api.service(service).addresses
      return addresses.count == count ? addresses : nil
    }
  }

  /// Waits until one node has an address, and returns it.
  @discardableResult
  func waitForHolder(of address: IPAddress, not other: ClusterNode? = nil) throws -> ClusterNode {
    try eventually("some node holds \(address)", within: .seconds(60), poll: Self.poll) {
      let holders = try nodes.filter { try $0.holds(address) }
      return holders.count == 1 && holders[0].name != other?.name ? holders[0] : nil
    }
  }

  /// Waits until the first candidate of a router has addresses, and no other node, and returns it.
  @discardableResult
  func waitForFirst(of addresses: [IPAddress]) throws -> ClusterNode {
    try eventually(
      "the first candidate holds \(addresses)", within: .seconds(60), poll: Self.poll
    ) {
      guard let router = try self.router(of: addresses[0]),
        let first = router.spec.candidates.max(by: { $0.priority < $1.priority })
      else { return nil }
      let isHolder = try addresses.allSatisfy { address in
        try nodes.allSatisfy { try $0.holds(address) == ($0.name == first.node) }
      }
      return isHolder ? nodes.first { $0.name == first.node } : nil
    }
  }

  /// The node that is to hold an address when the one that does is gone.
  func successor(of holder: ClusterNode, for address: IPAddress) throws -> Succession {
    guard let router = try self.router(of: address),
      let next = router.spec.candidates.filter({ $0.node != holder.name })
        .max(by: { $0.priority < $1.priority }),
      let node = nodes.first(where: { $0.name == next.node })
    else { throw LabError("no router has \(address) and another candidate than \(holder.name)") }
    return Succession(
      node: node, priority: Int(next.priority), interval: router.spec.settings.interval.duration)
  }

  /// The router that has an address.
  func router(of address: IPAddress) throws -> VIPKubernetes.VirtualRouter? {
    try api.routers().first { $0.spec.addresses.contains(address) }
  }

  /// Starts or stops a part of the control plane: `api`, `etcd`.
  func control(_ part: String, _ action: String) throws { try lab.command([part, action]) }

  /// Starts or stops kube-proxy on a node.
  func controlProxy(of node: ClusterNode, _ action: String) throws {
    try lab.command(["proxy", "\(node.number)", action])
  }

  /// Adds a machine to the nodes of the cluster (`add`), or removes it (`remove`).
  func controlNode(_ node: ClusterNode, _ action: String) throws {
    try lab.command(["node", "\(node.number)", action])
  }

  /// The machines beside the nodes: the client and the control plane.
  var others: [String] { [client, "\(lab.prefix)cp"] }
}

/// The next node in the order of a router's candidates.
struct Succession {
  /// The node.
  let node: ClusterNode
  /// Its priority.
  let priority: Int
  /// The time between advertisements.
  let interval: Duration
}

/// A lab of the script, which goes with this object.
private final class Lab: Sendable {
  let prefix: String

  private static let counter = Atomic<Int>(0)

  init(nodes count: Int) throws {
    // At most eight characters, of which five are enough for any process id.
    let owner = String(getpid(), radix: 36)
    let number = Self.counter.add(1, ordering: .relaxed).newValue
    prefix =
      "v" + String(repeating: "0", count: max(0, 5 - owner.count)) + owner
      + String(number % 1296, radix: 36)
    try check(
      ["env", "KUBE_LAB_OWNER=\(getpid())", Laboratory.script, "up", prefix, "\(count)"],
      within: .seconds(300))
  }

  deinit {
    _ = try? run([Laboratory.script, "down", prefix], within: .seconds(60))
  }

  /// A command of the script about this lab.
  @discardableResult
  func command(_ arguments: [String]) throws -> String {
    try check(
      [Laboratory.script, arguments[0], prefix] + arguments.dropFirst(), within: .seconds(200))
  }
}
