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

  /// Timers that belong to no virtual router; those of routers follow.
  enum TimerID {
    static let lease = 0
    static let retry = 1
    static let announcement = 2
    static let handover = 3
    static let trouble = 4
    static let safeguard = 5
    static let conflict = 6
    static let probe = 7
    static let listening = 8
    static let refresh = 9
    static let firstRouter = 10
  }

  let platform: any Platform
  let readiness: any Readiness
  package internal(set) var lease: LeasePolicy
  /// How often and how fast addresses are announced.
  package internal(set) var announcements: AnnouncementPolicy
  let startedAt: Instant
  var now: Instant
  var interfaces = InterfaceTable()
  var instances: [RouterInstance?] = []
  var segments: [SegmentKey: Segment] = [:]
  var wires: [Int32: Wire] = [:]
  var timers = TimerQueue()
  var work = AddressWork()
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
  /// Routers whose addresses have not followed a change of state yet, by slot.
  var unsettled: [Int: Settlement] = [:]
  /// Whether the status has changed since this was last cleared.
  package var hasChanged = false

  struct OwnerKey: Hashable {
    var interfaceIndex: Int32
    var address: IPAddress
  }

  /// Reads the machine's interfaces and starts to watch them.
  ///
  /// - Parameters:
  ///   - platform: the machine.
  ///   - readiness: takes the descriptors to wait for.
  ///   - lease: how long addresses outlive the engine.
  ///   - announcements: how often and how fast addresses are announced.
  package init(
    _ platform: any Platform, _ readiness: any Readiness, lease: LeasePolicy = .default,
    announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) throws(NodeError) {
    self.platform = platform
    self.readiness = readiness
    self.lease = lease
    self.announcements = announcements
    now = platform.now()
    startedAt = now
    turnedAt = now
    wakeUps = WakeUps(at: now)
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
    now = platform.now()
    noteWakeUp()
    safeguard?.area.stamp(now.nanoseconds)
    var mayHaveMore = false
    for source in ready {
      switch source {
      case .segment(let key):
        if drain(key) { mayHaveMore = true }
      case .wire(let index):
        drainClaims(on: index)
      case .kernelEvents:
        drainKernelEvents()
      case .safeguard:
        attendGuard()
      }
    }
    if isLate, listenToAll(except: ready) { mayHaveMore = true }
    // A message that waits in a socket may be the sign of life that a timer waits for.
    delayedTurns = mayHaveMore ? delayedTurns + 1 : 0
    fireTimers(includingBackups: delayedTurns == 0 || delayedTurns > Bound.delayedTurns)
    flush()
    performAddressWork()
    sendAnnouncements()
    updateListening()
    armOwnTimers()
    tellSettled()
  }

  /// Measures how late this turn serves a deadline that has come since the last one; what has been
  /// put off on purpose is not late.
  private func noteWakeUp() {
    if let due = timers.earliest, due > turnedAt, due <= now { wakeUps.note(due: due, at: now) }
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
    var postponed: [(Int, Instant)] = []
    while let (id, deadline) = timers.popDue(by: now) {
      switch id {
      case TimerID.lease:
        refreshLeases()
        isSafeguardStale = true
      case TimerID.safeguard: startGuard()
      case TimerID.retry: retryAddresses()
      case TimerID.handover: endOverdueHandovers()
      case TimerID.trouble: endTroubles()
      case TimerID.conflict: reviewConflicts()
      case TimerID.probe: continueProbes()
      case TimerID.listening: resumeListening()
      case TimerID.refresh: refreshAnnouncements()
      case TimerID.announcement: break  // sendAnnouncements() follows in this turn
      default:
        guard let instance = instances[id - TimerID.firstRouter] else { continue }
        if let due = instance.attachRetryAt, due <= now {
          instance.attachRetryAt = nil
          reconsider(instance)
        } else if instance.election.state == .backup, !includingBackups {
          postponed.append((id, deadline))
          continue
        } else if let later = delayByProbe(instance) {
          postponed.append((id, later))
          continue
        } else {
          perform(instance.election.advance(to: now), for: instance, due: deadline)
        }
        schedule(instance)
      }
    }
    for (id, deadline) in postponed { timers.schedule(id, at: deadline) }
  }

  /// Puts an instance's next deadline into the queue.
  ///
  /// Advertisement timers of fast routers are rounded up to a common grid, so that routers whose
  /// timers are close are served in one turn and sent with one system call. The election counts
  /// from the exact deadline, so the rounding does not add up.
  func schedule(_ instance: RouterInstance) {
    let id = TimerID.firstRouter + instance.slot
    guard var deadline = instance.election.deadline ?? instance.attachRetryAt else {
      timers.cancel(id)
      return
    }
    if instance.election.state == .active {
      let grid = min(instance.settings.interval.nanoseconds / 16, 1_000_000)
      deadline = Instant(nanoseconds: (deadline.nanoseconds + grid - 1) / grid * grid)
    }
    timers.schedule(id, at: deadline)
  }

  private func armOwnTimers() {
    var next: Instant?
    for wire in wires.values {
      if let deadline = wire.queue.deadline { next = min(next ?? deadline, deadline) }
    }
    if let next { timers.schedule(TimerID.announcement, at: next) }
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
      noteSuccessor(of: instance, advertisement, from: header.source)
      let actions = instance.election.receive(
        advertisement, from: header.source,
        addresses: advertisement.match(instance.advertisedAddresses, in: message), at: now)
      perform(actions, for: instance)
      if instance.probe != nil { hearGroup(advertisement, message, for: instance) }
      note(actions.findings, advertisement, from: header.source, of: instance)
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
        note(transition, of: instance)
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
      noteSending(segment.transport.flush(), on: segment)
    }
    dirty.removeAll(keepingCapacity: true)
    for (instance, bytes) in frames {
      guard let segment = segment(of: instance), let wire = wire(of: instance) else { continue }
      noteSending(send(bytes, on: wire), on: segment)
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

  /// Says once that advertisements can't be sent.
  ///
  /// That the last one before a pause went nowhere is
  /// no news.
  private func noteSending(_ failure: Int32, on segment: Segment) {
    guard failure != segment.sendFailure else { return }
    segment.sendFailure = failure
    hasChanged = true
    guard failure != 0 else { return }
    for case let instance? in instances
    where instance.activity == .running && self.segment(of: instance) === segment {
      warn(
        .advertising, of: instance,
        "advertisements can't be sent on \(instance.settings.interface): \(errorText(failure))")
    }
  }

  private func note(_ transition: Transition, of instance: RouterInstance) {
    isSafeguardStale = true
    instance.stateSince = now
    instance.stateReason = transition.reason.description
    report(
      .transition(
        router: instance.settings.name, family: instance.family, transition))
    switch transition.to {
    case .active:
      beginSettling(instance, as: .active, because: transition.reason.description)
    case .backup:
      beginSettling(instance, as: .backup, because: transition.reason.description)
    case .initialize: break
    }
  }

  func segment(of instance: RouterInstance) -> Segment? {
    guard let link = instance.link else { return nil }
    return segments[SegmentKey(interfaceIndex: link.index, family: instance.family)]
  }

  /// Tells that something is wrong with a router.
  func warn(_ kind: Problem.Kind, of instance: RouterInstance, _ text: String) {
    report(.warning(instance.problem(kind, text)))
  }

  func report(_ event: NodeEvent) {
    events.append(event)
    hasChanged = true
  }
}
