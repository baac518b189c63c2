public import VIPCore
public import VRRP

/// A segment with virtual routers on it, offline: no network, no clock, no chance but the seed's.
///
/// The routers are ``VirtualRouter`` values, the same that run in production; packets are real
/// bytes that are encoded, damaged and parsed. Time is virtual and jumps from event to event.
/// After every event the promises of an election are checked (see ``Violation``).
///
/// ```swift
/// var simulation = Simulation(seed: 7)
/// let a = simulation.addRouter("a", configuration, address: "192.0.2.1", addresses: vips)
/// simulation.start(a)
/// simulation.run(for: .seconds(5))
/// ```
///
/// A node that is paused receives nothing and fires no timer; its packets wait in a bounded queue,
/// as in a socket. One that has crashed has forgotten everything.
public struct Simulation: Sendable {
  /// A machine: what fails, freezes and drifts.
  public struct Node: Sendable {
    /// Its name in logs.
    public let name: String
    /// Its clock.
    public internal(set) var clock: NodeClock
    /// The end of its freeze, if it is frozen.
    public internal(set) var pausedUntil: Instant?
    /// Whether its cable is cut; the node itself does not notice.
    public internal(set) var isCut = false
    var stations: [Int] = []
    var inbox: [Delivery] = []
  }

  /// One virtual router on one node.
  public struct Station: Sendable {
    /// The node it runs on.
    public let node: Int
    /// The virtual router of the segment that it belongs to.
    public let group: Int
    /// The source address of its advertisements.
    public let address: IPAddress
    /// The virtual addresses it would install.
    public let addresses: [IPAddress]
    /// The machine itself.
    public internal(set) var router: VirtualRouter
    /// Whether the virtual addresses are installed.
    public internal(set) var holdsAddresses = false
    /// The differences that it has noticed on the segment so far.
    public internal(set) var findings: Findings = []
    /// Messages it received that failed a check.
    public internal(set) var segmentStatistics = SegmentStatistics()
    var sending = SendingRate()
  }

  /// Something that happened, for logs and timelines.
  public struct Record: Sendable, Hashable {
    /// The true time.
    public let time: Instant
    /// The station.
    public let station: Int
    /// The event.
    public let event: Event

    /// The events of a station.
    public enum Event: Sendable, Hashable {
      /// Its state changed.
      case transition(Transition)
      /// The router sent an advertisement.
      case sent(Priority)
      /// The router noticed something about the segment, for the first time.
      case noticed(Findings)
      /// The router lost its state without a farewell.
      case crashed
      /// Its node's cable was cut.
      case cut
      /// Its node's cable was plugged in again.
      case plugged
      /// Its node froze.
      case paused
      /// Its node woke up.
      case resumed
    }
  }

  /// The number of packets that wait for a paused node; further ones are lost.
  public static let inboxCapacity = 64

  /// The present, in true time.
  public internal(set) var now = Instant.zero
  /// The segment's treatment of packets.
  public internal(set) var conditions: LinkConditions
  /// The machines.
  public internal(set) var nodes: [Node] = []
  /// The virtual routers on them.
  public internal(set) var stations: [Station] = []
  /// The events so far, oldest first; packets only if ``recordsPackets``.
  public internal(set) var records: [Record] = []
  /// Whether sent advertisements are recorded too.
  public var recordsPackets = false
  /// The packets sent, if capturing was asked for.
  public var capture: PacketCapture?
  /// Whether the promises are checked.
  ///
  /// Switch it off only to measure the rest.
  public var checksPromises = true
  /// Promises that were broken.
  public internal(set) var violations: [Violation] = []
  /// The number of processed events.
  public internal(set) var eventCount: UInt64 = 0

  var random: SeededRandom
  /// The stations of each virtual router.
  var groups: [[Int]] = []
  var groupKeys: [GroupKey] = []
  /// Deadlines of stations, in true time.
  var timers = TimerQueue()
  /// The deadlines at which paused nodes resume.
  var wakes = TimerQueue()
  var deliveries = DeliveryQueue()
  var packets = PacketPool()
  /// The nodes that each sender can't reach, a bit for each.
  var blocked: [UInt64] = []
  var supervisor = Supervisor()

  struct GroupKey: Sendable, Hashable {
    var vrid: VRID
    var family: AddressFamily
    var link: Int
  }

  /// Makes an empty segment.
  public init(seed: UInt64, conditions: LinkConditions = LinkConditions()) {
    random = SeededRandom(seed: seed)
    self.conditions = conditions
  }
}

// MARK: Building

extension Simulation {
  /// The most nodes one segment can have.
  public static let nodeCountMax = 64

  /// Adds a machine whose clock starts somewhere of its own.
  public mutating func addNode(_ name: String) -> Int {
    precondition(nodes.count < Self.nodeCountMax, "a segment has at most 64 nodes")
    let start = Instant(nanoseconds: 1_000_000_000_000 * UInt64(nodes.count + 1))
    nodes.append(Node(name: name, clock: NodeClock(startingAt: start)))
    blocked.append(0)
    return nodes.count - 1
  }

  /// Adds a virtual router to a node, not yet started.
  ///
  /// - Parameters:
  ///   - node: the node's index in ``nodes``.
  ///   - configuration: what the router is told by its operator.
  ///   - address: the source address of its advertisements.
  ///   - addresses: its virtual addresses.
  ///   - link: virtual routers on different links never hear each other.
  /// - Returns: its index in ``stations``.
  public mutating func addRouter(
    on node: Int, _ configuration: VirtualRouter.Configuration, address: IPAddress,
    addresses: [IPAddress], link: Int = 0
  ) -> Int {
    let key = GroupKey(vrid: configuration.vrid, family: configuration.family, link: link)
    let group: Int
    if let known = groupKeys.lastIndex(of: key) {
      group = known
    } else {
      groupKeys.append(key)
      groups.append([])
      supervisor.groups.append(Supervisor.Group())
      group = groups.count - 1
    }
    stations.append(
      Station(
        node: node, group: group, address: address, addresses: addresses,
        router: VirtualRouter(configuration)))
    groups[group].append(stations.count - 1)
    nodes[node].stations.append(stations.count - 1)
    return stations.count - 1
  }

  /// Adds a virtual router on a node of its own.
  public mutating func addRouter(
    _ name: String, _ configuration: VirtualRouter.Configuration, address: IPAddress,
    addresses: [IPAddress]
  ) -> Int {
    addRouter(on: addNode(name), configuration, address: address, addresses: addresses)
  }
}

// MARK: Running

extension Simulation {
  /// Lets a duration of true time pass.
  public mutating func run(for duration: Duration) {
    run(until: now + duration)
  }

  /// Lets true time pass until a moment, that moment's events included.
  public mutating func run(until end: Instant) {
    while step(until: end) {}
    if end > now { now = end }
    auditIfSettled()
  }

  /// Processes the next event that is due by a moment.
  ///
  /// Packets come before timers of the same moment: a router hears what has arrived before it
  /// concludes that there was nothing to hear.
  ///
  /// - Returns: whether there was one.
  public mutating func step(until end: Instant) -> Bool {
    let packet = deliveries.earliest ?? Instant(nanoseconds: .max)
    let timer = timers.earliest ?? Instant(nanoseconds: .max)
    let wake = wakes.earliest ?? Instant(nanoseconds: .max)
    let next = min(packet, min(timer, wake))
    guard next <= end, next < Instant(nanoseconds: .max) else { return false }
    if !supervisor.isObserved { observe() }
    if next > now { now = next }
    auditIfSettled()
    eventCount += 1
    if wake == next {
      if let due = wakes.popDue(by: next) { resume(due.id) }
    } else if packet == next {
      if let delivery = deliveries.removeFirst(by: next) { deliver(delivery) }
    } else if let due = timers.popDue(by: next) {
      fireTimer(of: due.id)
    }
    return true
  }

  private mutating func fireTimer(of station: Int) {
    let local = nodes[stations[station].node].clock.localTime(at: now)
    perform(stations[station].router.advance(to: local), by: station)
    if checksPromises, let deadline = stations[station].router.deadline, deadline <= local {
      report(.restlessTimer, station: station)
    }
  }

  /// Sets a station's timer in true time from its deadline in local time.
  mutating func schedule(_ station: Int) {
    let node = stations[station].node
    guard nodes[node].pausedUntil == nil, let deadline = stations[station].router.deadline else {
      timers.cancel(station)
      return
    }
    timers.schedule(station, at: max(nodes[node].clock.trueTime(of: deadline), now))
  }
}
