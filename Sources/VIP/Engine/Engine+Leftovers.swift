import Netlink
import VIPCore

/// Addresses that a dead node has left on the interfaces.
///
/// Three kinds of addresses carry our tag beside those of this node: what its earlier life left,
/// what another node that lives on this machine holds, and what another dead node left. The first
/// kind is listed in the runtime directory that this node has claimed, so the one that wrote it is
/// dead: it goes at once. Of the others, an address with a lease is either refreshed by its node, or
/// it goes by itself within the lease; either way it is none of our business. Only an address
/// without an end that this node itself shall manage is taken for a leftover also if it is not
/// listed, since nobody else would ever remove it.
extension Engine {
  /// Removes what the earlier life of this node has left, and the macvlans of all dead nodes; before
  /// there are routers.
  package func removeLeftovers(_ listed: Set<AddressFile.Entry>) {
    step { remove(leftovers: listed) }
  }

  private func remove(leftovers listed: Set<AddressFile.Entry>) {
    removeStrayInterfaces()
    guard !listed.isEmpty, let records = try? platform.kernel.addresses() else { return }
    let requests = records.compactMap { record -> AddressRequest? in
      guard record.isOurs, let link = interfaces.link(record.interfaceIndex),
        listed.contains(AddressFile.Entry(interface: link.name, address: record.address))
      else { return nil }
      return AddressRequest(interfaceIndex: link.index, address: record.address)
    }
    // The last first: the others of a subnet may depend on the first.
    _ = platform.kernel.remove(requests.reversed())
  }

  /// Removes leftovers that were put on the interface itself by a life without virtual MAC address.
  func removeFromParent(
    _ leftovers: Set<InterfaceAddress>, of instance: RouterInstance, _ index: Int32? = nil
  ) {
    guard let index = index ?? instance.link?.index else { return }
    let requests = instance.addresses.lazy.map(\.address).filter(leftovers.contains).map {
      AddressRequest(interfaceIndex: index, address: $0)
    }
    if !requests.isEmpty { _ = platform.kernel.remove(requests.reversed()) }
  }

  /// Addresses without an end that carry our tag, on an interface, and belong to no router here.
  func leftoverAddresses(on link: Link) throws(NodeError) -> Set<InterfaceAddress> {
    do throws(NetlinkError) {
      let records = try platform.kernel.addresses()
      return Set(
        records.lazy.filter { record in
          record.interfaceIndex == link.index && record.isOurs && record.validLifetime == nil
            && self.owners[
              OwnerKey(interfaceIndex: link.index, address: record.address.address)] == nil
        }.map(\.address))
    } catch {
      throw NodeError(error)
    }
  }
}
