import Synchronization
import VIP
import VIPConfiguration
import VIPCore
import VRRP

/// Tells what the machine is set to that does a node's routers harm, from when it is seen until it
/// is over: what a check of the configuration warns of.
///
/// The machine is looked at beside the node's thread: once a minute, whenever the node has been
/// told something, and when a router begins to wait, waits for something else or takes part again,
/// which is when what is wrong with the machine may have begun or ended.
///
/// A program of a router may lie where nothing answers, such as the mount of a server that is gone.
/// A look is given up after a while and told of, and the rest of the machine is looked at without
/// the programs until it comes back.
final class MachineWatch: Sendable {
  /// The kind of function that looks at the machine.
  typealias Look = @Sendable (FileConfiguration) async -> [MachineCheck.Remark]?

  /// The most looks at programs that may be out at the same time; each may have a thread.
  private static let pendingCountMax = 4
  /// Time between two looks, so that routers that come and go don't make it look all the time.
  private static let pause = Duration.milliseconds(500)

  /// The result of a look.
  private enum Sight: Sendable {
    case found([MachineCheck.Remark])
    /// The machine can't be looked at now.
    case nothing
    /// The look has not come back in time.
    case late
  }

  private let node: Node
  private let period: Duration
  private let patience: Duration
  private let lookAtMachine: Look
  /// The looks that have not come back, by the programs that they look at, and whether they have
  /// been given up.
  private let pending = Mutex<[Set<String>: Bool]>([:])
  /// The problems of each router.
  private let problems = Mutex<[Problem]>([])
  private let calls: AsyncStream<Void>
  private let caller: AsyncStream<Void>.Continuation

  /// Makes a watch that has not looked yet.
  ///
  /// - Parameters:
  ///   - node: the node whose routers the machine may harm.
  ///   - period: how often it looks without a cause.
  ///   - patience: how long a look may take.
  ///   - look: looks at the machine; `nil` if it can't be looked at now.
  init(
    _ node: Node, period: Duration = .seconds(60), patience: Duration = .seconds(15),
    look: @escaping Look = MachineWatch.remarks
  ) {
    self.node = node
    self.period = period
    self.patience = patience
    lookAtMachine = look
    (calls, caller) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Looks soon.
  func lookAgain() { caller.yield() }

  /// Adds to a status what is wrong with a router.
  func complete(_ status: inout RouterStatus) {
    let (name, family) = (status.name, status.family)
    status.problems += problems.withLock { problems in
      problems.filter { $0.router == name && $0.family == family }
    }
  }

  /// Looks now and again until the task is cancelled.
  func run() async {
    let timer = Task { [caller, period] in
      repeat { caller.yield() } while (try? await Task.sleep(for: period)) != nil
    }
    let events = node.stampedEvents()
    let follower = Task { [caller] in
      for await stamped in events where Self.mayChangeMachine(stamped.event) { caller.yield() }
    }
    defer {
      timer.cancel()
      follower.cancel()
    }
    await withTaskCancellationHandler {
      for await _ in calls {
        await look()
        try? await Task.sleep(for: Self.pause)
      }
    } onCancel: {
      caller.finish()
    }
  }

  /// Whether an event may come of a fault of the machine that has begun or ended.
  private static func mayChangeMachine(_ event: NodeEvent) -> Bool {
    switch event {
    case .waiting: true
    case .transition(_, _, let change): change.from == .initialize
    case .warning(let problem), .cleared(let problem, _): problem.kind == .outsideGroup
    default: false
    }
  }

  /// Compares what is wrong with what has been told.
  func look() async {
    let file = await FileConfiguration(settings: node.settings, routers: node.configurations)
    let programs = Self.programs(of: file.routers)
    switch await sight(of: file, programs) {
    case .found(let remarks): await tell(remarks, of: file.routers)
    case .nothing: break
    case .late where programs.isEmpty: await tellOfSilence()
    case .late: await look(file, without: programs)
    }
  }

  /// Compares what is wrong with all but the programs, which do not answer.
  private func look(_ file: FileConfiguration, without programs: Set<String>) async {
    var rest = file
    for index in rest.routers.indices { rest.routers[index].hooks = Hooks() }
    switch await sight(of: rest, []) {
    case .found(let remarks):
      let silence = MachineCheck.Remark(
        kind: .warning, text: Self.silence(of: programs, patience), fault: .noAnswer)
      await tell(remarks + [silence], of: file.routers, keepsPrograms: true)
    case .nothing: break
    case .late: await tellOfSilence()
    }
  }

  private func tellOfSilence() async {
    await node.tell(
      .machine(.noAnswer),
      "this machine can't be looked at within \(patience); what is wrong with it is told once it "
        + "can")
  }

  /// Looks at the machine, and gives that up after a while.
  ///
  /// A look that was given up goes on. Until it comes back there is no other at the same programs,
  /// which would wait for the same.
  private func sight(of file: FileConfiguration, _ programs: Set<String>) async -> Sight {
    let isFirst = pending.withLock { pending in
      guard pending[programs] == nil, programs.isEmpty || pending.count < Self.pendingCountMax
      else { return false }
      pending[programs] = false
      return true
    }
    guard isFirst else { return .late }
    let (sights, result) = AsyncStream.makeStream(of: Sight.self)
    Task { [self] in
      let remarks = await lookAtMachine(file)
      let wasGivenUp = pending.withLock { $0.removeValue(forKey: programs) } ?? false
      result.yield(remarks.map { .found($0) } ?? .nothing)
      if wasGivenUp { lookAgain() }
    }
    let limit = Task { [patience] in
      try await Task.sleep(for: patience)
      result.yield(.late)
    }
    defer { limit.cancel() }
    for await sight in sights {
      guard case .late = sight else { return sight }
      let isPending = pending.withLock { pending in
        guard pending[programs] != nil else { return false }
        pending[programs] = true
        return true
      }
      // It has come back this moment.
      if !isPending { lookAgain() }
      return .late
    }
    return .nothing
  }

  /// Tells what is wrong now and what no longer is.
  ///
  /// Faults of programs that have been told and were not looked at now go on.
  private func tell(
    _ remarks: [MachineCheck.Remark], of routers: [RouterConfiguration],
    keepsPrograms: Bool = false
  ) async {
    let (ofNode, seen) = Self.faults(remarks, of: routers)
    var found = seen
    let before = problems.withLock { problems in
      if keepsPrograms { found += problems.filter { Self.isOfProgram($0, in: routers) } }
      defer { problems = found }
      return problems
    }
    let (old, new) = (Set(before.map(\.id)), Set(found.map(\.id)))
    var events: [NodeEvent] = []
    for problem in before where !new.contains(problem.id) {
      events.append(.cleared(problem, .over))
    }
    for problem in found where !old.contains(problem.id) { events.append(.warning(problem)) }
    await node.publish(events)
    await node.tellOfMachine(ofNode)
  }

  /// Whether a problem is that of a program which its router still runs.
  private static func isOfProgram(
    _ problem: Problem, in routers: [RouterConfiguration]
  ) -> Bool {
    switch problem.kind {
    case .machine(.unusableProgram(let path)), .machine(.writableProgram(let path)):
      routers.contains { router in
        router.name == problem.router && router.families.contains(problem.family)
          && router.hooks.states.contains { router.hooks[$0].first == path }
      }
    default: false
    }
  }

  /// The programs that routers run.
  private static func programs(of routers: [RouterConfiguration]) -> Set<String> {
    Set(routers.flatMap { router in router.hooks.states.compactMap { router.hooks[$0].first } })
  }

  /// The text that programs can't be looked at.
  private static func silence(of programs: Set<String>, _ patience: Duration) -> String {
    let names = programs.sorted().prefix(3).map { "'\($0)'" }.joined(separator: ", ")
    let which =
      switch programs.count {
      case 1: "the program \(names)"
      case 2...3: "one of the programs \(names)"
      default: "one of \(programs.count) programs (\(names), …)"
      }
    return "\(which) can't be looked at within \(patience), as on a mount whose server does not "
      + "answer; run programs from a local disk"
  }

  /// The faults that a check has found and that are to be told while the node runs: those of the
  /// node as a whole, each once, and those of its routers, each once for a family that it concerns.
  static func faults(
    _ remarks: [MachineCheck.Remark], of routers: [RouterConfiguration]
  ) -> (node: [(fault: MachineFault, text: String)], routers: [Problem]) {
    var ofNode: [(fault: MachineFault, text: String)] = []
    var found: [Problem] = []
    for remark in remarks {
      guard let fault = remark.fault else { continue }
      guard let router = routers.first(where: { $0.name == remark.router }) else {
        if !ofNode.contains(where: { $0.fault == fault }) { ofNode.append((fault, remark.text)) }
        continue
      }
      for family in router.families where fault.family ?? family == family {
        let problem = Problem(.machine(fault), router: router.name, family: family, remark.text)
        if !found.contains(where: { $0.id == problem.id }) { found.append(problem) }
      }
    }
    return (ofNode.sorted { $0.text < $1.text }, found)
  }

  /// The remarks about a configuration; `nil` if the machine can't be looked at now.
  ///
  /// On a thread of its own: a program may lie on a mount that does not answer.
  @Sendable static func remarks(_ file: FileConfiguration) async -> [MachineCheck.Remark]? {
    await withCheckedContinuation { continuation in
      do throws(NodeError) {
        try DetachedThread.start("the thread that looks at the machine") {
          let check = try? MachineCheck()
          continuation.resume(
            returning: check?.remarks(file, file.routers.map { PlacedRouter($0) }))
        }
      } catch {
        continuation.resume(returning: nil)
      }
    }
  }
}

extension MachineFault {
  /// The family of addresses that it does harm to; `nil` if both.
  fileprivate var family: AddressFamily? {
    switch self {
    case .neighbourTable(let family): family
    case .peerElsewhere(let address), .notOwned(let address): address.family
    case .addressOnOtherInterface(let address, interface: _): address.family
    case .addressElsewhere(let address), .prefixLengthDiffers(let address): address.family
    case .noARP: .ipv4
    case .vrf: .ipv6
    case .setting(let name):
      name.hasPrefix("net.ipv4.") ? .ipv4 : name.hasPrefix("net.ipv6.") ? .ipv6 : nil
    case .openFiles, .processes, .processorTime, .noMulticast, .unusableProgram, .writableProgram,
      .unclaimedAddresses, .noAnswer:
      nil
    }
  }
}
