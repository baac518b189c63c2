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
  private let path: String
  private let wording: ImportWording
  private var set = RouterSet()

  /// Reads a file and everything it includes.
  ///
  /// - Parameters:
  ///   - path: the file; `-` is standard input.
  ///   - wording: the words of the program in the remarks.
  /// - Throws: what makes it no configuration of keepalived.
  public init(
    _ path: String, wording: ImportWording = ImportWording()
  ) throws(FileError) {
    self.path = InputFile.name(path)
    self.wording = wording
    var reader = KeepalivedReader()
    let nodes = try reader.read(path)
    let unread = Self.summary(reader.remarks)
    guard nodes.contains(where: { KeepalivedKeywords.top[$0.keyword] != nil }) else {
      if nodes.isEmpty, let unread {
        throw FileError(.invalid, "\(self.path): nothing of it could be read: \(unread)")
      }
      let first =
        nodes.first.map { "; it begins with '\($0.keyword.shortened)'" } ?? "; it is empty"
      throw FileError(.invalid, "\(self.path): this is no keepalived configuration\(first)")
    }
    guard nodes.contains(where: { $0.keyword == "vrrp_instance" }) else {
      throw FileError(
        .invalid,
        "\(self.path): there is no vrrp_instance in it; nothing to import"
          + (unread.map { " (and \($0))" } ?? ""))
    }
    remarks = reader.remarks
    let globals = nodes.filter { $0.keyword == "global_defs" }.flatMap { $0.block ?? [] }
    var global = KeywordTeller(KeepalivedKeywords.global, wording)
    for child in globals { global.tell(child) }
    remarks += global.remarks
    let version = globals.last { $0.keyword == "vrrp_version" }
    var top = KeywordTeller(KeepalivedKeywords.top, wording)
    for node in nodes {
      switch node.keyword {
      case "vrrp_instance": add(node, globalVersion: version)
      case "vrrp_sync_group": addSyncGroup(node)
      default: top.tell(node)
      }
    }
    remarks += top.remarks
    node = ImportedNode(
      globals: globals, groups: nodes.filter { $0.keyword == "garp_group" }, routers: routers)
    remarks = Self.inOrder(remarks + node.remarks)
  }

  /// The first of some remarks with its line, and how many others there are; `nil` if there is
  /// none.
  private static func summary(_ remarks: [ImportRemark]) -> String? {
    remarks.first.map { $0.line + (remarks.count > 1 ? ", and \(remarks.count - 1) more" : "") }
  }

  private mutating func add(_ node: KeepalivedNode, globalVersion: KeepalivedNode?) {
    var instance = KeepalivedInstance(node, wording)
    let router = instance.router(globalVersion: globalVersion)
    remarks += instance.remarks
    guard let router else { return }
    if let collision = set.insert(router.configuration) {
      remarks.append(
        ImportRemark(
          source: node.source,
          text: "vrrp_instance \(router.configuration.name) is left out: \(collision)"))
      return
    }
    routers.append(router)
  }

  /// Remarks by file, in the order in which the files are first remarked upon, and by line.
  private static func inOrder(_ remarks: [ImportRemark]) -> [ImportRemark] {
    var places: [String: Int] = [:]
    for remark in remarks where places[remark.source.file] == nil {
      places[remark.source.file] = places.count
    }
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

  private mutating func addSyncGroup(_ node: KeepalivedNode) {
    let name = node.arguments.first ?? ""
    let group = (node.block ?? []).first { $0.keyword == "group" }
    // The members stand on lines of their own, or on one.
    let members = (group?.block ?? []).flatMap { [$0.keyword] + $0.arguments }
    let names = members.joined(separator: ", ")
    remarks.append(
      ImportRemark(
        source: node.source,
        text: "vrrp_sync_group \(name): \(names.isEmpty ? "its routers" : names) move one by one "
          + "here; put addresses that must move together into one router"))
    var teller = KeywordTeller(KeepalivedKeywords.syncGroup, wording)
    for child in node.block ?? [] { teller.tell(child) }
    remarks += teller.remarks
  }

  /// The configuration as a file of this program; empty if no router could be carried over.
  public var yaml: String {
    guard !routers.isEmpty else { return "" }
    var text = "# From \(path.onOneLine); each setting has the line it comes from beside it.\n"
    // The reader of our files counts these signs wherever they stand.
    if text.contains("&") || text.contains("*") { text = "" }
    text += node.yaml + "routers:\n"
    text += routers.map(\.yaml).joined(separator: "\n")
    return text
  }
}
