/// The fate of a statement of keepalived.
struct KeywordFate: Sendable {
  enum Kind: Sendable {
    /// A setting says the same here.
    case translated
    /// Things are so anyway, or it concerns only keepalived's own processes: there is nothing to
    /// say.
    case needless
    /// Nothing is lost, but there is something to know.
    case note
    /// Nothing is equivalent to it.
    case lost
  }

  /// A topic that is told once for a block, however many of its statements are about it.
  enum Topic: Sendable {
    case mail, loadBalancer, snmp, dbus, firewall, startScripts, reloadTime, autoPriority

    var advice: String {
      switch self {
      case .mail: "no mail is sent; watch the log or \(ImportWording.Place.status)"
      case .loadBalancer:
        "load balancing is out of scope; keep keepalived for it beside this, without its VRRP: start "
          + "its checkers alone"
      case .snmp: "there is no SNMP; \(ImportWording.Place.status) has the counters of RFC 8347"
      case .dbus: "there is no D-Bus; use \(ImportWording.Place.status)"
      case .firewall: "no firewall rules are made"
      case .startScripts:
        "nothing is run when the node starts or has stopped; use 'ExecStartPre=' and "
          + "'ExecStopPost=' of the service manager"
      case .reloadTime:
        "nothing is reloaded at a set time; let a timer run \(ImportWording.Place.reload)"
      case .autoPriority:
        "a node does not raise its own scheduling priority; set 'realtime: true' under 'node' if "
          + "the machine can be too busy"
      }
    }
  }

  var kind: Kind
  var advice = ""
  var topic: Topic?
  /// First arguments with which the statement asks for what is so anyway; `""` for none.
  var harmless: Set<String> = []

  static let translated = KeywordFate(kind: .translated)
  static let needless = KeywordFate(kind: .needless)

  static func note(_ advice: String, unless harmless: Set<String> = []) -> KeywordFate {
    KeywordFate(kind: .note, advice: advice, harmless: harmless)
  }

  static func lost(_ advice: String, unless harmless: Set<String> = []) -> KeywordFate {
    KeywordFate(kind: .lost, advice: advice, harmless: harmless)
  }

  static func topic(_ topic: Topic, unless harmless: Set<String> = []) -> KeywordFate {
    KeywordFate(kind: .lost, advice: topic.advice, topic: topic, harmless: harmless)
  }

  /// Whether a statement asks for nothing that would have to be told.
  func isSilent(_ node: KeepalivedNode) -> Bool {
    switch kind {
    case .translated, .needless: true
    case .note, .lost: harmless.contains(node.arguments.first?.lowercased() ?? "")
    }
  }
}

/// The statements about topics that are told once for a whole configuration.
struct ToldTopics {
  private var topics: [(topic: KeywordFate.Topic, node: KeepalivedNode, keywords: [String])] = []

  mutating func add(_ topic: KeywordFate.Topic, _ node: KeepalivedNode, _ keywords: [String]) {
    guard let index = topics.firstIndex(where: { $0.topic == topic }) else {
      return topics.append((topic, node, keywords))
    }
    for keyword in keywords where !topics[index].keywords.contains(keyword) {
      topics[index].keywords.append(keyword)
    }
  }

  mutating func add(_ others: ToldTopics) {
    for entry in others.topics { add(entry.topic, entry.node, entry.keywords) }
  }

  /// A remark for each topic, with the line of its first statement.
  func remarks(_ wording: ImportWording) -> [ImportRemark] {
    topics.map { topic, node, keywords in
      let isOne = keywords.count == 1
      let names =
        isOne
        ? "'\(KeywordTeller.words(node))' has"
        : keywords.map { "'\($0)'" }.joined(separator: ", ") + " have"
      return ImportRemark(
        source: node.source, text: "\(names) no equivalent; \(wording.complete(topic.advice))")
    }
  }
}

/// Says of statements what becomes of them.
struct KeywordTeller {
  private let table: [String: KeywordFate]
  private let wording: ImportWording
  private(set) var remarks: [ImportRemark] = []
  private(set) var topics = ToldTopics()

  init(_ table: [String: KeywordFate], _ wording: ImportWording) {
    self.table = table
    self.wording = wording
  }

  /// Says what becomes of a statement; nothing if it is translated or not needed.
  mutating func tell(_ node: KeepalivedNode) {
    if let text = Self.unexpanded(node) { return remark(node, .lost, text) }
    guard let fate = table[node.keyword] else {
      return remark(
        node, .lost, "'\(Self.words(node))' has no equivalent; look whether you need it")
    }
    guard !fate.isSilent(node) else { return }
    if let topic = fate.topic { return topics.add(topic, node, [node.keyword]) }
    let general = wording.complete(fate.advice)
    let advice = general.replacing("%", with: (node.arguments.first ?? "…").shortened)
    let verb = fate.kind == .note ? "needs" : "has"
    remark(
      node, fate.kind == .note ? .note : .lost,
      "'\(Self.words(node))' \(verb) no equivalent; \(advice)")
  }

  private mutating func remark(_ node: KeepalivedNode, _ kind: ImportRemark.Kind, _ text: String) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }

  static func words(_ node: KeepalivedNode) -> String {
    ([node.keyword] + node.arguments.prefix(2)).joined(separator: " ").shortened
  }

  /// The remark about a line that stands for several, or has a name that is not defined.
  private static func unexpanded(_ node: KeepalivedNode) -> String? {
    if node.keyword.hasPrefix("~") || node.keyword.hasPrefix("$") {
      return "'\(words(node))' is not expanded; write it out"
    }
    return nil
  }
}
