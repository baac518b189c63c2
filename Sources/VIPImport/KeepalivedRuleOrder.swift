import VIPCore

/// The preferences that keepalived gives to rules without one.
///
/// It counts down from 16384 over all rules of the configuration, static ones too, each family for
/// itself. So the rule that stands last is looked at first.
struct KeepalivedRuleOrder {
  private static let first = 16_384
  private var next = [false: first, true: first]

  /// Numbers the rules of a block of the top of a file, which are to be given in their order.
  ///
  /// - Parameter node: an instance, static rules, or a block without rules.
  /// - Returns: the preference of each rule; `nil` for one that names its own, or that keepalived
  ///   doesn't take.
  mutating func preferences(of node: KeepalivedNode) -> [Int?] {
    let rules: [KeepalivedNode]
    switch node.keyword {
    case "static_rules": rules = node.block ?? []
    case "vrrp_instance":
      rules = (node.block ?? []).filter { $0.keyword == "virtual_rules" }.flatMap { $0.block ?? [] }
    default: return []
    }
    return rules.map { rule in
      guard let isIPv6 = Self.family([rule.keyword] + rule.arguments) else { return nil }
      defer { next[isIPv6, default: Self.first] -= 1 }
      return next[isIPv6]
    }
  }

  /// The options of rules that have a value, and those that have none.
  private static let withValue: Set<String> = [
    "from", "to", "fwmark", "table", "lookup", "tos", "dsfield", "iif", "dev", "oif", "realms",
    "uidrange", "suppress_prefixlength", "suppress_ifgroup", "ipproto", "sport", "dport",
    "protocol", "proto", "track_group",
  ]
  private static let alone: Set<String> = [
    "not", "l3mdev", "type", "blackhole", "unreachable", "prohibit", "nop", "no_track", "inet",
  ]
  /// The options of which a rule needs one, or keepalived ignores it.
  private static let actions: Set<String> = [
    "table", "lookup", "l3mdev", "blackhole", "unreachable", "prohibit", "nop",
  ]

  /// Whether a rule without a preference is one of IPv6; `nil` if it has one, or if keepalived
  /// refuses it.
  private static func family(_ words: [String]) -> Bool? {
    var families: Set<Bool> = []
    var isUseful = false
    var rest = words[...]
    while let word = rest.popFirst() {
      isUseful = isUseful || actions.contains(word)
      if alone.contains(word) { continue }
      guard withValue.contains(word), let value = rest.popFirst() else { return nil }
      if ["table", "lookup"].contains(word), value == "0" { return nil }
      guard ["from", "to"].contains(word), !["all", "any", "default"].contains(value) else {
        continue
      }
      guard let address = IPAddress(String(value.prefix { $0 != "/" })) else { return nil }
      families.insert(address.family == .ipv6)
    }
    guard isUseful, families.count < 2 else { return nil }
    return families.first ?? false
  }
}
