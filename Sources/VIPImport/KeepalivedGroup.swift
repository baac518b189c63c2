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
  /// Whether it is left out, since one of its routers owns its addresses.
  private(set) var hasOwner = false
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

  /// Whether something that the group or its instances track may change their priorities.
  var mayWeigh: Bool {
    hasOwnWeights || values["track_interface"] != nil || tracked.values.contains { !$0.isEmpty }
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
    let hasMore = values.keys.contains { $0.hasPrefix("notify") || $0.hasPrefix("track_") }
    if let owner = indices.first(where: { routers[$0].configuration.priority == .owner }) {
      hasOwner = true
      known.leaveOut(tracked)
      remark(
        node,
        "vrrp_sync_group \(shown) is left out: '\(routers[owner].configuration.name)' has priority 255, "
          + "and an owner's addresses can't move; take a lower one"
          + (hasMore ? ", or put what it tracks and runs into the routers" : ""))
      return nil
    }
    guard indices.count > 1 else {
      known.leaveOut(tracked)
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
    let (tracks, carriers) = tracks(&routers, indices, &known)
    let uses = carriers + checks(&known)
    let origins = KeepalivedCheck.Kind.allCases.map(\.rawValue) + ["track_interface"]
    if let origin = origins.compactMap({ values[$0] }).first, !uses.isEmpty {
      let list = uses.map(\.yaml).joined(separator: ", ")
      settings.append(.init(key: "checks", value: "[\(list)]", origin: .line(origin.source)))
    }
    if let tracks { settings.append(tracks) }
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

  /// The interfaces that the group tracks, as its setting, and those whose weights are checks.
  private mutating func tracks(
    _ routers: inout [ImportedRouter], _ indices: [Int], _ known: inout KeepalivedChecks
  ) -> (ImportedRouter.Setting?, [ImportedCheckUse]) {
    guard let block = values["track_interface"] else { return (nil, []) }
    let tracked = trackedInterfaces(block)
    let raise = tracked.reduce(0) { $0 + max(0, $1.weight) }
    let highest = indices.map { Int(routers[$0].configuration.priority.rawValue) }.max() ?? 0
    var items: [String] = []
    var uses: [ImportedCheckUse] = []
    for (child, weight) in tracked {
      let name = ImportedRouter.scalar(child.keyword)
      if weight == 0 {
        items.append(name)
      } else if weight > 0, highest + raise > 254 {
        guard RouterConfiguration.problem(interfaceName: child.keyword) == nil else {
          remark(child, "'\(child.keyword.shortened)' is no name of an interface; left out")
          continue
        }
        uses.append(known.carrier(of: child, weight: weight))
        remark(child, KeepalivedChecks.carrierRemark(of: child, weight: weight), .note)
      } else {
        items.append("{ interface: \(name), decrement: \(abs(weight)) }")
        guard weight > 0 else { continue }
        for index in indices { routers[index].raisePriority(by: weight, for: child.keyword) }
        remark(
          child,
          "'\(child.keyword) weight \(weight)' raises the priorities of the group while it is up; they "
            + "have become higher by \(weight), and fall by it while it is down", .note)
      }
    }
    guard !items.isEmpty else { return (nil, uses) }
    let list = items.joined(separator: ", ")
    return (.init(key: "track", value: "[\(list)]", origin: .line(block.source)), uses)
  }

  /// The interfaces that the group tracks, each once, and their weights.
  private mutating func trackedInterfaces(
    _ block: KeepalivedNode
  ) -> [(node: KeepalivedNode, weight: Int)] {
    var tracked: [(KeepalivedNode, Int)] = []
    var seen: Set<String> = []
    for child in block.block ?? [] where seen.insert(child.keyword).inserted {
      let options = child.arguments
      let weight = options.first == "weight" && options.count == 2 ? Int(options[1]) : nil
      guard options.isEmpty || weight.map({ (-253...253).contains($0) }) == true else {
        let words = options.joined(separator: " ").shortened
        remark(child, "'\(child.keyword) \(words)' has no equivalent; it is left out")
        continue
      }
      tracked.append((child, weight ?? 0))
    }
    return tracked
  }

  private mutating func remark(
    _ node: KeepalivedNode, _ text: String, _ kind: ImportRemark.Kind = .lost
  ) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }
}
