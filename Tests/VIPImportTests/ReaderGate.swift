@testable import VIPImport

/// What an import writes beside the settings that its own value of a router has.
enum ReaderGate {
  /// The keys of settings that a router's value of an import does not have.
  private static let further = Set([
    "checks", "groups", "routes", "rules", "unicastSource", "multicastGroup", "address",
  ])

  /// Whether the routers that are read are those of the import, setting by setting.
  static func isWhole(_ yaml: String) -> Bool { keys(yaml).isDisjoint(with: further) }

  private static func keys(_ yaml: String) -> Set<String> {
    var keys: Set<String> = []
    for line in yaml.split(separator: "\n") {
      let text = line.drop { $0 == " " || $0 == "-" }
      if let colon = text.firstIndex(of: ":") { keys.insert(String(text[..<colon])) }
      if text.hasPrefix("{ address:") { keys.insert("address") }
    }
    return keys
  }
}
