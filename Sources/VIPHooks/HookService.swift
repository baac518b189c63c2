import Synchronization
public import VIP
public import VIPCore

/// Runs the programs that the routers of a node are configured with (``VIP/Hooks``).
///
/// It is a customer of the node's events: it follows ``VIP/NodeEvent/settled`` and reports what has
/// become of each program as events of the node. Programs are run on a thread of their own, which
/// starts with the first one; however slow they are, only that thread waits.
public actor HookService {
  /// Time that programs may go on at the end.
  public static let patience = Duration.seconds(10)

  private nonisolated let node: Node
  private nonisolated let runner: HookRunner
  private nonisolated let reports = Mutex<[HookReport]>([])
  private nonisolated let ledger = Mutex(HookLedger())
  /// The number of the last event that was taken in.
  private var taken: UInt64 = 0
  /// The call of ``finish()`` that waits for an event to be taken in.
  private var finishing: (sequence: UInt64, continuation: CheckedContinuation<Void, Never>)?
  /// The telling of reports that was begun last.
  private var telling: Task<Void, Never>?

  /// Follows a node from now on; before its first router is added, to miss none.
  ///
  /// - Parameters:
  ///   - node: the node.
  ///   - variables: what all programs are given beside what tells of the occasion; nothing of this
  ///     process's own environment is handed on.
  /// - Throws: why there is no descriptor for it.
  public init(for node: Node, variables: [String: String] = [:]) throws(NodeError) {
    self.node = node
    runner = try HookRunner(variables: variables)
    // Without a bound: a state that was missed would be a program that is never run.
    let events = node.stampedEvents(keeping: .max)
    runner.observe { [weak self] report in self?.receive(report) }
    Task { [weak self] in
      for await event in events { await self?.take(event) }
      await self?.endWaiting()
    }
  }

  /// Lets programs come to their end for up to ``patience``; what becomes of them is still told.
  ///
  /// Call it when the routers are gone (``VIP/Node/retire()``) and before ``VIP/Node/shutdown()``.
  public func finish() async {
    let last = await node.snapshot().sequence
    if taken < last, finishing == nil {
      await withCheckedContinuation { finishing = (last, $0) }
    }
    await runner.finish(within: Self.patience)
    await tellReports()
  }

  /// The longest time that ``finish()`` may take from now on; zero if no router has hooks.
  public nonisolated var longestFinish: Duration {
    get async {
      var hasHooks = await node.configurations.contains { !$0.hooks.isEmpty }
      if !hasHooks { hasHooks = await node.groups.contains { !$0.hooks.isEmpty } }
      // Then SIGTERM, SIGKILL after two seconds, and a moment for the rest.
      return hasHooks ? Self.patience + .seconds(3) : .zero
    }
  }

  /// The results of the programs of a virtual router; `nil` if none has ended yet.
  public nonisolated func status(of router: String, _ family: AddressFamily) -> RouterStatus.Hooks?
  {
    ledger.withLock { $0.status(of: router, family)?.status }
  }

  /// Adds to a status how programs have fared, and what has failed last.
  public nonisolated func complete(_ status: inout RouterStatus) {
    if let group = status.group { complete(&status, byGroup: HookOccasion.nameOfGroup(group)) }
    guard let entry = ledger.withLock({ $0.status(of: status.name, status.family) }) else { return }
    status.hooks = entry.status
    for state in Settlement.State.allCases {
      guard let failure = entry.failures[state] else { continue }
      status.problems.append(
        Problem(.hook(state), router: status.name, family: status.family, failure))
    }
  }

  /// Adds what has failed last of the programs of a router's group.
  private nonisolated func complete(_ status: inout RouterStatus, byGroup name: String) {
    let failures = ledger.withLock { $0.status(of: name, .ipv4)?.failures } ?? [:]
    for state in Settlement.State.allCases {
      guard let failure = failures[state] else { continue }
      status.problems.append(
        Problem(.hook(state), router: name, family: .ipv4, "\(name): \(failure)"))
    }
  }

  // MARK: Events

  private func take(_ event: StampedEvent) {
    if let occasion = HookOccasion(event.event) { runner.run([occasion]) }
    taken = event.sequence
    if let finishing, finishing.sequence <= taken { endWaiting() }
  }

  private func endWaiting() {
    finishing?.continuation.resume()
    finishing = nil
  }

  /// Takes a report from the thread of the programs.
  private nonisolated func receive(_ report: HookReport) {
    reports.withLock { $0.append(report) }
    Task { await self.tellReports() }
  }

  /// Tells what has come in, once all that came in before has been told.
  private func tellReports() async {
    let earlier = telling
    let mine = Task {
      await earlier?.value
      await tellNewReports()
    }
    telling = mine
    await mine.value
  }

  private func tellNewReports() async {
    let new = reports.withLock { reports in
      defer { reports.removeAll() }
      return reports
    }
    guard !new.isEmpty else { return }
    let groups = await node.groups.map { HookOccasion.nameOfGroup($0.name) }
    let names = Set(await node.routerNames + groups)
    let events = ledger.withLock { ledger in
      let events = new.flatMap { ledger.take($0) }
      ledger.keepOnly(names.contains)
      return events
    }
    await node.publish(events)
  }
}
