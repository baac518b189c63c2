import Netlink
import VIPCore

/// The names of the macvlans of this package, by which they are recognised.
extension RouterMacvlan {
  /// The name of a router's macvlan: `vip4-2-51` for VRID 51 of IPv4 on interface number 2.
  static func name(onInterface index: Int32, _ vrid: VRID, _ family: AddressFamily) -> String {
    let start = family == .ipv4 ? "vip4-" : "vip6-"
    let name = "\(start)\(index)-\(vrid)"
    // The system's limit. Numbers as long as that are rare, and a dot is in no short name.
    guard name.utf8.count > 15 else { return name }
    return start + String(index, radix: 36) + "." + String(vrid.rawValue, radix: 16)
  }

  private static let aliasStart = "vipctl: virtual router "
  private static let restorationStart = "; to restore:"

  /// The alias by which it can be recognised later, with what its parent had before.
  static func alias(
    _ vrid: VRID, on parent: String, restoring settings: [IPv4Setting: Int32] = [:]
  ) -> String {
    let text = "\(aliasStart)\(vrid) on \(parent)"
    guard !settings.isEmpty else { return text }
    let list = settings.map { "\($0.key.name)=\($0.value)" }.sorted()
    return "\(text)\(restorationStart) \(list.joined(separator: " "))"
  }

  /// Whether this package has made an interface.
  static func isOurs(_ link: Link) -> Bool {
    link.kind == "macvlan" && link.alias?.hasPrefix(aliasStart) ?? false
  }

  /// The former settings of the parent of a macvlan of this package, as far as they were changed.
  static func restoration(in alias: String?) -> [IPv4Setting: Int32] {
    var settings: [IPv4Setting: Int32] = [:]
    for word in (alias ?? "").split(separator: " ") {
      let parts = word.split(separator: "=")
      guard parts.count == 2, let value = Int32(parts[1]),
        let setting = ParentSettings.needed.keys.first(where: { $0.name == parts[0] })
      else { continue }
      settings[setting] = value
    }
    return settings
  }
}
