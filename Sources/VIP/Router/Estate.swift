import VIPCore
import VRRP

/// Addresses of a router that other routers of its node take over in a change, as they were before
/// it.
///
/// What is on the interface stays there. A router that is Active holds it from now on; any other
/// keeps it until its group has an Active that announces it, see ``Inheritance``. What the Active
/// of the former group on another machine may still have is not put up here before that has let go
/// of it, see ``FormerGroups``. So a change that reaches the machines one after the other, in
/// whatever order, costs no more than a planned move, and no address gets two holders.
///
/// If the new router has the addresses on another interface (a macvlan, or another one of the same
/// segment), the former one serves on until they are there.
struct Estate {
  /// A router that has had or gets an address, in the moment in which it is passed on.
  struct Party {
    let seat: Succession.Seat
    /// The interface that it is attached to.
    let interfaceIndex: Int32?
    /// The interface that its addresses are on, or are to be on.
    let addressInterface: Int32?
    let hasVirtualMAC: Bool
    /// Whether it has a macvlan, which may be that of the router in whose place it comes.
    let hasMacvlan: Bool
    /// Whether its addresses are handed over without a gap.
    let isSeamless: Bool
    let isLeaving: Bool
    let isReplaced: Bool
  }

  /// The deed that an address calls for.
  enum Deed {
    /// Nothing: the new router puts it up by itself.
    case nothing
    /// The new router has it where it is.
    case pass
    /// The former router serves on until the one in its place does.
    case linger
  }

  /// Time that a former router waits for the one in its place, in intervals: its
  /// Active_Down_Interval, and some.
  private static let heirIntervals = 5

  /// The group that the addresses belonged to.
  let group: FormerGroups.Group
  /// The interface that their router was attached to.
  let interfaceIndex: Int32?
  /// The addresses that go.
  let addresses: [InterfaceAddress]
  /// Whether another machine is the group's Active and may have them.
  let isHeldElsewhere: Bool
  /// Those that were served here.
  private let served: Set<IPAddress>

  /// Takes in what a router leaves to others.
  ///
  /// - Parameters:
  ///   - group: its group.
  ///   - former: the router.
  ///   - addresses: those that go.
  ///   - isHeldElsewhere: whether another machine is the group's Active and may have them.
  ///   - serves: whether an address is in use here.
  init(
    _ group: FormerGroups.Group, of former: Party, _ addresses: [InterfaceAddress],
    isHeldElsewhere: Bool, serves: (IPAddress) -> Bool
  ) {
    self.group = group
    interfaceIndex = former.interfaceIndex
    self.addresses = addresses
    self.isHeldElsewhere = isHeldElsewhere
    served = former.isSeamless ? Set(addresses.map(\.address).filter(serves)) : []
  }

  /// Whether the router that gets an address has to listen to the former group: its Active on
  /// another machine may have it, now or as soon as this machine has left the group.
  ///
  /// Wherever the new router is attached, or if it is not: another interface may be one of the same
  /// segment, and one that is down comes back. An owner listens only to tell of it, see
  /// ``RouterInstance/heededGroups``.
  func mustBeWatched(
    by group: @autoclosure () -> FormerGroups.Group, from former: Party
  ) -> Bool {
    group() != self.group && (isHeldElsewhere || former.isLeaving)
  }

  /// Decides what becomes of an address that was served here.
  func deed(about address: IPAddress, from former: Party, to heir: Party) -> Deed {
    guard served.contains(address), former.interfaceIndex != nil, heir.isSeamless else {
      return .nothing
    }
    if Self.isSamePlace(former, heir) { return .pass }
    return former.isReplaced && heir.seat.name == former.seat.name ? .linger : .nothing
  }

  /// Whether what a router has is where another one has it.
  private static func isSamePlace(_ former: Party, _ heir: Party) -> Bool {
    guard former.hasVirtualMAC, heir.hasVirtualMAC else {
      return former.addressInterface == heir.addressInterface && !heir.hasVirtualMAC
    }
    // The macvlan has been passed on.
    return former.isReplaced && !former.hasMacvlan && heir.hasMacvlan
      && heir.seat.name == former.seat.name
  }

  /// The time for which a router serves on for the one in its place.
  static func patience(
    _ former: AdvertisementInterval, heir: AdvertisementInterval
  ) -> Duration {
    max(former.duration, heir.duration) * heirIntervals + .seconds(1)
  }
}

extension RouterConfiguration {
  /// Whether a router that has a macvlan leaves it, with all that is on it, to one that comes in
  /// its place with other settings.
  func leavesMacvlan(to heir: RouterConfiguration) -> Bool {
    heir.virtualMAC && heir.interface == interface && heir.vrid == vrid
      && heir.handover == .seamless && handover == .seamless
  }
}
