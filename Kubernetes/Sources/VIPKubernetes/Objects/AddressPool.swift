/// Addresses that Services can get, and how they are served.
public struct AddressPool: Sendable, Hashable {
  /// Its name.
  public var metadata: ObjectMeta
  /// What is wanted.
  public var spec: Spec
  /// What has become of it.
  public var status: Status

  /// What is wanted.
  public struct Spec: Sendable, Hashable {
    /// Single addresses, ranges (`192.0.2.10-192.0.2.20`) and networks (`192.0.2.0/24`).
    public var addresses: [String]
    /// The interface on which they are served; left out, it is the one whose network has the
    /// address.
    public var interface: String?
    /// The VRIDs that this cluster may use on the segment, such as `31-60` or `31-60,80`.
    public var vrids: String
    /// The time between advertisements.
    public var interval: String
    /// Over how many virtual routers the addresses are spread; left out, as many as there are
    /// candidates, at most 16.
    public var routers: Int?
    /// Whether the addresses have an Ethernet address of their own.
    public var virtualMAC: Bool
    /// Whether the spread over the nodes comes back after a failure.
    public var preempt: Bool
    /// How long to wait before it does.
    public var preemptDelay: String
    /// The nodes that serve the addresses.
    public var nodeSelector: LabelSelector
    /// The Services that may have them.
    public var serviceSelector: LabelSelector
    /// The namespaces whose Services may have them; empty for all.
    public var namespaces: [String]
    /// The same by the labels of namespaces; left out, it chooses all.
    public var namespaceSelector: LabelSelector?
    /// Whether Services get them that don't name the pool.
    public var autoAssign: Bool
    /// Pools of a lower number are taken first.
    public var order: Int

    /// Makes a spec; what is left out has its default.
    public init(
      addresses: [String], interface: String? = nil, vrids: String = "1-255",
      interval: String = "250ms", routers: Int? = nil, virtualMAC: Bool = false,
      preempt: Bool = true, preemptDelay: String = "10s",
      nodeSelector: LabelSelector = LabelSelector(),
      serviceSelector: LabelSelector = LabelSelector(), namespaces: [String] = [],
      namespaceSelector: LabelSelector? = nil, autoAssign: Bool = true, order: Int = 0
    ) {
      self.addresses = addresses
      self.interface = interface
      self.vrids = vrids
      self.interval = interval
      self.routers = routers
      self.virtualMAC = virtualMAC
      self.preempt = preempt
      self.preemptDelay = preemptDelay
      self.nodeSelector = nodeSelector
      self.serviceSelector = serviceSelector
      self.namespaces = namespaces
      self.namespaceSelector = namespaceSelector
      self.autoAssign = autoAssign
      self.order = order
    }
  }

  /// What has become of it.
  public struct Status: Sendable, Hashable {
    /// How many addresses it has, in decimal: those of a /64 are more than a JSON number holds.
    public var capacity: String
    /// How many of them are in use or on their way out of it.
    public var used: Int
    /// How many of its VRIDs no virtual router has.
    public var freeVRIDs: Int
    /// Whether all that it says can be used.
    public var conditions: [Condition]

    /// Makes a status.
    public init(
      capacity: String = "", used: Int = 0, freeVRIDs: Int = 0, conditions: [Condition] = []
    ) {
      self.capacity = capacity
      self.used = used
      self.freeVRIDs = freeVRIDs
      self.conditions = conditions
    }
  }

  /// Makes a pool.
  public init(metadata: ObjectMeta, spec: Spec, status: Status = Status()) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }
}

extension AddressPool: Codable {
  private enum CodingKeys: String, CodingKey { case metadata, spec, status }

  /// Reads a pool.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
    spec = try container.decode(Spec.self, forKey: .spec)
    status = try container.decodeIfPresent(Status.self, forKey: .status) ?? Status()
  }
}

extension AddressPool.Spec: Codable {
  private enum CodingKeys: String, CodingKey {
    case addresses, interface, vrids, interval, routers, preempt, preemptDelay
    case virtualMAC = "virtualMac"
    case nodeSelector, serviceSelector, namespaces, namespaceSelector, autoAssign, order
  }

  /// Reads a spec.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let defaults = Self(addresses: [])
    func value<Value: Decodable>(_ key: CodingKeys, _ default: Value) throws -> Value {
      try container.decodeIfPresent(Value.self, forKey: key) ?? `default`
    }
    addresses = try container.list(.addresses, atMost: 10_000)
    interface = try container.decodeIfPresent(String.self, forKey: .interface)
    vrids = try value(.vrids, defaults.vrids)
    interval = try value(.interval, defaults.interval)
    routers = try container.decodeIfPresent(Int.self, forKey: .routers)
    virtualMAC = try value(.virtualMAC, defaults.virtualMAC)
    preempt = try value(.preempt, defaults.preempt)
    preemptDelay = try value(.preemptDelay, defaults.preemptDelay)
    nodeSelector = try value(.nodeSelector, defaults.nodeSelector)
    serviceSelector = try value(.serviceSelector, defaults.serviceSelector)
    namespaces = try container.list(.namespaces, atMost: 10_000)
    namespaceSelector = try container.decodeIfPresent(
      LabelSelector.self, forKey: .namespaceSelector)
    autoAssign = try value(.autoAssign, defaults.autoAssign)
    order = try value(.order, defaults.order)
  }
}

extension AddressPool.Status: Codable {
  private enum CodingKeys: String, CodingKey { case capacity, used, freeVRIDs, conditions }

  /// Reads a status.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    capacity = try container.decodeIfPresent(String.self, forKey: .capacity) ?? ""
    used = try container.decodeIfPresent(Int.self, forKey: .used) ?? 0
    freeVRIDs = try container.decodeIfPresent(Int.self, forKey: .freeVRIDs) ?? 0
    conditions = try container.list(.conditions, atMost: 1000)
  }
}
