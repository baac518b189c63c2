import Foundation
import TestSupport

/// What `vipctl import` prints, as the fields that keepalived's own words are compared with.
struct ImportedFields {
  private let root: [String: Any]

  /// Reads the printed configuration; `nil` if it is no YAML.
  init?(_ text: String) {
    guard let root = try? ForeignYAML.object(text) as? [String: Any] else { return nil }
    self.root = root
  }

  private func items(_ key: String) -> [[String: Any]] { root[key] as? [[String: Any]] ?? [] }

  /// All of it as fields: `router web: priority` and the like.
  var fields: [String: String] {
    var fields: [String: String] = [:]
    for router in items("routers") {
      let name = Self.text(router["name"])
      for (key, value) in self.router(router) { fields["router \(name): \(key)"] = value }
    }
    for group in items("groups") {
      let name = Self.text(group["name"])
      let members = group["routers"] as? [Any] ?? []
      fields["group \(name): routers"] = members.map(Self.text).sorted().joined(separator: ", ")
      for (key, value) in tracks(group) where !value.isEmpty {
        fields["group \(name): \(key)"] = value
      }
      for (key, value) in Self.hooks(group) { fields["group \(name): \(key)"] = value }
    }
    for check in items("checks") {
      for (key, value) in Self.check(check) { fields[key] = value }
    }
    return fields
  }

  private func router(_ router: [String: Any]) -> [String: String] {
    var fields: [String: String] = [:]
    let device = Self.text(router["interface"])
    fields["interface"] = device
    fields["virtual MAC"] = "\(router["virtualMac"] as? Bool ?? false)"
    fields["VRID"] = Self.text(router["vrid"])
    fields["version"] = router["version"].map(Self.text) ?? "3"
    let delay = (router["preempt"] as? [String: Any])?["delay"]
    fields["preempts"] = "\(router["preempt"] as? Bool ?? true)"
    fields["preempt delay"] = "\(delay.map { Self.milliseconds($0) / 1000 } ?? 0)"
    fields["interval"] = "\(Int(router["interval"].map(Self.milliseconds) ?? 1000))"
    let authentication = router["authentication"] as? [String: Any]
    fields["password"] = authentication.map { Self.text($0["password"]) } ?? ""
    let peers = (router["peers"] as? [Any] ?? []).map(Self.text)
    fields["peers"] = peers.sorted().joined(separator: ", ")
    if let source = router["unicastSource"] { fields["source"] = Self.text(source) }
    let entries = (router["addresses"] as? [Any] ?? []).map(Self.address)
    if peers.isEmpty {
      let isIPv6 = entries.first?.text.contains(":") == true
      fields["multicast group"] =
        router["multicastGroup"].map(Self.text) ?? (isIPv6 ? "ff02::12" : "224.0.0.18")
    }
    for (key, isAdvertised) in [("addresses", true), ("excluded", false)] {
      fields[key] = entries.filter { $0.isAdvertised == isAdvertised }
        .map { "\($0.text) \($0.interface ?? device) \($0.label)" }.sorted()
        .joined(separator: "; ")
    }
    fields["routes"] = (router["routes"] as? [[String: Any]] ?? []).map { route in
      let others = route.keys.filter { $0 != "destination" }.sorted()
        .map { "\($0) \(Self.text(route[$0]))" }
      return ([Self.text(route["destination"])] + others).joined(separator: " ")
    }.sorted().joined(separator: "; ")
    fields["rules"] = (router["rules"] as? [[String: Any]] ?? []).map { rule in
      ["from", "to", "fwmark", "table", "priority"]
        .compactMap { key in rule[key].map { "\(key) \(Self.text($0))" } }.joined(separator: " ")
    }.sorted().joined(separator: "; ")
    fields["priority"] = router["priority"].map(Self.text) ?? "100"
    for (key, value) in tracks(router) { fields[key] = value }
    // With all interfaces up.
    let raise = carriers(router).reduce(0) { $0 + $1.weight }
    if raise > 0, let priority = fields["priority"].flatMap({ Int($0) }) {
      fields["priority"] = "\(min(254, priority + raise))"
    }
    for (key, value) in Self.hooks(router) {
      let current = "\"$VIPCTL_EFFECTIVE_PRIORITY\""
      fields[key] = value.replacing(current, with: fields["priority"] ?? "")
    }
    return fields
  }

  /// The checks of an item that add a weight while an interface has a carrier.
  private func carriers(_ item: [String: Any]) -> [(interface: String, weight: Int)] {
    (item["checks"] as? [Any] ?? []).compactMap { use in
      guard let use = use as? [String: Any], let weight = use["weight"] as? Int else { return nil }
      let name = Self.text(use["check"])
      guard name.hasSuffix("-up") else { return nil }
      return (String(name.dropLast("-up".count)), weight)
    }
  }

  private func tracks(_ item: [String: Any]) -> [String: String] {
    let interfaces =
      (item["track"] as? [Any] ?? []).map { track -> String in
        guard let track = track as? [String: Any] else { return Self.text(track) }
        return "\(Self.text(track["interface"])) by \(Self.text(track["decrement"]))"
      } + carriers(item).map { "\($0.interface) by \($0.weight)" }
    let checks = (item["checks"] as? [Any] ?? []).compactMap { use -> String? in
      let use = use as? [String: Any] ?? ["check": use]
      if Self.text(use["check"]).hasSuffix("-up") { return nil }
      let weight = use["weight"] as? Int
      return effect(of: Self.text(use["check"]), weight)
    }
    return [
      "tracks": interfaces.sorted().joined(separator: "; "),
      "checks": checks.sorted().joined(separator: "; "),
    ]
  }

  /// What a check does while the thing that it is made of succeeds and while that fails.
  private func effect(of name: String, _ weight: Int?) -> String {
    let check = items("checks").first { Self.text($0["name"]) == name } ?? [:]
    if name.hasSuffix("-zero") { return "\(name.dropLast("-zero".count)): 0 or out" }
    if check["file"] != nil { return "\(name): its number by \(weight ?? 1)" }
    let isReverse = name.hasSuffix("-reverse")
    let original = isReverse ? String(name.dropLast("-reverse".count)) : name
    // The check that is turned round succeeds while the other one fails.
    let (passing, failing): (String, String) =
      switch weight {
      case nil: ("0", "out")
      case let weight? where weight > 0: ("\(weight)", "0")
      case let weight?: ("0", "\(weight)")
      }
    return "\(original): " + (isReverse ? "\(failing)/\(passing)" : "\(passing)/\(failing)")
  }

  private static func address(
    _ entry: Any
  ) -> (text: String, interface: String?, label: String, isAdvertised: Bool) {
    guard let entry = entry as? [String: Any] else { return (text(entry), nil, "", true) }
    return (
      text(entry["address"]), entry["interface"].map(text), entry["label"].map(text) ?? "",
      entry["advertised"] as? Bool ?? true
    )
  }

  // MARK: Programs

  private static func hooks(_ item: [String: Any]) -> [String: String] {
    var fields: [String: String] = [:]
    for (state, value) in item["on"] as? [String: Any] ?? [:] {
      let words = (value as? [Any] ?? []).map(text)
      // Two at once are a text for a shell.
      let marks = [" & p=$!; ", "; r=$?; wait $p && exit $r"]
      if words.count == 3, words[0] == "/bin/sh", words[2].hasSuffix(marks[1]) {
        let parts = words[2].dropLast(marks[1].count).split(separator: marks[0])
        fields["on \(state)"] = parts.map { program(Self.words(String($0))) }
          .joined(separator: " & ")
      } else {
        fields["on \(state)"] = program(words)
      }
    }
    return fields
  }

  /// A command with the numbers of its user and group before it.
  private static func program(_ words: [String]) -> String {
    // The priority at that time is the last argument.
    if words.count > 4, words[2].hasPrefix("exec \"$@\" ") {
      return program(Array(words[4...])) + " " + words[2].dropFirst("exec \"$@\" ".count)
    }
    guard words.count > 4, words[0] == "/sbin/runuser",
      let end = words.firstIndex(of: "--"), let name = words.firstIndex(of: "-u")
    else { return (["0:0"] + baseNames(words)).joined(separator: " ") }
    let group = words[..<end].firstIndex(of: "-g").map { words[$0 + 1] }
    let ids = userAndGroup(words[name + 1], group)
    return ([ids] + baseNames(Array(words[(end + 1)...]))).joined(separator: " ")
  }

  private static func userAndGroup(_ user: String, _ group: String?) -> String {
    guard let entry = getpwnam(user) else { return "?" }
    let gid = group.map { getgrnam($0)?.pointee.gr_gid ?? .max } ?? entry.pointee.pw_gid
    return "\(entry.pointee.pw_uid):\(gid)"
  }

  private static func check(_ check: [String: Any]) -> [String: String] {
    var fields: [String: String] = [:]
    let given = text(check["name"])
    let isReverse = given.hasSuffix("-reverse")
    let name = isReverse ? String(given.dropLast("-reverse".count)) : given
    if given.hasSuffix("-up") { return [:] }
    if let path = check["file"] { return ["file \(given): path": text(path)] }
    if given.hasSuffix("-zero"), let words = check["command"] as? [Any], let path = words.last {
      return ["file \(given.dropLast("-zero".count)): path": text(path)]
    }
    if let process = check["process"] as? [String: Any] {
      return [
        "process \(name): name": text(process["name"]),
        "process \(name): count": process["count"].map(text) ?? "1",
      ]
    }
    var words = (check["command"] as? [Any] ?? []).map(text)
    if isReverse { words.removeFirst(4) }
    fields["command"] = baseNames(words).joined(separator: " ")
    for key in ["interval", "timeout"] {
      fields[key] = check[key].map { "\(Int(milliseconds($0) / 1000))" }
    }
    fields["rise"] = check[isReverse ? "fall" : "rise"].map(text) ?? "1"
    fields["fall"] = check[isReverse ? "rise" : "fall"].map(text) ?? "1"
    let user = check["user"].map(text)?.split(separator: ":").map(String.init)
    fields["user"] = user.map { userAndGroup($0[0], $0.count > 1 ? $0[1] : nil) } ?? "0:0"
    return Dictionary(uniqueKeysWithValues: fields.map { ("script \(name): \($0)", $1) })
  }

  // MARK: Words

  /// The words of a text with single quotes, the first without its folder.
  static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word: String?
    var isQuoted = false
    for character in text {
      switch character {
      case "'":
        isQuoted.toggle()
        word = word ?? ""
      case " " where !isQuoted:
        if let ended = word { words.append(ended) }
        word = nil
      default: word = (word ?? "") + String(character)
      }
    }
    return baseNames(words + (word.map { [$0] } ?? []))
  }

  /// The words without the folder of the first: keepalived writes it without symbolic links.
  private static func baseNames(_ words: [String]) -> [String] {
    guard let first = words.first, first.hasPrefix("/") else { return words }
    return [String(first.split(separator: "/").last ?? "")] + words.dropFirst()
  }

  private static func text(_ value: Any?) -> String { value.map { "\($0)" } ?? "" }

  private static func milliseconds(_ value: Any) -> Double {
    let text = text(value)
    let number = Double(text.prefix { $0.isNumber || $0 == "." }) ?? -1
    return text.hasSuffix("ms") ? number : number * 1000
  }
}
