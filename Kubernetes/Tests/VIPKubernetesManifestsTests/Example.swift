import KubernetesClient
import Testing

@testable import VIPKubernetesManifests

/// Makes objects that have every field of a schema.
struct Example {
  /// The value of all truth values.
  var truth: Bool
  /// The number of elements of the list at a place, instead of one.
  var counts: [String: Int] = [:]

  /// Texts that match a pattern, none of them a default.
  private static let texts = [
    TextForm.addressBlock: "192.0.2.100-192.0.2.150", TextForm.vrids: "31-60",
    TextForm.interval: "1.5s", TextForm.duration: "30s", TextForm.key: "default/web",
    TextForm.interface: "eth1", TextForm.mac: "02:00:00:00:00:01", TextForm.name: "node-a",
  ]
  /// Fields that say how long another one is.
  private static let lengths =
    ["spec.addressCount": 1, "spec.candidateCount": 1] as [String: Int64]

  func object(_ definition: Definition) -> JSONValue {
    [
      "metadata": ["name": "lan"], "spec": value(definition.spec, at: "spec"),
      "status": value(definition.status, at: "status"),
    ]
  }

  func value(_ schema: Schema, at path: String) -> JSONValue {
    switch schema.kind {
    case .object(let properties):
      .object(
        Dictionary(
          properties.map { ($0.name, value($0.schema, at: "\(path).\($0.name)")) },
          uniquingKeysWith: { $1 }))
    case .dictionary(let element): ["example.com/a": value(element, at: path + ".*")]
    case .list(let element, _):
      .array(Array(repeating: value(element, at: path + "[]"), count: counts[path] ?? 1))
    case .string: .string(text(schema, at: path))
    case .integer: .integer(Self.lengths[path] ?? number(schema.range))
    case .boolean: .bool(truth)
    }
  }

  private func number(_ range: ClosedRange<Int64>?) -> Int64 {
    range.map { min(max(3, $0.lowerBound), $0.upperBound) } ?? 3
  }

  private func text(_ schema: Schema, at path: String) -> String {
    if let choice = schema.choices.first { return choice }
    if !schema.anyFormat.isEmpty { return "192.0.2.7" }
    if schema.format == "date-time" { return "2026-11-30T10:00:00Z" }
    guard let pattern = schema.pattern else { return "text" }
    guard let text = Self.texts[pattern] else {
      Issue.record("\(path): there is no example for \(pattern)")
      return ""
    }
    return text
  }

  // MARK: What is missing

  /// An example without one of its fields.
  struct Incomplete {
    var path: String
    var isRequired: Bool
    var value: JSONValue
  }

  /// The example without one of the fields, once for each of them.
  func withoutOne(of definition: Definition) -> [Incomplete] {
    let whole = object(definition)
    return [("spec", definition.spec), ("status", definition.status)].flatMap { part, schema in
      shorter(whole[part] ?? .null, schema, at: part).map { rest in
        var object = whole
        object[part] = rest.value
        return Incomplete(path: rest.path, isRequired: rest.isRequired, value: object)
      }
    }
  }

  private func shorter(_ value: JSONValue, _ schema: Schema, at path: String) -> [Incomplete] {
    var all: [Incomplete] = []
    switch schema.kind {
    case .object(let properties):
      for property in properties {
        let place = "\(path).\(property.name)"
        var rest = value
        rest[property.name] = nil
        all.append(Incomplete(path: place, isRequired: property.isRequired, value: rest))
        for inner in shorter(value[property.name] ?? .null, property.schema, at: place) {
          var whole = value
          whole[property.name] = inner.value
          all.append(Incomplete(path: inner.path, isRequired: inner.isRequired, value: whole))
        }
      }
    case .list(let element, _):
      guard case .array(let elements) = value, let first = elements.first else { break }
      for inner in shorter(first, element, at: path + "[]") {
        all.append(
          Incomplete(path: inner.path, isRequired: inner.isRequired, value: .array([inner.value])))
      }
    case .dictionary, .string, .integer, .boolean: break
    }
    return all
  }

  /// The properties of a value that have nothing, as one has that was not read.
  static func unset(in value: Any, at path: String) -> [String] {
    if let text = value as? String { return text.isEmpty ? [path] : [] }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional, .collection, .dictionary, .set:
      if mirror.children.isEmpty { return [path] }
    default: break
    }
    return mirror.children.flatMap { unset(in: $0.value, at: "\(path).\($0.label ?? "")") }
  }
}

/// All schemas in a schema, with their places.
func parts(of schema: Schema, at path: String) -> [(path: String, schema: Schema)] {
  let inner: [(String, Schema)] =
    switch schema.kind {
    case .object(let properties):
      properties.flatMap { parts(of: $0.schema, at: "\(path).\($0.name)") }
    case .dictionary(let element): parts(of: element, at: path + ".*")
    case .list(let element, _): parts(of: element, at: path + "[]")
    case .string, .integer, .boolean: []
    }
  return [(path, schema)] + inner
}
