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
      let words = Set(services.map { $0.metadata.annotations[Annotation.sharingKey] })
      let ports = services.flatMap(\.spec.ports)
      if words.count > 1 || words.contains(nil) || Set(ports).count != ports.count {
        found.append("\(address) is given to \(services.map(\.metadata.key).sorted())")
      }
    }
    return found
  }

  /// No address runs in two groups on machines that are well.
  private var speakerViolations: [String] {
    var groups: [IPAddress: [String: String]] = [:]
    for (node, speaker) in speakers
    where nodes[node]?.isReady == true && lives[node] != .silent {
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

  /// Whether a candidate for an address is well.
  private func mayBeServed(_ address: IPAddress) -> Bool {
    routers.values.contains { router in
      router.spec.addresses.contains(address)
        && router.spec.candidates.contains { nodes[$0.node]?.isReady == true }
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
    }
    return found
  }
}
