import Netlink
import VIP
import VIPCore

/// Addresses that this machine serves twice.
///
/// One address is kept from two routers and from two nodes on one interface. On two interfaces it
/// may be right, where these reach different networks, and the machine can't tell; where they reach
/// one, clients get two answers. So it is told, and no more.
extension MachineCheck {
  /// The number of a router's addresses that are looked for on other interfaces.
  private static let soughtMax = 1024

  /// Addresses of routers that are served on another interface too, by another router or node; one
  /// for each such router, or interface of another node.
  ///
  /// Link-local addresses belong on several interfaces, and those of different VRFs have nothing to
  /// do with one another.
  func twoInterfacesRemarks(_ routers: [PlacedRouter]) -> [Remark] {
    let served = routers.compactMap { router in
      link(router.configuration.interface).map { Served(router: router, link: $0) }
    }
    var places: [IPAddress: [Int]] = [:]
    for (number, one) in served.enumerated() {
      for address in one.addresses { places[address, default: []].append(number) }
    }
    var remarks: [Remark] = []
    for (number, one) in served.enumerated() {
      var told: Set<Int> = []
      for address in one.addresses {
        for other in places[address] ?? []
        where other != number && isElsewhere(served[other].link, than: one.link)
          && told.insert(other).inserted
        {
          let router = served[other].router.configuration.name
          remarks.append(
            remark(one, address, "the router \(router) has", on: served[other].link))
        }
      }
      remarks += foreignRemarks(one)
    }
    return remarks
  }

  /// A router and its interface.
  private struct Served {
    let router: PlacedRouter
    let link: Link

    var addresses: [IPAddress] {
      router.configuration.addresses.map(\.address).filter { !$0.isLinkLocal }
    }
  }

  private func foreignRemarks(_ one: Served) -> [Remark] {
    let others = links.filter { $0.isUp && !$0.isLoopback && isElsewhere($0, than: one.link) }
    let found = foreignAddresses(
      Array(one.addresses.prefix(Self.soughtMax)), others.map(\.index))
    return found.compactMap { index, address, holder in
      links.first { $0.index == index }.map { link in
        let holder = holder.map { " (\($0))" } ?? ""
        return remark(one, address, "another node on this machine\(holder) has", on: link)
      }
    }
  }

  private func remark(
    _ one: Served, _ address: IPAddress, _ owner: String, on other: Link
  ) -> Remark {
    let name = one.link.name
    let effect =
      areOneNetwork(one.link, other)
      ? "both answer for it in one network; take it from one of the two"
      : "where \(name) and \(other.name) reach one network, both answer for it there; take it from "
        + "one of the two then"
    let settings = one.router.configuration
    let place = settings.addresses.firstIndex { $0.address == address }.map {
      one.router.place(of: .address($0))
    }
    return Remark(
      kind: .warning, place: place,
      text: "\(owner) \(address) on \(other.name), as this one on \(name): \(effect)",
      router: settings.name,
      fault: .addressOnOtherInterface(address, interface: other.name))
  }

  /// Whether an interface is another one, and not in another VRF.
  private func isElsewhere(_ other: Link, than link: Link) -> Bool {
    other.index != link.index && vrf(of: other)?.index == vrf(of: link)?.index
  }

  private func vrf(of link: Link) -> Link? {
    links.first { $0.index == link.masterIndex && $0.kind == "vrf" }
  }

  /// Whether two interfaces are known to reach one network: they share an interface, or one is made
  /// of the other.
  private func areOneNetwork(_ one: Link, _ other: Link) -> Bool {
    base(of: one) == base(of: other)
  }

  /// The number of the interface that an interface only adds an Ethernet or IP address to.
  private func base(of link: Link) -> Int32 {
    guard ["macvlan", "macvtap", "ipvlan", "ipvtap"].contains(link.kind) else { return link.index }
    return link.parentIndex ?? link.index
  }

  // MARK: Scattered addresses

  /// The remark that the addresses are too scattered to be claimed, each range of neighbours for
  /// itself.
  func scatterRemarks(_ file: FileConfiguration) -> [Remark] {
    let interfaces = Dictionary(grouping: file.routers) {
      link($0.interface)?.name ?? $0.interface
    }
    let count = interfaces.values.reduce(0) { count, routers in
      count + AddressClaims.rangeCount(of: routers.flatMap { $0.addresses.map(\.address) })
    }
    guard count > AddressClaims.rangeCountMax else { return [] }
    return [
      Remark(
        kind: .warning,
        text: "the addresses stand in \(count) separate ranges, of which the node claims "
          + "\(AddressClaims.rangeCountMax), so another node on this machine is not kept from the "
          + "others; take neighbouring addresses, or see that no other node has them",
        fault: .unclaimedAddresses)
    ]
  }
}
