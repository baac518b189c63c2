/// What is to become different in an object.
public enum Patch: Sendable, Hashable {
  /// Fields with their new values; `null` takes one away, a list replaces the whole list.
  ///
  /// With `metadata.uid` or `metadata.resourceVersion` in it, it fails with a conflict if the
  /// object's is another.
  case merge(JSONValue)
  /// Changes in their order, of which all are made or none.
  case json([JSONPatchStep])
  /// The fields that this client wants and has; those that it wants no more are taken away.
  ///
  /// Server-side apply. `force` also takes fields that another program has set.
  case apply(JSONValue, force: Bool)

  var contentType: String {
    switch self {
    case .merge: "application/merge-patch+json"
    case .json: "application/json-patch+json"
    case .apply: "application/apply-patch+yaml"
    }
  }

  func body() throws(APIError) -> [UInt8] {
    switch self {
    case .merge(let value), .apply(let value, _): try value.encoded()
    case .json(let steps): try JSONValue.encode(steps)
    }
  }
}

/// One change of a JSON patch.
public enum JSONPatchStep: Sendable, Hashable {
  /// The patch fails with a conflict if the value at a path is another.
  case test(_ path: String, JSONValue)
  /// Adds a field, or replaces it.
  case add(_ path: String, JSONValue)
  /// Replaces a field that is there.
  case replace(_ path: String, JSONValue)
  /// Takes away a field that is there.
  case remove(_ path: String)
}

extension JSONPatchStep: Encodable {
  private enum CodingKeys: String, CodingKey { case op, path, value }

  /// Writes it as RFC 6902 has it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let (operation, path, value): (String, String, JSONValue?) =
      switch self {
      case .test(let path, let value): ("test", path, value)
      case .add(let path, let value): ("add", path, value)
      case .replace(let path, let value): ("replace", path, value)
      case .remove(let path): ("remove", path, nil)
      }
    try container.encode(operation, forKey: .op)
    try container.encode(path, forKey: .path)
    try container.encodeIfPresent(value, forKey: .value)
  }
}

/// What an object must be for it to be deleted.
public struct Preconditions: Sendable, Hashable {
  /// Its uid; `nil` for any.
  public var uid: String?
  /// Its version; `nil` for any.
  public var resourceVersion: String?

  /// Makes preconditions.
  public init(uid: String? = nil, resourceVersion: String? = nil) {
    self.uid = uid
    self.resourceVersion = resourceVersion
  }

  var value: JSONValue {
    var fields: [String: JSONValue] = [:]
    if let uid { fields["uid"] = .string(uid) }
    if let resourceVersion { fields["resourceVersion"] = .string(resourceVersion) }
    return .object(fields)
  }
}
