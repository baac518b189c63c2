import Netlink
import VIP
import VIPCore
import VRRPSimulation

/// The kernel as one process sees it: what it asks is written down, may be refused, and comes to
/// nothing once the process is dead.
final class MachineKernel: Kernel {
  private let machine: Machine
  private unowned let simulation: NodeSimulation
  /// Addresses that this process has put up, on which interface.
  private(set) var installed: Set<Place> = []
  /// Subnets that this process has made a route to, on which interface.
  private(set) var routed: Set<Place> = []
  /// Routes and rules that this process has made.
  private(set) var madeRouting: Set<RoutingEntry> = []
  var isDead = false

  struct Place: Hashable {
    var interfaceIndex: Int32
    var address: InterfaceAddress
  }

  init(_ machine: Machine, in simulation: NodeSimulation) {
    self.machine = machine
    self.simulation = simulation
    machine.kernel.startOver()
  }

  private var kernel: FakeKernel { machine.kernel }

  func links() throws(NetlinkError) -> [Link] {
    defer { kernel.forgetRequests() }
    return try kernel.links()
  }

  func link(_ index: Int32) throws(NetlinkError) -> Link? {
    defer { kernel.forgetRequests() }
    return try kernel.link(index)
  }

  func link(named name: String) throws(NetlinkError) -> Link? {
    defer { kernel.forgetRequests() }
    return try kernel.link(named: name)
  }

  func addresses() throws(NetlinkError) -> [AddressRecord] {
    defer { kernel.forgetRequests() }
    return try kernel.addresses()
  }

  func change(_ requests: [LinkRequest]) -> [NetlinkError?] {
    requests.map { request in
      func refusal() -> NetlinkError {
        NetlinkError(operation: "change an interface", code: Self.refusal)
      }
      let index: Int32? =
        switch request {
        case .create: nil
        case .setUp(_, let index), .setAlias(_, let index), .setIPv4(_, let index),
          .withoutLinkLocal(let index), .delete(let index):
          index
        }
      let name = index.flatMap { machine.link($0)?.name } ?? "interface \(index ?? 0)"
      let result = perform(.link, refusal) { kernel.change([request])[0] }
      if !isDead { machine.log.append(.changed(request, interface: name, result)) }
      if case .delete = request, !isDead, result == nil {
        for caretaker in machine.caretakers {
          caretaker.care.loseLink(name, at: machine.clock.localTime(at: simulation.now))
        }
      }
      return result
    }
  }

  /// Whether an address that the guard knows is put up a second time for a moment, alone in a
  /// subnet of its own, with a lease that ends soon.
  private func isDetour(_ request: AddressRequest, _ expected: Set<Place>) -> Bool {
    guard let lifetime = request.lifetime, lifetime <= .seconds(3) else { return false }
    return expected.contains { place in
      place.interfaceIndex == request.interfaceIndex
        && place.address.address == request.address.address
    }
  }

  func install(_ requests: [AddressRequest]) -> [NetlinkError?] {
    var expected: Set<Place>??
    return requests.map { request in
      let place = Place(interfaceIndex: request.interfaceIndex, address: request.address)
      let isThere =
        kernel.position(ofExactly: request.address, onInterface: request.interfaceIndex) != nil
      func refusal() -> NetlinkError {
        NetlinkError(
          operation: "add \(request.address) to interface \(request.interfaceIndex)",
          code: Self.refusal)
      }
      if !isThere, !isDead, expected == nil {
        expected = .some(simulation.removalsOfGuard(of: machine))
      }
      if !isThere, let expected = expected ?? nil, !expected.contains(place), !isDead,
        let link = machine.link(request.interfaceIndex), link.kind != "macvlan",
        !isDetour(request, expected)
      {
        simulation.breach(
          .guardKnows, machine, "\(request.address) is put up before the guard knows of it")
      }
      let result = perform(.install, refusal, isRefresh: isThere && !request.isDormant) {
        kernel.install([request])[0]
      }
      if isDead { return result }
      if result == nil {
        installed.insert(place)
        // The guard of an earlier life hears of it.
        for caretaker in machine.caretakers {
          caretaker.care.retake(request.address, interfaceIndex: request.interfaceIndex)
        }
      }
      machine.log.append(.installed(request, isRefresh: isThere, result))
      return result
    }
  }

  func remove(_ requests: [AddressRequest]) -> [NetlinkError?] {
    requests.map { request in
      func refusal() -> NetlinkError {
        NetlinkError(
          operation: "remove \(request.address) from interface \(request.interfaceIndex)",
          code: Self.refusal)
      }
      let result = perform(.remove, refusal) { kernel.remove([request])[0] }
      if !isDead { machine.log.append(.removed(request, result)) }
      return result
    }
  }

  func route(to address: IPAddress) throws(NetlinkError) -> RouteRecord? {
    defer { kernel.forgetRequests() }
    return try kernel.route(to: address)
  }

  func install(_ request: RouteRequest) -> NetlinkError? {
    let isThere = kernel.routes.contains {
      $0.subnet == request.subnet && $0.interfaceIndex == request.interfaceIndex
        && $0.protocolTag == vipProtocolTag
    }
    func refusal() -> NetlinkError {
      NetlinkError(
        operation: "add a route to \(request.subnet) on interface \(request.interfaceIndex)",
        code: Self.refusal)
    }
    let result = perform(.install, refusal, isRefresh: isThere) { kernel.install(request) }
    if !isDead, result == nil {
      routed.insert(Place(interfaceIndex: request.interfaceIndex, address: request.subnet))
    }
    if !isDead, !isThere || result != nil {
      machine.log.append(.remark("makes a route to \(request.subnet)\(Self.end(result))"))
    }
    return result
  }

  func remove(_ request: RouteRequest) -> NetlinkError? {
    func refusal() -> NetlinkError {
      NetlinkError(
        operation: "remove the route to \(request.subnet) on interface \(request.interfaceIndex)",
        code: Self.refusal)
    }
    let count = kernel.routes.count
    let result = perform(.remove, refusal) { kernel.remove(request) }
    if !isDead, kernel.routes.count != count || result != nil {
      machine.log.append(.remark("removes the route to \(request.subnet)\(Self.end(result))"))
    }
    return result
  }

  func install(_ entry: RoutingEntry, lifetime: Duration?) -> NetlinkError? {
    let isThere = kernel.presentRouting.contains { $0.entry == entry }
    let result = perform(.install, { entry.refused(Self.refusal) }, isRefresh: isThere) {
      kernel.install(entry, lifetime: lifetime)
    }
    if !isDead, result == nil { madeRouting.insert(entry) }
    if !isDead, result == nil { machine.log.append(.remark("makes a \(Self.text(entry))")) }
    return result
  }

  func confirm(_ entry: RoutingEntry, lifetime: Duration?) -> Bool {
    var isThere = true
    _ = perform(.install, { entry.refused(Self.refusal) }, isRefresh: true) {
      isThere = kernel.confirm(entry, lifetime: lifetime)
      return nil
    }
    return isThere
  }

  func remove(_ entry: RoutingEntry) -> NetlinkError? {
    let isThere = kernel.presentRouting.contains { $0.entry == entry }
    let result = perform(.remove, { entry.refused(Self.refusal, isRemoval: true) }) {
      kernel.remove(entry)
    }
    if !isDead, isThere {
      machine.log.append(.remark("removes a \(Self.text(entry))\(Self.end(result))"))
    }
    return result
  }

  private static func text(_ entry: RoutingEntry) -> String {
    switch entry {
    case .route(let route): "route to \(route.destination)"
    case .rule(let rule): "rule \(rule.priority)"
    }
  }

  private static func end(_ result: NetlinkError?) -> String { result == nil ? "" : ": refused" }

  var monitorDescriptor: Int32 { kernel.monitorDescriptor }

  func drainEvents(limit: Int, _ handler: (KernelEvent) -> Void) throws(NetlinkError) {
    try kernel.drainEvents(limit: limit, handler)
  }

  /// ENOMEM: what a machine short of memory says to anything.
  private static let refusal: Int32 = 12

  private func perform(
    _ what: Machine.Refusal, _ refusal: () -> NetlinkError, isRefresh: Bool = false,
    _ body: () -> NetlinkError?
  ) -> NetlinkError? {
    if let left = machine.requestsUntilDeath {
      machine.requestsUntilDeath = left - 1
      if left <= 0 { simulation.dieInTheMiddle(machine) }
    }
    guard !isDead else { return refusal() }
    defer { kernel.forgetRequests() }
    guard !machine.refuses(what, at: simulation.now) else { return refusal() }
    if !isRefresh { machine.revision += 1 }
    return body()
  }
}
