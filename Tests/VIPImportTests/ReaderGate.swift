@testable import VIPImport

/// What an import writes beside the settings that its own value of a router has.
enum ReaderGate {
  /// The keys that the reader of configurations does not know yet: what has them is not read back.
  static let pending: Set<String> = ["startDelay", "linkDelay"]

  /// The keys of settings that a router's value of an import does not have.
  private static let further = pending.union([
    "checks", "groups", "routes", "rules", "unicastSource", "multicastGroup", "startDelay",
    "linkDelay", "address",
  ])

  /// Whether the reader knows all that is written.
  static func isReadable(_ yaml: String) -> Bool { keys(yaml).isDisjoint(with: pending) }

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
