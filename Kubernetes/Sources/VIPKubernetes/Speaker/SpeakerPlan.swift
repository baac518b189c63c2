public import VIP
public import VIPCore
import VRRP

/// An interface of the node, as far as it decides where addresses are served.
public struct SpeakerInterface: Sendable, Hashable {
  /// Its name.
  public var name: String
  /// The host's own addresses on it.
  public var addresses: [InterfaceAddress]

  /// Makes an interface.
  public init(_ name: String, _ addresses: [InterfaceAddress]) {
    self.name = name
    self.addresses = addresses
  }

  /// Whether an address lies in one of its networks.
  func serves(_ address: IPAddress) -> Bool {
    addresses.contains { own in
      own.contains(address) && own.prefixLength < own.family.addressBitCount
        && !own.address.isLinkLocal
    }
  }
}

/// What a node has to run: the virtual routers of the cluster, seen from one of its candidates.
///
/// A function of the objects, the node's interfaces and what runs already; without clock and
/// network, as the ``Allocator`` is. What is wrong with one router is told and keeps no other from
/// running.
public struct SpeakerPlan: Sendable, Hashable {
  /// The routers to run; all others are to be handed over and removed.
  public var routers: [RouterConfiguration] = []
  /// Why the node hands over what it has and takes nothing; `nil` if it takes part.
  public var unfitness: String?
  /// The routers in whose status the node needs an entry before it may run them.
  public var registrations: [String] = []
  /// The routers among ``routers`` that are new to all nodes, and of which this one is first: no
  /// machine can be Active, and there is none to wait for.
  public var vacancies: [String] = []
  /// What to write into the status of routers, once ``routers`` run and nothing else does.
  public var acknowledgements: [String: Acknowledgement] = [:]

  /// What a node says about a router.
  public enum Acknowledgement: Sendable, Hashable {
    /// It runs what this generation says, but for what is wrong, on account of which it does not
    /// serve some addresses; all of them if none are named.
    case running(Int64, problem: String?, unserved: [IPAddress] = [])
    /// It has nothing of the router any more: its entry goes.
    case released
  }

  /// Plans for a node.
  ///
  /// - Parameters:
  ///   - objects: the virtual routers of the cluster, all of them.
  ///   - node: the node's name.
  ///   - isInMaintenance: whether it is to hand everything over.
  ///   - interfaces: its interfaces.
  ///   - running: the routers that it runs.
  public init(
    _ objects: [VirtualRouter], on node: String, isInMaintenance: Bool = false,
    interfaces: [SpeakerInterface], running: [RouterConfiguration] = []
  ) {
    if isInMaintenance { unfitness = "the node is in maintenance" }
    var builder = Builder(objects, on: node, interfaces: interfaces, running: running)
    for object in objects.sorted(by: { builder.comes($0, before: $1) }) {
      let name = object.metadata.name
      let entry = object.status.nodes.first { $0.node == node }
      guard let candidate = object.spec.candidates.first(where: { $0.node == node }) else {
        if entry != nil { acknowledgements[name] = .released }
        continue
      }
      if entry == nil { registrations.append(name) }
      let problem: String?
      var unserved: [IPAddress] = []
      do throws(ConfigurationError) {
        let offer = try builder.configuration(of: object, priority: candidate.priority)
        // An own entry comes first: without it the node has none of the addresses.
        if entry != nil, let configuration = offer.router {
          routers.append(configuration)
          if Self.isVacant(object, for: candidate) { vacancies.append(name) }
        }
        problem = offer.problem
        unserved = offer.unserved
      } catch {
        problem = error.description
      }
      if entry != nil {
        acknowledgements[name] = .running(
          object.metadata.generation, problem: problem, unserved: unserved)
      }
    }
    routers.sort { $0.name < $1.name }
    registrations.sort()
    vacancies.sort()
  }

  /// Whether no node can have become Active in a router yet, and a candidate is the first one.
  ///
  /// A node enters itself with generation 0 before it runs a router, and says another one soon
  /// after that. One that has not yet said so, and can't any more, is heard on the segment.
  private static func isVacant(
    _ object: VirtualRouter, for candidate: VirtualRouter.Candidate
  ) -> Bool {
    object.status.active.isEmpty && object.status.nodes.allSatisfy { $0.generation == 0 }
      && object.spec.candidates.allSatisfy { $0.priority <= candidate.priority }
  }
}

/// Makes configurations one after the other, and keeps them from getting in each other's way.
private struct Builder {
  let interfaces: [SpeakerInterface]
  private let running: [String: RouterConfiguration]
  /// The router that has each address.
  private var owners: [IPAddress: String] = [:]
  /// The router that has each VRID of an interface.
  private var groups: [Group: String] = [:]

  /// What a node can do about a router.
  struct Offer {
    /// What it runs, if there is anything to run.
    var router: RouterConfiguration?
    /// What is wrong.
    var problem: String?
    /// The addresses that are not served on account of it; none are named if it is all of them.
    var unserved: [IPAddress] = []
  }

  private struct Group: Hashable {
    let interface: String
    let vrid: VRID
  }

  init(
    _ objects: [VirtualRouter], on node: String, interfaces: [SpeakerInterface],
    running: [RouterConfiguration]
  ) {
    self.interfaces = interfaces
    self.running = Dictionary(running.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    // An address stays in the router in which it runs as long as that is said to have it: not all
    // objects may be as new as the others.
    for object in objects where object.spec.candidates.contains(where: { $0.node == node }) {
      guard let router = self.running[object.metadata.name] else { continue }
      let leaving = Set(object.spec.leaving.map(\.address))
      let kept = Set(object.spec.addresses).subtracting(leaving)
      for address in router.addresses where kept.contains(address.address) {
        owners[address.address] = router.name
      }
    }
  }

  /// Routers that run come first, then the order of names decides.
  func comes(_ left: VirtualRouter, before right: VirtualRouter) -> Bool {
    let names = (left.metadata.name, right.metadata.name)
    let isRunning = (running[names.0] != nil, running[names.1] != nil)
    return isRunning.0 != isRunning.1 ? isRunning.0 : names.0 < names.1
  }

  /// The configuration of a router as far as it can be run, and what is wrong with it.
  mutating func configuration(
    of object: VirtualRouter, priority: UInt8
  ) throws(ConfigurationError) -> Offer {
    let spec = object.spec
    let name = object.metadata.name
    var remarks: [String] = []
    var addresses = free(spec, name, &remarks)
    guard !addresses.isEmpty else { return Offer(problem: remarks.first) }
    guard let interface = spec.interface ?? interface(of: name, for: &addresses, &remarks) else {
      throw ConfigurationError(
        .interface, router: name,
        "no interface has a network with the addresses of router \(name); give the node an address "
          + "there, name the interface in pool \(spec.pool), or leave the node out by its "
          + "nodeSelector"
      )
    }
    let isMissing = !interfaces.contains { $0.name == interface }
    if isMissing {
      // It may come yet, and is waited for.
      remarks = [
        "the node has no interface \(interface) that can serve addresses; correct interface in "
          + "pool \(spec.pool), or leave the node out by its nodeSelector"
      ]
    }
    let group = Group(interface: interface, vrid: spec.vrid)
    if let other = groups[group] {
      throw ConfigurationError(
        .vrid, router: name,
        "router \(other) has VRID \(spec.vrid) on \(interface); give the pools different vrids")
    }
    guard (1...254).contains(priority) else {
      throw ConfigurationError(
        .priority, router: name, "priority \(priority) of a candidate is not between 1 and 254")
    }
    let configuration = RouterConfiguration(
      name: name, interface: interface, vrid: spec.vrid,
      priority: Priority(rawValue: priority), interval: spec.settings.interval,
      addresses: addresses.map { InterfaceAddress(host: $0) }, preempts: spec.settings.preempt,
      preemptDelay: spec.settings.preempt ? spec.settings.preemptDelay : .zero,
      virtualMAC: spec.settings.virtualMAC)
    try configuration.validate()
    groups[group] = name
    for address in addresses { owners[address] = name }
    return Offer(
      router: configuration, problem: remarks.first,
      unserved: isMissing ? [] : Self.difference(of: spec, addresses))
  }

  /// The addresses of a router that are not among those that are served.
  private static func difference(
    of spec: VirtualRouter.Spec, _ served: [IPAddress]
  ) -> [IPAddress] {
    let others = Set(served).union(spec.leaving.map(\.address))
    return spec.addresses.filter { !others.contains($0) }.sorted()
  }

  /// The addresses of a router that no other one has.
  private func free(
    _ spec: VirtualRouter.Spec, _ name: String, _ remarks: inout [String]
  ) -> [IPAddress] {
    let leaving = Set(spec.leaving.map(\.address))
    return spec.addresses.filter { address in
      if leaving.contains(address) { return false }
      guard let owner = owners[address], owner != name else { return true }
      remarks.append("\(address) is still in router \(owner)")
      return false
    }
  }

  /// The interface for some addresses of a router, and those that it has.
  ///
  /// It is the one on which the router runs, as long as that has any of them: a router that changes
  /// its interface is another group, and its addresses are away meanwhile. Else it is the one whose
  /// networks have the most.
  private func interface(
    of name: String, for addresses: inout [IPAddress], _ remarks: inout [String]
  ) -> String? {
    let present = running[name]?.interface
    let counts = interfaces.map { interface in
      (addresses.count { interface.serves($0) }, interface)
    }
    guard
      let best = counts.first(where: { $0.0 > 0 && $0.1.name == present })
        ?? counts.max(by: { left, right in
          left.0 != right.0 ? left.0 < right.0 : left.1.name > right.1.name
        }), best.0 > 0
    else { return nil }
    let others = addresses.filter { !best.1.serves($0) }
    if let other = others.first {
      remarks.append(
        "\(other)\(others.count > 1 ? " and \(others.count - 1) more are" : " is") in no network "
          + "of \(best.1.name), where the other addresses are; put such addresses into a pool of "
          + "their own"
      )
      addresses.removeAll { !best.1.serves($0) }
    }
    return best.1.name
  }
}
