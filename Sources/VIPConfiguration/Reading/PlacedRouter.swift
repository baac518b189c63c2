public import VIP
import VIPCore
import VRRP

/// A router's configuration and where in the file its settings stand.
public struct PlacedRouter: Sendable {
  /// The configuration.
  public private(set) var configuration: RouterConfiguration
  private let places: RouterPlaces

  /// Those without which there is no router; they are read before all others.
  private static let required: Set<RouterSetting> = [.interface, .vrid, .addresses]
  /// The order in which settings are read: the version first, wherever it stands, since an interval
  /// depends on it.
  private static let order = [.version] + RouterSetting.allCases.filter { $0 != .version }

  /// Reads a router; without hooks of its own it has those of the node.
  init(_ tree: YAMLTree, _ nodeHooks: PlacedHooks) throws(Diagnostic) {
    let place = tree.place
    var reader = RouterPlaces(router: place, hooks: nodeHooks)
    var keys = try KeyedValues(
      tree, knownKeys: RouterSetting.allCases.map(\.key), where: "in a router")
    var values: [RouterSetting: YAMLTree] = [:]
    for setting in RouterSetting.allCases {
      guard let value = keys.take(setting.key) else { continue }
      values[setting] = value
      reader.settings[setting] = value.place
    }
    guard let interface = try values[.interface]?.text("interface", example: "eth0") else {
      throw Diagnostic(place, "this router has no 'interface'; name the one it serves")
    }
    guard let vrid = try values[.vrid]?.number("vrid", SettingText.vrid) else {
      throw Diagnostic(place, "this router has no 'vrid'; give a number from 1 to 255")
    }
    guard let list = values[.addresses] else {
      throw Diagnostic(place, "this router has no 'addresses'; list at least one")
    }
    var router = RouterConfiguration(interface: interface, vrid: vrid, addresses: [])
    try reader.readAddresses(list, into: &router)
    for setting in Self.order where !Self.required.contains(setting) {
      if let value = values[setting] { try reader.read(setting, value, into: &router) }
    }
    router.hooks = reader.hooks.hooks
    configuration = router
    places = reader
    do throws(ConfigurationError) {
      try configuration.validate()
    } catch {
      throw Diagnostic(places.place(of: error.field), error.description)
    }
  }

  /// Adds checks that it depends on although they do not stand beside it.
  mutating func add(_ checks: [CheckUse]) throws(Diagnostic) {
    configuration.checks += checks
    do throws(ConfigurationError) {
      try configuration.validate()
    } catch {
      throw Diagnostic(places.place(of: error.field), error.description)
    }
  }

  /// A router that comes from no file.
  package init(_ configuration: RouterConfiguration) {
    self.configuration = configuration
    places = RouterPlaces(router: Place(line: 1, column: 1), hooks: PlacedHooks())
  }

  /// The place of a setting; that of the router if it is not given.
  public func place(of field: ConfigurationError.Field) -> Place { places.place(of: field) }
}

/// Reads the settings of a router and notes where they stand.
private struct RouterPlaces: Sendable {
  /// The place where the router begins.
  let router: Place
  /// The place of the value of each setting that is given.
  var settings: [RouterSetting: Place] = [:]
  /// The places of the items of a list.
  private var items: [RouterSetting: [Place]] = [:]
  /// The places of the addresses on other interfaces.
  private var elsewherePlaces: [Place] = []
  /// The router's hooks and where they stand.
  private(set) var hooks: PlacedHooks

  init(router: Place, hooks: PlacedHooks) {
    self.router = router
    self.hooks = hooks
  }

  /// Reads one setting from its value in the file.
  mutating func read(
    _ setting: RouterSetting, _ value: YAMLTree, into router: inout RouterConfiguration
  ) throws(Diagnostic) {
    let key = setting.key
    switch setting {
    case .interface, .vrid, .addresses: break
    case .name: router.name = try value.text(key, example: "web")
    case .priority: router.priority = try value.number(key, SettingText.priority)
    case .interval: router.interval = try value.interval(router.version)
    case .preempt: (router.preempts, router.preemptDelay) = try value.preemption()
    case .version: router.version = try value.number(key, SettingText.version)
    case .checksum: router.checksum = try value.setting(key, SettingText.checksum)
    case .authentication: router.password = try value.authentication()
    case .handover: router.handover = try value.setting(key, SettingText.handover)
    case .probe: router.probes = try value.flag(key)
    case .virtualMAC: router.virtualMAC = try value.flag(key)
    case .startDelay: router.startDelay = try value.setting(key, SettingText.damping)
    case .linkDelay: router.linkDelay = try value.linkDelay()
    case .holdDown: router.holdDown = try value.setting(key, SettingText.damping)
    case .track:
      router.tracks = try read(setting, value, example: "[eth1]") { item throws(Diagnostic) in
        try item.track()
      }
    case .checks:
      router.checks = try read(setting, value, example: "[nginx]") { item throws(Diagnostic) in
        try item.checkUse()
      }
    case .peers:
      router.peers = try read(setting, value, example: "[192.0.2.2]") { item throws(Diagnostic) in
        try item.setting(key, SettingText.host)
      }
    case .multicastGroup: router.multicastGroups = try value.multicastGroups()
    case .unicastSource: router.unicastSource = try value.unicastSource()
    case .routes:
      router.routes = try read(setting, value, example: "[{ destination: 0.0.0.0/0, via: … }]") {
        item throws(Diagnostic) in try item.route()
      }
    case .rules:
      router.rules = try read(setting, value, example: "[{ from: 192.0.2.10/32, table: 100 }]") {
        item throws(Diagnostic) in try item.rule()
      }
    case .hooks: hooks = try PlacedHooks(value)
    }
  }

  /// Reads the addresses, those on other interfaces apart from the others.
  mutating func readAddresses(
    _ list: YAMLTree, into router: inout RouterConfiguration
  ) throws(Diagnostic) {
    let interface = router.interface
    for item in try list.items("addresses", example: "[192.0.2.10/24]") {
      let entry = try item.placedAddress()
      if let label = entry.label { router.labels[entry.address.address] = label }
      if let other = entry.interface, other != interface {
        router.elsewhere.append(
          ElsewhereAddress(entry.address, interface: other, isAdvertised: entry.isAdvertised))
        elsewherePlaces.append(item.place)
        continue
      }
      router.addresses.append(entry.address)
      if !entry.isAdvertised { router.unadvertised.insert(entry.address.address) }
      items[.addresses, default: []].append(item.place)
    }
  }

  /// Reads a list and notes where its items stand.
  mutating func read<Value>(
    _ setting: RouterSetting, _ list: YAMLTree, example: String,
    item read: (YAMLTree) throws(Diagnostic) -> Value
  ) throws(Diagnostic) -> [Value] {
    var values: [Value] = []
    for item in try list.items(setting.key, example: example) {
      values.append(try read(item))
      items[setting, default: []].append(item.place)
    }
    return values
  }

  func place(of field: ConfigurationError.Field) -> Place {
    switch field {
    case .elsewhere(let index):
      return elsewherePlaces.indices.contains(index) ? elsewherePlaces[index] : router
    case .address(let index), .track(let index), .check(let index), .peer(let index),
      .route(let index), .rule(let index):
      let places = field.setting.flatMap { items[$0] } ?? []
      return places.indices.contains(index) ? places[index] : router
    case .hook(let state):
      return hooks.places[state] ?? hooks.place ?? router
    default:
      return field.setting.flatMap { settings[$0] } ?? router
    }
  }
}
