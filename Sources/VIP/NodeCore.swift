public import ARP
public import VIPCore

/// The work of a node for a program with an event loop of its own: no thread, no actor, no waiting.
///
/// ``Node`` is the same on a thread of its own. What a core expects of its caller, all of it on one
/// thread:
///
/// 1. Wait until ``descriptor`` is readable, beside the descriptors of your own (`poll`, `epoll`).
///    It is whenever a turn is due: something has arrived, ``deadline`` has come, or work is left.
/// 2. Call ``turn()``, at once: a turn that comes late makes an advertisement late. A turn is
///    bounded, and one that comes too early costs next to nothing.
/// 3. Take what has happened with ``takeEvents()``.
///
/// Commands (``up(_:unready:)``, ``down(_:)``, ``promote(_:)``, …) may be called between turns;
/// they do at once what can't wait, and see to it that ``descriptor`` becomes readable for the
/// rest. At the end call ``down(_:)`` for each router and go on until ``routerNames`` is empty: the
/// addresses are handed over by then. The addresses of a core that is dropped stay until their
/// leases end.
///
/// ```swift
/// let core = try NodeCore(on: LinuxPlatform())
/// try core.up(settings)
/// while !core.routerNames.isEmpty {
///   waitUntilReadable(core.descriptor)
///   core.turn()
///   for event in core.takeEvents() { print(event) }
/// }
/// ```
public final class NodeCore {
  private let engine: Engine
  private let poller: Poller
  private var ready: [ReadinessSource] = []

  /// Makes a core without routers.
  ///
  /// - Parameters:
  ///   - platform: the machine, such as ``LinuxPlatform``.
  ///   - lease: how long addresses outlive a core whose turns have ended.
  ///   - announcements: how often and how fast addresses are announced.
  /// - Throws: what the machine said when its interfaces were listed.
  public init(
    on platform: any Platform, lease: LeasePolicy = .default,
    announcements: AnnouncementPolicy = AnnouncementPolicy()
  ) throws(NodeError) {
    poller = try Poller()
    engine = try Engine(platform, poller, lease: lease, announcements: announcements)
    arm()
  }

  // MARK: The loop

  /// Becomes readable when a turn is due.
  ///
  /// It belongs to the core and is closed with it; nothing can be read from it.
  public var descriptor: Int32 { poller.descriptor }

  /// The time when the next turn is due even if nothing arrives, in the clock of the platform;
  /// `nil` if there is no such moment.
  ///
  /// Only for those who measure the time themselves, such as a simulation: ``descriptor`` takes it
  /// into account.
  public var deadline: Instant? { engine.deadline }

  /// Whether a turn has left work that the next one should go on with at once.
  public var hasPendingWork: Bool { engine.hasPendingWork }

  /// Does what is due: takes in what has arrived, and advertises, installs and announces.
  public func turn() {
    poller.wait(until: engine.deadline, immediately: true, &ready)
    engine.turn(ready: ready)
    arm()
  }

  /// Takes the events since the last call.
  public func takeEvents() -> [NodeEvent] { engine.takeEvents() }

  /// Makes the descriptor readable when the next turn is due.
  private func arm() {
    poller.arm(engine.hasPendingWork ? .zero : engine.deadline)
  }

  // MARK: Routers

  /// Adds a router, or gives a present one these settings while it runs.
  ///
  /// A new router probes for its addresses before it takes part. Those that a running one gets are
  /// put up at once; only ``Node`` probes for them first.
  ///
  /// - Parameters:
  ///   - settings: what it shall be.
  ///   - unready: what becomes of it if this machine can't serve it yet.
  /// - Throws: what is wrong with it, or ``NodeError/Kind/refused`` if the router has to be taken
  ///   down first, since its interface, VRID or version is another, or if one of this name is still
  ///   handing over. Nothing has changed then.
  public func up(
    _ settings: RouterConfiguration, unready: UnreadyPolicy = .refuse
  ) throws(NodeError) {
    defer { arm() }
    guard let present = engine.settings(named: settings.name) else {
      return try engine.add(settings, unready: unready)
    }
    guard engine.isStaying(settings.name) else {
      throw NodeError(
        .refused,
        "\(settings.name): the router of this name is still handing its addresses over; wait until "
          + "it is gone")
    }
    switch present.change(to: settings) {
    case .none: break
    case .inPlace:
      try engine.check([settings], unready: unready)
      try engine.change([settings])
    case .replacement:
      throw NodeError(
        .refused,
        "\(settings.name): a router that runs can't take this over "
          + "(\(present.difference(to: settings))); take it down first")
    }
  }

  /// Hands a router over and removes it; it is in ``routerNames`` until its addresses are gone.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func down(_ name: String) throws(NodeError) {
    defer { arm() }
    guard engine.remove(name) else { throw engine.unknownRouter(name) }
  }

  /// Leaves the Active role of a router to other machines.
  ///
  /// - Parameters:
  ///   - name: the router.
  ///   - duration: for how long; until ``resume(_:)`` or ``promote(_:)`` if `nil`.
  /// - Throws: ``NodeError/Kind/refused`` if the router does not take part.
  public func resign(_ name: String, for duration: Duration? = nil) throws(NodeError) {
    defer { arm() }
    try checkName(name)
    try engine.resign(name, for: duration)
  }

  /// Takes the Active role of a router.
  ///
  /// - Throws: ``NodeError/Kind/refused`` if the protocol does not allow it.
  public func promote(_ name: String) throws(NodeError) {
    defer { arm() }
    try checkName(name)
    try engine.promote(name)
  }

  /// Ends the resignation or promotion of a router: its configured priority counts again.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func resume(_ name: String) throws(NodeError) {
    defer { arm() }
    try checkName(name)
    engine.resume([name])
  }

  /// Shortens the first wait of a router of which the caller knows that no other machine is Active.
  ///
  /// It listens for one interval and Skew_Time then, and still probes for its addresses.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func assumeVacancy(of name: String) throws(NodeError) {
    defer { arm() }
    try checkName(name)
    engine.assumeVacancy(of: name)
  }

  /// Makes a router unfit, weaker or fit again, for a cause that the caller knows.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``, or ``NodeError/Kind/refused`` for a priority that
  ///   can't be lowered so. Nothing has changed then.
  public func setFitness(
    _ fitness: RouterFitness, of name: String, for cause: String
  ) throws(NodeError) {
    defer { arm() }
    try engine.setFitness(fitness, of: name, for: cause)
  }

  /// The names of all routers, in the order in which they were added; also of those that leave.
  public var routerNames: [String] { engine.routerNames }

  /// The status of the routers, one entry for each family; only one router's if a name is given.
  public func status(_ name: String? = nil) -> [RouterStatus] { engine.status(name) }

  private func checkName(_ name: String) throws(NodeError) {
    guard engine.contains(name) else { throw engine.unknownRouter(name) }
  }
}
