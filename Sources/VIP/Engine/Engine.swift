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
/// 3. After a turn and after commands ``takeEvents()`` and ``takeDueHooks()``, then clear
///    ``hasChanged``, and ask for ``deadline`` and ``hasPendingWork`` again.
/// 4. Questions (``status(_:)``, ``contains(_:)``, ``obstacle(to:)``) at any time: they change
///    nothing, not even the clock.
package final class Engine {
  /// How much one turn does at most, so that timers stay on time.
  enum Bound {
    static let messages = 1024
    static let kernelEvents = 512
    static let addresses = 64
    static let addressBatch = 16
    static let addressNanoseconds: UInt64 = 1_000_000
    static let announcements = 128
    /// Turns in a row that a flooded socket may hold up the Active_Down_Timers.
    static let delayedTurns = 4
    /// What takes longer than this was not a turn but a pause of the whole process.
    static let turnMax = Duration.milliseconds(50)
  }

  let platform: any Platform
  package internal(set) var lease: LeasePolicy
  /// How often and how fast addresses are announced.
  package internal(set) var announcements: AnnouncementPolicy
  let startedAt: Instant
  /// The clock of the turn or command that is under way; read once, when it begins.
  private(set) var now: Instant
  var interfaces = InterfaceTable()
  var instances: [RouterInstance?] = []
  var segments: [SegmentKey: Segment] = [:]
  var wires: [Int32: Wire] = [:]
  var timers = EngineTimers()
  var work = AddressWork()
  /// Whether a command is being carried out.
  private var isInStep = false
  /// How late turns have come.
  var wakeUps: WakeUps
  /// When the last turn began.
  private var turnedAt: Instant
  /// Which instance holds or will hold an address on an interface.
  var owners: [OwnerKey: (slot: Int, index: Int)] = [:]
  /// Whose macvlans these are, by the kernel's number.
  var virtuals: [Int32: Int] = [:]
  /// Interfaces whose ARP settings are changed for the sake of macvlans on them.
  var hushed: [Int32: HushedParent] = [:]
  /// Advertisements under virtual MAC addresses to send in this turn.
  private var frames: [(instance: RouterInstance, bytes: [UInt8])] = []
  /// What is asked of segments before routers that serve get more addresses.
  var inquiries: [Int: Inquiry] = [:]
  var lastInquiry = 0
  /// Segments with messages to flush in this turn.
  private var dirty: [Segment] = []
  private var delayedTurns = 0
  /// Counts the rounds in which leases were refreshed.
  var refreshRound = 0
  /// What cleans up if this process dies; `nil` if nothing does.
  var safeguard: Safeguard?
  var guardDescriptor: Int32?
  /// Whether the safeguard may have to be told something, see ``updateSafeguard()``.
  var isSafeguardStale = false
  /// What happened in this turn, for observers.
  var events: [NodeEvent] = []
  /// Programs to run once the addresses are where a new state wants them, by the router's slot.
  var pendingHooks: [Int: HookOccasion] = [:]
  /// Programs to run now.
  var dueHooks: [HookOccasion] = []
  /// Whether anything but the routine of advertising may have changed since this was last cleared,
  /// so that callers that wait for something should look again.
  package var hasChanged = false

  struct OwnerKey: Hashable {
    var interfaceIndex: Int32
    var address: IPAddress
  }

  /// Reads the machine's interfaces and starts to watch them.
  package init(
    _ platform: any Platform, lease: LeasePolicy = .default,
    announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) throws(NodeError) {
    self.platform = platform
    self.lease = lease
    self.announcements = announcements
    startedAt = platform.now()
    now = startedAt
    turnedAt = startedAt
    wakeUps = WakeUps(at: startedAt)
    try rereadInterfaces()
    scheduleAnnouncementRefresh()
    platform.watch(platform.kernel.monitorDescriptor, .kernelEvents)
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
    if isLate { takeTurn([]) }
    hasChanged = true
    isSafeguardStale = true
    defer {
      conclude()
      isInStep = false
    }
    return try body()
  }

  private func readClock() { now = platform.now() }

  /// What a turn and a command end with: messages, addresses, announcements, in the order of a
  /// takeover; then what is listened to and waited for.
  private func conclude() {
    flush()
    performAddressWork()
    sendAnnouncements()
    updateListening()
    armAnnouncements()
  }

  private func takeTurn(_ ready: [ReadinessSource]) {
    recordWakeUp()
    safeguard?.area.stamp(now.nanoseconds)
    var mayHaveMore = false
    for source in ready {
      switch source {
      case .segment(let key):
        if drain(key) { mayHaveMore = true }
      case .wire(let index):
        hasChanged = true
        drainClaims(on: index)
      case .kernelEvents:
        hasChanged = true
        drainKernelEvents()
      case .safeguard:
        hasChanged = true
        attendGuard()
      }
    }
    if isLate, listenToAll(except: ready) { mayHaveMore = true }
    // A message that waits in a socket may be the sign of life that a timer waits for.
    delayedTurns = mayHaveMore ? delayedTurns + 1 : 0
    fireTimers(includingBackups: delayedTurns == 0 || delayedTurns > Bound.delayedTurns)
  }

  /// Measures how late this turn serves a deadline that has come since the last one; what has been
  /// put off on purpose is not late.
  private func recordWakeUp() {
    if let due = timers.earliest, due > turnedAt, due <= now { wakeUps.record(due: due, at: now) }
    turnedAt = now
  }

  /// Whether this turn comes so late that the process must have been frozen or starved.
  private var isLate: Bool {
    guard let due = timers.earliest else { return false }
    return due + Bound.turnMax < now
  }

  /// Hears everything before anything is said: what became readable while the process was frozen may
  /// not have been reported to it yet.
  private func listenToAll(except ready: [ReadinessSource]) -> Bool {
    var mayHaveMore = false
    for key in segments.keys where !ready.contains(.segment(key)) {
      if drain(key) { mayHaveMore = true }
    }
    return mayHaveMore
  }

  /// When the next turn is due even if nothing becomes readable.
  package var deadline: Instant? { timers.earliest }

  /// Whether the next turn should follow at once.
  package var hasPendingWork: Bool { !work.isEmpty || delayedTurns > 0 }

  /// What has happened since the last call.
  package func takeEvents() -> [NodeEvent] {
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  // MARK: Timers

  private func fireTimers(includingBackups: Bool) {
    var postponed: [(EngineTimer, Instant)] = []
    while let (timer, deadline) = timers.popDue(by: now) {
      switch timer {
      case .lease: refreshLeases()
      case .guard: startGuard()
      case .retry: retryAddresses()
      case .handover: endOverdueHandovers()
      case .trouble: endTroubles()
      case .conflict: reviewConflicts()
      case .probe:
        hasChanged = true
        continueProbes()
      case .listening: resumeListening()
      case .refresh: refreshAnnouncements()
      case .announcement: break  // sendAnnouncements() follows in this turn
      case .router(let slot):
        guard let instance = instances[slot] else { continue }
        if let later = fire(instance, due: deadline, includingBackups: includingBackups) {
          postponed.append((timer, later))
        }
      }
    }
    for (timer, deadline) in postponed { timers.schedule(timer, at: deadline) }
  }

  /// Lets a router's timer fire.
  ///
  /// - Returns: when it shall fire instead; `nil` if it has fired.
  private func fire(
    _ instance: RouterInstance, due deadline: Instant, includingBackups: Bool
  ) -> Instant? {
    if let due = instance.attachRetryAt, due <= now {
      instance.attachRetryAt = nil
      reconsider(instance)
    } else if instance.election.state == .backup, !includingBackups {
      return deadline
    } else if let later = delayByProbe(instance) {
      return later
    } else {
      perform(instance.election.advance(to: now), for: instance, due: deadline)
    }
    schedule(instance)
    return nil
  }

  /// Puts an instance's next deadline into the queue.
  ///
  /// Advertisement timers of fast routers are rounded up to a common grid, so that routers whose
  /// timers are close are served in one turn and sent with one system call. The election counts
  /// from the exact deadline, so the rounding does not add up.
  func schedule(_ instance: RouterInstance) {
    let timer = EngineTimer.router(slot: instance.slot)
    guard var deadline = instance.election.deadline ?? instance.attachRetryAt else {
      timers.cancel(timer)
      return
    }
    if instance.election.state == .active {
      let grid = min(instance.settings.interval.nanoseconds / 16, 1_000_000)
      deadline = Instant(nanoseconds: (deadline.nanoseconds + grid - 1) / grid * grid)
    }
    timers.schedule(timer, at: deadline)
  }

  private func armAnnouncements() {
    var next: Instant?
    for wire in wires.values {
      if let deadline = wire.queue.deadline { next = min(next ?? deadline, deadline) }
    }
    if let next { timers.schedule(.announcement, at: next) }
  }

  // MARK: Advertisements

  /// Hands everything that has arrived on a segment to the elections.
  private func drain(_ key: SegmentKey) -> Bool {
    guard let segment = segments[key] else { return false }
    return segment.transport.drain(limit: Bound.messages) { header, message in
      receive(header, message, on: segment)
    }
  }

  private func receive(_ header: PacketHeader, _ message: Span<UInt8>, on segment: Segment) {
    let addressee = message.count > 1 ? segment.router(message[1]) : nil
    // A unicast peer may send with any hop limit: keepalived does in IPv6.
    let isPeer = addressee.map { $0.isUnicast && $0.listens(to: header.source) } ?? false
    do throws(AdvertisementError) {
      let advertisement = try Advertisement(
        parsing: message, from: header.source, to: header.destination,
        hopLimit: isPeer ? Advertisement.hopLimit : header.hopLimit)
      guard let instance = addressee else {
        segment.statistics.vridErrors += 1
        return
      }
      guard instance.listens(to: header.source) else {
        segment.statistics.vridErrors += 1
        return tell(.unlistedPeer, from: header.source, of: instance) {
          "\(header.source) advertises VRID \(advertisement.vrid) and is not among the peers; it is "
            + "ignored"
        }
      }
      let actions = instance.election.receive(
        advertisement, from: header.source,
        addresses: advertisement.match(instance.advertisedAddresses, in: message), at: now)
      if actions.heardActive != nil { noteSuccessor(of: instance) }
      perform(actions, for: instance)
      // A sender without the group's password does not speak for it, nor does a looped packet.
      if instance.probe != nil,
        actions.findings.isDisjoint(with: [.authenticationDiffers, .ownAddress])
      {
        hearGroup(advertisement, message, for: instance)
      }
      if instance.activity == .running {
        note(actions.findings, advertisement, from: header.source, of: instance)
      }
      schedule(instance)
    } catch {
      if let addressee { tellUnusable(error, from: header.source, of: addressee) }
      if segment.statistics.count(error) { return }
      if let addressee {
        addressee.election.count(error)
      } else {
        segment.statistics.packetLengthErrors += 1
      }
    }
  }

  /// Does what an election has decided: messages go out first, in ``flush()``.
  ///
  /// - Parameters:
  ///   - actions: what it has decided.
  ///   - instance: its router.
  ///   - due: when it had to be decided; `nil` if that is now.
  func perform(_ actions: Actions, for instance: RouterInstance, due: Instant? = nil) {
    for action in actions {
      switch action {
      case .advertise(let priority): enqueue(priority, from: instance)
      case .installAddresses: hold(instance)
      case .announceAddresses: announceInstalled(instance)
      case .removeAddresses: letGo(instance, because: actions.transitionReason)
      case .transition(let transition):
        measure(transition, of: instance, due: due)
        record(transition, of: instance)
      }
    }
  }

  private func enqueue(_ priority: Priority, from instance: RouterInstance) {
    guard let segment = segment(of: instance) else { return }
    if let virtual = instance.virtual {
      return frames.append((instance, instance.frame(priority, at: virtual.macAddress)))
    }
    let source = instance.isUnicast ? instance.election.primaryAddress : nil
    for (destination, message) in instance.messages(priority) {
      if let source {
        segment.transport.enqueue(message, from: source, to: destination)
      } else {
        segment.transport.enqueue(message)
      }
    }
    if !dirty.contains(where: { $0 === segment }) { dirty.append(segment) }
  }

  /// Sends what this turn has put into the batches.
  func flush() {
    for segment in dirty {
      recordSending(segment.transport.flush(), on: segment)
    }
    dirty.removeAll(keepingCapacity: true)
    for (instance, bytes) in frames {
      guard let segment = segment(of: instance), let wire = wire(of: instance) else { continue }
      recordSending(send(bytes, on: wire), on: segment)
    }
    frames.removeAll(keepingCapacity: true)
  }

  /// Sends a frame; tries once more where a queue is full for a moment.
  ///
  /// - Returns: 0, or the error number.
  private func send(_ frame: [UInt8], on wire: Wire) -> Int32 {
    var failure: Int32 = 0
    for _ in 0..<2 {
      do throws(FrameError) {
        try wire.transport.send(frame.span)
        return 0
      } catch {
        failure = error.errorNumber == 0 ? -1 : error.errorNumber
        guard error.isTransient else { break }
      }
    }
    return failure
  }

  /// Reports once that advertisements can't be sent; not that the last one of a router which no
  /// longer takes part could not.
  private func recordSending(_ failure: Int32, on segment: Segment) {
    guard failure != segment.sendFailure else { return }
    segment.sendFailure = failure
    guard failure != 0 else { return }
    for case let instance? in instances
    where instance.activity == .running && self.segment(of: instance) === segment {
      report(
        .warning(
          router: instance.settings.name, family: instance.family,
          text: "advertisements can't be sent on \(instance.settings.interface): "
            + errorText(failure)))
    }
  }

  private func record(_ transition: Transition, of instance: RouterInstance) {
    isSafeguardStale = true
    instance.stateSince = now
    instance.stateReason = transition.reason.description
    report(
      .transition(
        router: instance.settings.name, family: instance.family, transition))
    switch transition.to {
    case .active: noteHook(.active, of: instance, because: transition.reason.description)
    case .backup: noteHook(.backup, of: instance, because: transition.reason.description)
    case .initialize: break
    }
  }

  func segment(of instance: RouterInstance) -> Segment? {
    guard let link = instance.link else { return nil }
    return segments[SegmentKey(interfaceIndex: link.index, family: instance.family)]
  }

  func report(_ event: NodeEvent) {
    events.append(event)
    hasChanged = true
  }
}
