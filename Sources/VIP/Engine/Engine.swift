package import ARP
import Netlink
package import VIPCore
import VRRP

/// The node's work, without threads and without waiting: elections, addresses, announcements.
///
/// Driven turn by turn: drain what is readable, read the clock once, feed the elections, let due
/// timers fire, perform the actions in takeover order (advertisements, then addresses, then
/// announcements), and only then report. A turn is bounded, so that no advertisement is late
/// because of other work; ``hasPendingWork`` says that another turn should follow at once.
///
/// Calls, all from one thread:
///
/// 1. ``turn(ready:)`` when a watched descriptor is readable, when ``deadline`` has come, and at
///    once if ``hasPendingWork``.
/// 2. Commands at any time between two turns: ``add(_:)``, ``change(_:)``, ``remove(_:)``,
///    ``promote(_:)`` and the like. Each goes through ``step(_:)`` and ends as a turn does, so what
///    it sets in motion leaves with it; no turn has to follow before ``deadline``.
/// 3. After a turn and after commands ``takeEvents()``, then clear
///    ``hasChanged``, and ask for ``deadline`` and ``hasPendingWork`` again.
/// 4. Questions (``status(_:)``, ``contains(_:)``, ``obstacle(to:)``) at any time: they change
///    nothing, not even the clock.
package final class Engine {
  /// Limits of one turn, so that timers stay on time.
  enum Bound {
    static let messages = 1024
    static let kernelEvents = 512
    static let addresses = 64
    static let addressBatch = 16
    static let addressNanoseconds: UInt64 = 1_000_000
    static let announcements = 128
    /// Turns in a row that a flooded socket may hold up the Active_Down_Timers.
    static let delayedTurns = 4
    /// The longest turn; one that took longer was a pause of the whole process.
    static let turnMax = Duration.milliseconds(50)
  }

  let platform: any Platform
  let readiness: any Readiness
  package internal(set) var lease: LeasePolicy
  /// The number and pace of announcements.
  package internal(set) var announcements: AnnouncementPolicy
  /// The words of the program around it, for what to do about something.
  package var wording = Wording()
  let startedAt: Instant
  /// The clock of the turn or command that is under way; read once, when it begins.
  private(set) var now: Instant
  /// The clock of the turn or command before.
  private(set) var lastClock: Instant
  var interfaces = InterfaceTable()
  var routers = RouterTable()
  /// The statements about routers that are just being added.
  let firstFitness = FirstFitness()
  /// The groups of routers that move together.
  var groupTable = GroupTable()
  var segments: [SegmentKey: Segment] = [:]
  /// The groups that sockets could not be put into again.
  var memberships = Memberships()
  var wires: [Int32: Wire] = [:] {
    didSet { wireOrder = wires.keys.sorted() }
  }
  /// The interfaces of the wires, in the order in which announcements go out.
  private(set) var wireOrder: [Int32] = []
  var timers = EngineTimers()
  var work = AddressWork()
  /// Frames of the wire that is being read; empty between two of them.
  var heardFrames: [HeardFrame] = []
  /// Whether a command is being carried out.
  private var isInStep = false
  /// The lateness of turns.
  var wakeUps: WakeUps
  /// The routers to which addresses belong.
  var owners = AddressOwners()
  /// The names by which other nodes of this machine know what is served here.
  let claims: NameClaims
  /// The macvlans, and what is changed on the interfaces below them.
  var macvlans: MacvlanTable
  /// The advertisements to send in this turn.
  var outbox = Outbox()
  /// The probing for addresses that running routers are to get.
  var changeProbes = ChangeProbes()
  /// The routers that listen to groups which had their addresses before, and those that serve until
  /// one of their name has their addresses on another interface.
  var successions = Successions()
  private var delayedTurns = 0
  /// The time that a refresh of all addresses may not fall short of, and when it was counted.
  var knownLoad: (time: Instant, load: Duration)?
  var routeRounds = RouteRounds()
  var settingRounds = SettingRounds()
  /// The guard that cleans up if this process dies; `nil` if there is none.
  var safeguard: Safeguard?
  /// The addresses that the earlier life of this node has listed, while routers may still go on
  /// with them.
  var leftovers: Set<AddressFile.Entry> = []
  /// The comparisons that are due after a change, see ``noteChange()``.
  var dueReviews = DueReviews()
  /// Settings that need not be checked again.
  var checked = CheckedSettings()
  /// The problems that observers have been told.
  var problems = ProblemLedger()
  /// The routers whose addresses can't be announced.
  var failedAnnouncements = FailedAnnouncements()
  /// The events of this turn, for observers.
  private var events: [NodeEvent] = []
  /// The states that the addresses have followed, or are to follow.
  var settlements = Settlements()
  /// Whether anything but the routine of advertising may have changed since this was last cleared,
  /// so that callers that wait for something should look again.
  package var hasChanged = false

  /// The virtual routers by slot.
  var instances: [RouterInstance?] { routers.slots }

  /// Reads the machine's interfaces and starts to watch them.
  ///
  /// - Parameters:
  ///   - platform: the machine.
  ///   - readiness: takes the descriptors to wait for.
  ///   - lease: how long addresses outlive the engine.
  ///   - announcements: how often and how fast addresses are announced.
  /// - Throws: what the machine said when its interfaces were listed.
  package init(
    _ platform: any Platform, _ readiness: any Readiness, lease: LeasePolicy = .default,
    announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) throws(NodeError) {
    self.platform = platform
    self.readiness = readiness
    self.lease = lease
    self.announcements = announcements
    claims = NameClaims(platform)
    macvlans = MacvlanTable(platform, claims)
    startedAt = platform.now()
    now = startedAt
    lastClock = startedAt
    wakeUps = WakeUps(at: startedAt)
    try rereadInterfaces()
    scheduleAnnouncementRefresh()
    readiness.watch(platform.kernel.monitorDescriptor, .kernelEvents)
  }

  /// The same on a machine that takes the descriptors itself, as fakes do.
  package convenience init(
    _ machine: any Platform & Readiness, lease: LeasePolicy = .default,
    announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) throws(NodeError) {
    try self.init(machine, machine, lease: lease, announcements: announcements)
  }

  // MARK: The turn

  /// Does what is to be done now.
  ///
  /// - Parameter ready: what has become readable.
  package func turn(ready: [ReadinessSource]) {
    readClock()
    takeTurn(ready)
    conclude()
  }

  /// Carries out a command: everything but a turn that may change something comes through here.
  ///
  /// If the process was frozen until now, the turn that was due comes first: nothing must be said
  /// before the others have been heard.
  func step<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    assert(!isInStep, "a command called another one")
    isInStep = true
    readClock()
    // A command may put up addresses long after the last turn.
    safeguard?.area.stamp(now.nanoseconds)
    if isLate || isAtRest { takeTurn([]) }
    noteChange()
    defer {
      conclude()
      isInStep = false
    }
    return try body()
  }

  private func readClock() {
    lastClock = now
    now = platform.now()
  }

  /// Ends a turn or a command: messages, addresses, announcements, in the order of a takeover; then
  /// what is listened to and waited for.
  private func conclude() {
    reviewGroups()
    flush()
    performAddressWork()
    sendAnnouncements()
    updateListening()
    armAnnouncements()
    reviewHostAddresses()
    tellMemberships()
    reviewProblems()
    tellSettled()
    tellSettledGroups()
    promiseTurn()
  }

  private func takeTurn(_ ready: [ReadinessSource]) {
    wakeUps.beginTurn(at: now, due: timers.earliest)
    safeguard?.area.stamp(now.nanoseconds)
    if isAtRest { wakeFromRest() }
    var mayHaveMore = false
    for source in ready {
      switch source {
      case .segment(let key):
        if drain(key) { mayHaveMore = true }
      case .wire(let index):
        // Without noteChange(), or a flood of claims would have the guard and the host's addresses
        // reviewed in each turn. What a claim changes for these comes with an event or address
        // work, which note it; callers that wait must look again after each.
        hasChanged = true
        if drainClaims(on: index) { mayHaveMore = true }
      case .kernelEvents:
        noteChange()
        drainKernelEvents()
      case .safeguard:
        noteChange()
        hearGuard()
      }
    }
    if isLate, listenToAll(except: ready) { mayHaveMore = true }
    // A message that waits in a socket may be the sign of life that a timer waits for.
    delayedTurns = mayHaveMore ? delayedTurns + 1 : 0
    fireTimers(includingBackups: delayedTurns == 0 || delayedTurns > Bound.delayedTurns)
  }

  /// Whether this turn comes so late that the process must have been frozen or starved.
  private var isLate: Bool {
    guard let due = timers.earliest else { return false }
    return due + Bound.turnMax < now
  }

  /// Hears everything before anything is said: what became readable while the process was frozen
  /// may not have been reported to it yet.
  private func listenToAll(except ready: [ReadinessSource]) -> Bool {
    var mayHaveMore = false
    for key in segments.keys where !ready.contains(.segment(key)) {
      if drain(key) { mayHaveMore = true }
    }
    return mayHaveMore
  }

  /// The time when the next turn is due even if nothing becomes readable.
  package var deadline: Instant? { timers.earliest }

  /// Whether the next turn should follow at once.
  package var hasPendingWork: Bool { !work.isEmpty || delayedTurns > 0 }

  /// Takes the events since the last call.
  package func takeEvents() -> [NodeEvent] {
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  // MARK: Timers

  private func fireTimers(includingBackups: Bool) {
    var postponed: [(EngineTimer, Instant)] = []
    while let (timer, deadline) = timers.popDue(by: now) {
      switch timer {
      case .common(.lease):
        // With the number of addresses their lifetime may have changed.
        noteChange()
        refreshLeases()
      case .common(.guard): startGuard()
      case .common(.changeProbe):
        noteChange()
        continueChangeProbes()
      case .common(.listening): resumeListening()
      case .common(.refresh): refreshAnnouncements()
      case .common(.routes): continueRouteReviews()
      case .common(.membership): retryMemberships()
      case .common(.settings): continueSettingRounds()
      case .common(.leftovers): removeLeftovers(except: [])
      case .common(.announcement): break  // sendAnnouncements() follows in this turn
      case .router(let slot):
        guard let instance = instances[slot] else { continue }
        if let later = fire(instance, due: deadline, includingBackups: includingBackups) {
          postponed.append((timer, later))
        }
      }
    }
    for (timer, deadline) in postponed { timers.schedule(timer, at: deadline) }
  }

  /// Lets a router's timer fire: does what is due of its parts and of its election.
  ///
  /// - Returns: when it shall fire instead, if its election is held up; `nil` if it is not.
  private func fire(
    _ instance: RouterInstance, due deadline: Instant, includingBackups: Bool
  ) -> Instant? {
    retryAddresses(of: instance)
    reviewExtras(of: instance)
    serveMacvlan(of: instance)
    reviewHandover(of: instance)
    reviewFormerGroups(of: instance)
    reviewConflicts(of: instance)
    reviewTroubles(of: instance)
    reviewSightings(of: instance)
    continueProbe(of: instance)
    reviewDamping(of: instance)
    reviewRequest(of: instance)
    if let due = instance.attendance.retryAt, due <= now {
      noteChange()
      forgetRetry(of: instance)
      reconsider(instance)
    } else if let due = instance.electionDeadline, due <= now {
      if instance.election.state == .backup, !includingBackups {
        return earliest(due, instance.partsDeadline)
      }
      if let later = delayByProbe(instance) { return earliest(later, instance.partsDeadline) }
      // What was put off is due when it shall fire instead.
      let due = max(due, deadline)
      if isKeptBackNow(instance) { return instance.deadline }
      perform(instance.election.advance(to: now, postponedTo: due), for: instance, due: due)
    }
    probeAsHolder(of: instance)
    schedule(instance)
    return nil
  }

  /// Puts an instance's next deadline into the queue.
  func schedule(_ instance: RouterInstance) {
    let timer = EngineTimer.router(slot: instance.slot)
    guard let deadline = instance.deadline else { return timers.cancel(timer) }
    timers.schedule(timer, at: deadline)
  }

  /// Sees to it that a router is looked after by a moment at the latest.
  func arm(_ instance: RouterInstance, by moment: Instant?) {
    if let moment { timers.schedule(.router(slot: instance.slot), noLaterThan: moment) }
  }

  private func armAnnouncements() {
    var next: Instant?
    for wire in wires.values {
      if let deadline = wire.queue.deadline { next = min(next ?? deadline, deadline) }
    }
    if let next { timers.schedule(.announcement, at: next) }
  }

  // MARK: Events

  /// Tells observers of something.
  func report(_ event: NodeEvent) {
    events.append(event)
    noteChange()
  }

  /// Something else happens than the routine of advertising: callers that wait for something should
  /// look again, and the guard may have to be told.
  ///
  /// Commands, news of the kernel, events and address work all come through here, so that what they
  /// change need not.
  func noteChange() {
    hasChanged = true
    groupTable.isReviewDue = true
    dueReviews.noteChange()
  }
}
