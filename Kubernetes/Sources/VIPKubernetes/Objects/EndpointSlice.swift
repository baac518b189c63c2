/// Some of the endpoints of a Service.
public struct EndpointSlice: Sendable, Hashable {
  /// Name and labels, one of which names the Service.
  public var metadata: ObjectMeta
  /// The endpoints.
  public var endpoints: [Endpoint]

  /// The label that names the Service.
  public static let serviceLabel = "kubernetes.io/service-name"

  /// A pod, or something else that serves.
  public struct Endpoint: Sendable, Hashable {
    /// The node that it is on, if it is on one.
    public var nodeName: String?
    /// Whether it takes new connections.
    public var isReady: Bool
    /// Whether it serves, ready or not.
    public var isServing: Bool
    /// Whether it is about to end.
    public var isTerminating: Bool

    /// Makes an endpoint that is ready.
    public init(
      on nodeName: String?, isReady: Bool = true, isServing: Bool? = nil,
      isTerminating: Bool = false
    ) {
      self.nodeName = nodeName
      self.isReady = isReady
      self.isServing = isServing ?? isReady
      self.isTerminating = isTerminating
    }
  }

  /// Makes a slice of a Service.
  public init(metadata: ObjectMeta, endpoints: [Endpoint] = []) {
    self.metadata = metadata
    self.endpoints = endpoints
  }

  /// The Service that it belongs to.
  public var service: ObjectKey? {
    metadata.labels[Self.serviceLabel].map { ObjectKey(metadata.namespace, $0) }
  }
}

extension EndpointSlice: Codable {
  private enum CodingKeys: String, CodingKey { case metadata, endpoints }

  /// Reads a slice.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
    endpoints = try container.list(.endpoints, atMost: 10_000)
  }
}

extension EndpointSlice.Endpoint: Codable {
  private enum CodingKeys: String, CodingKey { case nodeName, conditions }
  private struct Conditions: Codable {
    var ready: Bool?
    var serving: Bool?
    var terminating: Bool?
  }

  /// Reads an endpoint; one that says nothing is ready, and one that is ready serves.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let conditions = try container.decodeIfPresent(Conditions.self, forKey: .conditions)
    nodeName = try container.decodeIfPresent(String.self, forKey: .nodeName)
    isReady = conditions?.ready ?? true
    isServing = conditions?.serving ?? isReady
    isTerminating = conditions?.terminating ?? false
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(nodeName, forKey: .nodeName)
    try container.encode(
      Conditions(ready: isReady, serving: isServing, terminating: isTerminating),
      forKey: .conditions)
  }
}

/// A namespace: pools choose Services by its labels.
public struct Namespace: Sendable, Hashable, Codable {
  /// Name and labels.
  public var metadata: ObjectMeta

  /// Makes a namespace.
  public init(metadata: ObjectMeta) { self.metadata = metadata }
}
