import VIPKubernetes

extension SourceField {
  /// The value as a selector of labels.
  func selector() throws(LeftOut) -> LabelSelector {
    var fields = try fields()
    var selector = LabelSelector()
    if let labels = fields.take("matchLabels") {
      selector.matchLabels = try labels.labels()
    }
    if let list = fields.take("matchExpressions") {
      for item in try list.items("[{key: a, operator: Exists}]") {
        let field = SourceField(name: "matchExpressions", line: item.line, value: item)
        selector.matchExpressions.append(try field.requirement())
      }
    }
    if let other = fields.rest.first {
      throw LeftOut(
        other.line, "'\(other.name.shortened)' is no field of a selector; correct it")
    }
    guard selector.matchExpressions.count <= NameForm.selectorCountMax else {
      throw LeftOut(
        line, "a selector has more than \(NameForm.selectorCountMax) expressions; use fewer")
    }
    return selector
  }

  /// The value as a list of selectors, one of which has to choose an object.
  func selectors() throws(LeftOut) -> [LabelSelector] {
    var selectors: [LabelSelector] = []
    for item in try items("[{matchLabels: {a: b}}]") {
      let field = SourceField(name: name, line: item.line, value: item)
      selectors.append(try field.selector())
    }
    return selectors
  }

  /// The value as labels that an object must have.
  func labels() throws(LeftOut) -> [String: String] {
    let labels = try dictionary()
    for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
      guard NameForm.isLabelKey(key), NameForm.isLabelValue(value) else {
        throw LeftOut(line, "'\(key.shortened): \(value.shortened)' can't be a label; correct it")
      }
    }
    guard labels.count <= NameForm.selectorCountMax else {
      throw LeftOut(line, "'\(name)' has more than \(NameForm.selectorCountMax) labels; use fewer")
    }
    return labels
  }

  private func requirement() throws(LeftOut) -> LabelSelector.Requirement {
    var fields = try fields()
    guard let key = try fields.take("key")?.text("app"), NameForm.isLabelKey(key) else {
      throw LeftOut(line, "an expression of a selector needs the 'key' of a label; correct it")
    }
    let word = try fields.take("operator")?.text("In") ?? ""
    guard ["In", "NotIn", "Exists", "DoesNotExist"].contains(word) else {
      throw LeftOut(
        line,
        "'operator' of an expression is In, NotIn, Exists or DoesNotExist, found "
          + "'\(word.shortened)'; correct it")
    }
    var values: [String] = []
    if let list = fields.take("values") {
      for item in try list.items("[a, b]") {
        guard case .scalar(let text, _) = item.content, NameForm.isLabelValue(text) else {
          throw LeftOut(item.line, "'values' of an expression are values of a label; correct them")
        }
        values.append(text)
      }
    }
    guard ["In", "NotIn"].contains(word) == !values.isEmpty,
      values.count <= NameForm.listCountMax
    else {
      throw LeftOut(
        line,
        "In and NotIn have 1 to \(NameForm.listCountMax) values, Exists and DoesNotExist none; "
          + "correct the expression")
    }
    return LabelSelector.Requirement(key: key, operator: word, values: values)
  }
}

/// One selector in place of several of which any may choose an object.
enum SelectorUnion: Sendable, Hashable {
  /// All objects are chosen.
  case all
  /// This one chooses the same objects.
  case one(LabelSelector)
  /// No selector chooses the same objects; the first of them chooses a part.
  case several(first: LabelSelector)

  /// Finds the selector; none at all chooses everything.
  init(_ selectors: [LabelSelector]) {
    guard let first = selectors.first, !selectors.contains(LabelSelector()) else {
      self = .all
      return
    }
    guard Set(selectors).count > 1 else {
      self = .one(first)
      return
    }
    var values: [String] = []
    let key = Self.choice(first)?.key
    for selector in selectors {
      guard let choice = Self.choice(selector), choice.key == key else {
        self = .several(first: first)
        return
      }
      values += choice.values.filter { !values.contains($0) }
    }
    guard let key, values.count <= NameForm.listCountMax else {
      self = .several(first: first)
      return
    }
    self = .one(
      LabelSelector(matchExpressions: [.init(key: key, operator: "In", values: values)]))
  }

  /// The only label that a selector demands, and the values that it may have.
  private static func choice(_ selector: LabelSelector) -> (key: String, values: [String])? {
    if let label = selector.matchLabels.first, selector.matchLabels.count == 1,
      selector.matchExpressions.isEmpty
    {
      return (label.key, [label.value])
    }
    guard selector.matchLabels.isEmpty, selector.matchExpressions.count == 1,
      let only = selector.matchExpressions.first, only.operator == "In"
    else { return nil }
    return (only.key, only.values)
  }
}
