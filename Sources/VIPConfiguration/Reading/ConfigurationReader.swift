package import VIP

/// Turns a parsed file into a configuration and says of everything that is wrong where it stands.
enum ConfigurationReader {
  /// Reads a file; hands each router out with the places of its settings.
  static func read(
    _ text: String, router found: (PlacedRouter) -> Void = { _ in },
    check foundCheck: (PlacedCheck) -> Void = { _ in },
    group foundGroup: (PlacedGroup) -> Void = { _ in }
  ) throws(Diagnostic) -> FileConfiguration {
    guard let root = try YAMLTree.parse(text), !root.isEmpty else {
      throw Diagnostic(nil, "the file is empty; it needs 'routers:' with at least one router")
    }
    guard case .map = root.content else {
      throw Diagnostic(root.place, "expected 'node:' and 'routers:' here, found \(root.kind)")
    }
    var keys = try KeyedValues(
      root, knownKeys: ["node", "checks", "groups", "routers"], where: "at the top")
    var file = FileConfiguration(routers: [])
    var hooks = PlacedHooks()
    if let node = keys.take("node"), !node.isEmpty {
      var keys = try KeyedValues(
        node, knownKeys: NodeKey.allCases.map(\.name), where: "in 'node'")
      for key in NodeKey.allCases {
        guard let value = keys.take(key.name) else { continue }
        switch key {
        case .setting(let setting):
          try read(setting, value, into: &file.settings)
          file.given.insert(setting)
        case .events: file.eventsPath = try value.fifo()
        case .hooks: hooks = try PlacedHooks(value)
        }
      }
    }
    let checks = try keys.take("checks").map(PlacedCheck.read) ?? []
    file.checks = checks.map(\.check)
    for check in checks { foundCheck(check) }
    guard let list = keys.take("routers") else {
      throw Diagnostic(root.place, "'routers:' is missing; it lists the virtual routers")
    }
    let items = try list.items("routers", example: "- interface: eth0")
    guard !items.isEmpty else {
      throw Diagnostic(list.place, "'routers' is empty; name at least one virtual router")
    }
    let groupList = keys.take("groups")
    let groups = try groupList.map(PlacedGroup.read) ?? []
    if let unknown = CheckUses.unknown(in: groups, checks) { throw unknown }
    var set = RouterSet()
    var routers: [PlacedRouter] = []
    for item in items {
      var router = try PlacedRouter(item, hooks)
      try router.add(PlacedGroup.checks(of: router.configuration, in: groups))
      if let collision = set.insert(router.configuration) {
        throw Diagnostic(router.place(of: collision.field), collision.description)
      }
      file.routers.append(router.configuration)
      routers.append(router)
      found(router)
    }
    if let unknown = CheckUses.unknown(in: routers, checks) { throw unknown }
    try PlacedGroup.check(groups, of: file.routers, groupList?.place ?? root.place)
    file.groups = groups.map(\.group)
    for group in groups { foundGroup(group) }
    return file
  }

  /// Reads a setting of the node from its value in the file.
  private static func read(
    _ setting: NodeSetting, _ value: YAMLTree, into settings: inout NodeSettings
  ) throws(Diagnostic) {
    let key = setting.key
    switch setting {
    case .lease: settings.lease = try value.setting(key, SettingText.lease)
    case .guard: settings.isGuarded = try value.flag(key)
    case .realtime: settings.isRealtime = try value.flag(key)
    case .announcements: settings.announcements = try value.announcements()
    }
  }
}

/// A key of a file under `node`: the node's settings, and what concerns its process and its
/// routers.
package enum NodeKey: Hashable, CaseIterable {
  /// A setting of the node itself.
  case setting(NodeSetting)
  /// The path at which programs can read what happens.
  case events
  /// The hooks of all routers that have none of their own.
  case hooks

  package static var allCases: [NodeKey] {
    NodeSetting.allCases.map(NodeKey.setting) + [.events, .hooks]
  }

  /// The key in the file.
  package var name: String {
    switch self {
    case .setting(let setting): setting.key
    case .events: "events"
    case .hooks: "on"
    }
  }
}
