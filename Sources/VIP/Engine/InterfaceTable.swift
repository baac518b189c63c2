import Netlink
import VIPCore

/// What the kernel says about interfaces and the addresses on them that are not ours.
///
/// Kept up to date from events; read anew as a whole when events were lost.
struct InterfaceTable {
  private var links: [Int32: Link] = [:]
  /// Addresses without our tag, in the kernel's order, which decides the primary one.
  private var addresses: [Int32: [AddressRecord]] = [:]

  init() {}

  init(links: [Link], addresses: [AddressRecord]) {
    for link in links { self.links[link.index] = link }
    for record in addresses where record.protocolTag != vipProtocolTag {
      self.addresses[record.interfaceIndex, default: []].append(record)
    }
  }

  /// The interface that has a name now.
  func link(named name: String) -> Link? {
    links.values.first { $0.name == name }
  }

  /// The interface with an index.
  func link(_ index: Int32) -> Link? { links[index] }

  /// Whether an Ethernet address is one of this machine's own.
  func hasMAC(_ mac: MACAddress) -> Bool { links.values.contains { $0.macAddress == mac } }

  /// All interfaces, by name.
  var names: [String] { links.values.map(\.name).sorted() }

  mutating func update(_ link: Link) { links[link.index] = link }

  mutating func remove(_ index: Int32) {
    links[index] = nil
    addresses[index] = nil
  }

  mutating func update(_ record: AddressRecord) {
    guard record.protocolTag != vipProtocolTag else { return }
    var list = addresses[record.interfaceIndex] ?? []
    if let place = list.firstIndex(where: { $0.address == record.address }) {
      list[place] = record
    } else {
      list.append(record)
    }
    addresses[record.interfaceIndex] = list
  }

  mutating func remove(_ record: AddressRecord) {
    addresses[record.interfaceIndex]?.removeAll { $0.address == record.address }
  }

  /// The host's own record of an address on an interface.
  func hostRecord(_ address: IPAddress, on index: Int32) -> AddressRecord? {
    addresses[index]?.first { $0.address.address == address }
  }

  /// Hands out all addresses without our tag.
  func forEachHostAddress(_ body: (AddressRecord) -> Void) {
    for list in addresses.values { for record in list { body(record) } }
  }

  /// The primary address of an interface: the source of its advertisements (RFC 9568 §5.1.1.1,
  /// §5.1.2.1): the first IPv4 address, the first usable link-local IPv6 address.
  func primaryAddress(of index: Int32, _ family: AddressFamily) -> IPAddress? {
    addresses[index]?.first { record in
      guard record.address.family == family else { return false }
      if family == .ipv4 { return !record.flags.contains(.secondary) }
      return record.address.address.isLinkLocal
        && record.flags.isDisjoint(with: [.tentative, .dadFailed])
    }?.address.address
  }
}
