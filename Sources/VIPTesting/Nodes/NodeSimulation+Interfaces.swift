import Netlink
import VIP
import VIPCore

/// Events of the interfaces of machines.
extension NodeSimulation {
  func perform(
    _ deed: StoryCommand.LinkDeed, on machine: Machine, interface name: String
  ) {
    lengthenBounds(because: .meddling)
    if deed == .new { return add(name, to: machine) }
    guard let link = machine.link(named: name) else { return }
    switch deed {
    case .down: setFlags(link, machine) { $0.subtract([.up, .running, .lowerUp]) }
    case .up:
      setFlags(link, machine) { $0.formUnion([.up, .running, .lowerUp]) }
      if link.kind == nil, !link.isUp { giveLinkLocal(machine, link.index) }
    case .noCarrier: setFlags(link, machine) { $0.subtract([.running, .lowerUp]) }
    case .carrier where link.isUp:
      setFlags(link, machine) { $0.formUnion([.running, .lowerUp]) }
    case .carrier, .new: break
    case .joins, .strays:
      let segment = deed == .joins ? 0 : 1
      guard machine.attachments[link.index] != segment else { break }
      machine.attachments[link.index] = segment
      machine.revision += 1
      // The clients there may have to learn of its addresses.
      rewatch()
      for index in supervisor.watched.indices where supervisor.watched[index].segment == segment {
        let address = supervisor.watched[index].address
        // Two have it, as after a split.
        if machines.count(where: { $0.holdsCached(address, onSegment: segment) }) > 1 {
          supervisor.watched[index].wasSplit = true
        }
      }
      refreshClients()
    case .smallMTU, .usualMTU: setMTU(deed == .smallMTU ? 576 : 1500, link, machine)
    case .gone:
      machine.act { $0.removeLink(index: link.index) }
      machine.attachments[link.index] = nil
    }
  }

  /// Linux makes the IPv6 part of an interface again whose MTU was too small for it.
  private func setMTU(_ mtu: Int, _ link: Link, _ machine: Machine) {
    guard link.mtu != mtu else { return }
    machine.act { $0.setMTU(mtu, onInterface: link.index) }
    let key = SegmentKey(interfaceIndex: link.index, family: .ipv6)
    machine.process?.platform.transports[key]?.loseMembership()
    // One that is off gets it when it is switched on.
    if link.isUp { giveLinkLocal(machine, link.index) }
  }

  /// Changes an interface, or reports it as it is; its settings, which the node may have changed,
  /// stay.
  func change(_ index: Int32, of machine: Machine, _ body: (inout Link) -> Void = { _ in }) {
    machine.act { kernel in
      guard var link = kernel.currentLinks.first(where: { $0.index == index }) else { return }
      body(&link)
      kernel.setLink(link)
    }
  }

  private func setFlags(_ link: Link, _ machine: Machine, _ change: (inout LinkFlags) -> Void) {
    var flags = link.flags
    change(&flags)
    machine.act { $0.setFlags(flags, onInterface: link.index) }
    // What is stacked on it has a carrier while it has one.
    for macvlan in machine.kernel.currentLinks where macvlan.parentIndex == link.index {
      var flags = macvlan.flags
      if machine.link(link.index)?.isRunning ?? false, macvlan.isUp {
        flags.formUnion([.running, .lowerUp])
      } else {
        flags.subtract([.running, .lowerUp])
      }
      if flags != macvlan.flags { machine.kernel.setFlags(flags, onInterface: macvlan.index) }
    }
  }

  private func add(_ name: String, to machine: Machine) {
    guard machine.link(named: name) == nil, name == "eth0" || name == "eth1" else { return }
    machine.lastIndex += 1
    let index = machine.lastIndex
    let segment = name == "eth0" ? 0 : 1
    var link = Self.link(name, index, machine.number)
    link.macAddress = MACAddress(2, 0, 0, UInt8(segment + 2), 0, UInt8(machine.number + 1))
    machine.attachments[index] = segment
    machine.act { $0.setLink(link) }
    giveAddresses(machine, index, segment: segment)
  }

  func rename(_ machine: Machine, _ name: String, _ newName: String) {
    lengthenBounds(because: .meddling)
    guard let link = machine.link(named: name), machine.link(named: newName) == nil else { return }
    change(link.index, of: machine) { $0.name = newName }
  }
}
