import VIP
import VIPCore
import VRRP

/// The checks of a `vrrp_instance`.
extension KeepalivedInstance {
  /// Whether the weights of what the instance tracks mean nothing, since it moves with others.
  var isGrouped: Bool {
    context.group(of: node).map { !$0.hasOwnWeights } ?? false
  }

  /// Whether the group that the instance moves with may change its priority.
  var isInWeighingGroup: Bool {
    context.group(of: node)?.mayWeigh ?? false
  }

  mutating func readChecks(_ known: inout KeepalivedChecks, _ configuration: RouterConfiguration) {
    var origins: [ImportedRouter.Origin] = []
    // Interfaces whose weights have become checks.
    if !checks.isEmpty, let block = values["track_interface"] { origins = [.line(block.source)] }
    var seen: Set<String> = []
    for kind in KeepalivedCheck.Kind.allCases {
      guard let block = values[kind.rawValue] else { continue }
      for item in block.block ?? [] {
        guard seen.insert("\(kind) \(item.keyword)").inserted else {
          remark(
            item, "'\(item.keyword.shortened)' is tracked twice; the first one is taken", .note)
          continue
        }
        let (use, told) = known.use(item, kind, isOwner: configuration.priority == .owner)
        if let told { remark(item, told.1, told.0) }
        guard let use, isHeeded(use, item, kind) else { continue }
        checks.append(use)
        origins.append(.line(block.source))
      }
    }
    guard let origin = origins.first else { return }
    let list = checks.map(\.yaml).joined(separator: ", ")
    add("checks", "[\(list)]", origin)
  }

  /// Whether a check counts beside those of the group; a remark if not.
  private mutating func isHeeded(
    _ use: ImportedCheckUse, _ item: KeepalivedNode, _ kind: KeepalivedCheck.Kind
  ) -> Bool {
    if isGrouped, use.weight != nil || use.isNumberOfFile {
      // A group of one is no group here.
      let isAlone = context.group(of: node).map { $0.members.count < 2 } ?? false
      let advice = isAlone ? "leave the group out if it should count" : "name it in the group"
      remark(
        item,
        "keepalived ignores '\(item.keyword.shortened)' with its weight in an instance of a group, and "
          + "so it is left out; \(advice)", .note)
      return false
    }
    if let group = context.group(of: node), group.tracks(item.keyword, kind) {
      remark(
        item,
        "'\(item.keyword.shortened)' is a check of the group '\(group.name.shortened)' too; it is left "
          + "out here")
      return false
    }
    return true
  }
}
