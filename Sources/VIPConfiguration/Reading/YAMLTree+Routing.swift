package import VIP
package import VIPCore

/// Addresses with a place of their own, routes and rules.
extension YAMLTree {
  /// An address and where it is.
  struct PlacedAddress {
    var address: InterfaceAddress
    /// The interface; `nil` for the router's own.
    var interface: String?
    var isAdvertised = true
    var label: String?
  }

  /// `192.0.2.10/24`, or `{ address: 192.0.2.11/32, interface: lo, advertised: false }`.
  func placedAddress() throws(Diagnostic) -> PlacedAddress {
    guard case .map = content else {
      return PlacedAddress(address: try setting("addresses", SettingText.address))
    }
    var keys = try KeyedValues(
      self, knownKeys: ["address", "interface", "advertised", "label"], where: "in an address")
    guard let address = try keys.take("address")?.setting("address", SettingText.address) else {
      throw Diagnostic(place, "an entry of 'addresses' needs an 'address'")
    }
    var entry = PlacedAddress(address: address)
    entry.interface = try keys.take("interface")?.text("interface", example: "lo")
    if let flag = try keys.take("advertised")?.flag("advertised") { entry.isAdvertised = flag }
    entry.label = try keys.take("label")?.text("label", example: "eth0:1")
    return entry
  }

  /// `224.0.0.100`, or a list of one for each family.
  func multicastGroups() throws(Diagnostic) -> [IPAddress] {
    guard case .list(let items) = content else {
      return [try setting("multicastGroup", SettingText.group)]
    }
    var list: [IPAddress] = []
    for item in items { list.append(try item.setting("multicastGroup", SettingText.group)) }
    return list
  }

  /// `192.0.2.1`, or a list of one for each family.
  func unicastSource() throws(Diagnostic) -> [IPAddress] {
    guard case .list(let items) = content else {
      return [try setting("unicastSource", SettingText.host)]
    }
    var list: [IPAddress] = []
    for item in items { list.append(try item.setting("unicastSource", SettingText.host)) }
    return list
  }

  /// `{ destination: 198.18.5.0/24, via: 192.0.2.1, interface: eth1, … }`.
  func route() throws(Diagnostic) -> VirtualRoute {
    var keys = try KeyedValues(
      self,
      knownKeys: ["destination", "via", "interface", "source", "metric", "table", "scope"],
      where: "in a route")
    guard let value = keys.take("destination") else {
      throw Diagnostic(place, "a route needs a 'destination', such as 0.0.0.0/0")
    }
    var route = VirtualRoute(to: try value.setting("destination", SettingText.network))
    route.via = try keys.take("via")?.setting("via", SettingText.host)
    route.interface = try keys.take("interface")?.text("interface", example: "eth1")
    route.source = try keys.take("source")?.setting("source", SettingText.host)
    route.metric = try keys.take("metric")?.number("metric", SettingText.number32)
    if let table = try keys.take("table")?.number("table", SettingText.number32) {
      route.table = table
    }
    route.scope = try keys.take("scope")?.setting("scope", SettingText.scope)
    return route
  }

  /// `{ from: 192.0.2.10/32, table: 100, priority: 1000 }`.
  func rule() throws(Diagnostic) -> VirtualRule {
    var keys = try KeyedValues(
      self, knownKeys: ["from", "to", "fwmark", "table", "priority"], where: "in a rule")
    guard let table = try keys.take("table")?.number("table", SettingText.number32) else {
      throw Diagnostic(place, "a rule needs the number of a 'table'")
    }
    var rule = VirtualRule(table: table)
    rule.from = try keys.take("from")?.setting("from", SettingText.network)
    rule.to = try keys.take("to")?.setting("to", SettingText.network)
    rule.mark = try keys.take("fwmark")?.number("fwmark", SettingText.number32)
    if let priority = try keys.take("priority")?.number("priority", SettingText.number32) {
      rule.priority = priority
    }
    return rule
  }
}

extension SettingText {
  /// A multicast group.
  package static func group(_ text: String) throws(SettingError) -> IPAddress {
    guard let group = IPAddress(text), group.isMulticast else {
      throw SettingError(
        "'\(text)' is no multicast group; give one such as 224.0.0.100 or ff02::100")
    }
    return group
  }

  /// `198.18.5.0/24`; an address alone is a network of one, `default` is nothing here.
  package static func network(_ text: String) throws(SettingError) -> InterfaceAddress {
    if let network = InterfaceAddress(text) { return network }
    if text == "default" {
      throw SettingError("'default' does not tell the family; write 0.0.0.0/0 or ::/0")
    }
    throw SettingError("'\(text)' is not a network; write it like 198.18.5.0/24 or 2001:db8::/64")
  }

  /// The reach of a route's destination.
  package static func scope(_ text: String) throws(SettingError) -> VirtualRoute.Scope {
    guard let scope = VirtualRoute.Scope(rawValue: text) else {
      let known = VirtualRoute.Scope.allCases.map(\.rawValue).joined(separator: ", ")
      throw SettingError("'\(text)' is not a scope; give one of \(known)")
    }
    return scope
  }

  /// A number of 32 bits, decimal or as `0x1f`.
  package static func number32(_ text: String) throws(SettingError) -> UInt32 {
    let number =
      text.hasPrefix("0x")
      ? UInt32(text.dropFirst(2), radix: 16) : decimal(text).flatMap(UInt32.init(exactly:))
    guard let number else {
      throw SettingError("'\(text)' is not a number from 0 to 4294967295")
    }
    return number
  }
}
