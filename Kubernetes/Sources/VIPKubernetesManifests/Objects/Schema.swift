/// The values that a field or a whole object may have: a structural schema, as the API server has
/// it.
package struct Schema: Sendable, Hashable {
  /// The type of a value.
  package indirect enum Kind: Sendable, Hashable {
    case object([Property])
    /// An object whose fields have any names.
    case dictionary(Schema)
    case list(Schema, ListKind)
    case string
    case integer
    case boolean
  }

  /// The way in which lists of several writers become one, and what may not stand in them twice.
  package enum ListKind: Sendable, Hashable {
    /// The list is one value.
    case atomic
    /// Each element stands in it once.
    case set
    /// Each element is known by one of its fields.
    case map(key: String)
  }

  /// A field of an object.
  package struct Property: Sendable, Hashable {
    package var name: String
    package var schema: Schema
    package var isRequired: Bool

    package init(_ name: String, _ schema: Schema, isRequired: Bool = false) {
      self.name = name
      self.schema = schema
      self.isRequired = isRequired
    }

    /// Makes a field that has to be there.
    package static func required(_ name: String, _ schema: Schema) -> Property {
      Property(name, schema, isRequired: true)
    }
  }

  /// A condition on a value beyond its type, in the Common Expression Language.
  package struct Rule: Sendable, Hashable {
    package var expression: String
    package var message: String

    package init(_ expression: String, _ message: String) {
      self.expression = expression
      self.message = message
    }
  }

  package var kind: Kind
  package var description: String
  package var `default`: YAMLValue?
  package var pattern: String?
  package var format: String?
  /// The only texts that it may be.
  package var choices: [String] = []
  /// Formats of which a text has one.
  package var anyFormat: [String] = []
  package var range: ClosedRange<Int64>?
  /// The length that a text may have, the number of elements of a list.
  package var count: ClosedRange<Int>?
  package var rules: [Rule] = []
  /// Whether an object is one value for those that write it.
  package var isAtomic = false

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

extension Schema {
  package static func object(_ description: String, _ properties: [Property]) -> Schema {
    Schema(.object(properties), description)
  }

  package static func string(
    _ description: String, _ count: ClosedRange<Int>, pattern: String? = nil
  ) -> Schema {
    var schema = Schema(.string, description)
    schema.count = count
    schema.pattern = pattern
    return schema
  }

  package static func integer(_ description: String, _ range: ClosedRange<Int64>) -> Schema {
    var schema = Schema(.integer, description)
    schema.range = range
    return schema
  }

  package static func boolean(_ description: String) -> Schema { Schema(.boolean, description) }

  package static func list(
    _ description: String, of element: Schema, _ count: ClosedRange<Int>, _ kind: ListKind = .atomic
  ) -> Schema {
    var schema = Schema(.list(element, kind), description)
    schema.count = count
    return schema
  }

  /// The same with something different.
  package func with(_ change: (inout Schema) -> Void) -> Schema {
    var schema = self
    change(&schema)
    return schema
  }

  /// The same with a value for objects that don't have it.
  package func or(_ value: YAMLValue) -> Schema { with { $0.default = value } }

  /// The same with a rule more.
  package func rule(_ expression: String, _ message: String) -> Schema {
    with { $0.rules.append(Rule(expression, message)) }
  }
}

extension Schema {
  /// The schema as it stands in a definition.
  package var yaml: YAMLValue {
    var fields = [YAMLField("type", .text(type)), YAMLField("description", .text(description))]
    func add(_ name: String, _ value: YAMLValue?) {
      if let value { fields.append(YAMLField(name, value)) }
    }
    if description.isEmpty { fields.removeLast() }
    add("default", `default`)
    if !choices.isEmpty { add("enum", YAMLValue(choices)) }
    if !anyFormat.isEmpty { add("anyOf", .list(anyFormat.map { ["format": .text($0)] })) }
    add("format", format.map { .text($0) })
    add("pattern", pattern.map { .text($0) })
    add("minimum", range.map { .number($0.lowerBound) })
    if let last = range?.upperBound, last < .max { add("maximum", .number(last)) }
    if let count {
      let what =
        switch kind {
        case .string: "Length"
        case .dictionary: "Properties"
        case .list, .object, .integer, .boolean: "Items"
        }
      if count.lowerBound > 0 { add("min" + what, .number(Int64(count.lowerBound))) }
      add("max" + what, .number(Int64(count.upperBound)))
    }
    if isAtomic { add("x-kubernetes-map-type", "atomic") }
    if !rules.isEmpty {
      let rules = rules.map { rule -> YAMLValue in
        ["rule": .text(rule.expression), "message": .text(rule.message)]
      }
      add("x-kubernetes-validations", .list(rules))
    }
    addParts(to: &fields)
    return .fields(fields)
  }

  private var type: String {
    switch kind {
    case .object, .dictionary: "object"
    case .list: "array"
    case .string: "string"
    case .integer: "integer"
    case .boolean: "boolean"
    }
  }

  private func addParts(to fields: inout [YAMLField]) {
    switch kind {
    case .object(let properties):
      let required = properties.filter(\.isRequired).map(\.name)
      if !required.isEmpty { fields.append(YAMLField("required", YAMLValue(required))) }
      guard !properties.isEmpty else { return }
      let parts = properties.map { YAMLField($0.name, $0.schema.yaml) }
      fields.append(YAMLField("properties", .fields(parts)))
    case .dictionary(let element):
      fields.append(YAMLField("additionalProperties", element.yaml))
    case .list(let element, let kind):
      switch kind {
      case .atomic: fields.append(YAMLField("x-kubernetes-list-type", "atomic"))
      case .set: fields.append(YAMLField("x-kubernetes-list-type", "set"))
      case .map(let key):
        fields.append(YAMLField("x-kubernetes-list-type", "map"))
        fields.append(YAMLField("x-kubernetes-list-map-keys", [.text(key)]))
      }
      fields.append(YAMLField("items", element.yaml))
    case .string, .integer, .boolean: break
    }
  }
}
