/// The entries of a mapping whose keys are all known.
struct KeyedValues {
  private var values: [String: YAMLTree] = [:]

  init(_ tree: YAMLTree, knownKeys: [String], where context: String) throws(Diagnostic) {
    guard case .map(let entries) = tree.content else {
      throw Diagnostic(
        tree.place, "expected \(Self.list(knownKeys)) \(context), found \(tree.kind)")
    }
    for (key, value) in entries {
      guard case .scalar(let name, _) = key.content else {
        throw Diagnostic(key.place, "a key \(context) is one word, found \(key.kind)")
      }
      guard knownKeys.contains(name) else {
        let hint =
          Suggestion.nearest(to: name, among: knownKeys).map { "did you mean '\($0)'?" }
          ?? "known here: \(Self.list(knownKeys))"
        throw Diagnostic(key.place, "unknown key '\(name)' \(context); \(hint)")
      }
      values[name] = value
    }
  }

  /// The value of a key, which may be asked for once.
  mutating func take(_ key: String) -> YAMLTree? { values.removeValue(forKey: key) }

  func place(of key: String) -> Place? { values[key]?.place }

  private static func list(_ keys: [String]) -> String {
    keys.map { "'\($0)'" }.joined(separator: ", ")
  }
}
