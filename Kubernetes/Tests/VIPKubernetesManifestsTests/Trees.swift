import Foundation
import KubernetesClient
import VIPKubernetesManifests
import Yams

extension JSONValue {
  /// A value of a manifest, without its order and comments.
  init(_ value: YAMLValue) {
    switch value {
    case .text(let text): self = .string(text)
    case .number(let number): self = .integer(number)
    case .truth(let truth): self = .bool(truth)
    case .list(let elements): self = .array(elements.map { JSONValue($0) })
    case .fields(let fields):
      self = .object(
        Dictionary(fields.map { ($0.name, JSONValue($0.value)) }, uniquingKeysWith: { $1 }))
    }
  }

  /// The documents of a text, as another program reads them.
  static func documents(in text: String) throws -> [JSONValue] {
    try Array(Yams.load_all(yaml: text)).map { JSONValue(read: $0) }
  }

  private init(read value: Any) {
    switch value {
    case let truth as Bool: self = .bool(truth)
    case let number as Int: self = .integer(Int64(number))
    case let text as String: self = .string(text)
    case let elements as [Any]: self = .array(elements.map { JSONValue(read: $0) })
    case let fields as [AnyHashable: Any]:
      var read: [String: JSONValue] = [:]
      for (name, value) in fields { read["\(name)"] = JSONValue(read: value) }
      self = .object(read)
    case is NSNull: self = .null
    default: self = .string("something else: \(value)")
    }
  }

  /// A field of an object; setting `nil` takes it away.
  subscript(name: String) -> JSONValue? {
    get { if case .object(let fields) = self { fields[name] } else { nil } }
    set {
      guard case .object(var fields) = self else { return }
      fields[name] = newValue
      self = .object(fields)
    }
  }
}
