import VIP
import VIPCore
import VRRP

/// A setting of a router, as a story writes it: `priority 200`.
public struct StorySetting: Sendable, Hashable, CustomStringConvertible {
  /// The key of a setting.
  public enum Key: String, Sendable, Hashable, CaseIterable {
    /// The node's priority.
    case priority
    /// The virtual router identifier.
    case vrid
    /// The interface.
    case interface
    /// The time between advertisements.
    case interval
    /// Whether to replace an Active of lower priority, or after how long.
    case preempt
    /// The version of VRRP.
    case version
    /// The password of version 2.
    case password
    /// The fate of the addresses when another node takes over in good order.
    case handover
    /// Whether to ask first if the addresses are free.
    case probe
    /// Whether to serve under the virtual router's own Ethernet address.
    case mac
    /// Another interface that it depends on.
    case track
    /// The other machines of a group without multicast.
    case peers
    /// Whether a program is run for each state.
    case hooks
    /// An address on another interface: `10.0.0.1/32@eth1`.
    case elsewhere
    /// A route, its words joined by `_`.
    case route
    /// A rule, its words joined by `_`.
    case rule
    /// An address that is not advertised.
    case hidden
  }

  /// The key.
  public var key: Key
  /// The value as text.
  public var value: String

  /// Makes a setting.
  public init(_ key: Key, _ value: String) {
    self.key = key
    self.value = value
  }

  /// The setting as a story writes it.
  public var description: String { "\(key.rawValue) \(value)" }

  /// Changes a router's settings.
  ///
  /// - Returns: whether the value makes sense.
  func apply(to router: inout RouterConfiguration) -> Bool {
    func set<Value>(_ path: WritableKeyPath<RouterConfiguration, Value>, _ value: Value?) -> Bool {
      guard let value else { return false }
      router[keyPath: path] = value
      return true
    }
    switch key {
    case .priority: return set(\.priority, Int(value).flatMap { Priority(configured: $0) })
    case .vrid: return set(\.vrid, VRID(value))
    case .interface: return set(\.interface, value)
    case .interval:
      let duration = Duration(text: value)
      return set(
        \.interval,
        duration.flatMap { AdvertisementInterval($0) ?? AdvertisementInterval($0, version: .v2) })
    case .preempt:
      if let isOn = Self.onOff[value] {
        router.preemptDelay = .zero
        return set(\.preempts, isOn)
      }
      router.preempts = true
      return set(\.preemptDelay, Duration(text: value))
    case .version: return set(\.version, UInt8(value).flatMap { ProtocolVersion(rawValue: $0) })
    case .password:
      router.password = Authentication.Password(value)
      return router.password != nil
    case .handover: return set(\.handover, HandoverPolicy(rawValue: value))
    case .probe: return set(\.probes, Self.onOff[value])
    case .mac: return set(\.virtualMAC, ["own": false, "virtual": true][value])
    case .track:
      guard let track = Track(value) else { return false }
      router.tracks.removeAll { $0.interface == track.interface }
      router.tracks.append(track)
      return true
    case .hooks:
      guard let isOn = Self.onOff[value] else { return false }
      let program = isOn ? ["/bin/true"] : []
      router.hooks = Hooks(active: program, backup: program, fault: program, stop: program)
      return true
    case .elsewhere:
      let parts = value.split(separator: "@").map(String.init)
      guard parts.count == 2, let address = InterfaceAddress(parts[0]) else { return false }
      router.elsewhere.append(ElsewhereAddress(address, interface: parts[1]))
      return true
    case .route:
      guard let route = VirtualRoute(value.replacing("_", with: " ")) else { return false }
      router.routes.append(route)
      return true
    case .rule:
      guard let rule = VirtualRule(value.replacing("_", with: " ")) else { return false }
      router.rules.append(rule)
      return true
    case .hidden:
      guard let address = IPAddress(value) else { return false }
      router.unadvertised.insert(address)
      return true
    case .peers:
      let peers = value.split(separator: ",").map { IPAddress(String($0)) }
      router.peers = peers.compactMap(\.self)
      return !peers.contains(nil) && !peers.isEmpty
    }
  }

  private static let onOff = ["on": true, "off": false]

  /// The settings of a new router.
  static func router(
    _ name: String, _ addresses: [InterfaceAddress], _ settings: [StorySetting]
  ) -> RouterConfiguration? {
    guard let vrid = VRID(exactly: 51) else { return nil }
    var router = RouterConfiguration(
      name: name, interface: "eth0", vrid: vrid, addresses: addresses)
    for setting in settings {
      guard setting.apply(to: &router) else { return nil }
    }
    return router
  }
}
