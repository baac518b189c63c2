import VIPCore
import VRRP

/// What the allocator is told when it is started.
public struct AllocatorOptions: Sendable, Hashable {
  /// The class that Services name to get addresses from here.
  public var loadBalancerClass: String
  /// Whether Services without a class get addresses from here, too.
  public var isDefault: Bool
  /// Whether it is told of speakers, so that a node without one serves nothing.
  public var watchesSpeakers: Bool

  /// Makes options; what is left out has its default.
  public init(
    loadBalancerClass: String = "vipctl.io/vip", isDefault: Bool = false,
    watchesSpeakers: Bool = false
  ) {
    self.loadBalancerClass = loadBalancerClass
    self.isDefault = isDefault
    self.watchesSpeakers = watchesSpeakers
  }
}

/// Decides which Service has which addresses, and which nodes serve them.
///
/// A value without clock and network. It is told what the API server has (``observe(_:)``), and
/// ``plan()`` says what to write. The writes are made in their order. One that fails is told by
/// ``failed(_:)``, those behind it are then not made, and failed too; the object is read again and
/// observed. What is written comes back as an observation like all others.
///
/// The first plan looks at everything, a later one only at what has changed and what that concerns:
/// the change of a Service costs the same with ten Services as with fifty thousand.
///
/// Three things are stored in the API and nowhere else, so that a new allocator goes on where
/// another has stopped: a Service's addresses in its status; a router's VRID, addresses and
/// candidates in its spec; and what a node has let go of in the router's status. What is valid is
/// never given away:
///
/// - A Service keeps its address as long as any pool or router knows it.
/// - An address is in one router at a time. It goes from one to another by way of `leaving`, where
///   it stays until every node that may have it and is well has acknowledged that it hasn't.
/// - A candidate keeps its priority. Nodes that come and go change which is first of a router only
///   where it evens out the load, and a candidate that holds addresses goes when another one is
///   there.
public struct Allocator: Sendable {
  let options: AllocatorOptions
  var services: [ObjectKey: ServiceState] = [:]
  var nodes: [String: NodeState] = [:]
  /// What is known of the speakers of nodes.
  var speakers: [String: SpeakerLife] = [:]
  var namespaces: [String: [String: String]] = [:]
  var pools: [String: PoolState] = [:]
  var routers: [String: RouterState] = [:]

  // Indices over them.
  /// The pools in the order in which they are tried.
  var poolOrder: [String] = []
  /// The routers of each pool by name.
  var routersOfPool: [String: Set<String>] = [:]
  /// The shared routers of each pool, in the order of their names.
  var sharedRouters: [String: [String]] = [:]
  /// The own routers of each Service.
  var routersOfService: [ObjectKey: Set<String>] = [:]
  /// The routers that have each VRID.
  var routersOfVRID: [VRID: Set<String>] = [:]
  /// The nodes that may still run a router that is gone, by its VRID, since they could not be told.
  var vacated: [VRID: Set<String>] = [:]
  /// For how many half minutes nodes with entries have been gone.
  var absences: [String: Int] = [:]
  /// The Services whose status another program writes, too.
  var contested: Set<ObjectKey> = []
  /// The routers from which addresses are on their way out.
  var routersWithLeaving: Set<String> = []
  var addresses: [IPAddress: AddressState] = [:]
  /// In how many routers each node has an entry.
  var entryCounts: [String: Int] = [:]
  /// How many nodes have an address as their own.
  var nodeAddresses: [IPAddress: Int] = [:]
  /// The addresses that the Services of a sharing key have.
  var sharedAddresses: [String: Set<IPAddress>] = [:]
  /// The endpoints of each Service by slice.
  var endpoints: [ObjectKey: [String: [EndpointState]]] = [:]
  var serviceOfSlice: [ObjectKey: ObjectKey] = [:]
  var waiting: [WaitKey: WaiterQueue] = [:]

  // What has to be looked at.
  var dirtyServices: Set<ObjectKey> = []
  var unfulfilled: Set<ObjectKey> = []
  /// Services that did not get all they ask for in this plan.
  var refused: Set<ObjectKey> = []
  var dirtyAddresses: Set<IPAddress> = []
  /// Routers of which something has changed.
  var dirtyRouters: Set<String> = []
  /// Routers for which other nodes may be wanted.
  var dirtyCandidates: Set<String> = []
  /// Pools of which something has changed.
  var dirtyPools: Set<String> = []
  /// Pools whose addresses have to be compared with those of others and of the nodes.
  var poolsToCompare: Set<String> = []
  /// Pools whose routers or nodes have changed.
  var unbalancedPools: Set<String> = []
  var dirtyVerdicts: Set<ObjectKey> = []
  /// What has become free, and the last one that was offered it.
  var opportunities: [WaitKey: ServiceRank?] = [:]

  // What is to be written.
  /// The addresses that Services get and lose, in order.
  var grants: [(key: ObjectKey, ingress: [IPAddress])] = []
  var deletedRouters: [(name: String, generation: Int64)] = []
  var events: [Event] = []

  /// Makes an allocator that knows nothing yet.
  public init(options: AllocatorOptions = AllocatorOptions()) {
    self.options = options
  }

  /// The writes that bring the API server's objects to what they should be.
  ///
  /// To be asked once all kinds of objects have been observed, and after each further observation.
  public mutating func plan() -> [Write] {
    reviewPools()
    decide()
    // What is in the way of a Service may be another thing by now.
    dirtyServices.formUnion(refused)
    decide()
    refused = []
    reviewRouters()
    reviewVerdicts()
    return writes()
  }

  private mutating func decide() {
    repeat {
      acknowledge()
      settleServices()
      placeAddresses()
      removeEmptyRouters()
      offerOpportunities()
    } while !isSettled
  }

  private var isSettled: Bool {
    dirtyServices.isEmpty && dirtyAddresses.isEmpty && opportunities.isEmpty
  }

  /// Services first, and those that lost what they had before all that get something.
  private mutating func settleServices() {
    while !dirtyServices.isEmpty || !unfulfilled.isEmpty {
      while !dirtyServices.isEmpty {
        let next = ranks(of: dirtyServices)
        dirtyServices = []
        for rank in next { settle(rank.key) }
      }
      placeAddresses()
      let next = ranks(of: unfulfilled)
      unfulfilled = []
      for rank in next {
        fulfil(rank.key)
        // Whether there is room for the next one depends on it.
        placeAddresses()
      }
    }
  }

  private func ranks(of keys: Set<ObjectKey>) -> [ServiceRank] {
    keys.compactMap { services[$0]?.rank }.sorted()
  }

  private mutating func placeAddresses() {
    while let next = dirtyAddresses.isEmpty ? nil : Optional(dirtyAddresses.sorted()) {
      dirtyAddresses = []
      for address in next { place(address) }
    }
  }

  /// Offers what has become free to those that wait for it, one after the other.
  private mutating func offerOpportunities() {
    for (key, last) in opportunities {
      guard isAvailable(key), let next = waiting[key]?.first(after: last) else {
        opportunities[key] = nil
        continue
      }
      opportunities[key] = .some(next)
      dirtyServices.insert(next.key)
      if key == .vrid { dirtyAddresses.formUnion(services[next.key]?.held ?? []) }
    }
  }

  private mutating func isAvailable(_ key: WaitKey) -> Bool {
    switch key {
    case .address(let address): !isOccupied(address)
    case .pool(let name, let family): lowestFree(in: name, family) != nil
    case .vrid, .anyPool: true
    case .sharing(let word): sharedAddresses[word] != nil
    }
  }

  /// Whether an address can't be given to a Service that has no part in it yet.
  func isOccupied(_ address: IPAddress) -> Bool {
    addresses[address] != nil || nodeAddresses[address] != nil
  }

  /// The lowest free address of a family in a pool.
  mutating func lowestFree(in pool: String, _ family: AddressFamily) -> IPAddress? {
    guard var free = pools[pool]?.free[family] else { return nil }
    // Taken out meanwhile, or it would be copied.
    pools[pool]?.free[family] = nil
    defer { pools[pool]?.free[family] = free }
    return free.lowest { isOccupied($0) }
  }

  /// Changes what is known of an address, and drops it once there is nothing.
  mutating func update(_ address: IPAddress, _ change: (inout AddressState) -> Void) {
    let wasUsed = addresses[address] != nil
    change(&addresses[address, default: AddressState()])
    if addresses[address]?.isUnused == true { addresses[address] = nil }
    let isUsed = addresses[address] != nil
    guard isUsed != wasUsed else { return }
    for name in poolOrder where pools[name]?.space.contains(address) == true {
      pools[name]?.used += isUsed ? 1 : -1
      dirtyPools.insert(name)
      if !isUsed {
        pools[name]?.free[address.family]?.giveBack(address)
        opportunities[.pool(name, address.family)] = .some(nil)
      }
    }
    if !isUsed { opportunities[.address(address)] = .some(nil) }
  }
}

/// All objects at one time.
public struct ClusterSnapshot: Sendable, Hashable {
  /// The Services.
  public var services: [Service] = []
  /// The EndpointSlices.
  public var slices: [EndpointSlice] = []
  /// The nodes.
  public var nodes: [ClusterNode] = []
  /// The namespaces.
  public var namespaces: [Namespace] = []
  /// The pools.
  public var pools: [AddressPool] = []
  /// The virtual routers.
  public var routers: [VirtualRouter] = []
  /// The speakers of nodes.
  public var speakers: [String: SpeakerLife] = [:]

  /// Makes a snapshot of nothing.
  public init() {}
}

extension Allocator {
  /// The writes that bring the objects of a snapshot to what they should be: a function of nothing
  /// else.
  public static func plan(
    _ snapshot: ClusterSnapshot, options: AllocatorOptions = AllocatorOptions()
  ) -> [Write] {
    var allocator = Allocator(options: options)
    allocator.observe(snapshot)
    return allocator.plan()
  }

  /// Takes note of all objects of a snapshot.
  public mutating func observe(_ snapshot: ClusterSnapshot) {
    for pool in snapshot.pools { observe(.pool(pool)) }
    for namespace in snapshot.namespaces { observe(.namespace(namespace)) }
    for (node, life) in snapshot.speakers { observe(.speaker(node, life)) }
    for node in snapshot.nodes { observe(.node(node)) }
    for slice in snapshot.slices { observe(.slice(slice)) }
    // Which of two routers keeps an address that both have must not depend on the order of a list.
    let routers = snapshot.routers.sorted {
      ($0.metadata.created, $0.metadata.name) < ($1.metadata.created, $1.metadata.name)
    }
    for router in routers { observe(.router(router)) }
    for service in snapshot.services { observe(.service(service)) }
  }
}
