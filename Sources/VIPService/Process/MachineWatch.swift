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
final class MachineWatch: Sendable {
  /// The kind of function that looks at the machine.
  typealias Look = @Sendable (FileConfiguration) async -> [MachineCheck.Remark]?

  /// Time between two looks, so that routers that come and go don't make it look all the time.
  private static let pause = Duration.milliseconds(500)

  private let node: Node
  private let period: Duration
  private let lookAtMachine: Look
  /// The problems of each router.
  private let problems = Mutex<[Problem]>([])
  private let calls: AsyncStream<Void>
  private let caller: AsyncStream<Void>.Continuation

  /// Makes a watch that has not looked yet.
  ///
  /// - Parameters:
  ///   - node: the node whose routers the machine may harm.
  ///   - period: how often it looks without a cause.
  ///   - look: looks at the machine; `nil` if it can't be looked at now.
  init(
    _ node: Node, period: Duration = .seconds(60), look: @escaping Look = MachineWatch.remarks
  ) {
    self.node = node
    self.period = period
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
    guard let remarks = await lookAtMachine(file) else { return }
    let (ofNode, found) = Self.faults(remarks, of: file.routers)
    let before = problems.withLock { problems in
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
  /// On a thread of its own: a hook may lie on a mount that does not answer.
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
      .unclaimedAddresses:
      nil
    }
  }
}
