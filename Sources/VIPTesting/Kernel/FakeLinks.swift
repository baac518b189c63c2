import Glibc
import Netlink
import VIPCore

/// Linux's part in requests about interfaces.
extension FakeKernel {
  func perform(_ request: LinkRequest) -> NetlinkError? {
    switch request {
    case .create(let macvlan): return create(macvlan, request)
    case .setUp(let isUp, let index):
      return change(index, request) { link in
        guard isUp != link.isUp else { return nil }
        guard isUp else {
          link.flags.subtract([.up, .running, .lowerUp])
          return nil
        }
        if isAddressBusy(link) { return request.refused(EADDRINUSE) }
        link.flags.insert(.up)
        if isParentRunning(of: link) { link.flags.formUnion([.running, .lowerUp]) }
        return nil
      }
    case .setAlias(let text, let index):
      return change(index, request) { link in
        link.alias = text.isEmpty ? nil : text
        return nil
      }
    case .setIPv4(let settings, let index):
      return change(index, request) { link in
        link.ipv4.merge(settings) { _, new in new }
        return nil
      }
    case .withoutLinkLocal(let index):
      return change(index, request) { link in
        link.mtu < Self.ipv6MTUMin ? request.refused(EAFNOSUPPORT) : nil
      }
    case .delete(let index):
      guard let link = currentLinks.first(where: { $0.index == index }) else { return nil }
      guard link.kind != nil else { return request.refused(EOPNOTSUPP) }
      removeLink(index: index)
      return nil
    }
  }

  private func create(_ macvlan: Macvlan, _ request: LinkRequest) -> NetlinkError? {
    guard !currentLinks.contains(where: { $0.name == macvlan.name }) else {
      return request.refused(EEXIST)
    }
    guard let parent = currentLinks.first(where: { $0.index == macvlan.parentIndex }) else {
      return request.refused(ENODEV)
    }
    lastIndex = max(lastIndex, currentLinks.last?.index ?? 0) + 1
    setLink(
      Link(
        index: lastIndex, name: macvlan.name, macAddress: macvlan.macAddress, mtu: parent.mtu,
        flags: [.broadcast, .multicast], parentIndex: parent.index, kind: "macvlan",
        ipv4: Self.defaultIPv4))
    if parent.mtu < Self.ipv6MTUMin { withoutIPv6.insert(lastIndex) }
    return nil
  }

  /// Changes an interface and reports it, unless the change is refused.
  private func change(
    _ index: Int32, _ request: LinkRequest, _ body: (inout Link) -> NetlinkError?
  ) -> NetlinkError? {
    guard var link = currentLinks.first(where: { $0.index == index }) else {
      return request.refused(ENODEV)
    }
    if let error = body(&link) { return error }
    setLink(link)
    return nil
  }

  /// No two macvlans on one parent may be on with the same Ethernet address.
  private func isAddressBusy(_ link: Link) -> Bool {
    guard link.kind == "macvlan" else { return false }
    return currentLinks.contains { other in
      guard other.macAddress == link.macAddress, other.index != link.index else { return false }
      return other.index == link.parentIndex
        || (other.isUp && other.kind == "macvlan" && other.parentIndex == link.parentIndex)
    }
  }

  private func isParentRunning(of link: Link) -> Bool {
    guard let parent = link.parentIndex else { return true }
    return currentLinks.first { $0.index == parent }?.isRunning ?? true
  }
}
