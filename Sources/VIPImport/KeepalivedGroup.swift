import VIP
import VIPCore
import VRRP

/// A group of routers as it was carried over.
struct ImportedGroup: Sendable, Hashable {
  var settings: [ImportedRouter.Setting]
  var checks: [ImportedCheckUse]

  /// The group as an item of the list `groups`.
  var yaml: String { ImportedRouter.item(settings) }
}

/// A `vrrp_sync_group`.
struct KeepalivedGroup {
  let node: KeepalivedNode
  let name: String
  /// The names of its instances, each once, and the lines that they stand on.
  let members: [(name: String, node: KeepalivedNode)]
  /// Whether its instances keep the weights of what they track themselves.
  let hasOwnWeights: Bool
  private var values: [String: KeepalivedNode] = [:]
  private var tracked: [KeepalivedCheck.Kind: Set<String>] = [:]
  private(set) var remarks: [ImportRemark] = []
  private(set) var teller: KeywordTeller

  init(_ node: KeepalivedNode, _ wording: ImportWording) {
    self.node = node
    name = node.arguments.first ?? ""
    teller = KeywordTeller(KeepalivedKeywords.syncGroup, wording)
    var members: [(String, KeepalivedNode)] = []
    var seen: Set<String> = []
    for child in node.block ?? [] {
      teller.tell(child)
      values[child.keyword] = child
      guard child.keyword == "group" else { continue }
      // The members stand on lines of their own, or on one.
      for line in child.block ?? [] {
        for member in [line.keyword] + line.arguments where seen.insert(member).inserted {
          members.append((member, line))
        }
      }
    }
    self.members = members
    hasOwnWeights = values["sync_group_tracking_weight"] != nil
    for kind in KeepalivedCheck.Kind.allCases {
      tracked[kind] = Set((values[kind.rawValue]?.block ?? []).map(\.keyword))
    }
    remarks = teller.remarks
  }

  /// Whether the group itself tracks a check.
  func tracks(_ name: String, _ kind: KeepalivedCheck.Kind) -> Bool {
    tracked[kind]?.contains(name) == true
  }

  /// The group; `nil` and a remark if there is none to make.
  ///
  /// A weight of the group may raise the priorities of routers, whose places are known by the
  /// names of their instances; `other` tells the group that an instance is in already.
  mutating func imported(
    _ routers: inout [ImportedRouter], _ places: [String: Int],
    _ other: (String, KeepalivedGroup) -> String?, _ known: inout KeepalivedChecks,
    scriptUser: String?
  ) -> ImportedGroup? {
    let shown = name.shortened
    var indices: [Int] = []
    for member in members {
      if let group = other(member.name, self) {
        remark(
          member.node,
          "'\(member.name.shortened)' is in the group '\(group.shortened)' already; a router moves with "
            + "one group")
      } else if let index = places[member.name] {
        indices.append(index)
      } else {
        remark(
          member.node, "vrrp_sync_group \(shown): there is no router '\(member.name.shortened)'")
      }
    }
    if let owner = indices.first(where: { routers[$0].configuration.priority == .owner }) {
      remark(
        node,
        "vrrp_sync_group \(shown) is left out: '\(routers[owner].configuration.name)' has priority 255, "
          + "and an owner's addresses can't move; take a lower one")
      return nil
    }
    guard indices.count > 1 else {
      let hasMore = values.keys.contains { $0.hasPrefix("notify") || $0.hasPrefix("track_") }
      remark(
        node,
        "vrrp_sync_group \(shown) is left out: it has fewer than two routers"
          + (hasMore ? "; put what it tracks and runs into the router" : ""),
        hasMore || indices.isEmpty ? .lost : .note)
      return nil
    }
    let names = indices.map { ImportedRouter.scalar(routers[$0].configuration.name) }
    var settings: [ImportedRouter.Setting] = [
      .init(
        key: "name",
        value: ImportedRouter.scalar(ImportedRouter.usableName(name, otherwise: "group")),
        origin: .line(node.source)),
      .init(
        key: "routers", value: "[\(names.joined(separator: ", "))]",
        origin: .line((values["group"] ?? node).source)),
    ]
    let uses = checks(&known)
    if let origin = KeepalivedCheck.Kind.allCases.compactMap({ values[$0.rawValue] }).first,
      !uses.isEmpty
    {
      let list = uses.map(\.yaml).joined(separator: ", ")
      settings.append(.init(key: "checks", value: "[\(list)]", origin: .line(origin.source)))
    }
    if let tracks = tracks(&routers, indices) { settings.append(tracks) }
    // keepalived tells the priority 0 of a group.
    var hooks = KeepalivedHooks(
      values, .init(kind: "GROUP", name: name, priority: "0"), scriptUser: scriptUser)
    for (node, kind, text) in hooks.takeRemarks() { remark(node, text, kind) }
    return ImportedGroup(settings: settings + hooks.settings, checks: uses)
  }

  private mutating func checks(_ known: inout KeepalivedChecks) -> [ImportedCheckUse] {
    var uses: [ImportedCheckUse] = []
    for kind in KeepalivedCheck.Kind.allCases {
      var seen: Set<String> = []
      for item in values[kind.rawValue]?.block ?? [] where seen.insert(item.keyword).inserted {
        let (use, told) = known.use(item, kind, isOwner: false)
        if let told { remark(item, told.1, told.0) }
        if let use { uses.append(use) }
      }
    }
    return uses
  }

  /// The interfaces that the group tracks, as its setting.
  private mutating func tracks(
    _ routers: inout [ImportedRouter], _ indices: [Int]
  ) -> ImportedRouter.Setting? {
    guard let block = values["track_interface"] else { return nil }
    var items: [String] = []
    var seen: Set<String> = []
    for child in block.block ?? [] where seen.insert(child.keyword).inserted {
      let name = ImportedRouter.scalar(child.keyword)
      let options = child.arguments
      let weight = options.first == "weight" && options.count == 2 ? Int(options[1]) : nil
      guard options.isEmpty || weight.map({ (-253...253).contains($0) }) == true else {
        let words = options.joined(separator: " ").shortened
        remark(child, "'\(child.keyword) \(words)' has no equivalent; it is left out")
        continue
      }
      guard let weight, weight != 0 else {
        items.append(name)
        continue
      }
      if weight > 0 {
        let rooms = indices.map { 254 - Int(routers[$0].configuration.priority.rawValue) }
        guard rooms.allSatisfy({ $0 >= weight }) else {
          remark(
            child,
            "'\(child.keyword) weight \(weight)' raises a priority beyond 254; it is left out: lower "
              + "the priorities of the routers on all machines")
          continue
        }
        for index in indices { routers[index].raisePriority(by: weight, for: child.keyword) }
        remark(
          child,
          "'\(child.keyword) weight \(weight)' raises the priorities of the group while it is up; they "
            + "have become higher by \(weight), and fall by it while it is down", .note)
      }
      items.append("{ interface: \(name), decrement: \(abs(weight)) }")
    }
    guard !items.isEmpty else { return nil }
    return .init(
      key: "track", value: "[\(items.joined(separator: ", "))]", origin: .line(block.source))
  }

  private mutating func remark(
    _ node: KeepalivedNode, _ text: String, _ kind: ImportRemark.Kind = .lost
  ) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }
}
