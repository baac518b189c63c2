public import VIPCore
public import VRRP

/// A virtual router of the cluster: some addresses, the nodes that can hold them, and the one that
/// does.
///
/// The allocator writes the spec, and speakers turn it into what their nodes run. All that machines
/// must agree on, such as the VRID, is kept here from the first day on and never computed again.
public struct VirtualRouter: Sendable, Hashable, Codable {
  /// Its name, which is also that of the router on each node.
  public var metadata: ObjectMeta
  /// What is wanted.
  public var spec: Spec
  /// What has become of it.
  public var status: Status

  /// What is wanted.
  public struct Spec: Sendable, Hashable {
    /// The pool from which the addresses are.
    public var pool: String
    /// `NAMESPACE/NAME` of the Service whose own router this is; a shared one has none.
    public var service: String?
    /// The virtual router identifier, which never changes.
    public var vrid: VRID
    /// The interface; left out, each node takes the one whose network has the addresses.
    public var interface: String?
    /// How it is run.
    public var settings: Settings
    /// The addresses that it serves.
    public var addresses: [IPAddress]
    /// The addresses that no node may serve any more, until all of them have said so.
    public var leaving: [Leaving]
    /// The nodes that may hold the addresses, by name.
    public var candidates: [Candidate]

    /// Makes a spec.
    public init(
      pool: String, service: String? = nil, vrid: VRID, interface: String? = nil,
      settings: Settings = Settings(), addresses: [IPAddress] = [], leaving: [Leaving] = [],
      candidates: [Candidate] = []
    ) {
      self.pool = pool
      self.service = service
      self.vrid = vrid
      self.interface = interface
      self.settings = settings
      self.addresses = addresses
      self.leaving = leaving
      self.candidates = candidates
    }
  }

  /// How a router is run: what may change while it runs.
  public struct Settings: Sendable, Hashable {
    /// The time between advertisements.
    public var interval: AdvertisementInterval
    /// Whether the first candidate takes the addresses back after a failure.
    public var preempt: Bool
    /// How long it waits before that.
    public var preemptDelay: Duration
    /// Whether the addresses have an Ethernet address of their own.
    public var virtualMAC: Bool

    /// Makes settings; what is left out is a pool's default.
    public init(
      interval: AdvertisementInterval = .milliseconds(250), preempt: Bool = true,
      preemptDelay: Duration = .seconds(10), virtualMAC: Bool = false
    ) {
      self.interval = interval
      self.preempt = preempt
      self.preemptDelay = preemptDelay
      self.virtualMAC = virtualMAC
    }
  }

  /// An address that no node may serve any more.
  public struct Leaving: Sendable, Hashable, Codable {
    /// The address.
    public var address: IPAddress
    /// The generation of the router that says so: a node that has acknowledged it has let go.
    public var since: Int64

    /// Makes an entry.
    public init(_ address: IPAddress, since: Int64) {
      self.address = address
      self.since = since
    }
  }

  /// A node that may hold the addresses.
  public struct Candidate: Sendable, Hashable, Codable {
    /// The node's name.
    public var node: String
    /// Its priority.
    ///
    /// The highest is that of the node that is to hold the addresses when all are
    /// well.
    public var priority: UInt8

    /// Makes a candidate.
    public init(_ node: String, _ priority: UInt8) {
      self.node = node
      self.priority = priority
    }
  }

  /// What has become of it.
  public struct Status: Sendable, Hashable {
    /// Which node holds the addresses of a family.
    public var active: [AddressFamily: Active]
    /// What the nodes have done, one entry for each that may run the router.
    ///
    /// A speaker makes its entry before it runs the router for the first time and takes it away
    /// after it has stopped it: a node without an entry has none of the addresses.
    public var nodes: [Acknowledgement]
    /// The addresses that a machine outside the group uses.
    public var conflicts: [Conflict]
    /// What is remarkable, by allocator and speakers.
    public var conditions: [Condition]

    /// Makes a status.
    public init(
      active: [AddressFamily: Active] = [:], nodes: [Acknowledgement] = [],
      conflicts: [Conflict] = [], conditions: [Condition] = []
    ) {
      self.active = active
      self.nodes = nodes
      self.conflicts = conflicts
      self.conditions = conditions
    }
  }

  /// The node that holds addresses.
  public struct Active: Sendable, Hashable, Codable {
    /// Its name.
    public var node: String
    /// Since when, in the API's text form.
    public var since: String

    /// Makes an entry.
    public init(_ node: String, since: String = "") {
      self.node = node
      self.since = since
    }
  }

  /// What a node has done about the router.
  public struct Acknowledgement: Sendable, Hashable {
    /// Its name.
    public var node: String
    /// The generation of the router that it runs; 0 before it has begun.
    public var generation: Int64
    /// Why it can't run the router, or not all of it.
    public var problem: String?
    /// The addresses that it does not serve on account of the problem; none are named if it is all
    /// of them, or more than ``unservedCountMax``.
    public var unserved: [IPAddress]

    /// The most addresses that an entry names.
    public static let unservedCountMax = 256

    /// Makes an entry; of more addresses than it can name it names none.
    public init(
      _ node: String, generation: Int64, problem: String? = nil, unserved: [IPAddress] = []
    ) {
      self.node = node
      self.generation = generation
      self.problem = problem
      self.unserved =
        problem != nil && unserved.count <= Self.unservedCountMax ? unserved : []
    }

    /// Whether it says that the node does not serve an address.
    public func refuses(_ address: IPAddress) -> Bool {
      problem != nil && (unserved.isEmpty || unserved.contains(address))
    }
  }

  /// An address that a machine outside the group uses.
  public struct Conflict: Sendable, Hashable, Codable {
    /// The address.
    public var address: IPAddress
    /// The machine's Ethernet address.
    public var mac: MACAddress

    /// Makes an entry.
    public init(_ address: IPAddress, by mac: MACAddress) {
      self.address = address
      self.mac = mac
    }
  }

  /// Makes a router.
  public init(metadata: ObjectMeta, spec: Spec, status: Status = Status()) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }

  private enum CodingKeys: String, CodingKey { case metadata, spec, status }

  /// Reads a router.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
    spec = try container.decode(Spec.self, forKey: .spec)
    status = try container.decodeIfPresent(Status.self, forKey: .status) ?? Status()
  }
}

extension VirtualRouter.Acknowledgement: Codable {
  private enum CodingKeys: String, CodingKey { case node, generation, problem, unserved }

  /// Reads an entry.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    node = try container.decode(String.self, forKey: .node)
    generation = try container.decode(Int64.self, forKey: .generation)
    problem = try container.decodeIfPresent(String.self, forKey: .problem)
    unserved = try container.list(.unserved, atMost: Self.unservedCountMax)
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(node, forKey: .node)
    try container.encode(generation, forKey: .generation)
    try container.encodeIfPresent(problem, forKey: .problem)
    if !unserved.isEmpty { try container.encode(unserved, forKey: .unserved) }
  }
}

/// How much of anything a VirtualRouter may have.
enum RouterLimits {
  static let addressCount = 20_000
  static let nodeCount = 20_000
}

extension VirtualRouter.Spec: Codable {
  private enum CodingKeys: String, CodingKey {
    case pool, service, vrid, interface, interval, preempt, preemptDelay
    case virtualMAC = "virtualMac"
    case addresses, addressCount, leaving, candidates, candidateCount
  }

  /// Reads a spec.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let defaults = VirtualRouter.Settings()
    pool = try container.decode(String.self, forKey: .pool)
    service = try container.decodeIfPresent(String.self, forKey: .service)
    vrid = try container.decode(VRID.self, forKey: .vrid)
    interface = try container.decodeIfPresent(String.self, forKey: .interface)
    let delay = try container.decodeIfPresent(String.self, forKey: .preemptDelay)
    settings = VirtualRouter.Settings(
      interval: try container.decodeIfPresent(AdvertisementInterval.self, forKey: .interval)
        ?? defaults.interval,
      preempt: try container.decodeIfPresent(Bool.self, forKey: .preempt) ?? defaults.preempt,
      preemptDelay: delay.flatMap { Duration(text: $0) } ?? defaults.preemptDelay,
      virtualMAC: try container.decodeIfPresent(Bool.self, forKey: .virtualMAC)
        ?? defaults.virtualMAC)
    addresses = try container.list(.addresses, atMost: RouterLimits.addressCount)
    leaving = try container.list(.leaving, atMost: RouterLimits.addressCount)
    candidates = try container.list(.candidates, atMost: RouterLimits.nodeCount)
  }

  /// Writes what ``init(from:)`` reads, and how much of it there is, which lists of routers show.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(pool, forKey: .pool)
    try container.encodeIfPresent(service, forKey: .service)
    try container.encode(vrid, forKey: .vrid)
    try container.encodeIfPresent(interface, forKey: .interface)
    try container.encode(settings.interval, forKey: .interval)
    try container.encode(settings.preempt, forKey: .preempt)
    try container.encode(settings.preemptDelay.text, forKey: .preemptDelay)
    try container.encode(settings.virtualMAC, forKey: .virtualMAC)
    try container.encode(addresses, forKey: .addresses)
    try container.encode(addresses.count, forKey: .addressCount)
    if !leaving.isEmpty { try container.encode(leaving, forKey: .leaving) }
    try container.encode(candidates, forKey: .candidates)
    try container.encode(candidates.count, forKey: .candidateCount)
  }
}

extension VirtualRouter.Status: Codable {
  private enum CodingKeys: String, CodingKey { case active, nodes, conflicts, conditions }

  /// Reads a status.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let byName = try container.decodeIfPresent(
      [String: VirtualRouter.Active].self, forKey: .active)
    active = [:]
    for family in AddressFamily.allCases { active[family] = byName?[Self.name(family)] }
    nodes = try container.list(.nodes, atMost: RouterLimits.nodeCount)
    conflicts = try container.list(.conflicts, atMost: RouterLimits.addressCount)
    conditions = try container.list(.conditions, atMost: 1000)
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let byName = active.map { (Self.name($0.key), $0.value) }
    if !byName.isEmpty {
      try container.encode(Dictionary(uniqueKeysWithValues: byName), forKey: .active)
    }
    if !nodes.isEmpty { try container.encode(nodes, forKey: .nodes) }
    if !conflicts.isEmpty { try container.encode(conflicts, forKey: .conflicts) }
    if !conditions.isEmpty { try container.encode(conditions, forKey: .conditions) }
  }

  private static func name(_ family: AddressFamily) -> String {
    family == .ipv4 ? "ipv4" : "ipv6"
  }
}
