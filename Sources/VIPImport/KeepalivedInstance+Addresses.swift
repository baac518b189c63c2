import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The virtual addresses of a `vrrp_instance`.
extension KeepalivedInstance {
  mutating func readAddresses(device: String) {
    for child in values["virtual_ipaddress"]?.block ?? [] {
      guard let address = self.address(child, device: device) else { continue }
      guard !addresses.contains(where: { $0.address == address.address }) else {
        remark(child, "'\(child.keyword)' is listed twice; it is taken once")
        continue
      }
      // keepalived takes the family of the first address, and refuses the others.
      if let first = addresses.first, first.family != address.family {
        remark(
          child,
          "'\(child.keyword)' is not \(first.family) as the first address is; keepalived "
            + "ignores it here, and it is left out")
        continue
      }
      addresses.append(address)
      origins.append(child.source)
    }
    for child in values["virtual_ipaddress_excluded"]?.block ?? [] {
      remark(
        child,
        "'\(child.keyword)' is held but not advertised by keepalived; here all addresses "
          + "are advertised, so add it to 'addresses' once all nodes run vipctl")
    }
  }

  private mutating func address(_ child: KeepalivedNode, device: String) -> InterfaceAddress? {
    let address: InterfaceAddress
    do throws(SettingError) {
      address = try SettingText.address(child.keyword)
    } catch {
      remark(child, "\(error); it is left out")
      return nil
    }
    var rest = child.arguments[...]
    while let option = rest.popFirst() {
      let takesValue = ["brd", "dev", "scope", "label", "peer", "preferred_lft", "track_group"]
      let value = takesValue.contains(option) ? rest.popFirst() ?? "" : ""
      switch (option, value) {
      case ("dev", device), ("scope", "global"), ("-nodad", _): continue
      case ("dev", let other):
        remark(
          child,
          "\(address) goes on \(other), not on \(device); it is left out: make a router of "
            + "its own for \(other)")
        return nil
      case ("brd", let text) where Self.isUsualBroadcast(text, of: address): continue
      case ("label", _), ("brd", _):
        remark(child, "'\(option) \(value)' of \(address) is not set; nothing needs it")
      default:
        let words = value.isEmpty ? option : "\(option) \(value)"
        remark(child, "'\(words)' of \(address) has no equivalent; look whether you need it")
      }
    }
    return address
  }

  /// Whether a broadcast address is the one of the address's network, as `+` always is.
  private static func isUsualBroadcast(_ text: String, of address: InterfaceAddress) -> Bool {
    guard text != "+" else { return true }
    guard case .v4(let mine) = address.address, let given = IPv4Address(text),
      address.prefixLength < 31
    else { return false }
    return given.rawValue == mine.rawValue | UInt32.max >> UInt32(address.prefixLength)
  }
}
