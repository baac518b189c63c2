import VIPCore
import VRRP

/// How a router gets from some settings to others.
package enum ChangeKind: Sendable, Hashable {
  /// Nothing is different.
  case none
  /// The running router takes the new settings over.
  case inPlace
  /// It is another virtual router: the old one hands over and a new one starts.
  case replacement
}

extension RouterConfiguration {
  /// What it takes to get to other settings of the same name.
  package func change(to other: RouterConfiguration) -> ChangeKind {
    if self == other { return .none }
    // An owner's addresses are the interface's own, which is decided when it starts.
    let isSameRouter =
      interface == other.interface && vrid == other.vrid && version == other.version
      && (priority == .owner) == (other.priority == .owner) && virtualMac == other.virtualMac
    return isSameRouter ? .inPlace : .replacement
  }

  /// How other settings of the same name differ, in words; empty if they don't.
  ///
  /// Passwords are not told, not even to say which one it was.
  func difference(to other: RouterConfiguration) -> String {
    var parts: [String] = []
    func compare<Value: Equatable>(_ what: String, _ old: Value, _ new: Value) {
      if old != new { parts.append("\(what) \(old) → \(new)") }
    }
    compare("interface", interface, other.interface)
    compare("VRID", vrid, other.vrid)
    compare("version", version.rawValue, other.version.rawValue)
    compare("priority", priority, other.priority)
    compare("interval", interval, other.interval)
    compare("preempt", preempt, other.preempt)
    compare("preemption delay", preemptDelay.text, other.preemptDelay.text)
    compare("checksum", checksum.rawValue, other.checksum.rawValue)
    compare("handover", handover.rawValue, other.handover.rawValue)
    compare("probe", probe, other.probe)
    compare("virtual MAC address", virtualMac, other.virtualMac)
    compare("track", Self.text(tracks), Self.text(other.tracks))
    compare("peers", Self.text(peers), Self.text(other.peers))
    if password != other.password { parts.append("another password") }
    // Arguments may be secrets too.
    let differing = HookState.allCases.filter { hooks[$0] != other.hooks[$0] }.map(\.rawValue)
    if !differing.isEmpty { parts.append("hooks: \(differing.joined(separator: ", "))") }
    compare("time limit of hooks", hooks.timeout.text, other.hooks.timeout.text)
    let (old, new) = (Set(addresses), Set(other.addresses))
    let added = other.addresses.filter { !old.contains($0) }
    let removed = addresses.filter { !new.contains($0) }
    if !added.isEmpty { parts.append("new: \(Self.list(added))") }
    if !removed.isEmpty { parts.append("gone: \(Self.list(removed))") }
    if added.isEmpty, removed.isEmpty, addresses != other.addresses {
      parts.append("order of the addresses")
    }
    return parts.joined(separator: "; ")
  }

  private static func text(_ values: [some CustomStringConvertible]) -> String {
    values.isEmpty ? "none" : values.map(\.description).joined(separator: " ")
  }

  private static func list(_ addresses: [InterfaceAddress]) -> String {
    let first = addresses.prefix(3).map(\.description).joined(separator: " ")
    return addresses.count > 3 ? "\(first) and \(addresses.count - 3) more" : first
  }
}

/// Finds routers that can't live together on one node, in one pass however many there are.
public struct RouterSet: Sendable {
  private struct VRIDKey: Hashable {
    var interface: String
    var vrid: VRID
    var family: AddressFamily
  }

  private struct AddressKey: Hashable {
    var interface: String
    var address: IPAddress
  }

  private var routers: [String: RouterConfiguration] = [:]
  private var vrids: [VRIDKey: String] = [:]
  private var addresses: [AddressKey: String] = [:]

  /// Makes an empty set.
  public init() {}

  /// Why a router can't live beside those that are here; `nil` if it can.
  public func collision(of router: RouterConfiguration) -> ConfigurationError? {
    var rivals = routers[router.name].map { [$0.name] } ?? []
    for family in router.families {
      let key = VRIDKey(interface: router.interface, vrid: router.vrid, family: family)
      if let rival = vrids[key] { rivals.append(rival) }
    }
    for address in router.addresses {
      let key = AddressKey(interface: router.interface, address: address.address)
      if let rival = addresses[key] { rivals.append(rival) }
    }
    for case let rival? in rivals.map({ routers[$0] }) {
      if let collision = router.collision(with: rival) { return collision }
    }
    return nil
  }

  /// Adds a router.
  ///
  /// - Returns: why it can't live beside those that are here, in which case it is not added.
  public mutating func insert(_ router: RouterConfiguration) -> ConfigurationError? {
    if let collision = collision(of: router) { return collision }
    routers[router.name] = router
    for family in router.families {
      vrids[VRIDKey(interface: router.interface, vrid: router.vrid, family: family)] = router.name
    }
    for address in router.addresses {
      addresses[AddressKey(interface: router.interface, address: address.address)] = router.name
    }
    return nil
  }
}
