import VIP
import VIPCore
import VIPKubernetes

extension FakeCluster {
  /// What must never be so, whatever has been written and whichever speakers have read it.
  var violations: [String] {
    routerViolations + serviceViolations + speakerViolations
  }

  private var routerViolations: [String] {
    var found: [String] = []
    var places: [IPAddress: String] = [:]
    var groups: [String: String] = [:]
    for (name, router) in routers.sorted(by: { $0.key < $1.key }) {
      for address in router.spec.addresses + router.spec.leaving.map(\.address) {
        if let other = places.updateValue(name, forKey: address) {
          found.append("\(address) is in \(other) and \(name)")
        }
      }
      let group = "\(router.spec.vrid) on \(router.spec.interface ?? "any interface")"
      if let other = groups.updateValue(name, forKey: group) {
        found.append("VRID \(group) is that of \(other) and \(name)")
      }
      for entry in router.spec.leaving where entry.since > router.metadata.generation {
        found.append("\(entry.address) leaves \(name) in the future")
      }
      let priorities = router.spec.candidates.map(\.priority)
      if Set(priorities).count != priorities.count {
        found.append("\(name) has two candidates of one priority")
      }
      if Set(router.spec.candidates.map(\.node)).count != priorities.count {
        found.append("\(name) has a candidate twice")
      }
    }
    return found
  }

  private var serviceViolations: [String] {
    var found: [String] = []
    var owners: [IPAddress: [Service]] = [:]
    for service in services.values {
      for address in service.status.ingress { owners[address, default: []].append(service) }
    }
    for (address, services) in owners where services.count > 1 {
      // Two by two: that one of three which users have set against each other goes is no news.
      let services = services.sorted { $0.metadata.key < $1.metadata.key }
      for (place, service) in services.enumerated() {
        for other in services[..<place] where !canShare(service, other) {
          found.append("\(address) is given to \(other.metadata.key) and \(service.metadata.key)")
        }
      }
    }
    return found
  }

  private func canShare(_ one: Service, _ other: Service) -> Bool {
    let words = [one, other].map { $0.metadata.annotations[Annotation.sharingKey] }
    let policies = [one, other].map(\.spec.externalTrafficPolicy)
    let isSamePods =
      one.metadata.namespace == other.metadata.namespace
      && one.spec.selector == other.spec.selector && !one.spec.selector.isEmpty
    return words[0] != nil && words[0] == words[1] && policies[0] == policies[1]
      && (policies[0] != "Local" || isSamePods)
      && !one.spec.ports.contains(where: other.spec.ports.contains)
  }

  /// No address runs in two groups on machines that are waited for.
  private var speakerViolations: [String] {
    var groups: [IPAddress: [String: String]] = [:]
    for (node, speaker) in speakers
    where nodes[node]?.isReady == true && lives[node] != .silent && !isExcused(node) {
      for router in speaker.running {
        for address in router.addresses {
          groups[address.address, default: [:]]["\(router.vrid) on \(router.interface)"] = node
        }
      }
    }
    return groups.filter { $0.value.count > 1 }.map {
      "\($0.key) runs as \($0.value.keys.sorted())"
    }
  }

  /// Whether a candidate for an address is well, or all have been told not to serve.
  private func mayBeServed(_ address: IPAddress) -> Bool {
    routers.values.contains { router in
      guard router.spec.addresses.contains(address) else { return false }
      let candidates = router.spec.candidates.compactMap { nodes[$0.node] }
      let ready = candidates.filter(\.isReady)
      return ready.contains { !$0.isInMaintenance }
        || !ready.isEmpty && candidates.allSatisfy(\.isInMaintenance)
    }
  }

  /// What must be so once nothing is left to do: every Service that has addresses is served.
  var unserved: [String] {
    var found: [String] = []
    for service in services.values where service.status.condition?.isTrue == true {
      for address in service.status.ingress
      where holder(of: address) == nil && mayBeServed(address) {
        found.append("\(address) of \(service.metadata.key) is served by no node")
      }
    }
    let used = Set(services.values.flatMap(\.status.ingress))
    for router in routers.values {
      for address in router.spec.addresses where !used.contains(address) {
        found.append("\(address) of no Service is in \(router.metadata.name)")
      }
      for entry in router.spec.leaving { found.append("\(entry.address) does not leave") }
      for entry in router.status.nodes
      where nodes[entry.node] == nil && lives[entry.node] != .alive {
        found.append("\(entry.node) is gone and has an entry in \(router.metadata.name)")
      }
    }
    return found
  }
}
