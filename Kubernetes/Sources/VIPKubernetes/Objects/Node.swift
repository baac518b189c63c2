public import VIPCore

/// A machine of the cluster, as far as it matters to which node serves an address.
public struct ClusterNode: Sendable, Hashable {
  /// Name, labels, annotations.
  public var metadata: ObjectMeta
  /// The keys of its taints.
  public var taints: Set<String>
  /// Whether its kubelet says that it is ready.
  public var isReady: Bool
  /// Whether it is said to have no network.
  public var isNetworkUnavailable: Bool
  /// Its own addresses.
  public var addresses: [IPAddress]

  /// The label that keeps a node from serving addresses, as for every load balancer.
  public static let excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"
  /// The taint of a machine that is known to be off.
  public static let outOfServiceTaint = "node.kubernetes.io/out-of-service"
  /// The annotation or label by which a node hands everything over and takes nothing.
  public static let maintenanceKey = "vipctl.io/maintenance"

  /// Makes a node.
  public init(
    metadata: ObjectMeta, taints: Set<String> = [], isReady: Bool = true,
    isNetworkUnavailable: Bool = false, addresses: [IPAddress] = []
  ) {
    self.metadata = metadata
    self.taints = taints
    self.isReady = isReady
    self.isNetworkUnavailable = isNetworkUnavailable
    self.addresses = addresses
  }

  /// Whether it may serve addresses at all; cordoned or not ready, it may.
  public var isEligible: Bool {
    !metadata.isDeleting && metadata.labels[Self.excludeLabel] == nil && !isNetworkUnavailable
      && !taints.contains(Self.outOfServiceTaint)
  }

  /// Whether it is to hand everything over and take nothing.
  public var isInMaintenance: Bool {
    let value =
      metadata.annotations[Self.maintenanceKey] ?? metadata.labels[Self.maintenanceKey]
    return value.map { $0 != "false" } ?? false
  }
}

extension ClusterNode: Codable {
  private enum CodingKeys: String, CodingKey { case metadata, spec, status }
  private struct Spec: Codable {
    var taints: [Taint]
    enum CodingKeys: String, CodingKey { case taints }
    init(_ taints: [Taint]) { self.taints = taints }
    init(from decoder: any Decoder) throws {
      taints = try decoder.container(keyedBy: CodingKeys.self).list(.taints, atMost: 10_000)
    }
  }
  private struct Taint: Codable { var key: String }
  private struct Address: Codable { var address: String }
  private struct Status: Codable {
    var conditions: [Condition]
    var addresses: [Address]
    enum CodingKeys: String, CodingKey { case conditions, addresses }
    init(_ conditions: [Condition], _ addresses: [Address]) {
      self.conditions = conditions
      self.addresses = addresses
    }
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      conditions = try container.list(.conditions, atMost: 1000)
      addresses = try container.list(.addresses, atMost: 1000)
    }
  }

  /// Reads a node.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
    let spec = try container.decodeIfPresent(Spec.self, forKey: .spec)
    let status = try container.decodeIfPresent(Status.self, forKey: .status)
    taints = Set(spec?.taints.map(\.key) ?? [])
    isReady = status?.conditions.first("Ready")?.isTrue ?? false
    isNetworkUnavailable = status?.conditions.first("NetworkUnavailable")?.isTrue ?? false
    addresses = status?.addresses.compactMap { IPAddress($0.address) } ?? []
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(metadata, forKey: .metadata)
    try container.encode(Spec(taints.sorted().map { Taint(key: $0) }), forKey: .spec)
    let conditions = [
      Condition(type: "Ready", isTrue: isReady, reason: "", message: ""),
      Condition(
        type: "NetworkUnavailable", isTrue: isNetworkUnavailable, reason: "", message: ""),
    ]
    try container.encode(
      Status(conditions, addresses.map { Address(address: $0.description) }), forKey: .status)
  }
}
