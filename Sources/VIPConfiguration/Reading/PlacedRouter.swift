public import VIP
import VIPCore
import VRRP

/// A router's configuration and where in the file its settings stand.
public struct PlacedRouter: Sendable {
  /// The configuration.
  public let configuration: RouterConfiguration
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
  init(_ tree: YAMLTree, _ nodeHooks: PlacedHooks) throws(Diagnostic) {
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

  /// Where a setting stands; where the router begins if it is not given.
  public func place(of field: ConfigurationError.Field) -> Place {
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
