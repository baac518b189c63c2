import Netlink
import VIPCore

/// What the kernel says about interfaces and the addresses on them that are not ours.
///
/// Kept up to date from events; read again as a whole when events were lost.
struct InterfaceTable {
  private var links: [Int32: Link] = [:]
  /// The interfaces by the name that each has now.
  private var indices: [String: Int32] = [:]
  /// Addresses without our tag, by interface and address, whatever their prefix lengths: a machine
  /// may have thousands, and each may come or go.
  private var addresses: [Int32: [IPAddress: [Entry]]] = [:]
  private var lastOrder: UInt64 = 0

  private struct Entry {
    /// Its place in the kernel's order, which decides the primary one.
    let order: UInt64
    var record: AddressRecord
  }

  init() {}

  init(links: [Link], addresses: [AddressRecord]) {
    for link in links { update(link) }
    for record in addresses { update(record) }
  }

  /// The interface that has a name now.
  func link(named name: String) -> Link? {
    indices[name].flatMap { links[$0] }
  }

  /// The interface with an index.
  func link(_ index: Int32) -> Link? { links[index] }

  /// Whether an Ethernet address is one of this machine's own.
  func hasMAC(_ mac: MACAddress) -> Bool { links.values.contains { $0.macAddress == mac } }

  /// All interfaces, by name.
  var names: [String] { links.values.map(\.name).sorted() }

  mutating func update(_ link: Link) {
    let previous = links.updateValue(link, forKey: link.index)
    guard previous?.name != link.name else { return }
    if let previous { forgetName(of: previous) }
    indices[link.name] = link.index
  }

  mutating func remove(_ index: Int32) {
    if let link = links.removeValue(forKey: index) { forgetName(of: link) }
    addresses[index] = nil
  }

  /// Another interface may have the name by now.
  private mutating func forgetName(of link: Link) {
    if indices[link.name] == link.index { indices[link.name] = nil }
  }

  mutating func update(_ record: AddressRecord) {
    guard record.protocolTag != vipProtocolTag else { return }
    let key = record.address.address
    var entries = addresses[record.interfaceIndex]?[key] ?? []
    if let place = entries.firstIndex(where: { $0.record.address == record.address }) {
      entries[place].record = record
    } else {
      lastOrder += 1
      entries.append(Entry(order: lastOrder, record: record))
    }
    addresses[record.interfaceIndex, default: [:]][key] = entries
  }

  mutating func remove(_ record: AddressRecord) {
    let key = record.address.address
    guard var entries = addresses[record.interfaceIndex]?[key] else { return }
    entries.removeAll { $0.record.address == record.address }
    addresses[record.interfaceIndex]?[key] = entries.isEmpty ? nil : entries
  }

  /// The host's own record of an address on an interface.
  func hostRecord(_ address: IPAddress, on index: Int32) -> AddressRecord? {
    addresses[index]?[address]?.first?.record
  }

  /// Whether the host has an address in one of some subnets on an interface.
  func hasHostAddress(in subnets: Set<InterfaceAddress>, on index: Int32) -> Bool {
    addresses[index]?.values.contains { entries in
      entries.contains { subnets.contains($0.record.address.subnet) }
    } ?? false
  }

  /// Hands out all addresses without our tag.
  func forEachHostAddress(_ body: (AddressRecord) -> Void) {
    for list in addresses.values {
      for entries in list.values { for entry in entries { body(entry.record) } }
    }
  }

  /// The primary address of an interface: the source of its advertisements (RFC 9568 §5.1.1.1,
  /// §5.1.2.1): the first IPv4 address, the first usable link-local IPv6 address.
  ///
  /// If it must be valid beyond the link, for unicast peers that are, the first such IPv6 address.
  func primaryAddress(
    of index: Int32, _ family: AddressFamily, isGlobal: Bool = false
  ) -> IPAddress? {
    var first: Entry?
    for entries in (addresses[index] ?? [:]).values {
      for entry in entries where entry.order < first?.order ?? .max {
        if Self.canBePrimary(entry.record, family, isGlobal: isGlobal) { first = entry }
      }
    }
    return first?.record.address.address
  }

  private static func canBePrimary(
    _ record: AddressRecord, _ family: AddressFamily, isGlobal: Bool
  ) -> Bool {
    guard record.address.family == family else { return false }
    if family == .ipv4 { return !record.flags.contains(.secondary) }
    return record.address.address.isLinkLocal != isGlobal
      && record.flags.isDisjoint(with: [.tentative, .dadFailed])
  }
}

extension InterfaceAddress {
  /// The network's address with the prefix length: the same for all addresses of one subnet.
  var subnet: InterfaceAddress {
    switch address {
    case .v4(let v4):
      let mask = prefixLength == 0 ? 0 : UInt32.max << UInt32(32 - prefixLength)
      let network = IPAddress.v4(IPv4Address(rawValue: v4.rawValue & mask))
      return InterfaceAddress(network, prefixLength: prefixLength) ?? self
    case .v6:
      return self
    }
  }
}
