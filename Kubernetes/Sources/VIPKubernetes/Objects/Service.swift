public import VIPCore

/// A Service, as far as its addresses depend on it.
public struct Service: Sendable, Hashable {
  /// Name, labels, annotations.
  public var metadata: ObjectMeta
  /// What is asked for.
  public var spec: Spec
  /// What it has.
  public var status: Status
  /// The other program that has written `status.loadBalancer` last, if one has.
  public var otherManager: String?

  /// What is asked for.
  public struct Spec: Sendable, Hashable {
    /// `LoadBalancer` for those that get an address.
    public var type: String
    /// Which program gives it one.
    public var loadBalancerClass: String?
    /// The address that it asks for, in the old way.
    public var loadBalancerIP: String?
    /// The families that it has, the first one first.
    public var ipFamilies: [AddressFamily]
    /// `SingleStack`, `PreferDualStack` or `RequireDualStack`.
    public var ipFamilyPolicy: String
    /// `Cluster` or `Local`.
    public var externalTrafficPolicy: String
    /// Which pods serve it.
    public var selector: [String: String]
    /// The ports that it has on its addresses.
    public var ports: [Port]

    /// Makes a spec; what is left out is as the API server's defaults have it.
    public init(
      type: String = "LoadBalancer", loadBalancerClass: String? = nil,
      loadBalancerIP: String? = nil, ipFamilies: [AddressFamily] = [.ipv4],
      ipFamilyPolicy: String = "SingleStack", externalTrafficPolicy: String = "Cluster",
      selector: [String: String] = [:], ports: [Port] = []
    ) {
      self.type = type
      self.loadBalancerClass = loadBalancerClass
      self.loadBalancerIP = loadBalancerIP
      self.ipFamilies = ipFamilies
      self.ipFamilyPolicy = ipFamilyPolicy
      self.externalTrafficPolicy = externalTrafficPolicy
      self.selector = selector
      self.ports = ports
    }
  }

  /// A port on which the Service is reached.
  public struct Port: Sendable, Hashable, Codable {
    /// `TCP`, `UDP` or `SCTP`.
    public var `protocol`: String
    /// The number.
    public var port: Int

    /// Makes a port.
    public init(_ protocol: String = "TCP", _ port: Int) {
      self.protocol = `protocol`
      self.port = port
    }

    private enum CodingKeys: String, CodingKey { case `protocol`, port }

    /// Reads a port.
    public init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      `protocol` = try container.decodeIfPresent(String.self, forKey: .protocol) ?? "TCP"
      port = try container.decode(Int.self, forKey: .port)
    }
  }

  /// What it has.
  public struct Status: Sendable, Hashable {
    /// The addresses under `loadBalancer.ingress`; host names are left out.
    public var ingress: [IPAddress]
    /// The condition of this project; those of others are left alone.
    public var condition: Condition?

    /// Makes a status.
    public init(ingress: [IPAddress] = [], condition: Condition? = nil) {
      self.ingress = ingress
      self.condition = condition
    }
  }

  /// Makes a Service.
  public init(metadata: ObjectMeta, spec: Spec = Spec(), status: Status = Status()) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }
}

extension Service: Codable {
  private enum CodingKeys: String, CodingKey { case metadata, spec, status }

  /// Reads a Service.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
    spec = try container.decodeIfPresent(Spec.self, forKey: .spec) ?? Spec(type: "ClusterIP")
    status = try container.decodeIfPresent(Status.self, forKey: .status) ?? Status()
    otherManager = try container.decode(ManagedParts.self, forKey: .metadata).otherManager
  }

  /// Writes what ``init(from:)`` reads, but for the programs that have written it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(metadata, forKey: .metadata)
    try container.encode(spec, forKey: .spec)
    try container.encode(status, forKey: .status)
  }
}

/// Which programs have written which fields of a Service, as far as it matters here.
private struct ManagedParts: Decodable {
  private struct Part: Decodable {
    var manager: String?
    var time: String?
    var fieldsV1: Fields?
  }
  private struct Fields: Decodable {
    var status: StatusFields?
    enum CodingKeys: String, CodingKey { case status = "f:status" }
  }
  private struct StatusFields: Decodable {
    var hasAddresses: Bool
    enum CodingKeys: String, CodingKey { case loadBalancer = "f:loadBalancer" }
    init(from decoder: any Decoder) throws {
      hasAddresses = try decoder.container(keyedBy: CodingKeys.self).contains(.loadBalancer)
    }
  }

  /// How this program and its parts begin their names.
  private static let ownPrefix = "vipctl"

  private var managedFields: [Part]?

  /// The last program but this one that has written the addresses.
  var otherManager: String? {
    (managedFields ?? []).filter { part in
      part.fieldsV1?.status?.hasAddresses == true
        && part.manager?.hasPrefix(Self.ownPrefix) == false
    }.max { ($0.time ?? "") < ($1.time ?? "") }?.manager
  }
}

extension Service.Spec: Codable {
  private enum CodingKeys: String, CodingKey {
    case type, loadBalancerClass, loadBalancerIP, ipFamilies, ipFamilyPolicy
    case externalTrafficPolicy, selector, ports
  }

  /// Reads a spec.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    type = try container.decodeIfPresent(String.self, forKey: .type) ?? "ClusterIP"
    loadBalancerClass = try container.decodeIfPresent(String.self, forKey: .loadBalancerClass)
    loadBalancerIP = try container.decodeIfPresent(String.self, forKey: .loadBalancerIP)
    ipFamilies = try container.list(.ipFamilies, atMost: 16, of: String.self)
      .compactMap { $0 == "IPv4" ? .ipv4 : $0 == "IPv6" ? .ipv6 : nil }
    ipFamilyPolicy =
      try container.decodeIfPresent(String.self, forKey: .ipFamilyPolicy) ?? "SingleStack"
    externalTrafficPolicy =
      try container.decodeIfPresent(String.self, forKey: .externalTrafficPolicy) ?? "Cluster"
    selector = try container.decodeIfPresent([String: String].self, forKey: .selector) ?? [:]
    ports = try container.list(.ports, atMost: 10_000)
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(type, forKey: .type)
    try container.encodeIfPresent(loadBalancerClass, forKey: .loadBalancerClass)
    try container.encodeIfPresent(loadBalancerIP, forKey: .loadBalancerIP)
    try container.encode(ipFamilies.map { $0 == .ipv4 ? "IPv4" : "IPv6" }, forKey: .ipFamilies)
    try container.encode(ipFamilyPolicy, forKey: .ipFamilyPolicy)
    try container.encode(externalTrafficPolicy, forKey: .externalTrafficPolicy)
    try container.encode(selector, forKey: .selector)
    try container.encode(ports, forKey: .ports)
  }
}

extension Service.Status: Codable {
  private enum CodingKeys: String, CodingKey { case loadBalancer, conditions }

  private struct LoadBalancer: Codable {
    var ingress: [Ingress]
    enum CodingKeys: String, CodingKey { case ingress }
    init(_ addresses: [IPAddress]) {
      ingress = addresses.map { Ingress(ip: $0.description, ipMode: "VIP") }
    }
    init(from decoder: any Decoder) throws {
      ingress = try decoder.container(keyedBy: CodingKeys.self).list(.ingress, atMost: 1000)
    }
  }
  private struct Ingress: Codable {
    var ip: String?
    var ipMode: String?
  }

  /// Reads a status.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let balancer = try container.decodeIfPresent(LoadBalancer.self, forKey: .loadBalancer)
    ingress = balancer?.ingress.compactMap { $0.ip.flatMap { IPAddress($0) } } ?? []
    condition = try container.list(.conditions, atMost: 1000, of: Condition.self)
      .first(ConditionType.address)
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(LoadBalancer(ingress), forKey: .loadBalancer)
    if let condition { try container.encode([condition], forKey: .conditions) }
  }
}
