public import VIPCore
import VRRP

/// A virtual address that is held on another interface than the router's own: on `lo` of a machine
/// that answers for it by routing, on a VLAN, a bridge, a bond or a dummy interface.
public struct ElsewhereAddress: Sendable, Hashable, Codable {
  /// The address.
  public var address: InterfaceAddress
  /// The interface.
  public var interface: String
  /// Whether advertisements list it, as those of keepalived do.
  public var isAdvertised: Bool

  /// Makes an entry.
  ///
  /// - Parameters:
  ///   - address: the address.
  ///   - interface: the interface, which need not be Ethernet nor have a carrier.
  ///   - isAdvertised: on if left out.
  public init(_ address: InterfaceAddress, interface: String, isAdvertised: Bool = true) {
    self.address = address
    self.interface = interface
    self.isAdvertised = isAdvertised
  }
}

extension ElsewhereAddress: CustomStringConvertible {
  /// The address and its place, such as `192.0.2.11/32 on lo`.
  public var description: String {
    "\(address) on \(interface)" + (isAdvertised ? "" : ", not advertised")
  }
}

extension RouterConfiguration {
  /// The most addresses elsewhere, routes and rules that one router may have, taken together.
  public static let extraCountMax = 1000

  /// Checks addresses elsewhere and those that are not advertised, beside the plain ones.
  ///
  /// - Parameter seen: the plain addresses.
  /// - Throws: the first thing that is wrong.
  func validateElsewhere(_ seen: Set<IPAddress>) throws(ConfigurationError) {
    for (index, entry) in elsewhere.enumerated() {
      func refuse(_ text: String) -> ConfigurationError {
        ConfigurationError(.elsewhere(index), router: name, text)
      }
      if let problem = Self.problem(interfaceName: entry.interface) { throw refuse(problem) }
      if let reason = Self.reasonAgainst(entry.address) {
        throw refuse("\(entry.address.address) \(reason)")
      }
      guard entry.interface != interface else {
        throw refuse(
          "\(entry.address.address) is said to be elsewhere, but \(interface) is the router's own "
            + "interface; leave the interface out")
      }
      guard !seen.contains(entry.address.address) else {
        throw refuse("\(entry.address.address) is given twice; name it once")
      }
      let twin = elsewhere[..<index].contains {
        $0.address.address == entry.address.address
      }
      guard !twin else { throw refuse("\(entry.address.address) is given twice; name it once") }
    }
    for (address, label) in labels.sorted(by: { $0.key < $1.key }) {
      let own = seen.contains(address) ? interface : nil
      let place = own ?? elsewhere.first { $0.address.address == address }?.interface
      func refuse(_ text: String) -> ConfigurationError {
        ConfigurationError(.addresses, router: name, text)
      }
      guard let place else { throw refuse("\(address) has a label and is no address here") }
      guard address.family == .ipv4 else {
        throw refuse("\(address) has a label, which IPv6 has not; leave it out")
      }
      guard !virtualMAC else {
        throw refuse("with a virtual MAC address there are no labels; leave '\(label)' out")
      }
      guard label.utf8.count < 16, label.hasPrefix("\(place):"),
        label.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
      else {
        throw refuse(
          "'\(label)' is no label; write \(place): and something behind it, 15 characters in all")
      }
    }
    guard priority != .owner || (elsewhere.isEmpty && unadvertised.isEmpty) else {
      throw ConfigurationError(
        .addresses, router: name,
        "an owner (priority 255) has the interface's own addresses and no others; take a lower "
          + "priority, or leave out what is elsewhere or not advertised")
    }
    if let stray = unadvertised.first(where: { !seen.contains($0) }) {
      throw ConfigurationError(
        .addresses, router: name, "\(stray) is not advertised and no address of the router either")
    }
    guard elsewhere.count + routes.count + rules.count <= Self.extraCountMax else {
      throw ConfigurationError(
        .router, router: name,
        "\(elsewhere.count + routes.count + rules.count) addresses elsewhere, routes and rules are "
          + "more than \(Self.extraCountMax) in one router")
    }
  }
}
