import Netlink
import VIPCore
import VRRP

/// One virtual router of this node: the election, its addresses, and what it is attached to.
final class RouterInstance {
  let slot: Int
  /// Tells it from others that had the same slot before.
  let serial: Int
  /// The part that it shares with the virtual router of the other family.
  private(set) var router: Router
  let family: AddressFamily
  var election: VirtualRouter
  var addresses: VirtualAddresses
  /// The entries that it puts up beside the addresses on its interface.
  var extras = Extras()
  /// The further interfaces on which it announces addresses.
  var furtherWires: Set<Int32> = []
  /// Whether its addresses stay for a moment although they are no longer held.
  var handover = Handover()
  /// The time when the leases of its addresses are to be refreshed.
  var leaseRound = LeaseRound()
  /// Whether it takes part in the election.
  var attendance: Attendance
  /// The interfaces that it has.
  private var attachment: Attachment
  /// The durations of its takeovers.
  var takeovers = Takeovers()
  /// The troubles on the segment at the moment.
  var troubles = Troubles()
  /// The machines of the group whose advertisements are not delivered here.
  var sightings = GroupSightings()
  /// Other machines that use its addresses while it holds them.
  var conflicts = ConflictWatch()
  /// The times to probe for such machines.
  var holderProbing = HolderProbing()
  /// Its addresses that this machine answers for without holding them.
  var hostAnswers = HostAnswers()
  /// The time since which another machine is Active.
  var activeSpan = ActiveSpan()
  /// The Active that goes on beside this router while it is Active.
  var rivalry = Rivalry()
  /// The routes that its addresses need.
  var routes = SubnetRoutes()
  /// The probing for its addresses, until it is known that they are free; ended from the start if
  /// it is to use them without.
  var probing = AddressProbing()
  /// Its advertisements as they go out.
  var outgoing = OutgoingMessages()
  /// Whether its advertisements get out.
  var sending = SendFailure()
  /// The groups that its addresses belonged to on this node before.
  var formerGroups = FormerGroups()
  /// Its place among the routers that serve one after the other under its name.
  var succession: Succession
  /// The command of an operator that it acts upon.
  var request: StandingRequest?
  /// The times for which it is held back.
  var damping = Damping()
  /// Its waiting for the others of its group, and ties that the first of them decides.
  var joining = GroupJoining()

  /// Makes an instance that takes no part yet.
  ///
  /// - Parameters:
  ///   - slot: its number on the node.
  ///   - serial: what tells it from others that had the same number before.
  ///   - router: its router.
  ///   - family: which of the router's addresses it serves.
  ///   - addresses: these, and where each of them is.
  ///   - now: the time.
  init(
    slot: Int, serial: Int, _ router: Router, _ family: AddressFamily,
    _ addresses: VirtualAddresses, at now: Instant
  ) {
    let settings = router.settings
    self.slot = slot
    self.serial = serial
    self.router = router
    self.family = family
    succession = Succession(Succession.Seat(name: router.name, family: family))
    election = VirtualRouter(settings.election(family))
    self.addresses = addresses
    attendance = Attendance(at: now)
    attachment = Attachment(usesMacvlan: settings.virtualMAC)
    if !settings.probes || settings.priority == .owner { probing.end() }
  }

  /// Starts the election again, from a primary address; its statistics go on.
  ///
  /// Among equal priorities the higher address wins a tie, so it also moves first: neighbours in
  /// one subnet get different ranks from the last bits of their addresses.
  func prepareElection(primaryAddress: IPAddress) {
    let lowBits: UInt64 =
      switch primaryAddress {
      case .v4(let address): UInt64(address.rawValue)
      case .v6(let address): address.low
      }
    let rank =
      Timing.tieBreakRankCount - 1 - UInt8(lowBits % UInt64(Timing.tieBreakRankCount))
    election = VirtualRouter(
      electionSettings(rank: rank), continuing: election.statistics)
  }

  // MARK: What becomes of it

  /// Gets a router of its own, with the settings and without the faults: it leaves, and others of
  /// its name stay.
  func separate() { router = Router(settings) }

  // MARK: Its interfaces

  /// Takes in that it is attached to an interface, or that this has changed: fits the advertised
  /// addresses to it.
  func attach(_ link: Link) {
    attachment.attach(to: link)
    let count = Advertisement.addressCountMax(
      mtu: link.mtu, family: family, version: settings.version)
    outgoing.list(Array(advertisedAddresses.prefix(count)))
  }

  /// The addresses that its advertisements are to list, as far as there is room: link-local ones
  /// first, as RFC 9568 §5.2.9 wants it over IPv6.
  var advertisedAddresses: [IPAddress] {
    var list = addresses.current.map(\.address.address)
    if settings.hasExtras {
      let unadvertised = settings.unadvertised
      list =
        list.filter { !unadvertised.contains($0) }
        + settings.elsewhere.filter { $0.isAdvertised && $0.address.family == family }
        .map(\.address.address)
    }
    guard family == .ipv6, list.first?.isLinkLocal == false, list.contains(where: \.isLinkLocal)
    else { return list }
    return list.filter(\.isLinkLocal) + list.filter { !$0.isLinkLocal }
  }

  /// Takes in that it has no interface any more.
  func detach() { attachment.detach() }

  /// Gets a macvlan, which may have to be made yet.
  func addMacvlan(_ macvlan: RouterMacvlan) { attachment.add(macvlan) }

  /// Lets go of its macvlan.
  func dropMacvlan() { attachment.dropMacvlan() }

  /// Takes the macvlan of the router in whose place it comes, with all that is on it.
  func takeMacvlan(of former: RouterInstance) {
    attachment.takeMacvlan(of: &former.attachment)
  }

  /// Tells its macvlan of an event; nothing happens if it has none.
  ///
  /// - Parameter event: the call, which asks nothing of this router.
  /// - Returns: the answer.
  @discardableResult
  func tellMacvlan<Answer>(_ event: (inout RouterMacvlan) -> Answer) -> Answer? {
    attachment.tellMacvlan(event)
  }

  /// The interface it is attached to, as the kernel last described it.
  var link: Link? { attachment.link }

  /// The macvlan with its addresses, if it serves them under a virtual MAC address.
  var macvlan: RouterMacvlan? { attachment.macvlan }

  /// The kernel's number for the interface that its addresses are on.
  var addressInterface: Int32? { attachment.addressInterface }

  /// Whether what is installed can be reached: a macvlan may be switched off.
  var isReachable: Bool { attachment.isReachable }

  // MARK: Questions

  /// Something that is wrong with it.
  func problem(_ kind: Problem.Kind, _ text: String) -> Problem {
    Problem(kind, router: settings.name, family: family, text)
  }

  /// The settings of its router.
  var settings: RouterConfiguration { router.settings }

  /// The key that tells its group from others on the interface.
  var groupKey: FormerGroups.Group {
    FormerGroups.Group(
      vrid: settings.vrid, version: settings.version,
      authentication: electionSettings.authentication)
  }

  /// The settings of its election as they are now.
  var electionSettings: VirtualRouter.Configuration {
    electionSettings(rank: election.configuration.tieBreakRank)
  }

  private func electionSettings(rank: UInt8) -> VirtualRouter.Configuration {
    var election = settings.election(
      family, rank: rank, weight: router.fitness.weight(for: family))
    if let shared = router.group?.priority { election.priority = min(election.priority, shared) }
    election.preempts = election.preempts && !damping.isHeld
    return election
  }

  /// The priority that it would have alone.
  var ownPriority: Priority {
    settings.election(family, weight: router.fitness.weight(for: family)).priority
  }

  /// The time when its election has something to do next.
  ///
  /// Advertisement timers of fast routers are rounded up to a common grid, so that routers whose
  /// timers are close are served in one turn and sent with one system call. The election counts
  /// from the exact deadline, so the rounding does not add up.
  var electionDeadline: Instant? {
    guard let deadline = election.deadline, isHolding else {
      return joining.deadline(election.deadline, otherwise: backupDeadline)
    }
    let grid = min(settings.interval.nanoseconds / 16, 1_000_000)
    return Instant(nanoseconds: (deadline.nanoseconds + grid - 1) / grid * grid)
  }

  /// A Backup does not take over while the Active of a former group has addresses of it; those of
  /// one group then move one after the other.
  var backupDeadline: Instant? {
    guard var deadline = election.deadline else { return nil }
    if let end = damping.quietUntil { deadline = max(deadline, end) }
    guard let last = formerGroups.lastHold else { return deadline }
    return max(deadline, last + election.skewTime)
  }

  /// The time when something of it is due beside its election.
  var partsDeadline: Instant? {
    let signs = earliest(
      earliest(troubles.deadline, sightings.deadline),
      earliest(damping.deadline, request?.deadline))
    let conflict = earliest(conflicts.deadline, holderProbing.deadline)
    let claims = earliest(earliest(conflict, signs), probing.deadline)
    let held = earliest(addresses.deadline, extras.deadline)
    let places = earliest(earliest(held, handover.deadline), macvlan?.deadline)
    return earliest(earliest(claims, places), earliest(attendance.retryAt, formerGroupsDeadline))
  }

  /// The time when something is due of the groups that had its addresses before.
  ///
  /// A router that waits hears nothing: what they have is to be learned when it takes part.
  var formerGroupsDeadline: Instant? { attendance.isWaiting ? nil : formerGroups.deadline }

  /// The groups that had its addresses before and may keep it from putting them up: none for an
  /// owner, whose addresses are its machine's own.
  var heededGroups: FormerGroups { election.isOwner ? FormerGroups() : formerGroups }

  /// The time to look after it next; `nil` if it waits for nothing.
  var deadline: Instant? { earliest(electionDeadline, partsDeadline) }

  /// The longest advertisement interval of the group: its own, or that of another router that acts
  /// as Active.
  func longestInterval(at now: Instant) -> Duration {
    var longest = max(election.activeInterval.nanoseconds, settings.interval.nanoseconds)
    for peer in election.peers where peer.actsAsActive(at: now) {
      longest = max(longest, peer.interval.nanoseconds)
    }
    return .nanoseconds(Int64(clamping: longest))
  }

  /// The other routers that speak for the group: a machine of another version takes no part in the
  /// election, so what it lists and claims is a stranger's.
  var group: some Sequence<Peer> {
    election.peers.lazy.filter { [version = settings.version] in $0.version == version }
  }

  /// Whether a router of the group was heard that has the same addresses.
  var groupHasSameAddresses: Bool { group.contains { $0.addresses == .same } }

  /// Whether the addresses belong on the interface now.
  var isHolding: Bool { election.state == .active }

  /// Whether none of the addresses can be reached here any more by this node's doing.
  ///
  /// During a handover they can be, or will be in a moment: a macvlan that another program has
  /// switched off is switched on again.
  var hasReleased: Bool {
    if handover.isUnderWay || extras.isAnyInstalled { return false }
    return settings.virtualMAC ? !isReachable : addresses.installedCount == 0
  }

  /// The circumstances that decide which addresses are to be worked on.
  var circumstances: VirtualAddress.Circumstances {
    VirtualAddress.Circumstances(
      isHolding: isHolding, hasOwnInterface: settings.virtualMAC, isReachable: isReachable,
      isAttached: addressInterface != nil, handover: handover, formerGroups: heededGroups)
  }

  /// Whether what is beside its addresses stays up: it holds them, or hands them over.
  var keepsExtras: Bool { isHolding || handover.isUnderWay }

  /// Whether its advertisements go to each peer instead of to the multicast group.
  var isUnicast: Bool { !settings.peers.isEmpty }

  /// The destinations of its advertisements: the multicast group, or each peer but this machine.
  var destinations: [IPAddress] {
    isUnicast
      ? settings.peers(family).filter { $0 != election.primaryAddress }
      : [settings.multicastGroup(family)]
  }

  /// Whether its advertisements go to another multicast group than that of VRRP.
  var hasOwnGroup: Bool {
    !isUnicast && settings.multicastGroup(family) != .vrrpGroup(family)
  }

  /// Whether advertisements from a machine are for this router.
  func listens(to source: IPAddress) -> Bool { !isUnicast || settings.peers.contains(source) }

  /// Whether a message is for another multicast group than the router's.
  func isOutside(_ destination: IPAddress) -> Bool {
    !isUnicast && destination.isMulticast && destination != settings.multicastGroup(family)
  }

  /// The messages to send with a priority now, one for each destination.
  func messages(_ priority: Priority) -> [OutgoingMessages.Message] {
    outgoing.messages(
      advertisement(priority), from: election.primaryAddress, to: destinations)
  }

  /// The message as a frame with a virtual MAC address.
  func frame(_ priority: Priority, at mac: MACAddress) -> [UInt8] {
    outgoing.frame(
      advertisement(priority), from: election.primaryAddress, to: destinations, at: mac)
  }

  private func advertisement(_ priority: Priority) -> Advertisement {
    election.advertisement(priority, addressCount: outgoing.listedAddresses.count)
  }

  /// The request that puts the address at a position on the interface, or removes it.
  func request(_ index: Int, lifetime: Duration?, isDormant: Bool = false) -> AddressRequest {
    AddressRequest(
      interfaceIndex: addressInterface ?? 0, address: addresses[index].address, lifetime: lifetime,
      makesRoute: !settings.virtualMAC, isDormant: isDormant,
      label: settings.labels.isEmpty ? nil : settings.labels[addresses[index].address.address])
  }
}

/// The earlier of two moments; `nil` is never.
func earliest(_ left: Instant?, _ right: Instant?) -> Instant? {
  guard let left, let right else { return left ?? right }
  return min(left, right)
}
