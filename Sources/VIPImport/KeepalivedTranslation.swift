import VIP
import VIPConfiguration
import VIPCore

/// The routers, groups and checks that those of a configuration become.
struct KeepalivedTranslation {
  private(set) var routers: [ImportedRouter] = []
  private(set) var groups: [ImportedGroup] = []
  private(set) var checks: [ImportedCheck] = []
  private(set) var remarks: [ImportRemark] = []
  private(set) var topics = ToldTopics()
  /// The instances of groups that can't be, which are to be read as if they were in none.
  private(set) var disbanded: Set<String> = []
  private let context: KeepalivedContext
  private let wording: ImportWording
  private var set = RouterSet()

  init(
    _ nodes: [KeepalivedNode], _ groups: [KeepalivedGroup], _ context: KeepalivedContext,
    _ wording: ImportWording
  ) {
    self.context = context
    self.wording = wording
    var known = KeepalivedChecks(nodes, scriptUser: context.scriptUser)
    var order = KeepalivedRuleOrder()
    for node in nodes {
      let preferences = order.preferences(of: node)
      guard node.keyword == "vrrp_instance" else { continue }
      add(node, preferences, &known)
    }
    for group in groups { add(group, &known) }
    for router in routers { known.confirm(router.checks) }
    for group in self.groups { known.confirm(group.checks) }
    known.tellUnused()
    remarks += known.remarks
    checks = known.checks
  }

  private mutating func add(
    _ node: KeepalivedNode, _ rulePreferences: [Int?], _ known: inout KeepalivedChecks
  ) {
    var instance = KeepalivedInstance(node, context, wording, rulePreferences: rulePreferences)
    let router = instance.router(&known)
    remarks += instance.remarks
    topics.add(instance.teller.topics)
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

  private mutating func add(_ group: KeepalivedGroup, _ known: inout KeepalivedChecks) {
    var group = group
    let places = Dictionary(routers.enumerated().map { ($1.originalName, $0) }) { first, _ in first
    }
    let context = context
    let imported = group.imported(
      &routers, places,
      { name, group in
        context.groups[name].flatMap { $0.node.source == group.node.source ? nil : $0.name }
      }, &known, scriptUser: context.scriptUser)
    remarks += group.remarks
    topics.add(group.teller.topics)
    if let imported {
      groups.append(imported)
    } else if group.hasOwner {
      disbanded.formUnion(
        group.members.map(\.name).filter { context.groups[$0]?.node.source == group.node.source })
    }
  }
}
