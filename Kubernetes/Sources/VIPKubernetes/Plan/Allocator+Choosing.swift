import VIPCore

// Which address a Service gets.
extension Allocator {
  /// The address that a Service is to have of a family: what it has, unless it asks for another
  /// one.
  mutating func choose(
    _ family: AddressFamily, for service: ServiceState, instead current: IPAddress?
  ) throws(Refusal) -> IPAddress {
    if let wanted = service.request.addresses.first(where: { $0.family == family }) {
      if wanted == current { return wanted }
      return try claim(wanted, for: service)
    }
    let named = service.request.pools
    if let current {
      let isNamed = named.isEmpty || poolNames(of: current).contains(where: named.contains)
      if isNamed { return current }
    }
    let names = try poolNames(for: service, family)
    if let shared = sharedAddress(family, for: service, from: names) { return shared }
    var lastProblem: Refusal?
    for name in names {
      guard let address = lowestFree(in: name, family) else { continue }
      if let problem = roomProblem(in: name, for: service) {
        lastProblem = lastProblem ?? problem
        continue
      }
      return address
    }
    let sharing = service.sharingKey.map { [WaitKey.sharing($0)] } ?? []
    if var lastProblem {
      lastProblem.waits += sharing
      throw lastProblem
    }
    let waits = names.map { WaitKey.pool($0, family) } + [.anyPool] + sharing
    throw Refusal(
      reason: "PoolExhausted",
      message: "there is no free \(family) address in pool \(names.joined(separator: ", ")); "
        + "add addresses to it, or remove Services that need none", waits: waits)
  }

  /// The pools that an address in use or asked for belongs to: that of its router, else all that
  /// have it.
  private func poolNames(of address: IPAddress) -> [String] {
    let router = addresses[address].flatMap { $0.router ?? $0.leavingIn.first }
    if let pool = router.flatMap({ routers[$0]?.pool }) { return [pool] }
    return poolOrder.filter { pools[$0]?.space.contains(address) == true }
  }

  /// Whether a Service may have addresses of a pool.
  private func isPermitted(_ pool: String, _ service: ServiceState) -> Bool {
    pools[pool]?.isDeleting == false
      && pools[pool]?.permits(service, namespaceLabels: namespaces[service.key.namespace]) == true
  }

  /// The pools from which a Service can get an address of a family, in order.
  private func poolNames(
    for service: ServiceState, _ family: AddressFamily
  ) throws(Refusal) -> [String] {
    let named = service.request.pools
    if let unknown = named.first(where: { pools[$0] == nil }), named.count == 1 {
      throw Refusal(
        reason: "NoSuchPool",
        message: "there is no pool \(unknown.prefix(100)); make it, or name another one in the "
          + "annotation \(Annotation.pool)", waits: [.anyPool])
    }
    if named.count == 1, pools[named[0]]?.isDeleting == true {
      throw Self.deletion(of: named[0])
    }
    let considered = poolOrder.filter { name in
      if pools[name]?.isDeleting == true { return false }
      return named.isEmpty ? pools[name]?.spec.autoAssign == true : named.contains(name)
    }
    let permitted = considered.filter { isPermitted($0, service) }
    let fitting = permitted.filter { pools[$0]?.space.blocks(family).isEmpty == false }
    if !fitting.isEmpty { return fitting }
    let what = named.isEmpty ? "no pool" : "pool \(named.joined(separator: ", ").prefix(200))"
    guard permitted.isEmpty && !considered.isEmpty else {
      throw Refusal(
        reason: "NoPool",
        message:
          "\(what) has \(named.isEmpty ? "" : "no ")\(family) addresses for it; add a range of "
          + "them, or make a pool", waits: [.anyPool])
    }
    throw Refusal(
      reason: "PoolClosed",
      message:
        "\(what) is \(named.isEmpty ? "" : "not ")open to this Service; see serviceSelector, "
        + "namespaces and namespaceSelector of the pools", waits: [.anyPool])
  }

  private static func deletion(of pool: String) -> Refusal {
    Refusal(
      reason: "PoolDeleted",
      message: "pool \(pool) is being deleted and gives nothing more; ask for an address of "
        + "another one, or make it again once it is gone", waits: [.anyPool])
  }

  /// An address that Services with the same sharing key have and that this one can have, too.
  private func sharedAddress(
    _ family: AddressFamily, for service: ServiceState, from names: [String]
  ) -> IPAddress? {
    guard let word = service.sharingKey, let candidates = sharedAddresses[word] else { return nil }
    return candidates.sorted().first { address in
      address.family == family
        && poolNames(of: address).contains(where: names.contains)
        && sharingProblem(of: address, with: service) == nil
    }
  }

  /// The most Services that share an address: each of them is looked at when one changes.
  private static let sharersMax = 256

  /// Why a Service can't have an address beside those that have it.
  private func sharingProblem(of address: IPAddress, with service: ServiceState) -> Refusal? {
    let users = addresses[address]?.users ?? []
    guard users.count < Self.sharersMax else {
      return Refusal(
        reason: "SharingRefused",
        message: "is shared by \(users.count) Services, which is the most; take another address")
    }
    for user in users where user != service.key {
      guard let other = services[user] else { continue }
      if let refusal = service.canShare(with: other) { return refusal }
    }
    return nil
  }

  /// Takes an address that a Service asks for, if it can have it.
  private func claim(
    _ address: IPAddress, for service: ServiceState
  ) throws(Refusal) -> IPAddress {
    let named = service.request.pools
    let known = poolNames(of: address).filter { named.isEmpty || named.contains($0) }
    guard !known.isEmpty else {
      let place = named.isEmpty ? "any pool" : "pool \(named.joined(separator: ", ").prefix(200))"
      throw Refusal(
        reason: "AddressOutsidePools",
        message: "\(address) is not in \(place); ask for one that is, or add it",
        waits: [.anyPool])
    }
    guard known.contains(where: { pools[$0]?.isDeleting != true }) else {
      throw Self.deletion(of: known[0])
    }
    guard known.contains(where: { isPermitted($0, service) }) else {
      throw Refusal(
        reason: "PoolClosed",
        message: "\(address) is in pool \(known[0]), which is not open to this Service; see its "
          + "serviceSelector, namespaces and namespaceSelector", waits: [.anyPool])
    }
    if nodeAddresses[address] != nil {
      throw Refusal(
        reason: "AddressOfNode",
        message: "\(address) is a node's own address; ask for another one",
        waits: [.address(address)])
    }
    if var refusal = sharingProblem(of: address, with: service) {
      refusal.message = "\(address) \(refusal.message)"
      refusal.waits.append(.address(address))
      if let word = service.sharingKey { refusal.waits.append(.sharing(word)) }
      throw refusal
    }
    if let state = addresses[address], state.users.isEmpty {
      let routers = ([state.router].compactMap { $0 } + state.leavingIn).joined(separator: ", ")
      throw Refusal(
        reason: "AddressLeaving",
        message:
          "\(address) is being taken out of virtual router \(routers); it is free as soon as "
          + "all nodes have let go of it", waits: [.address(address)])
    }
    let isPlaced = addresses[address] != nil
    let rooms = known.map { isPlaced ? nil : roomProblem(in: $0, for: service) }
    if let problem = rooms.first(where: { $0 != nil }) ?? nil, !rooms.contains(nil) {
      throw problem
    }
    return address
  }
}
