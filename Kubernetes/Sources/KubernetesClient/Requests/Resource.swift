/// A kind of objects, and the type as which they are read.
public struct Resource<Object: Decodable & Sendable>: Sendable, Hashable {
  /// The API group; empty for the core.
  public let group: String
  /// The version of the API group.
  public let version: String
  /// The name of the kind in URLs, such as `services`.
  public let plural: String

  /// Makes a kind.
  public init(group: String = "", version: String, plural: String) {
    self.group = group
    self.version = version
    self.plural = plural
  }

  /// The path of all objects, or of those of a namespace.
  func path(namespace: String?) -> String {
    var path = group.isEmpty ? "/api/" : "/apis/\(group.percentEncoded)/"
    path += version.percentEncoded
    if let namespace, !namespace.isEmpty { path += "/namespaces/\(namespace.percentEncoded)" }
    return path + "/\(plural.percentEncoded)"
  }

  /// The path of an object, or of a part of it.
  func path(_ name: ObjectName, subresource: Subresource?) -> String {
    let part = subresource.map { "/\($0.rawValue)" } ?? ""
    return "\(path(namespace: name.namespace))/\(name.name.percentEncoded)\(part)"
  }
}

/// A part of an object that has rights and requests of its own.
public enum Subresource: String, Sendable, Hashable {
  /// What has become of the object.
  case status
}

/// What names an object among those of its kind.
public struct ObjectName: Sendable, Hashable {
  /// The namespace; empty for objects of the whole cluster.
  public var namespace: String
  /// The name.
  public var name: String

  /// Makes a name.
  public init(_ name: String, in namespace: String = "") {
    self.namespace = namespace
    self.name = name
  }
}

extension ObjectName: Comparable {
  /// Orders by namespace, then by name.
  public static func < (left: ObjectName, right: ObjectName) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}

extension ObjectName: CustomStringConvertible {
  /// `NAMESPACE/NAME`, or the name alone.
  public var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}

/// An object at one time: its name and what tells it from others and from itself at other times.
public struct ObjectReference: Sendable, Hashable {
  /// The name.
  public var name: ObjectName
  /// What tells it from a later object of the same name.
  public var uid: String
  /// Its version, of which nothing is known but whether it is the same as another one.
  public var resourceVersion: String
  /// Counts the changes of its spec; 0 for kinds that do not count them.
  public var generation: Int64

  /// Makes a reference.
  public init(
    _ name: ObjectName, uid: String = "", resourceVersion: String = "", generation: Int64 = 0
  ) {
    self.name = name
    self.uid = uid
    self.resourceVersion = resourceVersion
    self.generation = generation
  }
}

extension ObjectReference: Decodable {
  private enum CodingKeys: String, CodingKey {
    case name, namespace, uid, resourceVersion, generation
  }

  /// Reads `metadata`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = ObjectName(
      try container.decode(String.self, forKey: .name),
      in: try container.decodeIfPresent(String.self, forKey: .namespace) ?? "")
    uid = try container.decodeIfPresent(String.self, forKey: .uid) ?? ""
    resourceVersion = try container.decodeIfPresent(String.self, forKey: .resourceVersion) ?? ""
    generation = try container.decodeIfPresent(Int64.self, forKey: .generation) ?? 0
  }
}

/// Which objects of a kind are meant.
public struct Selection: Sendable, Hashable {
  /// The namespace; `nil` for all of them.
  public var namespace: String?
  /// A selector of labels in the API's text form.
  public var labels: String?
  /// A selector of fields in the API's text form; only few fields can be selected.
  public var fields: String?

  /// All objects of a kind.
  public static let all = Selection()

  /// Makes a selection; what is left out selects nothing.
  public init(namespace: String? = nil, labels: String? = nil, fields: String? = nil) {
    self.namespace = namespace
    self.labels = labels
    self.fields = fields
  }

  var query: [(String, String)] {
    [("labelSelector", labels), ("fieldSelector", fields)].compactMap { name, value in
      value.map { (name, $0) }
    }
  }
}

extension String {
  /// The text as a part of a path or a query: all but letters, digits and `-._~` as `%XX`.
  var percentEncoded: String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(utf8.count)
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        bytes.append(byte)
      default:
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
