/// A value of a manifest, with the fields of an object in the order in which they are written.
package indirect enum YAMLValue: Sendable, Hashable {
  case text(String)
  case number(Int64)
  case truth(Bool)
  case list([YAMLValue])
  case fields([YAMLField])
}

/// A field of an object.
package struct YAMLField: Sendable, Hashable {
  /// Its name.
  package var name: String
  /// Its value.
  package var value: YAMLValue
  /// Words about it for administrators, on lines before it.
  package var comment: String?

  /// Makes a field.
  package init(_ name: String, _ value: YAMLValue, comment: String? = nil) {
    self.name = name
    self.value = value
    self.comment = comment
  }
}

extension YAMLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .text(value) }
  package init(integerLiteral value: Int64) { self = .number(value) }
  package init(booleanLiteral value: Bool) { self = .truth(value) }
  package init(arrayLiteral elements: YAMLValue...) { self = .list(elements) }
  package init(dictionaryLiteral elements: (String, YAMLValue)...) {
    self = .fields(elements.map { YAMLField($0.0, $0.1) })
  }

  /// Makes a list of texts.
  package init(_ texts: [String]) { self = .list(texts.map { .text($0) }) }

  /// Makes an object with its fields in the order of their names.
  package init(sorting texts: [String: String]) {
    self = .fields(texts.sorted { $0.key < $1.key }.map { YAMLField($0.key, .text($0.value)) })
  }
}

extension YAMLValue {
  /// The field of a name, if this is an object that has it.
  package subscript(name: String) -> YAMLValue? {
    guard case .fields(let fields) = self else { return nil }
    return fields.first { $0.name == name }?.value
  }
}

/// One object of a stream.
package struct YAMLDocument: Sendable, Hashable {
  /// Words about it for administrators, before it.
  package var comment: String?
  /// The object.
  package var value: YAMLValue

  /// Makes a document.
  package init(_ value: YAMLValue, comment: String? = nil) {
    self.value = value
    self.comment = comment
  }
}
