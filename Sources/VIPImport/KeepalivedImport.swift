import Glibc
import VIP
public import VIPConfiguration
import VIPCore

/// A keepalived configuration, translated.
public struct KeepalivedImport: Sendable {
  /// The routers that could be carried over.
  package private(set) var routers: [ImportedRouter] = []
  /// The settings that all routers of a node share, as far as they could be carried over.
  package private(set) var node = ImportedNode()
  /// Remarks about what could not be carried over, and what else is to be known, in the order of
  /// the files.
  public private(set) var remarks: [ImportRemark] = []
  /// The checks that routers and groups use.
  private(set) var checks: [ImportedCheck] = []
  /// The routers that move together.
  private(set) var groups: [ImportedGroup] = []
  private let path: String
  private let wording: ImportWording
  private var topics = ToldTopics()

  /// Reads a file and everything it includes.
  ///
  /// - Parameters:
  ///   - path: the file; `-` is standard input.
  ///   - configID: the name that conditional lines (`@NAME …`) are compared with; if left out, that
  ///     of this machine up to its first dot, as in keepalived.
  ///   - wording: the words of the program in the remarks.
  /// - Throws: what makes it no configuration of keepalived.
  public init(
    _ path: String, configID: String? = nil, wording: ImportWording = ImportWording()
  ) throws(FileError) {
    self.path = InputFile.name(path)
    self.wording = wording
    var reader = KeepalivedReader(configID: configID ?? Self.hostName)
    let nodes = try reader.read(path)
    try Self.check(nodes, self.path, unread: Self.summary(reader.remarks))
    remarks = reader.remarks
    if configID == nil, reader.definitions.hasAsked {
      let source = SourceLine(file: self.path, number: 1, text: "")
      remarks.append(
        ImportRemark(
          source: source, kind: .note,
          text: "lines that begin with '@' are read as on '\(Self.hostName)'; "
            + "\(wording.configID) reads them as on another machine"))
    }
    let globals = nodes.filter { $0.keyword == "global_defs" }.flatMap { $0.block ?? [] }
    var global = KeywordTeller(KeepalivedKeywords.global, wording)
    for child in globals { global.tell(child) }
    remarks += global.remarks
    topics.add(global.topics)
    var top = KeywordTeller(KeepalivedKeywords.top, wording)
    for node in nodes { top.tell(node) }
    remarks += top.remarks
    topics.add(top.topics)
    add(nodes, globals)
    node = ImportedNode(
      globals: globals, groups: nodes.filter { $0.keyword == "garp_group" }, routers: routers)
    remarks = Self.inOrder(remarks + topics.remarks(wording) + node.remarks)
  }

  /// Refuses what is no configuration of keepalived's VRRP.
  private static func check(
    _ nodes: [KeepalivedNode], _ path: String, unread: String?
  ) throws(FileError) {
    guard nodes.contains(where: { KeepalivedKeywords.top[$0.keyword] != nil }) else {
      if nodes.isEmpty, let unread {
        throw FileError(.invalid, "\(path): nothing of it could be read: \(unread)")
      }
      let first =
        nodes.first.map { "; it begins with '\($0.keyword.shortened)'" } ?? "; it is empty"
      throw FileError(.invalid, "\(path): this is no keepalived configuration\(first)")
    }
    guard nodes.contains(where: { $0.keyword == "vrrp_instance" }) else {
      throw FileError(
        .invalid,
        "\(path): there is no vrrp_instance in it; nothing to import"
          + (unread.map { " (and \($0))" } ?? ""))
    }
  }

  /// The first of some remarks with its line, and how many others there are; `nil` if there is
  /// none that tells of a loss.
  private static func summary(_ remarks: [ImportRemark]) -> String? {
    let lost = remarks.filter { $0.kind == .lost }
    return lost.first.map { $0.line + (lost.count > 1 ? ", and \(lost.count - 1) more" : "") }
  }

  /// The name of this machine, up to its first dot.
  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    let bytes = name.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: ".")) }
    return String(decoding: bytes.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  // MARK: Routers, checks and groups

  private mutating func add(_ nodes: [KeepalivedNode], _ globals: [KeepalivedNode]) {
    var context = KeepalivedContext()
    context.globals = Dictionary(globals.map { ($0.keyword, $0) }) { $1 }
    readScriptUser(&context)
    readLinkDelays(nodes, &context)
    let groups = nodes.filter { $0.keyword == "vrrp_sync_group" }.map {
      KeepalivedGroup($0, wording)
    }
    for group in groups {
      for member in group.members where context.groups[member.name] == nil {
        context.groups[member.name] = group
      }
    }
    var translation = KeepalivedTranslation(nodes, groups, context, wording)
    if !translation.disbanded.isEmpty {
      context.disbanded = translation.disbanded
      translation = KeepalivedTranslation(nodes, groups, context, wording)
    }
    routers = translation.routers
    self.groups = translation.groups
    checks = translation.checks
    remarks += translation.remarks
    topics.add(translation.topics)
  }

  private mutating func readScriptUser(_ context: inout KeepalivedContext) {
    guard let child = context.globals["script_user"], let user = child.arguments.first else {
      return
    }
    guard user != "root" else {
      remarks.append(
        ImportRemark(
          source: child.source, kind: .note,
          text: "scripts run as the node's user here; run the node as root if they need it"))
      return
    }
    context.scriptUser = child.arguments.prefix(2).joined(separator: ":")
    remarks.append(
      ImportRemark(
        source: child.source, kind: .note,
        text: "checks and hooks run as \(user.shortened), for which the node must run as root"))
  }

  private mutating func readLinkDelays(
    _ nodes: [KeepalivedNode], _ context: inout KeepalivedContext
  ) {
    let interfaces = Set(
      nodes.filter { $0.keyword == "vrrp_instance" }.flatMap { $0.block ?? [] }
        .filter { $0.keyword == "interface" }.compactMap(\.arguments.first))
    for node in nodes where node.keyword == "interface_up_down_delays" {
      for child in node.block ?? [] {
        guard let delay = KeepalivedLinkDelay(child) else {
          remark(
            child,
            "'\(([child.keyword] + child.arguments).joined(separator: " ").shortened)' names no delays "
              + "from 0 to 255 seconds; it is left out")
          continue
        }
        context.linkDelays[child.keyword] = delay
        guard !interfaces.contains(child.keyword) else { continue }
        remark(
          child,
          "'linkDelay' is for a router's own interface, and \(child.keyword.shortened) is none; it is "
            + "left out")
      }
    }
  }

  private mutating func remark(
    _ node: KeepalivedNode, _ text: String, _ kind: ImportRemark.Kind = .lost
  ) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }

  /// Remarks by file, in the order in which the files are first remarked upon, and by line; each
  /// once, though it may be about several routers.
  private static func inOrder(_ remarks: [ImportRemark]) -> [ImportRemark] {
    var places: [String: Int] = [:]
    for remark in remarks where places[remark.source.file] == nil {
      places[remark.source.file] = places.count
    }
    var told: Set<ImportRemark> = []
    let remarks = remarks.filter { told.insert($0).inserted }
    func place(_ remark: ImportRemark) -> (Int, Int) {
      (places[remark.source.file] ?? 0, remark.source.number)
    }
    return remarks.enumerated()
      .sorted {
        let (first, second) = (place($0.element), place($1.element))
        return first == second ? $0.offset < $1.offset : first < second
      }
      .map(\.element)
  }

  /// The configuration as a file of this program; empty if no router could be carried over.
  public var yaml: String {
    guard !routers.isEmpty else { return "" }
    var text = "# From \(path.onOneLine); each setting has the line it comes from beside it.\n"
    // The reader of our files counts these signs wherever they stand.
    if text.contains("&") || text.contains("*") { text = "" }
    text += node.yaml
    if !checks.isEmpty { text += "checks:\n" + checks.map(\.yaml).joined() }
    if !groups.isEmpty { text += "groups:\n" + groups.map(\.yaml).joined() }
    text += "routers:\n"
    text += routers.map(\.yaml).joined(separator: "\n")
    return text
  }
}
