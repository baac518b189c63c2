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
      case .loadBalancer: "there is no load balancer here; keep keepalived or use IPVS tools for it"
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

/// Says of statements what becomes of them, those of one topic together.
struct KeywordTeller {
  private let table: [String: KeywordFate]
  private let wording: ImportWording
  private(set) var remarks: [ImportRemark] = []
  /// The place of the remark of each topic, and the keywords that it names.
  private var topics: [KeywordFate.Topic: (index: Int, keywords: [String])] = [:]

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
    let general = wording.complete(fate.advice)
    guard let topic = fate.topic else {
      let advice = general.replacing("%", with: (node.arguments.first ?? "…").shortened)
      let verb = fate.kind == .note ? "needs" : "has"
      return remark(
        node, fate.kind == .note ? .note : .lost,
        "'\(Self.words(node))' \(verb) no equivalent; \(advice)")
    }
    guard var told = topics[topic] else {
      topics[topic] = (remarks.count, [node.keyword])
      return remark(node, .lost, "'\(Self.words(node))' has no equivalent; \(general)")
    }
    guard !told.keywords.contains(node.keyword) else { return }
    told.keywords.append(node.keyword)
    topics[topic] = told
    let names = told.keywords.map { "'\($0)'" }.joined(separator: ", ")
    remarks[told.index].text = "\(names) have no equivalent; \(general)"
  }

  private mutating func remark(_ node: KeepalivedNode, _ kind: ImportRemark.Kind, _ text: String) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }

  private static func words(_ node: KeepalivedNode) -> String {
    ([node.keyword] + node.arguments.prefix(2)).joined(separator: " ").shortened
  }

  /// The remark about a line that holds for some machines only, or that stands for several.
  private static func unexpanded(_ node: KeepalivedNode) -> String? {
    if node.keyword.hasPrefix("@") {
      return "'\(words(node))' holds for one machine only; write a file for each"
    }
    if node.keyword.hasPrefix("~") || node.keyword.hasPrefix("$") {
      return "'\(words(node))' is not expanded; write it out"
    }
    return nil
  }
}
