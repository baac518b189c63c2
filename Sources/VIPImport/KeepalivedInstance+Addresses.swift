import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The virtual addresses of a `vrrp_instance`.
extension KeepalivedInstance {
  mutating func readAddresses(device: String) {
    var seen: Set<IPAddress> = []
    for child in values["virtual_ipaddress"]?.block ?? [] {
      guard let entry = entry(child, device: device) else { continue }
      let address = entry.address
      guard !seen.contains(address.address) else {
        remark(child, "'\(child.keyword)' is listed twice; it is taken once", .note)
        continue
      }
      // keepalived takes the family of the first address, and refuses the others.
      if isNativeIPv6, address.family != .ipv6 {
        remark(
          child,
          "'\(child.keyword)' is not IPv6, as 'native_ipv6' demands; keepalived ignores it here, and "
            + "it is left out", .note)
        continue
      }
      if let first = addresses.first?.address, first.family != address.family {
        remark(
          child,
          "'\(child.keyword)' is not \(first.family) as the first address is; keepalived "
            + "ignores it here, and it is left out", .note)
        continue
      }
      seen.insert(address.address)
      addresses.append(entry)
    }
  }

  private mutating func entry(_ child: KeepalivedNode, device: String) -> ImportedRouter.Address? {
    let address: InterfaceAddress
    do throws(SettingError) {
      address = try SettingText.address(child.keyword)
    } catch {
      remark(child, "\(error); it is left out")
      return nil
    }
    var entry = ImportedRouter.Address(address: address, source: child.source)
    var rest = child.arguments[...]
    while let option = rest.popFirst() {
      let takesValue = ["brd", "dev", "scope", "label", "peer", "preferred_lft", "track_group"]
      let value = takesValue.contains(option) ? rest.popFirst() ?? "" : ""
      switch (option, value) {
      case ("dev", device), ("scope", "global"), ("-nodad", _), ("preferred_lft", "0"): continue
      case ("dev", let other) where !other.isEmpty: entry.interface = other
      case ("brd", let text) where Self.isUsualBroadcast(text, of: address): continue
      case ("label", let text) where !text.isEmpty && address.family == .ipv4: entry.label = text
      case ("label", _):
        remark(child, "keepalived ignores the label of an IPv6 address, and it is left out", .note)
      case ("no_track", _):
        remark(
          child,
          "'no_track' of \(address) needs no equivalent; an address that another program removes is "
            + "put back", .note)
      case ("brd", _):
        remark(child, "'\(option) \(value)' of \(address) is not set; nothing needs it")
      case (let text, _) where InterfaceAddress(text) != nil:
        remark(
          child,
          "'\(text)' stands on the line of another address, where keepalived ignores it; it is left "
            + "out", .note)
      default:
        let words = value.isEmpty ? option : "\(option) \(value)"
        remark(
          child, "'\(words.shortened)' of \(address) has no equivalent; look whether you need it")
      }
    }
    return entry
  }

  /// Whether a broadcast address is the one of the address's network, as `+` always is.
  private static func isUsualBroadcast(_ text: String, of address: InterfaceAddress) -> Bool {
    guard text != "+" else { return true }
    guard case .v4(let mine) = address.address, let given = IPv4Address(text),
      address.prefixLength < 31
    else { return false }
    return given.rawValue == mine.rawValue | UInt32.max >> UInt32(address.prefixLength)
  }

  // MARK: Addresses that are not advertised

  /// Reads the addresses that keepalived holds without advertising them, of either family.
  mutating func readExcluded(device: String) {
    var seen = Set(addresses.map(\.address.address))
    for child in values["virtual_ipaddress_excluded"]?.block ?? [] {
      guard var entry = entry(child, device: device) else { continue }
      guard seen.insert(entry.address.address).inserted else {
        remark(child, "'\(child.keyword)' is listed twice; it is taken once", .note)
        continue
      }
      entry.isAdvertised = false
      addresses.append(entry)
    }
  }

  /// Leaves out of the addresses what does not go with the rest of the router.
  mutating func settle(_ configuration: inout RouterConfiguration) {
    let isOwner = configuration.priority == .owner
    addresses.removeAll { entry in
      guard isOwner, entry.interface != nil || !entry.isAdvertised else { return false }
      remarks.append(
        ImportRemark(
          source: entry.source,
          text: "\(entry.address) is left out: with priority 255 a router has the addresses of its "
            + "interface and no others; take a lower one"))
      return true
    }
    configuration.addresses = addresses.filter(\.isAdvertised).map(\.address)
    for index in addresses.indices {
      guard let label = addresses[index].label else { continue }
      let place = addresses[index].interface ?? configuration.interface
      guard configuration.virtualMAC || !Self.isLabel(label, of: place) else { continue }
      addresses[index].label = nil
      let reason =
        configuration.virtualMAC
        ? "there are none with a virtual MAC address"
        : "one is '\(place):' and something behind it, 15 characters in all"
      remarks.append(
        ImportRemark(
          source: addresses[index].source,
          text:
            "the label '\(label.shortened)' of \(addresses[index].address) is left out: \(reason)"))
    }
  }

  private static func isLabel(_ label: String, of interface: String) -> Bool {
    label.utf8.count < 16 && label.hasPrefix("\(interface):")
      && label.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }
}
