package import KubernetesClient
import VIPCore
package import VIPKubernetesManifests

/// The checks of an API server on an object of a definition, but for rules in its expression
/// language.
package enum SchemaCheck {
  /// The faults of a value, each with its place.
  package static func problems(of value: JSONValue, _ schema: Schema, at path: String) -> [String] {
    switch (schema.kind, value) {
    case (.object(let properties), .object(let fields)):
      properties.isEmpty ? [] : problems(of: fields, properties, at: path)
    case (.dictionary(let element), .object(let fields)):
      outside(schema.count, fields.count, path)
        + fields.flatMap { problems(of: $0.value, element, at: "\(path).\($0.key)") }
    case (.list(let element, let kind), .array(let elements)):
      outside(schema.count, elements.count, path) + repetitions(elements, kind, path)
        + elements.flatMap { problems(of: $0, element, at: "\(path)[]") }
    case (.string, .string(let text)): problems(of: text, schema, at: path)
    case (.integer, .integer(let number)):
      schema.range?.contains(number) == false ? ["\(path): \(number) is out of range"] : []
    case (.boolean, .bool): []
    default: ["\(path): \(value) has another type"]
    }
  }

  private static func problems(
    of fields: [String: JSONValue], _ properties: [Schema.Property], at path: String
  ) -> [String] {
    var problems: [String] = []
    for property in properties {
      if let value = fields[property.name] {
        problems += Self.problems(of: value, property.schema, at: "\(path).\(property.name)")
      } else if property.isRequired {
        problems.append("\(path).\(property.name): is missing")
      }
    }
    let known = Set(properties.map(\.name))
    for name in fields.keys.sorted() where !known.contains(name) {
      problems.append("\(path).\(name): is unknown")
    }
    return problems
  }

  private static func problems(of text: String, _ schema: Schema, at path: String) -> [String] {
    var problems = outside(schema.count, text.unicodeScalars.count, path)
    if !schema.choices.isEmpty, !schema.choices.contains(text) {
      problems.append("\(path): '\(text)' is none of \(schema.choices)")
    }
    if let pattern = schema.pattern, !matches(text, pattern) {
      problems.append("\(path): '\(text)' does not match \(pattern)")
    }
    let formats = schema.anyFormat + [schema.format].compactMap { $0 }
    if !formats.isEmpty, !formats.contains(where: { isOf(format: $0, text) }) {
      problems.append("\(path): '\(text)' has none of the formats \(formats)")
    }
    return problems
  }

  /// Whether a pattern finds something in a text.
  package static func matches(_ text: String, _ pattern: String) -> Bool {
    do throws(any Error) {
      return try Regex(pattern).firstMatch(in: text) != nil
    } catch {
      return false
    }
  }

  private static func isOf(format: String, _ text: String) -> Bool {
    switch format {
    case "ipv4": IPAddress(text)?.family == .ipv4
    case "ipv6": IPAddress(text)?.family == .ipv6
    case "date-time":
      matches(text, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z$")
    default: false
    }
  }

  private static func outside(
    _ range: ClosedRange<Int>?, _ count: Int, _ path: String
  ) -> [String] {
    range?.contains(count) == false ? ["\(path): \(count) is too many or too few"] : []
  }

  private static func repetitions(
    _ elements: [JSONValue], _ kind: Schema.ListKind, _ path: String
  ) -> [String] {
    let keys: [JSONValue] =
      switch kind {
      case .atomic: []
      case .set: elements
      case .map(let key):
        elements.map { if case .object(let fields) = $0 { fields[key] ?? .null } else { .null } }
      }
    return Set(keys).count == keys.count ? [] : ["\(path): has something twice"]
  }
}
