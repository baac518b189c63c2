import Netlink
import VIP
public import VIPCore
import VRRP
public import VRRPSimulation

/// Whole nodes on a segment in memory: no network, no kernel, no clock, no chance but the seed's.
///
/// Each machine has a kernel of its own (`FakeKernel`), each node the engine that runs in
/// production and a guard that reads the same bytes as the real one. Advertisements and
/// announcements cross the segment as bytes, with the delays and losses of ``LinkConditions``; a
/// client's neighbour cache is moved by what it hears. Time is virtual and jumps from event to
/// event. After every event the promises of Docs/Guarantees.md are checked (see ``BrokenPromise``).
///
/// Driven by a ``Story``.
public final class NodeSimulation {
  /// The present, in true time.
  public internal(set) var now = Instant.zero
  /// The conditions for packets on the segments.
  public internal(set) var conditions = LinkConditions()
  /// Promises that were broken.
  public internal(set) var brokenPromises: [BrokenPromise] = []
  var machines: [Machine] = []
  var segments = [SimulatedSegment(number: 0), SimulatedSegment(number: 1)]
  var random: SeededRandom
  var parcels = ParcelQueue()
  /// The machines that each one can't reach, a bit for each.
  var blocked: [UInt64] = []
  /// Virtual routers of strangers that advertise.
  var foreigners: [ForeignRouter] = []
  var supervisor = NodeSupervisor()
  /// Number of times that something has happened.
  private(set) var stepCount = 0
  /// Machines whose state may have changed in this step, a bit for each.
  private var touched: UInt64 = 0
  /// Called at the end of each step with the machines on which something happened.
  var observer: (([Machine]) -> Void)?
  /// Lines about the segment itself since they were last asked for.
  var remarks: [String] = []

  /// A router of another group that uses a VRID.
  struct ForeignRouter {
    var segment: Int
    var vrid: VRID
    var source: IPAddress
    var priority: Priority
    var interval: AdvertisementInterval
    var addresses: [IPAddress]
    var next: Instant
  }

  /// Makes two segments without machines.
  public init(seed: UInt64) {
    random = SeededRandom(seed: seed)
  }

  // MARK: Machines

  /// Adds a machine with two interfaces, `eth0` on the first segment and `eth1` on the second one.
  func addMachine(_ name: String) -> Machine {
    let number = machines.count
    let machine = Machine(
      name, number: number,
      links: [Self.link("eth0", 2, number), Self.link("eth1", 3, number)])
    machine.attachments = [2: 0, 3: 1]
    for index: Int32 in [2, 3] { giveAddresses(machine, index, segment: Int(index) - 2) }
    machines.append(machine)
    blocked.append(0)
    return machine
  }

  static func link(_ name: String, _ index: Int32, _ number: Int) -> Link {
    Link(
      index: index, name: name, macAddress: MACAddress(2, 0, 0, UInt8(index), 0, UInt8(number + 1)),
      ipv4: Dictionary(uniqueKeysWithValues: IPv4Setting.allCases.map { ($0, 0) }))
  }

  /// The addresses that a machine has for itself on an interface.
  func giveAddresses(_ machine: Machine, _ index: Int32, segment: Int) {
    let low = UInt8(machine.number + 1)
    let v4 = segment == 0 ? IPv4Address(192, 0, 2, low) : IPv4Address(198, 51, 100, low)
    if let own = InterfaceAddress(.v4(v4), prefixLength: 24) {
      machine.own(own, onInterface: index)
    }
    giveLinkLocal(machine, index)
  }

  /// The link-local address that Linux makes up whenever an interface comes up that can have one.
  func giveLinkLocal(_ machine: Machine, _ index: Int32) {
    guard machine.link(index).map({ $0.mtu >= FakeKernel.ipv6MTUMin }) ?? false else { return }
    let v6 = IPv6Address(high: 0xFE80 << 48, low: UInt64(machine.number + 1))
    if let own = InterfaceAddress(.v6(v6), prefixLength: 64) {
      machine.own(own, onInterface: index)
    }
  }

  /// Starts a node on a machine.
  func start(_ machine: Machine) {
    guard machine.process == nil else { return }
    machine.advanceKernel(to: now)
    machine.reloadsOnWake = false
    do throws(NodeError) {
      machine.process = try NodeProcess(machine, in: self)
    } catch {
      machine.log.append(.remark("can't start: \(error)"))
    }
    touch(machine)
  }

  // MARK: Time

  /// Lets time pass.
  ///
  /// - Parameters:
  ///   - duration: how much.
  ///   - isUntilRest: whether it stops before that when everything has come to rest and was looked
  ///     at.
  func run(for duration: Duration, untilAtRest isUntilRest: Bool = false) {
    let end = now + duration
    settle()
    while true {
      let times = machines.map { nextTime(of: $0) }
      guard let next = nextTime(among: times), next <= end else { break }
      if isUntilRest, supervisor.isAudited { return }
      now = max(now, next)
      takeStep(times)
    }
    now = end
    for machine in machines { machine.advanceKernel(to: now) }
    settle()
  }

  /// The time when something happens next, of the machines and between them.
  private func nextTime(among times: [Instant?]) -> Instant? {
    var next = parcels.first?.time
    func consider(_ time: Instant?) {
      if let time { next = min(next ?? time, time) }
    }
    for time in times { consider(time) }
    for foreigner in foreigners { consider(foreigner.next) }
    consider(supervisor.nextAudit)
    return next
  }

  private func nextTime(of machine: Machine) -> Instant? {
    var next = machine.nextExpiry
    func consider(_ time: Instant?) {
      if let time { next = min(next ?? time, time) }
    }
    consider(machine.standstill?.end)
    if machine.standstill?.kind != .asleep {
      for caretaker in machine.caretakers { consider(nextTime(of: caretaker, on: machine)) }
      consider(machine.process?.platform.guardProcess?.readyAt)
    }
    if machine.standstill == nil, let deadline = machine.process?.engine.deadline {
      consider(machine.clock.trueTime(of: deadline))
    }
    return next
  }

  /// Lets happen what is due.
  ///
  /// - Parameter times: when something happens next on each machine, by itself.
  private func takeStep(_ times: [Instant?]) {
    stepCount += 1
    while let parcel = parcels.first, parcel.time <= now {
      _ = parcels.removeFirst()
      deliver(parcel)
    }
    for index in foreigners.indices where foreigners[index].next <= now { advertise(index) }
    for machine in machines {
      if let time = times[machine.number], time <= now { touch(machine) }
    }
    settle()
  }

  /// Lets every machine on which something has happened do what is to be done now.
  func settle() {
    let attended = touched
    for machine in machines where attended & 1 << UInt64(machine.number) != 0 { attend(machine) }
    let changed = machines.filter(isTouched)
    touched = 0
    check(changed)
    observer?(machines.filter { !$0.log.isEmpty })
    for machine in changed { machine.log = [] }
  }

  private func isTouched(_ machine: Machine) -> Bool {
    touched & 1 << UInt64(machine.number) != 0
  }

  /// Notes that something has happened on a machine.
  func touch(_ machine: Machine) { touched |= 1 << UInt64(machine.number) }

  private func attend(_ machine: Machine) {
    if let end = machine.standstill?.end, end <= now { wake(machine) }
    machine.advanceKernel(to: now)
    takeCare(of: machine)
    guard let process = machine.process else { return }
    process.platform.guardProcess?.advance(to: now)
    guard machine.standstill == nil else { return }
    if !process.settle() {
      breach(.noBusyLoop, machine, "more than \(NodeProcess.turnsMax) turns at one moment")
      kill(machine, withGuard: true)
      return
    }
    if process.platform.isDead { return bury(machine) }
    if process.isDone {
      process.engine.dismissGuard()
      machine.process = nil
      machine.names = []
      machine.log.append(.remark("the node has ended"))
      checkUntouched(machine)
    }
  }

  private func wake(_ machine: Machine) {
    // A machine that slept finds its kernel's time where it was.
    machine.advanceKernel(to: now)
    machine.log.append(.remark("wakes up"))
    machine.standstill = nil
    machine.wakeBefore = machine.lastWake
    machine.lastWake = now
    restartBounds()
    if machine.reloadsOnWake { reload(machine) }
  }

  // MARK: Death

  /// Kills a node's process, its guard with it or not.
  func kill(_ machine: Machine, withGuard: Bool) {
    guard let process = machine.process else { return }
    process.platform.isDead = true
    if withGuard { process.platform.guardProcess?.die() }
    // What the guard keeps costs clients no more than a planned move.
    let isMove = keepsPromises(ofGuardOf: process)
    appointCaretaker(for: process)
    bury(machine, after: isMove ? .death : .trouble)
  }

  /// The process dies between two requests to the kernel.
  func dieInTheMiddle(_ machine: Machine) {
    guard let process = machine.process, !process.platform.isDead else { return }
    machine.requestsUntilDeath = nil
    process.platform.isDead = true
    machine.log.append(.remark("dies"))
    appointCaretaker(for: process)
  }

  private func bury(_ machine: Machine, after disturbance: Disturbance = .trouble) {
    if let process = machine.process { machine.lastLease = process.engine.lease }
    machine.process = nil
    machine.names = []
    machine.requestsUntilDeath = nil
    // Switched on for the time of a removal by two writes, between which it may have died; no guard
    // can tell that from what an operator wants.
    machine.untouched.promotesSecondaries = machine.kernel.promotesSecondaries
    if machine.standstill?.kind == .frozen { machine.standstill = nil }
    restartBounds(after: disturbance)
  }

  /// Does what a guard found in its area.
  func perform(_ deeds: [GuardArea.Deed], by machine: Machine) {
    for deed in deeds {
      switch deed {
      case .packet(let packet, let interfaceIndex):
        sent(packet: packet, by: machine, onInterface: interfaceIndex)
      case .requests(let bytes):
        machine.kernel.perform(bytes)
        machine.revision += 1
      }
    }
    machine.kernel.forgetRequests()
  }
}
