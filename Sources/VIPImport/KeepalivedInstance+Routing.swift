import VIP
import VIPConfiguration
import VIPCore

/// The routes and rules of a `vrrp_instance`.
extension KeepalivedInstance {
  private typealias Fields = [(key: String, value: String)]

  /// The reason why a route or rule can't be said here.
  private struct Misfit: Error {
    var text: String
  }

  mutating func readRouting() {
    var seen: Set<String> = []
    for child in values["virtual_routes"]?.block ?? [] {
      guard let entry = entry(child, "route", Self.route) else { continue }
      // What tells routes apart; without a table the main one is meant, and the metric 0 is none.
      var place = ["destination", "metric", "table"].map { key in
        entry.fields.first { $0.key == key }?.value ?? (key == "table" ? "254" : "0")
      }
      if place[1] == "0", place[0].contains(":") { place[1] = "1024" }
      guard seen.insert(place.joined(separator: " ")).inserted else {
        remark(
          child, "there is a route to \(place[0]) with this metric and table already; left out")
        continue
      }
      routes.append(entry)
    }
    for (place, child) in (values["virtual_rules"]?.block ?? []).enumerated() {
      let preference = place < rulePreferences.count ? rulePreferences[place] : nil
      let read = { (words: [String]) throws(Misfit) in try Self.rule(words, preference) }
      guard let entry = entry(child, "rule", read) else { continue }
      if seen.insert(entry.yaml).inserted { rules.append(entry) }
    }
  }

  private mutating func entry(
    _ child: KeepalivedNode, _ kind: String,
    _ read: ([String]) throws(Misfit) -> (Fields, notes: [String])
  ) -> ImportedRouter.Entry? {
    let words = [child.keyword] + child.arguments
    do throws(Misfit) {
      let (fields, notes) = try read(words)
      for note in notes { remark(child, note, .note) }
      return ImportedRouter.Entry(fields, source: child.source)
    } catch {
      remark(
        child,
        "the \(kind) '\(words.joined(separator: " ").shortened)' is left out: \(error.text)")
      return nil
    }
  }

  private static let untracked =
    "'no_track' needs no equivalent; what another program removes is put back"

  // MARK: Routes

  private static func route(_ words: [String]) throws(Misfit) -> (Fields, notes: [String]) {
    var found: [String: String] = [:]
    var notes: [String] = []
    var rest = words[...]
    func set(_ key: String, _ value: String) throws(Misfit) {
      guard found.updateValue(value, forKey: key) == nil else {
        throw Misfit(text: "'\(key)' is given twice")
      }
    }
    while let word = rest.popFirst() {
      switch word {
      case "via", "gw":
        if ["inet", "inet6"].contains(rest.first) { _ = rest.popFirst() }
        try set("via", try address(rest.popFirst(), word))
      case "dev", "oif": try set("interface", try name(rest.popFirst(), word))
      case "src": try set("source", try address(rest.popFirst(), word))
      case "metric", "priority", "preference":
        try set("metric", try number(rest.popFirst(), word))
      case "table": try set("table", try table(rest.popFirst()))
      case "scope": try set("scope", try scope(rest.popFirst()))
      case "to": try set("destination", try network(rest.popFirst()))
      case "protocol", "proto": _ = rest.popFirst()
      case "inet", "inet6", "unicast": continue
      case "no_track": notes.append(untracked)
      case "track_group":
        _ = rest.popFirst()
      default:
        guard found["destination"] == nil, let destination = network(of: word) else {
          throw Misfit(
            text: "'\(word.shortened)' has no equivalent; let a hook set it with 'ip route'")
        }
        try set("destination", destination)
      }
    }
    guard let destination = found["destination"] else {
      throw Misfit(text: "it has no destination")
    }
    guard found["via"] != nil || found["interface"] != nil else {
      throw Misfit(
        text: "it names neither a gateway nor an interface, and the kernel takes no such route")
    }
    let addresses = ["via", "source"].compactMap { found[$0].flatMap { IPAddress($0) } }
    guard addresses.allSatisfy({ !$0.isUnspecified && !$0.isMulticast && !$0.isLoopback }) else {
      throw Misfit(text: "its gateway or source is no address that one machine can have")
    }
    if destination == "default" {
      let isIPv6 = (found["via"] ?? found["source"] ?? "").contains(":") || words.contains("inet6")
      found["destination"] = isIPv6 ? "::/0" : "0.0.0.0/0"
    }
    let isIPv6 = found["destination"]?.contains(":") == true
    guard addresses.allSatisfy({ ($0.family == .ipv6) == isIPv6 }) else {
      throw Misfit(text: "its addresses are of different families")
    }
    if isIPv6, found["via"]?.hasPrefix("fe80") == true, found["interface"] == nil {
      throw Misfit(text: "its gateway is link-local, for which an interface must be named")
    }
    if isIPv6, found.removeValue(forKey: "scope") != nil {
      notes.append("a route of IPv6 has no scope; it is left out")
    }
    let keys = ["destination", "via", "interface", "source", "metric", "table", "scope"]
    return (keys.compactMap { key in found[key].map { (key, $0) } }, notes)
  }

  // MARK: Rules

  /// Reads a rule; keepalived's own choice is its preference if it names none.
  private static func rule(
    _ words: [String], _ preference: Int?
  ) throws(Misfit) -> (Fields, notes: [String]) {
    var found: [String: String] = [:]
    var notes: [String] = []
    var rest = words[...]
    while let word = rest.popFirst() {
      switch word {
      case "from", "to":
        let network = try network(rest.popFirst())
        // All packets are what is meant without it.
        if network != "all", network != "default" { found[word] = network }
      case "fwmark": found[word] = try number(rest.popFirst(), word)
      case "table", "lookup": found["table"] = try table(rest.popFirst())
      case "priority", "preference", "order": found["priority"] = try number(rest.popFirst(), word)
      case "protocol", "proto": _ = rest.popFirst()
      case "inet": continue
      case "no_track": notes.append(untracked)
      case "track_group": _ = rest.popFirst()
      default:
        throw Misfit(
          text: "'\(word.shortened)' has no equivalent; let a hook set it with 'ip rule'")
      }
    }
    guard found["table"] != nil else {
      throw Misfit(text: "it names no table, and only rules that do have an equivalent")
    }
    guard ["from", "to", "fwmark"].contains(where: { found[$0] != nil }) else {
      throw Misfit(text: "it is for all packets; name 'from', 'to' or 'fwmark'")
    }
    let families = ["from", "to"].compactMap { found[$0]?.contains(":") }
    guard Set(families).count < 2 else {
      throw Misfit(text: "its addresses are of different families")
    }
    guard found["fwmark"] != "0" else { throw Misfit(text: "a mark is not 0") }
    if found["priority"] == nil {
      guard let preference else { throw Misfit(text: "keepalived ignores it; see its log") }
      found["priority"] = "\(preference)"
      notes.append(
        "a rule without a preference gets \(preference) here: keepalived counts down from 16384, so "
          + "that the last of several comes first; name preferences if you want another order")
    }
    if let priority = found["priority"].flatMap({ Int($0) }), !(1...32_765).contains(priority) {
      throw Misfit(text: "its preference does not lie between 1 and 32765")
    }
    let keys = ["from", "to", "fwmark", "table", "priority"]
    return (keys.compactMap { key in found[key].map { (key, $0) } }, notes)
  }

  // MARK: Values

  private static func address(_ text: String?, _ word: String) throws(Misfit) -> String {
    guard let text, let address = IPAddress(text) else {
      throw Misfit(text: "'\(word) \((text ?? "").shortened)' names no address")
    }
    return "\(address)"
  }

  private static func network(_ text: String?) throws(Misfit) -> String {
    guard let text else { throw Misfit(text: "a network is missing") }
    guard let network = network(of: text) else {
      throw Misfit(text: "'\(text.shortened)' is no network")
    }
    return network
  }

  /// A network with its length, or one of the words for all addresses; `nil` if it is neither.
  ///
  /// Bits behind the prefix are cleared: the kernel does so in rules, and refuses such routes.
  private static func network(of text: String) -> String? {
    if ["default", "all", "any"].contains(text) { return text == "any" ? "all" : text }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let address = parts.first.flatMap({ IPAddress(String($0)) }), parts.count <= 2 else {
      return nil
    }
    let longest = address.family == .ipv4 ? 32 : 128
    let length = parts.count > 1 ? Int(parts[1]) : longest
    guard let length, (0...longest).contains(length) else { return nil }
    switch address {
    case .v4(let v4):
      let mask = length == 0 ? 0 : UInt32.max << UInt32(32 - length)
      return "\(IPv4Address(rawValue: v4.rawValue & mask))/\(length)"
    case .v6(let v6):
      let high = length == 0 ? 0 : UInt64.max << UInt64(64 - min(length, 64))
      let low = length <= 64 ? 0 : UInt64.max << UInt64(128 - length)
      return "\(IPv6Address(high: v6.high & high, low: v6.low & low))/\(length)"
    }
  }

  private static func name(_ text: String?, _ word: String) throws(Misfit) -> String {
    guard let text, !text.isEmpty else { throw Misfit(text: "'\(word)' names no interface") }
    return text
  }

  /// A number, which may be written with 16 digits.
  private static func number(_ text: String?, _ word: String) throws(Misfit) -> String {
    let digits = text ?? ""
    let number =
      digits.hasPrefix("0x") ? UInt32(digits.dropFirst(2), radix: 16) : UInt32(digits, radix: 10)
    guard let number else {
      throw Misfit(text: "'\(word) \(digits.shortened)' is no number")
    }
    return "\(number)"
  }

  private static func table(_ text: String?) throws(Misfit) -> String {
    switch text {
    case "main": return "254"
    case "local", "255", "0":
      throw Misfit(text: "the table '\(text ?? "")' is the kernel's own; name another one")
    case "default": return "253"
    case let text?:
      guard let number = UInt32(text), number > 0 else {
        throw Misfit(
          text: "the table '\(text.shortened)' is no number; write that which "
            + "/etc/iproute2/rt_tables has for it")
      }
      return "\(number)"
    case nil: throw Misfit(text: "'table' names none")
    }
  }

  private static func scope(_ text: String?) throws(Misfit) -> String {
    guard let text, ["global", "link", "host"].contains(text) else {
      throw Misfit(
        text: "'scope \((text ?? "").shortened)' is not known; give global, link or host")
    }
    return text
  }
}
