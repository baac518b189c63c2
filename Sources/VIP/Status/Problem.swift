public import VIPCore
import VRRP

/// Something that is wrong with a virtual router.
///
/// It is told when it begins (``NodeEvent/warning(_:)``, or
/// ``NodeEvent/conflict(router:address:mac:)``) and when it has ended
/// (``NodeEvent/cleared(_:_:)``), at the latest when its router is gone; its ``id`` tells which
/// belongs to which, whatever the text says. No two problems in a status have one ``id``. What
/// follows from the settings alone (``Kind/noPeers``, ``Kind/addressesNotListed``) is only in the
/// status.
public struct Problem: Sendable, Hashable, Identifiable {
  /// The kind of a problem.
  public enum Kind: Sendable, Hashable {
    /// Another machine has this machine's own address, or the network has a loop.
    case ownAddressHeard
    /// Two routers act as Active.
    case twoActives
    /// Another group uses the VRID.
    case foreignGroup
    /// Another machine of the group is given other addresses.
    case addressListDiffers
    /// Another machine of the group advertises at another interval.
    case intervalDiffers
    /// Another machine speaks another version of VRRP.
    case versionDiffers
    /// Another machine authenticates itself otherwise.
    case authenticationDiffers
    /// Another machine uses another form of checksum.
    case checksumFormDiffers
    /// More machines advertise the VRID than a node keeps account of.
    case tooManyPeers
    /// A machine that is not among the peers of a unicast router advertises to it.
    case unlistedPeer
    /// A message for the router is no advertisement that can be acted upon.
    case unusableAdvertisement
    /// A machine outside the group uses a virtual address that is held here.
    case conflict(IPAddress)
    /// This machine has a virtual address as its own and answers for it beside the Active.
    case hostAddress(IPAddress)
    /// A virtual address can't be put on the interface or taken off.
    case addressFailure(InterfaceAddress)
    /// Something on this machine keeps removing a virtual address.
    case addressRemoved(InterfaceAddress)
    /// A route or a rule, which the text describes, can't be made, or is removed by something on
    /// this machine.
    case routing(String)
    /// Addresses can't be announced.
    case announcing
    /// Advertisements can't be sent.
    case advertising
    /// Advertisements of the group reach the interface and are not delivered to this program.
    case undelivered
    /// The interface can't be put into the multicast group, so that the group is not heard.
    case outsideGroup
    /// Another Active does not hear this machine, which leaves the role to it.
    case unheard
    /// Another machine still holds addresses in the group that they came from in a change.
    case formerGroup
    /// The macvlan of a virtual MAC address is not as it should be.
    case macvlan
    /// Something lowers the router's priority; told as ``NodeEvent/changed(router:_:)``.
    case priorityLowered(LoweringCause)
    /// The router advertises to single machines and knows none.
    case noPeers
    /// The guard has no room for the router's addresses.
    case unguarded
    /// Advertisements can't list all addresses.
    case addressesNotListed
    /// The program that is run for a state failed.
    case hook(Settlement.State)
    /// The router does not become Active yet, or does not preempt, as its settings have it.
    case heldBack
    /// A resignation or promotion has held for so long that it may have been forgotten.
    case standingRequest
    /// No Active is heard, and the other routers of the group keep it from taking over.
    case groupWaits
    /// The machine is set up in a way that does the router harm.
    case machine(MachineFault)
  }

  /// The cause that lowers a priority.
  public enum LoweringCause: Sendable, Hashable {
    /// A tracked interface is not usable.
    case tracked(interface: String)
    /// The program that runs the node says so, by ``Node/setFitness(_:of:for:)``.
    case external(String)
  }

  /// The way in which a problem ends.
  public enum Ending: String, Sendable, Hashable, Codable {
    /// The problem is not there any more.
    case over
    /// Nothing has shown it for a while; it may go on where this machine does not see it.
    case unseen
    /// Nothing looks at it any more: its router is gone, or does nothing that it would hinder.
    case unwatched
  }

  /// The properties that tell one problem from another.
  public struct ID: Sendable, Hashable {
    /// The kind of the problem.
    public let kind: Kind
    /// The router that it is about.
    public let router: String
    /// The family that it is about.
    public let family: AddressFamily
  }

  /// The identity that tells this problem from others.
  public let id: ID
  /// The problem and what to do about it: one sentence for people.
  public let text: String

  /// Describes a problem.
  public init(_ kind: Kind, router: String, family: AddressFamily, _ text: String) {
    id = ID(kind: kind, router: router, family: family)
    self.text = text
  }

  /// The kind of the problem.
  public var kind: Kind { id.kind }
  /// The router that it is about.
  public var router: String { id.router }
  /// The family that it is about.
  public var family: AddressFamily { id.family }
}

/// Something that is wrong with a node as a whole.
///
/// It is told when it begins (``NodeEvent/nodeWarning(_:)``) and when it is over
/// (``NodeEvent/nodeCleared(_:)``).
public struct NodeProblem: Sendable, Hashable, Identifiable {
  /// The kind of a node's problem.
  public enum Kind: Sendable, Hashable {
    /// No guard watches over the node, or not yet again.
    case guardProcess
    /// The list of addresses that the node may hold can't be written, see
    /// ``Node/Options/addressesPath``.
    case addressFile
    /// The node does without the real-time scheduling that was asked for.
    case realtime
    /// The process around the node can't be asked: it has no control socket.
    case controlSocket
    /// The process around the node can't write what happens to where it should.
    case eventPipe
    /// The machine is set up in a way that does the node harm.
    case machine(MachineFault)
  }

  /// The kind of the problem, which tells it from others.
  public let id: Kind
  /// The problem and what it means: one sentence for people.
  public let text: String

  /// Describes a problem.
  public init(_ kind: Kind, _ text: String) {
    id = kind
    self.text = text
  }

  /// The kind of the problem.
  public var kind: Kind { id }
}

extension NodeProblem {
  /// The text that tells that it is over.
  var endText: String {
    switch kind {
    case .guardProcess: "a guard process watches over the node again"
    case .addressFile, .realtime, .controlSocket, .eventPipe, .machine:
      "over: \(Problem.fact(of: text))"
    }
  }
}

extension Problem {
  /// The problem, without what to do about it.
  var fact: String { Self.fact(of: text) }

  /// A sentence up to its first semicolon, behind which stands what to do.
  static func fact(of text: String) -> String {
    text.firstRange(of: "; ").map { String(text[..<$0.lowerBound]) } ?? text
  }
}

extension Problem.Ending {
  /// The words before the problem when its end is told.
  var words: String {
    switch self {
    case .over: "over"
    case .unseen: "no longer seen"
    case .unwatched: "no longer watched"
    }
  }
}

extension Problem.Kind {
  /// Whether it is known only from what other machines send.
  var isSeenOnSegment: Bool {
    switch self {
    case .ownAddressHeard, .twoActives, .foreignGroup, .addressListDiffers, .intervalDiffers,
      .versionDiffers, .authenticationDiffers, .checksumFormDiffers, .tooManyPeers, .unlistedPeer,
      .unusableAdvertisement, .conflict, .undelivered:
      true
    case .hostAddress, .addressFailure, .addressRemoved, .routing, .announcing, .advertising,
      .unheard, .outsideGroup, .macvlan, .priorityLowered, .noPeers, .unguarded,
      .addressesNotListed, .hook, .machine, .formerGroup, .groupWaits, .heldBack,
      .standingRequest:
      false
    }
  }

  /// The kind of a problem that advertisements have shown.
  init(_ trouble: Troubles.Kind) {
    switch trouble {
    case .unlistedPeer: self = .unlistedPeer
    case .unusable: self = .unusableAdvertisement
    case .finding(let finding): self.init(finding)
    }
  }

  private init(_ finding: Findings) {
    switch finding {
    case .ownAddress: self = .ownAddressHeard
    case .twoActives: self = .twoActives
    case .foreignGroup: self = .foreignGroup
    case .addressListDiffers: self = .addressListDiffers
    case .intervalDiffers: self = .intervalDiffers
    case .versionDiffers: self = .versionDiffers
    case .authenticationDiffers: self = .authenticationDiffers
    case .checksumFormDiffers: self = .checksumFormDiffers
    case .peerTableFull: self = .tooManyPeers
    default: self = .unusableAdvertisement
    }
  }
}
