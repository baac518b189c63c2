/// What the API server keeps about every object, as far as it is used here.
public struct ObjectMeta: Sendable, Hashable {
  /// The name.
  public var name: String
  /// The namespace; empty for an object of the whole cluster.
  public var namespace: String
  /// What tells an object from a later one of the same name.
  public var uid: String
  /// The version of the object, for preconditions; never compared but for equality.
  public var resourceVersion: String
  /// Counts the changes of the object's spec.
  public var generation: Int64
  /// When the object was made, in the API's text form, whose order is that of time.
  public var created: String
  /// Whether its deletion has been asked for.
  public var isDeleting: Bool
  /// The labels.
  public var labels: [String: String]
  /// The annotations that begin with ``annotationPrefix``; all others are dropped when it is read.
  public var annotations: [String: String]

  /// What annotations of this project begin with.
  public static let annotationPrefix = "vipctl.io/"

  /// Makes the data of an object; what is left out is empty.
  public init(
    name: String, namespace: String = "", uid: String = "", resourceVersion: String = "",
    generation: Int64 = 0, created: String = "", isDeleting: Bool = false,
    labels: [String: String] = [:], annotations: [String: String] = [:]
  ) {
    self.name = name
    self.namespace = namespace
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.generation = generation
    self.created = created
    self.isDeleting = isDeleting
    self.labels = labels
    self.annotations = annotations
  }

  /// What names the object among those of its kind.
  public var key: ObjectKey { ObjectKey(namespace, name) }
}

extension ObjectMeta: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, namespace, uid, resourceVersion, generation, labels, annotations
    case created = "creationTimestamp"
    case deleted = "deletionTimestamp"
  }

  /// Reads `metadata`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    namespace = try container.decodeIfPresent(String.self, forKey: .namespace) ?? ""
    uid = try container.decodeIfPresent(String.self, forKey: .uid) ?? ""
    resourceVersion = try container.decodeIfPresent(String.self, forKey: .resourceVersion) ?? ""
    generation = try container.decodeIfPresent(Int64.self, forKey: .generation) ?? 0
    created = try container.decodeIfPresent(String.self, forKey: .created) ?? ""
    isDeleting = try container.decodeIfPresent(String.self, forKey: .deleted) != nil
    labels = try container.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
    annotations =
      (try container.decodeIfPresent([String: String].self, forKey: .annotations) ?? [:])
      .filter { $0.key.hasPrefix(Self.annotationPrefix) }
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    if !namespace.isEmpty { try container.encode(namespace, forKey: .namespace) }
    if !uid.isEmpty { try container.encode(uid, forKey: .uid) }
    if !resourceVersion.isEmpty { try container.encode(resourceVersion, forKey: .resourceVersion) }
    if generation != 0 { try container.encode(generation, forKey: .generation) }
    if !created.isEmpty { try container.encode(created, forKey: .created) }
    if isDeleting { try container.encode(created, forKey: .deleted) }
    if !labels.isEmpty { try container.encode(labels, forKey: .labels) }
    if !annotations.isEmpty { try container.encode(annotations, forKey: .annotations) }
  }
}
