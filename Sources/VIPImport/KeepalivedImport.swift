import VIP
public import VIPConfiguration
import VIPCore

/// A keepalived configuration, translated.
public struct KeepalivedImport: Sendable {
  /// What could be carried over.
  package private(set) var routers: [ImportedRouter] = []
  /// What could not, in the order of the files.
  public private(set) var remarks: [ImportRemark] = []
  private let path: String

  /// Reads a file and everything it includes.
  ///
  /// - Throws: what makes it no configuration of keepalived.
  public init(_ path: String) throws(FileError) {
    self.path = InputFile.name(path)
    var reader = KeepalivedReader()
    let nodes = try reader.read(path)
    remarks = reader.remarks
    guard nodes.contains(where: { KeepalivedAdvice.topLevel.contains($0.keyword) }) else {
      let first = nodes.first.map { "; it begins with '\($0.keyword)'" } ?? "; it is empty"
      throw FileError(.invalid, "\(self.path): this is no keepalived configuration\(first)")
    }
    guard nodes.contains(where: { $0.keyword == "vrrp_instance" }) else {
      throw FileError(.invalid, "\(self.path): there is no vrrp_instance in it; nothing to import")
    }
    let globals = nodes.filter { $0.keyword == "global_defs" }.flatMap { $0.block ?? [] }
    let version = globals.last { $0.keyword == "vrrp_version" }
    for node in nodes {
      switch node.keyword {
      case "global_defs":
        for child in node.block ?? [] where !KeepalivedAdvice.needless.contains(child.keyword) {
          remarks.append(ImportRemark(source: child.source, text: KeepalivedAdvice.text(child)))
        }
      case "vrrp_instance": add(node, globalVersion: version)
      case "vrrp_sync_group": addSyncGroup(node)
      default:
        remarks.append(ImportRemark(source: node.source, text: KeepalivedAdvice.text(node)))
      }
    }
  }

  private mutating func add(_ node: KeepalivedNode, globalVersion: KeepalivedNode?) {
    var instance = KeepalivedInstance(node)
    let router = instance.router(globalVersion: globalVersion)
    remarks += Self.inOrder(instance.remarks)
    guard let router else { return }
    for other in routers {
      if let collision = router.configuration.collision(with: other.configuration) {
        remarks.append(
          ImportRemark(
            source: node.source,
            text: "vrrp_instance \(router.configuration.name) is left out: \(collision)"))
        return
      }
    }
    routers.append(router)
  }

  /// Remarks by file, in the order in which the files appear, and by line.
  private static func inOrder(_ remarks: [ImportRemark]) -> [ImportRemark] {
    var files: [String] = []
    for remark in remarks where !files.contains(remark.source.file) {
      files.append(remark.source.file)
    }
    return files.flatMap { file in
      remarks.filter { $0.source.file == file }.enumerated()
        .sorted { ($0.element.source.number, $0.offset) < ($1.element.source.number, $1.offset) }
        .map(\.element)
    }
  }

  private mutating func addSyncGroup(_ node: KeepalivedNode) {
    let name = node.arguments.first ?? ""
    let members = (node.block ?? []).first { $0.keyword == "group" }?.block ?? []
    let names = members.map(\.keyword).joined(separator: ", ")
    remarks.append(
      ImportRemark(
        source: node.source,
        text: "vrrp_sync_group \(name): \(names.isEmpty ? "its routers" : names) move one by one "
          + "here; put addresses that must move together into one router"))
    for child in node.block ?? [] where child.keyword != "group" {
      remarks.append(ImportRemark(source: child.source, text: KeepalivedAdvice.text(child)))
    }
  }

  /// The configuration as a file of this program; empty if no router could be carried over.
  public var yaml: String {
    guard !routers.isEmpty else { return "" }
    var text = "# From \(path.onOneLine); each setting has the line it comes from beside it.\n"
    // The reader of our files counts these signs wherever they stand.
    if text.contains("&") || text.contains("*") { text = "" }
    text += "routers:\n"
    text += routers.map(\.yaml).joined(separator: "\n")
    return text
  }
}
