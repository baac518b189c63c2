package import Netlink
public import VIPCore
public import VRRP

/// A fault of an interface that a router needs.
public struct InterfaceFault: Sendable, Hashable, CustomStringConvertible {
  /// The kinds of faults.
  public enum Kind: Sendable, Hashable {
    /// No interface has the name.
    case missing
    /// No interface has the name; the one that had it is called otherwise now.
    case renamed(to: String)
    /// Another interface has the name now.
    case replaced
    /// The interface is switched off.
    case down
    /// The interface is switched on and has no link.
    case noCarrier
    /// The interface has had a link again for less than a time that is asked for.
    case settling(Duration)
    /// The interface leads to no other machine.
    case loopback
    /// Its frames are no Ethernet frames, as those of a tunnel.
    case notEthernet
    /// The interface is a port of another one (bridge, bond), which takes its packets.
    case port(of: String)
  }

  /// The interface's name.
  public var interface: String
  /// The kind of the fault.
  public var kind: Kind

  /// Describes a fault of an interface.
  public init(_ kind: Kind, of interface: String) {
    self.interface = interface
    self.kind = kind
  }

  /// Such as "eth1 has no carrier".
  public var description: String {
    switch kind {
    case .missing: "interface \(interface) does not exist"
    case .renamed(let name): "\(interface) is named \(name) now"
    case .replaced: "\(interface) was replaced"
    case .down: "\(interface) is down"
    case .noCarrier: "\(interface) has no carrier"
    case .settling(let delay):
      "\(interface) has had a link again for less than \(delay.text)"
    case .loopback:
      "\(interface) is a loopback interface, where no other machine is; name the one that leads to "
        + "them"
    case .notEthernet:
      "\(interface) is no Ethernet interface, so that no address can be announced on it; name one "
        + "that is"
    case .port(let master):
      "\(interface) is a port of \(master), which takes its packets; serve the addresses on "
        + "\(master)"
    }
  }
}

extension InterfaceFault {
  /// The kinds of interfaces that leave the packets to the interfaces that belong to them.
  ///
  /// All others take them, such as bridges, bonds and interfaces of a driver (hv_netvsc), which
  /// have no kind.
  private static let harmlessMasters: Set = ["vrf"]

  /// The reason why an interface can't serve addresses, whatever its state.
  ///
  /// - Parameters:
  ///   - link: the interface.
  ///   - name: what it is called by.
  ///   - master: the interface that it belongs to, if there is one.
  /// - Returns: the reason; `nil` if there is none.
  package static func unsuitability(
    of link: Link, calledBy name: String, master: Link?
  ) -> InterfaceFault? {
    if link.isLoopback { return InterfaceFault(.loopback, of: name) }
    if !link.isEthernet { return InterfaceFault(.notEthernet, of: name) }
    guard let master, !harmlessMasters.contains(master.kind ?? "") else { return nil }
    return InterfaceFault(.port(of: master.name), of: name)
  }
}

/// The reason why a virtual router takes no part in the election at the moment.
public enum WaitingReason: Sendable, Hashable {
  /// The router has not been started yet.
  case notStarted
  /// Its own interface can't carry the election.
  case interface(InterfaceFault)
  /// Its interface has no address to send advertisements from; `isGlobal` if one is needed that is
  /// valid beyond the link.
  case noSourceAddress(interface: String, AddressFamily, isGlobal: Bool)
  /// This machine does not have the address that its unicast advertisements are to come from.
  case sourceNotHere(IPAddress)
  /// IPv6 is switched off on its interface (`net.ipv6.conf.IF.disable_ipv6`).
  case ipv6Off(interface: String)
  /// Its interface's MTU is too small for a family, which Linux takes off it.
  case mtuTooSmall(interface: String, AddressFamily, mtu: Int)
  /// The host has one of its addresses as its own on the interface.
  case hostAddress(IPAddress, interface: String)
  /// An interface that it tracks is not usable.
  case tracked(InterfaceFault)
  /// The program that runs the node keeps it out, by ``Node/setFitness(_:of:for:)``.
  case external(cause: String, text: String)
  /// A machine outside the group uses one of its addresses; the text says what to do.
  case addressInUse(IPAddress, MACAddress, text: String)
  /// A resource of the system that it needs could not be had; it tries again every second.
  case system(NodeError)
  /// A router with which it moves takes no part, for a reason of its own; `nil` if it is not there.
  indirect case group(member: String, WaitingReason?)
}

extension WaitingReason {
  /// The reason why an interface has no address to send from, as far as its description and its
  /// settings tell.
  ///
  /// - Parameters:
  ///   - link: the interface.
  ///   - name: what it is called by.
  ///   - family: the family that has no address.
  ///   - isGlobal: whether one is needed that is valid beyond the link.
  ///   - isOff: whether IPv6 is switched off on an interface; asked only if it could be the reason.
  /// - Returns: the reason.
  package static func lacksSource(
    of link: Link?, called name: String, _ family: AddressFamily, isGlobal: Bool,
    isOff: (Link) -> Bool
  ) -> WaitingReason {
    if let link {
      guard link.hasRoom(for: family) else {
        return .mtuTooSmall(interface: name, family, mtu: link.mtu)
      }
      if family == .ipv6, isOff(link) { return .ipv6Off(interface: link.name) }
    }
    return .noSourceAddress(interface: name, family, isGlobal: isGlobal)
  }
}

extension WaitingReason: CustomStringConvertible {
  /// The reason for people, such as "eth0 is down".
  public var description: String {
    switch self {
    case .notStarted: return "not started"
    case .interface(let fault): return fault.description
    case .noSourceAddress(let interface, let family, let isGlobal):
      let scope = isGlobal ? "global" : "link-local"
      let kind = family == .ipv4 ? "IPv4 address" : "usable \(scope) IPv6 address"
      return "\(interface) has no \(kind) to send from"
    case .sourceNotHere(let address):
      return "this machine does not have \(address), which its advertisements are to come from"
    case .ipv6Off(let interface):
      let setting = SettingName.of("disable_ipv6", .ipv6, on: interface)
      return "IPv6 is switched off on \(interface) (\(setting))"
    case .mtuTooSmall(let interface, let family, let mtu):
      return "\(interface)'s MTU of \(mtu) is too small for \(family), which needs \(family.mtuMin)"
    case .hostAddress(let address, let interface):
      return
        "\(address) is \(interface)'s own address; stop the program that has added it, such as "
        + "keepalived, or remove it"
    case .tracked(let fault): return "\(fault), which the router tracks"
    case .external(let cause, let text): return "\(cause): \(text)"
    case .addressInUse(_, _, let text): return text
    case .system(let error): return error.description
    case .group(let member, let reason):
      return "waits for its group: " + (reason.map { "\(member): \($0)" } ?? "\(member) is not up")
    }
  }

  /// The same if it only lowers or raises the priority.
  func description(adding weight: Int) -> String {
    let what =
      switch self {
      case .tracked(let fault): fault.description
      case .group(let member, _): "\(member) of its group has less"
      default: description
      }
    let effect = weight < 0 ? "lowers" : "raises"
    return "\(what), which \(effect) the priority by \(abs(weight))"
  }
}

/// The reason why a virtual router is in its state.
public enum StateReason: Sendable, Hashable {
  /// The election entered it, for a cause.
  case transition(Transition.Reason)
  /// The router takes no part in the election.
  case waiting(WaitingReason)
}

extension StateReason: CustomStringConvertible {
  /// The reason for people, such as "eth0 is down".
  public var description: String {
    switch self {
    case .transition(let reason): reason.description
    case .waiting(let reason): reason.description
    }
  }
}

/// The fitness of a router to be Active, as the program sees it that runs the node.
public enum RouterFitness: Sendable, Hashable {
  /// Nothing speaks against it.
  case fit
  /// Its priority is lower by 1 to 254 and never below 1; what several causes take off adds up.
  case weaker(by: UInt8, because: String)
  /// Its priority is higher by 1 to 254 and never above 254; what several causes add adds up with
  /// what others take off.
  case stronger(by: UInt8, because: String)
  /// The router leaves the election, handing its addresses over, until it is fit again.
  case unfit(because: String)

  /// The amount that is added to the priority; `nil` if it says nothing about that.
  var weight: Int? {
    switch self {
    case .fit, .unfit: nil
    case .weaker(let decrement, _): -Int(decrement)
    case .stronger(let increment, _): Int(increment)
    }
  }
}
