import ARP
import VIP
import VIPCore
import VRRP

/// What a configuration file says.
struct FileConfiguration: Sendable, Hashable {
  /// The lease, if the file names one.
  var lease: LeasePolicy?
  /// Whether the node has a guard process, if the file says so.
  var isGuarded: Bool?
  /// Whether the node runs before all ordinary work, if the file says so.
  var isRealtime: Bool?
  /// How often and how fast addresses are announced, if the file says so.
  var announcements: AnnouncementPolicy? = nil
  /// Where programs can read what happens, if the file names a FIFO.
  var eventsPath: String? = nil
  /// The routers in their order; at least one.
  var routers: [RouterConfiguration]
}

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

/// A router's configuration and where in the file its settings stand.
struct PlacedRouter {
  let configuration: RouterConfiguration
  private let place: Place
  private var settings: [String: Place] = [:]
  private var addresses: [Place] = []
  private var tracks: [Place] = []
  private var peers: [Place] = []
  private var hooks: PlacedHooks

  private static let knownKeys = [
    "name", "interface", "vrid", "priority", "interval", "addresses", "preempt", "version",
    "checksum", "authentication", "handover", "probe", "virtualMac", "track", "peers", "on",
  ]

  /// Reads a router; without hooks of its own it has those of the node.
  fileprivate init(_ tree: YAMLTree, _ nodeHooks: PlacedHooks) throws(Diagnostic) {
    place = tree.place
    hooks = nodeHooks
    var keys = try KeyedValues(tree, knownKeys: Self.knownKeys, where: "in a router")
    for key in Self.knownKeys { settings[key] = keys.place(of: key) }

    guard let interface = try keys.take("interface")?.text("interface", example: "eth0") else {
      throw Diagnostic(place, "this router has no 'interface'; name the one it serves")
    }
    guard let vrid = try keys.take("vrid")?.number("vrid", SettingText.vrid) else {
      throw Diagnostic(place, "this router has no 'vrid'; give a number from 1 to 255")
    }
    guard let list = keys.take("addresses") else {
      throw Diagnostic(place, "this router has no 'addresses'; list at least one")
    }
    var values: [InterfaceAddress] = []
    for item in try list.items("addresses", example: "[192.0.2.10/24]") {
      values.append(try item.setting("addresses", SettingText.address))
      addresses.append(item.place)
    }
    var tracked: [Track] = []
    for item in try keys.take("track")?.items("track", example: "[eth1]") ?? [] {
      tracked.append(try item.track())
      tracks.append(item.place)
    }
    var hosts: [IPAddress] = []
    for item in try keys.take("peers")?.items("peers", example: "[192.0.2.2]") ?? [] {
      hosts.append(try item.setting("peers", SettingText.host))
      peers.append(item.place)
    }
    if let tree = keys.take("on") { hooks = try PlacedHooks(tree) }
    let version = try keys.take("version")?.number("version", SettingText.version) ?? .v3
    let preemption = try keys.take("preempt")?.preemption() ?? (preempts: true, delay: .zero)
    configuration = RouterConfiguration(
      name: try keys.take("name")?.text("name", example: "web"),
      interface: interface, vrid: vrid,
      priority: try keys.take("priority")?.number("priority", SettingText.priority) ?? .default,
      interval: try keys.take("interval")?.interval(version) ?? .default,
      addresses: values, preempt: preemption.preempts,
      checksum: try keys.take("checksum")?.setting("checksum", SettingText.checksum) ?? .auto,
      handover: try keys.take("handover")?.setting("handover", SettingText.handover) ?? .seamless,
      version: version, preemptDelay: preemption.delay,
      password: try keys.take("authentication")?.authentication(),
      probe: try keys.take("probe")?.flag("probe") ?? true,
      virtualMac: try keys.take("virtualMac")?.flag("virtualMac") ?? false, tracks: tracked,
      peers: hosts, hooks: hooks.hooks)
    do {
      try configuration.validate()
    } catch {
      throw Diagnostic(place(of: error.field), error.description)
    }
  }

  func place(of field: ConfigurationError.Field) -> Place {
    switch field {
    case .name: settings["name"] ?? place
    case .interface: settings["interface"] ?? place
    case .vrid: settings["vrid"] ?? place
    case .addresses: settings["addresses"] ?? place
    case .address(let index): addresses.indices.contains(index) ? addresses[index] : place
    case .priority: settings["priority"] ?? place
    case .interval: settings["interval"] ?? place
    case .version: settings["version"] ?? place
    case .preempt: settings["preempt"] ?? place
    case .authentication: settings["authentication"] ?? place
    case .virtualMac: settings["virtualMac"] ?? place
    case .track(let index): tracks.indices.contains(index) ? tracks[index] : place
    case .peers: settings["peers"] ?? place
    case .peer(let index): peers.indices.contains(index) ? peers[index] : place
    case .hook(let state): hooks.places[state] ?? hooks.place ?? place
    case .router: place
    }
  }
}

/// The entries of a mapping whose keys are all known.
struct KeyedValues {
  private var values: [String: YAMLTree] = [:]

  init(_ tree: YAMLTree, knownKeys: [String], where context: String) throws(Diagnostic) {
    guard case .map(let entries) = tree.content else {
      throw Diagnostic(
        tree.place, "expected \(Self.list(knownKeys)) \(context), found \(tree.kind)")
    }
    for (key, value) in entries {
      guard case .scalar(let name, _) = key.content else {
        throw Diagnostic(key.place, "a key \(context) is one word, found \(key.kind)")
      }
      guard knownKeys.contains(name) else {
        let hint =
          Suggestion.nearest(to: name, among: knownKeys).map { "did you mean '\($0)'?" }
          ?? "known here: \(Self.list(knownKeys))"
        throw Diagnostic(key.place, "unknown key '\(name)' \(context); \(hint)")
      }
      values[name] = value
    }
  }

  /// The value of a key, which may be asked for once.
  mutating func take(_ key: String) -> YAMLTree? { values.removeValue(forKey: key) }

  func place(of key: String) -> Place? { values[key]?.place }

  private static func list(_ keys: [String]) -> String {
    keys.map { "'\($0)'" }.joined(separator: ", ")
  }
}

/// The types a setting can have.
extension YAMLTree {
  /// Whether nothing is written here: `key:` alone, or `null`.
  var isEmpty: Bool {
    guard case .scalar(let text, quoted: false) = content else { return false }
    return ["", "~", "null"].contains(text)
  }

  func items(_ key: String, example: String) throws(Diagnostic) -> [YAMLTree] {
    guard case .list(let items) = content else {
      throw Diagnostic(place, "'\(key)' is a list, such as \(example); found \(found)")
    }
    return items
  }

  fileprivate func text(_ key: String, example: String) throws(Diagnostic) -> String {
    guard case .scalar(let text, _) = content, !isEmpty else {
      throw Diagnostic(place, "'\(key)' is text, such as \(example); found \(found)")
    }
    return text
  }

  /// A setting that is written without quotes, since it is a number.
  fileprivate func number<Value>(
    _ key: String, _ read: (String) throws(SettingError) -> Value
  ) throws(Diagnostic) -> Value {
    if case .scalar(let text, quoted: true) = content, SettingText.decimal(text) != nil {
      throw Diagnostic(place, "'\(key)' is a number, found text; remove the quotes")
    }
    guard case .scalar = content, !isEmpty else {
      throw Diagnostic(place, "'\(key)' is a number, found \(found)")
    }
    return try setting(key, read)
  }

  /// A setting that is written as one word.
  func setting<Value>(
    _ key: String, _ read: (String) throws(SettingError) -> Value
  ) throws(Diagnostic) -> Value {
    guard case .scalar(let text, _) = content, !isEmpty else {
      throw Diagnostic(place, "'\(key)' is a single value, found \(found)")
    }
    do {
      return try read(text)
    } catch {
      throw Diagnostic(place, error.description)
    }
  }

  fileprivate func interval(
    _ version: ProtocolVersion
  ) throws(Diagnostic) -> AdvertisementInterval {
    try setting("interval") { text throws(SettingError) in
      try SettingText.interval(text, version: version)
    }
  }

  /// `true` or `false`.
  fileprivate func flag(_ key: String) throws(Diagnostic) -> Bool {
    switch content {
    case .scalar("true", quoted: false): return true
    case .scalar("false", quoted: false): return false
    default: throw Diagnostic(place, "'\(key)' is true or false, found \(found)")
    }
  }

  /// `true`, `false` or `{ delay: 30s }`.
  fileprivate func preemption() throws(Diagnostic) -> (preempts: Bool, delay: Duration) {
    switch content {
    case .scalar("true", quoted: false): return (true, .zero)
    case .scalar("false", quoted: false): return (false, .zero)
    case .map:
      var keys = try KeyedValues(self, knownKeys: ["delay"], where: "in 'preempt'")
      let delay = try keys.take("delay")?.setting("delay", SettingText.preemptDelay)
      return (true, delay ?? .zero)
    default:
      throw Diagnostic(place, "'preempt' is true, false or { delay: 30s }, found \(found)")
    }
  }

  /// `eth1` or `{ interface: eth1, decrement: 50 }`.
  fileprivate func track() throws(Diagnostic) -> Track {
    guard case .map = content else {
      let example = "eth1 or { interface: eth1, decrement: 50 }"
      return Track(interface: try text("track", example: example))
    }
    var keys = try KeyedValues(self, knownKeys: ["interface", "decrement"], where: "in 'track'")
    guard let interface = try keys.take("interface")?.text("interface", example: "eth1") else {
      throw Diagnostic(place, "an entry of 'track' needs an 'interface'")
    }
    let decrement = try keys.take("decrement")?.number("decrement", SettingText.decrement)
    return Track(interface: interface, decrement: decrement)
  }

  /// `{ fifo: PATH }`.
  fileprivate func fifo() throws(Diagnostic) -> String? {
    if isEmpty { return nil }
    var keys = try KeyedValues(self, knownKeys: ["fifo"], where: "in 'events'")
    guard let tree = keys.take("fifo"), !tree.isEmpty else { return nil }
    let path = try tree.text("fifo", example: "/run/vipctl/events")
    guard path.hasPrefix("/") else {
      throw Diagnostic(tree.place, "'\(path)' is not an absolute path; write out where it shall be")
    }
    return path
  }

  /// `{ rate: 10000, burst: 500, repeat: [1s, 2s], refresh: off }`, or part of it.
  fileprivate func announcements() throws(Diagnostic) -> AnnouncementPolicy {
    var policy = AnnouncementPolicy()
    if isEmpty { return policy }
    var keys = try KeyedValues(
      self, knownKeys: ["rate", "burst", "repeat", "refresh"], where: "in 'announcements'")
    if let rate = try keys.take("rate")?.number("rate", SettingText.announcementCount) {
      policy.maximumRate = rate
    }
    if let burst = try keys.take("burst")?.number("burst", SettingText.announcementCount) {
      policy.burst = burst
    }
    if let list = keys.take("repeat") {
      let items = try list.items("repeat", example: "[1s, 2s]")
      guard items.count <= 10 else {
        throw Diagnostic(list.place, "\(items.count) repeats are too many; give up to 10")
      }
      policy.pauses = []
      for item in items {
        policy.pauses.append(try item.setting("repeat", SettingText.announcementPause))
      }
    }
    if let refresh = keys.take("refresh") {
      policy.refresh = try refresh.setting("refresh", SettingText.announcementRefresh)
    }
    return policy
  }

  /// `null` or `{ password: … }`.
  fileprivate func authentication() throws(Diagnostic) -> Authentication.Password? {
    if isEmpty { return nil }
    guard case .map = content else {
      // What stands here may be the password itself.
      throw Diagnostic(place, "'authentication' is written { password: … }")
    }
    var keys = try KeyedValues(self, knownKeys: ["password"], where: "in 'authentication'")
    guard let password = keys.take("password") else {
      throw Diagnostic(place, "'authentication' needs a 'password'")
    }
    guard case .scalar = password.content, !password.isEmpty else {
      throw Diagnostic(password.place, "'password' is a single value")
    }
    return try password.setting("password", SettingText.password)
  }

  /// What is there, in as few words as help.
  private var found: String {
    switch content {
    case .scalar where isEmpty: "nothing"
    case .scalar(let text, _): "'\(text.prefix(40))'"
    case .list, .map: kind
    }
  }
}
