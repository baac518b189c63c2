import ARP
import VIP

/// Turns a parsed file into a configuration and says of everything that is wrong where it stands.
enum ConfigurationReader {
  /// Reads a file; hands each router out with the places of its settings.
  static func read(
    _ text: String, router found: (PlacedRouter) -> Void = { _ in }
  ) throws(Diagnostic) -> FileConfiguration {
    guard let root = try YAMLTree.parse(text), !root.isEmpty else {
      throw Diagnostic(nil, "the file is empty; it needs 'routers:' with at least one router")
    }
    guard case .map = root.content else {
      throw Diagnostic(root.place, "expected 'node:' and 'routers:' here, found \(root.kind)")
    }
    var keys = try KeyedValues(root, knownKeys: ["node", "routers"], where: "at the top")
    var lease: LeasePolicy?
    var isGuarded: Bool?
    var isRealtime: Bool?
    var eventsPath: String?
    var announcements: AnnouncementPolicy?
    var hooks = PlacedHooks()
    if let node = keys.take("node"), !node.isEmpty {
      var keys = try KeyedValues(
        node, knownKeys: ["lease", "guard", "realtime", "announcements", "events", "on"],
        where: "in 'node'")
      announcements = try keys.take("announcements")?.announcements()
      eventsPath = try keys.take("events")?.fifo()
      if let tree = keys.take("on") { hooks = try PlacedHooks(tree) }
      lease = try keys.take("lease")?.setting("lease", SettingText.lease)
      isGuarded = try keys.take("guard")?.flag("guard")
      isRealtime = try keys.take("realtime")?.flag("realtime")
    }
    guard let list = keys.take("routers") else {
      throw Diagnostic(root.place, "'routers:' is missing; it lists the virtual routers")
    }
    let items = try list.items("routers", example: "- interface: eth0")
    guard !items.isEmpty else {
      throw Diagnostic(list.place, "'routers' is empty; name at least one virtual router")
    }
    var routers: [RouterConfiguration] = []
    var set = RouterSet()
    for item in items {
      let router = try PlacedRouter(item, hooks)
      if let collision = set.insert(router.configuration) {
        throw Diagnostic(router.place(of: collision.field), collision.description)
      }
      routers.append(router.configuration)
      found(router)
    }
    return FileConfiguration(
      lease: lease, isGuarded: isGuarded, isRealtime: isRealtime, announcements: announcements,
      eventsPath: eventsPath, routers: routers)
  }
}
