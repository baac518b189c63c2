/// What names an object of one kind: its namespace, empty for objects of the whole cluster, and its
/// name.
public struct ObjectKey: Sendable, Hashable {
  /// The namespace; empty for an object of the whole cluster.
  public let namespace: String
  /// The name.
  public let name: String

  /// Makes a key.
  public init(_ namespace: String, _ name: String) {
    self.namespace = namespace
    self.name = name
  }
}

extension ObjectKey: Comparable {
  /// Orders by namespace, then by name.
  public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
    left.namespace != right.namespace
      ? left.namespace < right.namespace : left.name < right.name
  }
}

extension ObjectKey: CustomStringConvertible {
  /// `NAMESPACE/NAME`, or the name alone.
  public var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}
