import VIPCore

/// The way in which a router gets from some settings to others.
package enum ChangeKind: Sendable, Hashable {
  /// Nothing is different.
  case none
  /// The running router takes the new settings over.
  case inPlace
  /// Another virtual router: the old one hands over and a new one starts.
  case replacement
}

extension RouterConfiguration {
  /// The way to other settings of the same name.
  package func change(to other: RouterConfiguration) -> ChangeKind {
    if self == other { return .none }
    let isSameRouter = RouterSetting.allCases.allSatisfy {
      !$0.declaration.isReplacement(self, other)
    }
    return isSameRouter ? .inPlace : .replacement
  }

  /// The settings that other ones of the same name have otherwise.
  package func settings(differingFrom other: RouterConfiguration) -> [RouterSetting] {
    RouterSetting.allCases.filter { !$0.declaration.differences(self, other).isEmpty }
  }

  /// The addresses that another configuration does not have.
  func addresses(notIn other: RouterConfiguration) -> [InterfaceAddress] {
    let others = Set(other.addresses)
    return addresses.filter { !others.contains($0) }
  }

  /// The difference of other settings of the same name, in words; empty if there is none.
  ///
  /// Passwords and the arguments of hooks are not told.
  func difference(to other: RouterConfiguration) -> String {
    difference(to: other, in: RouterSetting.allCases)
  }

  /// The difference of other settings in some of them, in words; empty if there is none.
  package func difference(to other: RouterConfiguration, in settings: [RouterSetting]) -> String {
    settings.flatMap { $0.declaration.differences(self, other) }.joined(separator: "; ")
  }
}

/// Finds routers that can't live together on one node, in one pass however many there are.
package struct RouterSet: Sendable {
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
  package init() {}

  /// The reason why a router can't live beside those that are here; `nil` if it can.
  package func collision(of router: RouterConfiguration) -> ConfigurationError? {
    var rivals = routers[router.name].map { [$0.name] } ?? []
    for family in router.families {
      let key = VRIDKey(interface: router.interface, vrid: router.vrid, family: family)
      if let rival = vrids[key] { rivals.append(rival) }
    }
    for key in Self.keys(of: router) {
      if let rival = addresses[key] { rivals.append(rival) }
    }
    for case let rival? in rivals.map({ routers[$0] }) {
      if let collision = router.collision(with: rival) { return collision }
    }
    return nil
  }

  /// The places of its addresses.
  private static func keys(of router: RouterConfiguration) -> [AddressKey] {
    router.addresses.map { AddressKey(interface: router.interface, address: $0.address) }
      + router.elsewhere.map {
        AddressKey(interface: $0.interface, address: $0.address.address)
      }
  }

  /// Adds a router.
  ///
  /// - Returns: why it can't live beside those that are here, in which case it is not added.
  package mutating func insert(_ router: RouterConfiguration) -> ConfigurationError? {
    if let collision = collision(of: router) { return collision }
    routers[router.name] = router
    for family in router.families {
      vrids[VRIDKey(interface: router.interface, vrid: router.vrid, family: family)] = router.name
    }
    for key in Self.keys(of: router) { addresses[key] = router.name }
    return nil
  }
}
