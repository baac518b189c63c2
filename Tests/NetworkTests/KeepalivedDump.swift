/// What keepalived says of its configuration when it is started with `--dump-conf`.
struct KeepalivedDump {
  /// An instance, a group, a script, …, with its lines `key = value` and its lists.
  struct Record {
    var kind: String
    var name: String
    var values: [String: String] = [:]
    var lists: [String: [String]] = [:]
    /// Lines without a value.
    var words: [String] = []

    func list(_ key: String) -> [String] { lists[key] ?? [] }
  }

  private(set) var records: [Record] = []

  static let kinds = [
    "VRRP Instance", "VRRP Sync Group", "VRRP Script", "Track file", "VRRP Track process",
  ]

  /// Whether a log has all of it.
  static func isComplete(_ log: String) -> Bool { log.contains("------< Interfaces >------") }

  init(_ log: String) {
    var isInside = false
    var listKey: String?
    for raw in log.split(separator: "\n") {
      // A date, a time and a year stand before each line.
      guard let date = raw.prefixMatch(of: #/\w+ \w+ +\d+ [\d:]+ \d+: /#) else { continue }
      let text = raw[date.range.upperBound...]
      if text.hasPrefix("------<") {
        isInside = !text.contains("Global") && !text.contains("Interfaces")
        continue
      }
      guard isInside else { continue }
      let indent = text.prefix { $0 == " " }.count
      let line = text.dropFirst(indent)
      switch indent {
      case 1:
        listKey = nil
        let (key, value) = Self.pair(line)
        if let value, Self.kinds.contains(key) {
          records.append(Record(kind: key, name: value))
        }
      case 2...3 where !records.isEmpty: take(line, &listKey)
      case 4... where !records.isEmpty:
        if let listKey {
          records[records.count - 1].lists[listKey, default: []].append(String(line))
        }
      default: continue
      }
    }
  }

  private mutating func take(_ line: Substring, _ listKey: inout String?) {
    let place = records.count - 1
    if line.hasSuffix(":") {
      let key = line.dropLast().split(separator: "(")[0]
      let trimmed = key.split(separator: " ").joined(separator: " ")
      listKey = trimmed
      records[place].lists[trimmed] = records[place].lists[trimmed] ?? []
      return
    }
    listKey = nil
    let (key, value) = Self.pair(line)
    if let value {
      records[place].values[key] = value
    } else {
      records[place].words.append(String(line))
    }
  }

  private static func pair(_ line: Substring) -> (String, String?) {
    guard let equals = line.firstRange(of: " = ") else { return (String(line), nil) }
    return (String(line[..<equals.lowerBound]), String(line[equals.upperBound...]))
  }
}

// MARK: - As fields

extension KeepalivedDump {
  /// All of it as fields that can be compared: `router web: priority` and the like.
  var fields: [String: String] {
    var fields: [String: String] = [:]
    for record in records {
      switch record.kind {
      case "VRRP Instance":
        for (key, value) in instance(record) { fields["router \(record.name): \(key)"] = value }
      case "VRRP Sync Group":
        let name = String(record.name.prefix { $0 != "," })
        let members = record.list("VRRP member instances").sorted()
        guard members.count > 1 else { continue }
        fields["group \(name): routers"] = members.joined(separator: ", ")
        for (key, value) in tracks(record) where !value.isEmpty {
          fields["group \(name): \(key)"] = value
        }
        for (key, value) in hooks(record, "GROUP \(name)", priority: "0") {
          fields["group \(name): \(key)"] = value
        }
      default: break
      }
    }
    for (key, value) in checks { fields[key] = value }
    return fields
  }

  private func instance(_ record: Record) -> [String: String] {
    var fields: [String: String] = [:]
    let values = record.values
    let interface = values["Interface"] ?? ""
    let isMacvlan = interface.contains("vmac on ")
    let device =
      isMacvlan
      ? String(interface.split(separator: ",")[1].dropFirst(" vmac on ".count)) : interface
    fields["interface"] = device
    fields["virtual MAC"] = "\(isMacvlan)"
    fields["VRID"] = values["Virtual Router ID"]
    fields["version"] = values["VRRP Version"]
    fields["preempts"] = "\(values["Preempt"] == "enabled")"
    let delay = values["Preempt delay"].map { $0.split(separator: " ")[0] } ?? "0"
    fields["preempt delay"] = "\(Double(delay) ?? -1)"
    let interval = (values["Advert interval"] ?? "").split(separator: " ")
    fields["interval"] = "\((Int(interval.first ?? "") ?? 0) * (interval.last == "sec" ? 1000 : 1))"
    fields["password"] = values["Password"] ?? ""
    let peers = record.list("Unicast Peer").map { String($0.prefix { $0 != " " }) }
    fields["peers"] = Set(peers).sorted().joined(separator: ", ")
    if values["Using src_ip"]?.hasSuffix("(from configuration)") == true, !peers.isEmpty {
      fields["source"] = values["Using src_ip"].map { String($0.prefix { $0 != " " }) }
    }
    if let word = record.words.first(where: { $0.hasPrefix("Multicast address ") }) {
      fields["multicast group"] = String(
        word.dropFirst("Multicast address ".count).prefix { $0 != "," })
    }
    func addresses(_ key: String) -> String {
      Set(record.list(key).map { Self.address($0, device) }).sorted().joined(separator: "; ")
    }
    fields["addresses"] = addresses("Virtual IP")
    fields["excluded"] = addresses("Virtual IP Excluded")
    fields["routes"] = record.list("Virtual Routes").map(Self.route).sorted()
      .joined(separator: "; ")
    fields["rules"] = record.list("Virtual Rules").map(Self.rule).sorted().joined(separator: "; ")
    let priority = Int(values["Priority"] ?? "") ?? 0
    let group = records.first {
      $0.kind == "VRRP Sync Group" && $0.list("VRRP member instances").contains(record.name)
    }
    let raises = Self.raises(record) + (group.map(Self.raises) ?? 0)
    // With all interfaces up.
    fields["priority"] = "\(priority == 255 ? 255 : min(254, priority + raises))"
    for (key, value) in tracks(record) { fields[key] = value }
    for (key, value) in hooks(
      record, "INSTANCE \(record.name)", priority: fields["priority"] ?? "")
    {
      fields[key] = value
    }
    return fields
  }

  private static func raises(_ record: Record) -> Int {
    record.list("Tracked interfaces").reduce(0) { $0 + max(0, weight($1).0) }
  }

  /// The weight of a tracked thing, and whether it is turned round.
  private static func weight(_ line: String) -> (Int, Bool) {
    let words = line.split(whereSeparator: { $0 == " " || $0 == "," })
    guard let index = words.firstIndex(of: "weight"), index + 1 < words.count else {
      return (0, false)
    }
    return (Int(words[index + 1]) ?? 0, words.contains("reverse"))
  }

  private func tracks(_ record: Record) -> [String: String] {
    let interfaces = record.list("Tracked interfaces").map { line in
      let (weight, _) = Self.weight(line)
      let name = line.prefix { $0 != " " }
      return weight == 0 ? String(name) : "\(name) by \(abs(weight))"
    }
    var checks: [String] = []
    for (key, kind) in [
      ("Tracked scripts", "script"), ("Tracked processes", "process"),
      ("Tracked process", "process"), ("Tracked files", "file"),
    ] {
      for line in record.list(key) {
        let name = line.prefix { $0 != " " && $0 != "," }
        let (weight, isReverse) = Self.weight(line)
        checks.append("\(name): \(Self.effect(weight, isReverse, isFile: kind == "file"))")
      }
    }
    return [
      "tracks": interfaces.sorted().joined(separator: "; "),
      "checks": checks.sorted().joined(separator: "; "),
    ]
  }

  /// What a check does while it succeeds and while it fails.
  private static func effect(_ weight: Int, _ isReverse: Bool, isFile: Bool) -> String {
    if isFile { return weight == 0 ? "0 or out" : "its number by \(isReverse ? -weight : weight)" }
    if weight == 0 { return isReverse ? "out/0" : "0/out" }
    let effect = isReverse ? -weight : weight
    return weight > 0 ? "\(effect)/0" : "0/\(effect)"
  }

  private static func address(_ line: String, _ device: String) -> String {
    let words = line.split(separator: " ").map(String.init)
    func value(_ key: String) -> String? {
      words.firstIndex(of: key).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }
    let given = words[0]
    let address = given.contains("/") ? given : given + (given.contains(":") ? "/128" : "/32")
    let dev = value("dev").map { $0.split(separator: "@").last.map(String.init) ?? $0 }
    return [address, dev ?? device, value("label") ?? ""].joined(separator: " ")
  }

  private static func route(_ line: String) -> String {
    var words = line.split(separator: " ").map(String.init)
    words.removeAll { ["prepend", "append", "add", "inet", "inet6", "no_track"].contains($0) }
    var text = words[0].contains("/") ? words[0] : words[0] + "/32"
    let names = [
      "via": "via", "dev": "interface", "src": "source", "metric": "metric", "table": "table",
      "scope": "scope",
    ]
    let pairs = stride(from: 1, to: words.count - 1, by: 2).compactMap { index in
      names[words[index]].map { "\($0) \(words[index] == "scope" ? "link" : words[index + 1])" }
    }
    for pair in pairs.sorted() { text += " \(pair)" }
    return text
  }

  private static func rule(_ line: String) -> String {
    let words = line.split(separator: " ").map(String.init)
    func value(_ key: String) -> String? {
      words.firstIndex(of: key).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }
    func network(_ text: String?) -> String? {
      guard let text, text != "all" else { return nil }
      return text.contains("/") ? text : text + (text.contains(":") ? "/128" : "/32")
    }
    let mark = value("fwmark").flatMap { UInt32($0.dropFirst(2), radix: 16) }.map { "fwmark \($0)" }
    return [
      network(value("from")).map { "from \($0)" }, network(value("to")).map { "to \($0)" }, mark,
      value("lookup").map { "table \($0)" }, value("priority").map { "priority \($0)" },
    ].compactMap { $0 }.joined(separator: " ")
  }

  // MARK: Programs

  /// The programs for each state, with the user that runs each; the one for all states last.
  private func hooks(_ record: Record, _ subject: String, priority: String) -> [String: String] {
    var hooks: [String: String] = [:]
    let generic = record.values["Generic state transition script"].map(Self.program)
    for (state, keys, word) in [
      ("active", ["Master state transition script"], "MASTER"),
      ("backup", ["Backup state transition script"], "BACKUP"),
      ("fault", ["Fault state transition script"], "FAULT"),
      ("stop", ["Stop state transition script"], "STOP"),
    ] {
      let own = keys.compactMap { record.values[$0] }.map(Self.program)
      let all = generic.map { ["\($0) \(subject) \(word) \(priority)"] } ?? []
      let programs = own + all
      if !programs.isEmpty { hooks["on \(state)"] = programs.joined(separator: " & ") }
    }
    return hooks
  }

  /// `'/bin/true' 'a b', uid:gid 0:0` as the words of a shell without the folder, and the user.
  private static func program(_ text: String) -> String {
    let parts = text.split(separator: ", uid:gid ")
    let user = parts.count > 1 ? String(parts[1]) : ""
    return ([user] + ImportedFields.words(String(parts[0]))).joined(separator: " ")
  }

  private var checks: [String: String] {
    var fields: [String: String] = [:]
    for record in records {
      let values = record.values
      switch record.kind {
      case "VRRP Script":
        let name = "script \(record.name)"
        fields["\(name): command"] = ImportedFields.words(values["Command"] ?? "")
          .joined(separator: " ")
        let interval = values["Interval"]?.split(separator: " ").first ?? ""
        let timeout = values["Timeout"]?.split(separator: " ").first ?? "0"
        fields["\(name): interval"] = String(interval)
        fields["\(name): timeout"] = String(timeout == "0" ? interval : timeout)
        fields["\(name): rise"] = values["Rise"]
        fields["\(name): fall"] = values["Fall"]
        fields["\(name): user"] = values["Script uid:gid"]
      case "Track file":
        fields["file \(record.name): path"] = values["File"]
      case "VRRP Track process":
        fields["process \(record.name): name"] = values["Process"]
        fields["process \(record.name): count"] = values["Min processes"]
      default: break
      }
    }
    return fields
  }
}
