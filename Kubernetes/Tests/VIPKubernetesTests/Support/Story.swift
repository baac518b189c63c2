import VIPCore
import VIPKubernetes

/// What happens to a cluster, one command a line; the output stands indented below each.
///
/// | Command | Does |
/// |---|---|
/// | `node A [label K=V] [exclude] [maintenance] [notready] [address X]` | adds or changes a node |
/// | `pool P ADDRESSES… [vrids V] [interface I] [routers N] [interval D] [nodes K=V] [services K=V] [namespaces N] [manual] [order N]` | adds or changes a pool |
/// | `service S [local] [v6] [dual] [require] [pool P] [addresses A] [key K] [ports P,P] [label K=V] [app A] [class C] [internal]` | adds or changes a Service |
/// | `endpoints S NODE…` | says where its pods are; `NODE~` has one that is about to end |
/// | `delete service\|node\|pool\|router NAME` | removes an object |
/// | `foreign ROUTER on\|off`, `conflict ROUTER ADDRESS` | a speaker says what it has found |
/// | `plan [N]` | plans and makes the writes, or N of them before the allocator dies |
/// | `look NODE…`, `report NODE…` | speakers read the routers and run them; say what they have done |
/// | `deaf NODE`, `hears NODE` | cuts a speaker off from the API server, and back |
/// | `settle` | all that until nothing is left to do |
/// | `restart` | another allocator takes over |
/// | `show` | prints the Services and routers |
struct Story {
  private var bench = Bench()
  private var output: [String] = []
  private(set) var text = ""
  private(set) var mistakes: [String] = []

  init(playing recorded: String) {
    for line in recorded.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      if line.hasPrefix("    ") { continue }
      text += line + "\n"
      let words = line.prefix { $0 != "#" }.split(separator: " ").map(String.init)
      guard let command = words.first else { continue }
      perform(command, Array(words.dropFirst()))
      for line in output { text += "    \(line)\n" }
      output = []
    }
    mistakes += bench.violations
  }

  private mutating func perform(_ command: String, _ words: [String]) {
    let name = words.first ?? ""
    switch command {
    case "node": bench.cluster.put(Self.node(words, &mistakes))
    case "pool": bench.cluster.put(Self.pool(words, &mistakes))
    case "service": bench.cluster.put(Self.service(words, &mistakes))
    case "endpoints": bench.cluster.put(EndpointSlice.make(of: name, Array(words.dropFirst())))
    case "delete": delete(name, words.last ?? "")
    case "foreign": setForeign(name, words.last == "on")
    case "conflict": addConflict(name, ip(words.last ?? ""))
    case "plan": print(bench.plan(only: words.first.flatMap { Int($0) } ?? .max))
    case "look": bench.look(words)
    case "report": bench.report(words)
    case "deaf", "hears": bench.cluster.speakers[name]?.isDeaf = command == "deaf"
    case "settle": print(bench.settle())
    case "restart": bench.restart()
    case "show": show()
    default: mistakes.append("there is no command '\(command)'")
    }
  }

  /// Prints writes; the status of a pool only if there is something wrong with it.
  private mutating func print(_ writes: [Write]) {
    for write in writes {
      if case .poolStatus(_, let status) = write, status.conditions.allSatisfy(\.isTrue) {
        continue
      }
      output.append("\(write)")
    }
    if output.isEmpty { output.append("nothing to write") }
  }

  private mutating func delete(_ kind: String, _ name: String) {
    switch kind {
    case "service": bench.cluster.removeService(ObjectKey("default", name))
    case "node": bench.cluster.removeNode(name)
    case "pool": bench.cluster.removePool(name)
    case "router": bench.cluster.removeRouter(name)
    default: mistakes.append("there is no kind '\(kind)'")
    }
  }

  private mutating func setForeign(_ name: String, _ isOn: Bool) {
    guard var router = bench.cluster.routers[name] else { return }
    router.status.conditions.removeAll { $0.type == ConditionType.foreignGroup }
    router.status.conditions.append(
      Condition(
        type: ConditionType.foreignGroup, isTrue: isOn, reason: "Heard",
        message: "192.0.2.66 advertises 192.0.2.200"))
    bench.cluster.put(router)
  }

  private mutating func addConflict(_ name: String, _ address: IPAddress) {
    guard var router = bench.cluster.routers[name] else { return }
    router.status.conflicts = [.init(address, by: MACAddress(2, 0, 0, 0, 0, 9))]
    bench.cluster.put(router)
  }

  private mutating func show() {
    for service in bench.cluster.services.values.sorted(by: { $0.metadata.key < $1.metadata.key })
    where service.status != Service.Status() {
      let addresses = service.status.ingress.map { address in
        "\(address) at \(bench.cluster.holder(of: address) ?? "no node")"
      }
      let condition = service.status.condition?.reason ?? "unknown"
      output.append(
        "\(service.metadata.name): \(addresses.joined(separator: ", ")) (\(condition))")
    }
    for (name, router) in bench.cluster.routers.sorted(by: { $0.key < $1.key }) {
      output.append("router \(name): \(router.spec)")
    }
  }
}

// The objects of a command.
extension Story {
  private static func pair(_ text: String) -> (String, String) {
    let parts = text.split(separator: "=").map(String.init)
    return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
  }

  private static func node(_ words: [String], _ mistakes: inout [String]) -> ClusterNode {
    var node = ClusterNode.make(words[0])
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      switch word {
      case "label":
        let (key, value) = pair(rest.popFirst() ?? "")
        node.metadata.labels[key] = value
      case "exclude": node.metadata.labels[ClusterNode.excludeLabel] = ""
      case "maintenance": node.metadata.annotations[ClusterNode.maintenanceKey] = "true"
      case "notready": node.isReady = false
      case "address": node.addresses.append(ip(rest.popFirst() ?? ""))
      default: mistakes.append("a node has no '\(word)'")
      }
    }
    return node
  }

  private static func pool(_ words: [String], _ mistakes: inout [String]) -> AddressPool {
    var pool = AddressPool.make(words[0])
    pool.spec.addresses = []
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      switch word {
      case "vrids": pool.spec.vrids = rest.popFirst() ?? ""
      case "interface": pool.spec.interface = rest.popFirst()
      case "routers": pool.spec.routers = rest.popFirst().flatMap { Int($0) }
      case "interval": pool.spec.interval = rest.popFirst() ?? ""
      case "nodes":
        let (key, value) = pair(rest.popFirst() ?? "")
        pool.spec.nodeSelector.matchLabels[key] = value
      case "services":
        let (key, value) = pair(rest.popFirst() ?? "")
        pool.spec.serviceSelector.matchLabels[key] = value
      case "namespaces": pool.spec.namespaces.append(rest.popFirst() ?? "")
      case "manual": pool.spec.autoAssign = false
      case "order": pool.spec.order = rest.popFirst().flatMap { Int($0) } ?? 0
      default: pool.spec.addresses.append(word)
      }
    }
    return pool
  }

  private static func service(_ words: [String], _ mistakes: inout [String]) -> Service {
    var service = Service.make(words[0])
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      switch word {
      case "local": service.spec.externalTrafficPolicy = "Local"
      case "v6": service.spec.ipFamilies = [.ipv6]
      case "dual", "require":
        service.spec.ipFamilies = [.ipv4, .ipv6]
        service.spec.ipFamilyPolicy = word == "dual" ? "PreferDualStack" : "RequireDualStack"
      case "pool": service.metadata.annotations[Annotation.pool] = rest.popFirst()
      case "addresses": service.metadata.annotations[Annotation.addresses] = rest.popFirst()
      case "key": service.metadata.annotations[Annotation.sharingKey] = rest.popFirst()
      case "ports":
        service.spec.ports = (rest.popFirst() ?? "").split(separator: ",")
          .compactMap { Int($0) }.map { .init("TCP", $0) }
      case "label":
        let (key, value) = pair(rest.popFirst() ?? "")
        service.metadata.labels[key] = value
      case "app": service.spec.selector = ["app": rest.popFirst() ?? ""]
      case "class": service.spec.loadBalancerClass = rest.popFirst()
      case "internal": service.spec.type = "ClusterIP"
      default: mistakes.append("a service has no '\(word)'")
      }
    }
    return service
  }
}
