import VRRPSimulation
import VIP
import VIPCore

/// The guard process of a simulated node: it reads the same area with the same functions, and does
/// what it finds there to the simulated kernel and segment.
final class MachineGuard: GuardProcess {
  /// Time that a guard needs until it watches.
  static let startTime = Duration.milliseconds(1)
  /// Time that it needs to notice the death of its node.
  static let noticeTime = Duration.microseconds(500)

  private let machine: Machine
  private unowned let simulation: NodeSimulation
  private let descriptor: Int32
  private var lastPid: Int32 = 0
  private(set) var pid: Int32?
  /// The time when it will say that it is ready, in true time.
  private(set) var readyAt: Instant?
  /// News that it has told and the node has not heard yet.
  private(set) var pendingNews: [GuardNews] = []
  /// The area that it watches over.
  private(set) var area: GuardArea?

  init(_ machine: Machine, in simulation: NodeSimulation, descriptor: Int32) {
    self.machine = machine
    self.simulation = simulation
    self.descriptor = descriptor
  }

  func start(_ area: GuardArea) throws(NodeError) -> Int32 {
    lastPid += 1
    pid = lastPid
    self.area = area
    pendingNews = []
    readyAt = simulation.now + Self.startTime
    machine.log.append(.remark("starts a guard"))
    return descriptor
  }

  /// Lets it say that it is ready, if it is time.
  func advance(to now: Instant) {
    guard let readyAt, readyAt <= now else { return }
    self.readyAt = nil
    pendingNews.append(.isReady)
  }

  func news() -> GuardNews { pendingNews.isEmpty ? .none : pendingNews.removeFirst() }

  func dismiss() -> String {
    defer {
      pid = nil
      readyAt = nil
      pendingNews = []
    }
    return pid == nil ? "not running" : "signal 9"
  }

  func release() {
    guard pid != nil, let area else { return }
    pid = nil
    simulation.perform(
      area.deeds(at: machine.clock.localTime(at: simulation.now).nanoseconds), by: machine)
  }

  /// Kills it.
  func die() {
    guard pid != nil else { return }
    readyAt = nil
    pendingNews = [.hasEnded]
  }

  /// Whether it would act if its node died now.
  var isWatching: Bool { pid != nil && !pendingNews.contains(.hasEnded) }
}
