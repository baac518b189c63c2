import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// The virtual addresses of a `vrrp_instance`.
extension KeepalivedInstance {
  mutating func readAddresses(device: String) {
    var seen: Set<IPAddress> = []
    for child in values["virtual_ipaddress"]?.block ?? [] {
      guard let address = self.address(child, device: device) else { continue }
      guard !seen.contains(address.address) else {
        remark(child, "'\(child.keyword)' is listed twice; it is taken once")
        continue
      }
      // keepalived takes the family of the first address, and refuses the others.
      if isNativeIPv6, address.family != .ipv6 {
        remark(
          child,
          "'\(child.keyword)' is not IPv6, as 'native_ipv6' demands; keepalived ignores it here, and "
            + "it is left out")
        continue
      }
      if let first = addresses.first, first.family != address.family {
        remark(
          child,
          "'\(child.keyword)' is not \(first.family) as the first address is; keepalived "
            + "ignores it here, and it is left out")
        continue
      }
      seen.insert(address.address)
      addresses.append(address)
      origins.append(child.source)
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
      case (let text, _) where InterfaceAddress(text) != nil:
        remark(
          child,
          "'\(text)' stands on the line of another address, where keepalived ignores it; it is left "
            + "out")
      default:
        let words = value.isEmpty ? option : "\(option) \(value)"
        remark(
          child, "'\(words.shortened)' of \(address) has no equivalent; look whether you need it")
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

  // MARK: Addresses that are not advertised

  /// The reason why excluded addresses are left out, and what to do about them.
  private enum Exclusion: Hashable {
    case same
    case otherFamily(AddressFamily)
    case version2
    case elsewhere(String)
  }

  /// Says of the addresses that keepalived holds without advertising them what to do, those of
  /// which the same is true in one line.
  mutating func tellExcluded(device: String, version: ProtocolVersion) {
    var found: [(Exclusion, nodes: [KeepalivedNode])] = []
    var places: [Exclusion: Int] = [:]
    for child in values["virtual_ipaddress_excluded"]?.block ?? [] {
      let address: InterfaceAddress
      do throws(SettingError) {
        address = try SettingText.address(child.keyword)
      } catch {
        remark(child, "\(error); it is left out")
        continue
      }
      let exclusion = exclusion(of: address, child, device: device, version: version)
      if let place = places[exclusion] {
        found[place].nodes.append(child)
      } else {
        places[exclusion] = found.count
        found.append((exclusion, [child]))
      }
    }
    for (exclusion, nodes) in found {
      let names = nodes.prefix(3).map { "'\($0.keyword)'" }.joined(separator: ", ")
      let more = nodes.count > 3 ? " and \(nodes.count - 3) more" : ""
      let (verb, them) = nodes.count == 1 ? ("is", "it") : ("are", "them")
      remark(
        nodes[0],
        "\(names)\(more) \(verb) held but not advertised by keepalived, and left out; "
          + advice(exclusion, them))
    }
  }

  private func exclusion(
    of address: InterfaceAddress, _ child: KeepalivedNode, device: String,
    version: ProtocolVersion
  ) -> Exclusion {
    let options = child.arguments
    if let index = options.firstIndex(of: "dev"), index + 1 < options.count,
      options[index + 1] != device
    {
      return .elsewhere(options[index + 1])
    }
    guard address.family != (addresses.first?.family ?? address.family) else { return .same }
    return version == .v2 ? .version2 : .otherFamily(address.family)
  }

  private func advice(_ exclusion: Exclusion, _ them: String) -> String {
    let when = "once all machines run \(wording.program)"
    return switch exclusion {
    case .same: "here all addresses are advertised: add \(them) to 'addresses' \(when)"
    case .otherFamily(let family):
      "add \(them) to 'addresses' \(when): \(family) then has an election of its own under the VRID"
    case .version2:
      "version 2 has no IPv6: make a router with version 3 for \(them) \(when)"
    case .elsewhere(let device): "make a router of its own on \(device) for \(them) \(when)"
    }
  }
}
