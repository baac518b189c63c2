package import Netlink
package import VIPCore
import VRRP

/// The kernel's interfaces, and the addresses on them that are not this node's.
///
/// Kept up to date from events; read again as a whole when events were lost.
struct InterfaceTable {
  private var links: [Int32: Link] = [:]
  /// The interfaces by the names that each has now, alternative ones too.
  private var indices: [String: Int32] = [:]
  /// Addresses without our tag, by interface and address, whatever their prefix lengths: a machine
  /// may have thousands, and each may come or go.
  private var addresses: [Int32: [IPAddress: [Entry]]] = [:]
  /// Addresses with our tag to which others of their subnets are secondary, by interface.
  private var virtualPrimaries: [Int32: Set<InterfaceAddress>] = [:]
  private var lastOrder: UInt64 = 0
  /// The interfaces that had a name before they got another one, by that name.
  private var formerNames: [String: Int32] = [:]
  /// The largest number of names that are remembered.
  private static let formerNamesMax = 256

  private struct Entry {
    /// Its place in the kernel's order, which decides the primary one.
    let order: UInt64
    var record: AddressRecord
  }

  init() {}

  /// Makes a table of what the kernel has now.
  ///
  /// - Parameters:
  ///   - links: its interfaces.
  ///   - addresses: what is on them.
  ///   - former: what was known before: names that have changed since then are known too.
  init(links: [Link], addresses: [AddressRecord], after former: InterfaceTable = InterfaceTable()) {
    for link in links { update(link) }
    for record in addresses { update(record) }
    formerNames = former.formerNames.filter { self.links[$0.value] != nil }
    for (index, link) in self.links {
      if let before = former.links[index], before.name != link.name {
        remember(before.name, of: index)
      }
    }
  }

  /// The interface that has a name now, as its own or as an alternative one.
  func link(named name: String) -> Link? {
    indices[name].flatMap { links[$0] }
  }

  /// The name that an interface has now which had another one before; `nil` if none had it, or if
  /// an interface has it.
  func newName(of name: String) -> String? {
    guard indices[name] == nil else { return nil }
    return formerNames[name].flatMap { links[$0]?.name }
  }

  private mutating func remember(_ name: String, of index: Int32) {
    if formerNames.count >= Self.formerNamesMax { formerNames = [:] }
    formerNames[name] = index
  }

  /// The interface with an index.
  func link(_ index: Int32) -> Link? { links[index] }

  /// Whether an Ethernet address is one of this machine's own.
  ///
  /// The virtual MAC address of a group is that of each of its machines: what comes in with it is
  /// only this machine's own where it is in use on another interface.
  func hasMAC(_ mac: MACAddress, seenOn index: Int32) -> Bool {
    links.values.contains { link in
      guard link.macAddress == mac else { return false }
      return link.kind != "macvlan" || (link.isUp && link.parentIndex != index)
    }
  }

  /// Whether a macvlan of this machine has an Ethernet address.
  func hasMacvlan(_ mac: MACAddress) -> Bool {
    links.values.contains { $0.kind == "macvlan" && $0.macAddress == mac }
  }

  /// All interfaces.
  var allLinks: some Collection<Link> { links.values }

  /// All interfaces, by name.
  var names: [String] { links.values.map(\.name).sorted() }

  mutating func update(_ link: Link) {
    let previous = links.updateValue(link, forKey: link.index)
    guard previous?.name != link.name || previous?.alternativeNames != link.alternativeNames
    else { return }
    if let previous {
      forgetNames(of: previous)
      if previous.name != link.name { remember(previous.name, of: link.index) }
    }
    for name in [link.name] + link.alternativeNames { indices[name] = link.index }
  }

  mutating func remove(_ index: Int32) {
    if let link = links.removeValue(forKey: index) { forgetNames(of: link) }
    if !formerNames.isEmpty { formerNames = formerNames.filter { $0.value != index } }
    addresses[index] = nil
    virtualPrimaries[index] = nil
  }

  /// Another interface may have a name by now.
  private mutating func forgetNames(of link: Link) {
    for name in [link.name] + link.alternativeNames where indices[name] == link.index {
      indices[name] = nil
    }
  }

  mutating func update(_ record: AddressRecord) {
    guard record.protocolTag != vipProtocolTag else { return note(record) }
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
    virtualPrimaries[record.interfaceIndex]?.remove(record.address)
    let key = record.address.address
    guard var entries = addresses[record.interfaceIndex]?[key] else { return }
    entries.removeAll { $0.record.address == record.address }
    addresses[record.interfaceIndex]?[key] = entries.isEmpty ? nil : entries
  }

  /// Takes in where in its subnet an address of ours stands now.
  private mutating func note(_ record: AddressRecord) {
    guard record.address.family == .ipv4, record.address.prefixLength < 32 else { return }
    if record.flags.contains(.secondary) {
      virtualPrimaries[record.interfaceIndex]?.remove(record.address)
    } else {
      virtualPrimaries[record.interfaceIndex, default: []].insert(record.address)
    }
  }

  /// Addresses with our tag that come first in a subnet in which the host has an address too, so
  /// that the host speaks from them.
  var misplacedAddresses: [(interfaceIndex: Int32, address: InterfaceAddress)] {
    virtualPrimaries.flatMap { index, list in
      list.filter { hasHostAddress(in: [$0.subnet], on: index) }.map { (index, $0) }
    }
  }

  /// The host's own record of an address on an interface.
  func hostRecord(_ address: IPAddress, on index: Int32) -> AddressRecord? {
    addresses[index]?[address]?.first?.record
  }

  /// Whether an address is the host's own on any interface.
  func isHostAddress(_ address: IPAddress) -> Bool {
    links.keys.contains { hostRecord(address, on: $0) != nil }
  }

  /// Whether the host has an address in one of some subnets on an interface.
  func hasHostAddress(in subnets: Set<InterfaceAddress>, on index: Int32) -> Bool {
    addresses[index]?.values.contains { entries in
      entries.contains { subnets.contains($0.record.address.subnet) }
    } ?? false
  }

  /// Whether an address is in the network of an address of the host on an interface.
  func hasNetwork(of address: IPv4Address, on index: Int32) -> Bool {
    addresses[index]?.values.contains { entries in
      entries.contains { entry in
        let own = entry.record.address
        return own.family == .ipv4
          && InterfaceAddress(.v4(address), prefixLength: own.prefixLength)?.subnet == own.subnet
      }
    } ?? false
  }

  /// Hands out all addresses without our tag.
  func forEachHostAddress(_ body: (AddressRecord) -> Void) {
    for list in addresses.values {
      for entries in list.values { for entry in entries { body(entry.record) } }
    }
  }

  /// The primary address of an interface: the source of its advertisements (RFC 9568 §5.1.1.1,
  /// §5.1.2.1): the first usable address of the host, link-local for IPv6.
  ///
  /// A secondary IPv4 address will do where there is no primary one.
  ///
  /// - Parameters:
  ///   - index: the interface.
  ///   - family: the family.
  ///   - isGlobal: whether it must be valid beyond the link, for unicast peers that are.
  ///   - isVirtual: whether an address is a virtual one, which is no source.
  /// - Returns: the address; `nil` if there is none.
  func primaryAddress(
    of index: Int32, _ family: AddressFamily, isGlobal: Bool = false,
    isVirtual: (IPAddress) -> Bool = { _ in false }
  ) -> IPAddress? {
    var first: (rank: Int, order: UInt64, address: IPAddress)?
    for entries in (addresses[index] ?? [:]).values {
      for entry in entries {
        let record = entry.record
        guard Self.canBeSource(record, family, isGlobal: isGlobal) else { continue }
        let rank = family == .ipv4 && record.flags.contains(.secondary) ? 1 : 0
        if let first, (first.rank, first.order) <= (rank, entry.order) { continue }
        guard !isVirtual(record.address.address) else { continue }
        first = (rank, entry.order, record.address.address)
      }
    }
    return first?.address
  }

  private static func canBeSource(
    _ record: AddressRecord, _ family: AddressFamily, isGlobal: Bool
  ) -> Bool {
    guard record.address.family == family else { return false }
    if family == .ipv4 { return true }
    return record.address.address.isLinkLocal != isGlobal
      && record.flags.isDisjoint(with: [.tentative, .dadFailed])
  }
}

extension RouterConfiguration {
  /// The address that advertisements of a family are sent from, as the election chooses it.
  ///
  /// An owner's addresses are the host's own; others are no source.
  ///
  /// - Parameters:
  ///   - records: the host's addresses on the router's interface, in the kernel's order.
  ///   - family: the family.
  /// - Returns: the address; `nil` if there is none.
  package func source(among records: [AddressRecord], _ family: AddressFamily) -> IPAddress? {
    guard let index = records.first?.interfaceIndex else { return nil }
    let virtual = priority == .owner ? [] : Set(addresses.map(\.address))
    return InterfaceTable(links: [], addresses: records).primaryAddress(
      of: index, family, isGlobal: needsGlobalSource(family), isVirtual: virtual.contains)
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
