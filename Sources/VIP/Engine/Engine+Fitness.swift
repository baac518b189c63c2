import Netlink
import VIPCore
import VRRP

/// The effect of other interfaces, and of the program that runs the node, on a router's fitness.
extension Engine {
  /// Sets what the program that runs the node knows about a router.
  ///
  /// - Parameters:
  ///   - fitness: how fit it is.
  ///   - name: the router.
  ///   - cause: what the program calls the cause; each has one say.
  /// - Throws: ``NodeError/Kind/unknownRouter``, or ``NodeError/Kind/refused`` if the priority
  ///   can't be lowered so. Nothing has changed then.
  package func setFitness(
    _ fitness: RouterFitness, of name: String, for cause: String
  ) throws(NodeError) {
    try step { () throws(NodeError) in
      guard let router = routers[name] else { throw unknownRouter(name) }
      if let weight = fitness.weight {
        guard (1...254).contains(abs(weight)) else {
          let way = weight > 0 ? "rise" : "fall"
          throw NodeError(
            .refused, "\(name): a priority can \(way) by 1 to 254, not by \(abs(weight))")
        }
        guard router.settings.priority != .owner else {
          throw NodeError(.refused, "\(name): an owner's priority is always 255")
        }
      }
      guard router.fitness.set(fitness.fault(of: cause), for: .external(cause)) else { return }
      for instance in routers.members(of: router) { reconsider(instance) }
    }
  }

  /// Sets what the program that runs the node knows about routers, all of it before any of them
  /// acts on it, so that those of a group do not wait for one another.
  ///
  /// - Parameter statements: the statements; those about routers that are not there, and weights of
  ///   owners, are passed over.
  package func setFitness(_ statements: [FitnessStatement]) {
    step {
      var changed: [Router] = []
      for statement in statements {
        guard let router = routers[statement.router] else { continue }
        let (fitness, cause) = (statement.fitness, statement.cause)
        if fitness.weight != nil, router.settings.priority == .owner { continue }
        if router.fitness.set(fitness.fault(of: cause), for: .external(cause)) {
          changed.append(router)
        }
      }
      for router in changed {
        for instance in routers.members(of: router) { reconsider(instance) }
      }
    }
  }

  /// The statements of the program that runs the node about a router, by cause.
  package func fitness(of name: String) -> [String: RouterFitness] {
    routers[name]?.fitness.external ?? [:]
  }

  /// Whether a router is Active, in any family.
  package func isActive(_ name: String) -> Bool {
    routers.members(named: name).contains { $0.isHolding && !$0.attendance.isLeaving }
  }

  /// The error for a name that no router has.
  package func unknownRouter(_ name: String) -> NodeError {
    let names = routerNames
    let known = names.isEmpty ? "there are none" : "known: " + names.joined(separator: ", ")
    return NodeError(.unknownRouter, "no router is called '\(name)'; \(known)")
  }

  /// Fits a router's priority to what speaks against and for it.
  func adjustPriority(of instance: RouterInstance) {
    let before = instance.election.configuration.priority
    let after = instance.electionSettings.priority
    guard before != after else { return }
    perform(instance.election.reconfigure(instance.electionSettings, at: now), for: instance)
    // Both families depend on the same, which is told once: by the first that takes part.
    let teller = routers.members(of: instance.router).first { $0.attendance.isRunning }
    guard teller == nil || teller === instance else { return }
    var effects = instance.router.fitness.priorityEffects
    if let group = instance.router.group, let shared = group.priority, let name = group.weakest,
      shared < instance.ownPriority
    {
      effects.append(
        NodeEvent.PriorityEffect(
          .group(member: name, nil),
          weight: Int(shared.rawValue) - Int(instance.ownPriority.rawValue)))
    }
    report(
      .changed(
        router: instance.router.name,
        .priority(from: before, to: after, because: effects)))
  }

  /// The faults of the interfaces that a router tracks.
  func trackFaults(
    of settings: RouterConfiguration, _ group: GroupedRouters?
  ) -> [(interface: String, fault: Fitness.Fault)] {
    let own = Set(settings.tracks.map(\.interface)).union([settings.interface])
    let shared = group?.settings.tracks.filter { !own.contains($0.interface) } ?? []
    return (settings.tracks + shared).compactMap { track in
      let link = interfaces.link(named: track.interface)
      return fault(of: link, named: track.interface).map {
        (
          track.interface,
          Fitness.Fault(reason: .tracked($0), weight: track.decrement.map { -Int($0) })
        )
      }
    }
  }

  /// The further interfaces of a router that are not there; one that is down is no obstacle.
  func furtherFaults(of settings: RouterConfiguration) -> [InterfaceFault] {
    guard settings.hasExtras else { return [] }
    return settings.furtherInterfaces.filter { interfaces.link(named: $0) == nil }.map(absence)
  }

  /// The fault of an interface; `nil` if it is usable.
  func fault(of link: Link?, named name: String) -> InterfaceFault? {
    guard let link else { return absence(of: name) }
    if !link.isUp { return InterfaceFault(.down, of: name) }
    return link.isRunning ? nil : InterfaceFault(.noCarrier, of: name)
  }

  /// The fault that no interface has a name, or that the one which had it has another one now.
  func absence(of name: String) -> InterfaceFault {
    let newName = interfaces.newName(of: name)
    return InterfaceFault(newName.map { .renamed(to: $0) } ?? .missing, of: name)
  }
}
