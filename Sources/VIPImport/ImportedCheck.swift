import VIPCore

/// A check as it was carried over.
struct ImportedCheck: Sendable, Hashable {
  var name: String
  /// The line where its block begins.
  var source: SourceLine
  /// All but the name, in the order in which they are written.
  var settings: [ImportedRouter.Setting]

  /// The check as an item of the list `checks`.
  var yaml: String {
    ImportedRouter.item(
      [.init(key: "name", value: ImportedRouter.scalar(name), origin: .line(source))] + settings)
  }
}

/// A check that a router or a group heeds, and by how much.
struct ImportedCheckUse: Sendable, Hashable {
  var check: String
  /// The number that is added to the priority; `nil` if the router leaves the election.
  var weight: Int?
  /// Whether the number in a file is added to the priority.
  var isNumberOfFile = false

  /// The use as an item of the list `checks` of a router.
  var yaml: String {
    let name = ImportedRouter.scalar(check)
    return weight.map { "{ check: \(name), weight: \($0) }" } ?? name
  }
}
