import Netlink
import VIPCore

/// The macvlan that carries a router's addresses under its virtual MAC address (RFC 9568 §7.3).
struct VirtualInterface {
  /// What a virtual MAC address needs of the interface below, and puts back: ARP requests for a
  /// virtual address must not be answered with the interface's own Ethernet address, and none that
  /// it asks itself may name a virtual address as theirs.
  static let parentSettings: [IPv4Setting: Int32] = [.arpIgnore: 1, .arpAnnounce: 2]

  let name: String
  let macAddress: MACAddress
  /// The kernel's number for it; `nil` while it is missing.
  var index: Int32?
  /// Whether it is switched on, by our doing.
  var isUp = false
  /// Why it can't do what it should.
  var failure: String?
  /// When to look after it again.
  var retryAt: Instant?
  /// When what was loaded without an end gets its leases.
  var leasesAt: Instant?
  /// When it was last put in order after somebody else had changed it.
  var lastRepair: Instant?

  /// The name of a router's macvlan: `vip4-2-51` for VRID 51 of IPv4 on interface number 2.
  static func name(onInterface index: Int32, _ vrid: VRID, _ family: AddressFamily) -> String {
    let start = family == .ipv4 ? "vip4-" : "vip6-"
    let name = "\(start)\(index)-\(vrid)"
    // The system's limit. Numbers as long as that are rare, and a dot is in no short name.
    guard name.utf8.count > 15 else { return name }
    return start + String(index, radix: 36) + "." + String(vrid.rawValue, radix: 16)
  }

  // MARK: The remark

  private static let remark = "vipctl: virtual router "
  private static let restoration = "; to restore:"

  /// The remark by which it can be recognised later, with what its parent had before.
  static func alias(
    _ vrid: VRID, on parent: String, restoring settings: [IPv4Setting: Int32] = [:]
  ) -> String {
    let text = "\(remark)\(vrid) on \(parent)"
    guard !settings.isEmpty else { return text }
    let list = settings.map { "\($0.key.name)=\($0.value)" }.sorted()
    return "\(text)\(restoration) \(list.joined(separator: " "))"
  }

  /// Whether this package has made a macvlan.
  static func isOurs(_ link: Link) -> Bool {
    link.kind == "macvlan" && link.alias?.hasPrefix(remark) ?? false
  }

  /// What the parent of a macvlan of ours had before, as far as it was changed.
  static func restoration(in alias: String?) -> [IPv4Setting: Int32] {
    var settings: [IPv4Setting: Int32] = [:]
    for word in (alias ?? "").split(separator: " ") {
      let parts = word.split(separator: "=")
      guard parts.count == 2, let value = Int32(parts[1]),
        let setting = parentSettings.keys.first(where: { $0.name == parts[0] })
      else { continue }
      settings[setting] = value
    }
    return settings
  }
}

/// An interface whose ARP settings are changed, and for whom.
struct HushedParent {
  /// What they were, as far as they were changed.
  var saved: [IPv4Setting: Int32]
  /// The slots of the routers that need it.
  var users: Set<Int> = []
}
