/// The fields of a mapping, each of which is taken once.
///
/// A field without a value counts as absent, as it does for the API server.
struct Fields: Sendable {
  private var fields: [SourceField]

  init(_ fields: [SourceField]) { self.fields = fields.filter { !$0.value.isEmpty } }

  /// Takes a field, if there is one.
  mutating func take(_ name: String) -> SourceField? {
    guard let index = fields.firstIndex(where: { $0.name == name }) else { return nil }
    return fields.remove(at: index)
  }

  /// The fields that have not been taken.
  var rest: [SourceField] { fields }
}

extension SourceField {
  private func wrong(_ wanted: String) -> LeftOut {
    LeftOut(
      value.line, "'\(name.shortened)' is \(wanted), found \(value.found); correct it")
  }

  /// The value as a text.
  func text(_ example: String) throws(LeftOut) -> String {
    guard case .scalar(let text, _) = value.content, !text.isEmpty, !value.isEmpty else {
      throw wrong("a text, such as \(example)")
    }
    return text
  }

  /// The value as a truth value.
  func flag() throws(LeftOut) -> Bool {
    switch value.content {
    case .scalar("true", isQuoted: false), .scalar("True", isQuoted: false): return true
    case .scalar("false", isQuoted: false), .scalar("False", isQuoted: false): return false
    default: throw wrong("true or false")
    }
  }

  /// The value as a whole number.
  func number() throws(LeftOut) -> Int {
    guard case .scalar(let text, isQuoted: false) = value.content, let number = Int(text) else {
      throw wrong("a whole number")
    }
    return number
  }

  /// The elements of the value, which is a list.
  func items(_ example: String) throws(LeftOut) -> [SourceTree] {
    guard case .list(let items) = value.content else {
      throw wrong("a list, such as \(example)")
    }
    return items
  }

  /// The value as a list of texts with their lines.
  func texts(_ example: String) throws(LeftOut) -> [(text: String, line: Int)] {
    var texts: [(text: String, line: Int)] = []
    for item in try items(example) {
      guard case .scalar(let text, _) = item.content, !text.isEmpty, !item.isEmpty else {
        throw LeftOut(
          item.line,
          "'\(name)' is a list of texts, such as \(example), with \(item.found) in it; correct it")
      }
      texts.append((text, item.line))
    }
    return texts
  }

  /// The fields of the value, which is a mapping.
  func fields() throws(LeftOut) -> Fields {
    guard case .fields(let fields) = value.content else { throw wrong("a mapping") }
    return Fields(fields)
  }

  /// The value as names with texts, which may be empty.
  func dictionary() throws(LeftOut) -> [String: String] {
    guard case .fields(let fields) = value.content else { throw wrong("a mapping") }
    var texts: [String: String] = [:]
    for field in fields {
      guard case .scalar(let text, _) = field.value.content else {
        throw field.wrong("a text")
      }
      texts[field.name] = field.value.isEmpty ? "" : text
    }
    return texts
  }

  /// The value as names of namespaces, each once.
  func namespaces() throws(LeftOut) -> [String] {
    var names: [String] = []
    var known: Set<String> = []
    for (text, line) in try texts("[web, mail]") where known.insert(text).inserted {
      guard NameForm.isNamespace(text) else {
        throw LeftOut(line, "'\(text.shortened)' can't be the name of a namespace; correct it")
      }
      names.append(text)
    }
    guard names.count <= NameForm.listCountMax else {
      throw LeftOut(
        line, "'\(name)' has more than \(NameForm.listCountMax) names; choose them by a label")
    }
    return names
  }

  /// The value as the name of an interface.
  func interface() throws(LeftOut) -> String {
    let text = try text("eth0")
    guard NameForm.isInterface(text) else {
      throw LeftOut(value.line, "'\(text.shortened)' can't be the name of an interface; correct it")
    }
    return text
  }
}
