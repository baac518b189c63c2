import Synchronization
public import VIP
import VIPCore
import VRRP

/// Runs the health checks that the routers of a node use, and tells the node what follows.
///
/// It is a customer of the node: it follows its events, runs each check once however many routers
/// use it, and makes routers unfit, weaker or stronger (``VIP/Node/setFitness(_:of:for:)``, with
/// the cause `check NAME`). Checks are run on a thread of their own, which starts with the first
/// one; however slow they are, only that thread waits.
public actor CheckService {
  private nonisolated let node: Node
  private nonisolated let runner: CheckRunner
  /// The checks that are known, whether used or not, by name.
  private nonisolated let known = Mutex<[String: Check]>([:])
  private nonisolated let news = Mutex<[NodeEvent]>([])
  /// The checks that each router was told of.
  private var told: [String: Set<String>] = [:]
  /// The routers that have to be told something, with their settings, and those that are being
  /// told: one that leaves takes its time, and no other has to wait for it.
  private var untold: [String: RouterConfiguration] = [:]
  private var beingTold: Set<String> = []
  private var isUpdating = false
  private var mustUpdateAgain = false
  private var hasFinished = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// Follows a node from now on; before its first router is added, to miss none.
  ///
  /// - Parameters:
  ///   - node: the node.
  ///   - variables: what all programs are given; nothing of this process's own environment is
  ///     handed on.
  /// - Throws: why there is no descriptor for it.
  public init(for node: Node, variables: [String: String] = [:]) throws(NodeError) {
    self.node = node
    runner = try CheckRunner(variables: variables)
    let events = node.stampedEvents()
    runner.observe { [weak self] history in self?.receive(history) }
    Task { [weak self] in
      for await event in events { await self?.take(event.event) }
    }
  }

  /// Brings the checks to these: those that are the same as before go on with what they know.
  ///
  /// - Parameter checks: the checks, whether used or not.
  /// - Throws: what is wrong with them; nothing has changed then.
  public func use(_ checks: [Check]) async throws(CheckError) {
    try Check.validate(checks)
    known.withLock { known in
      known = Dictionary(checks.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
    await update()
  }

  /// Adds checks that routers are about to use; those whose names are known stay as they are.
  ///
  /// ``use(_:)`` brings them to what they are to be once the routers are.
  ///
  /// - Parameter checks: valid checks; those that a router uses are run from then on.
  public nonisolated func expect(_ checks: [Check]) {
    known.withLock { known in
      for check in checks where known[check.name] == nil { known[check.name] = check }
    }
  }

  /// The checks that are known.
  public nonisolated var checks: [Check] {
    known.withLock { Array($0.values) }.sorted { $0.name < $1.name }
  }

  /// Ends all checks; what they have said stays said.
  public func finish() async {
    hasFinished = true
    await runner.finish()
  }

  /// Adds to a status the checks that its routers use, and what follows from them.
  public nonisolated func complete(_ status: inout NodeStatus, _ routers: [RouterConfiguration]) {
    let (now, clock) = (bootTime(), wallClock())
    let settings = Dictionary(
      routers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var names: Set<String> = []
    for index in status.routers.indices {
      guard let router = settings[status.routers[index].name], !router.checkUses.isEmpty else {
        continue
      }
      names.formUnion(router.checkUses.map(\.check))
      status.routers[index].checks = router.checkUses.map { use in
        RouterStatus.Check(use, saying(of: use.check).saying, isOwner: router.priority == .owner)
      }
    }
    status.checks = names.sorted().compactMap { runner.history(of: $0)?.status(at: now, clock) }
  }

  // MARK: News

  private func take(_ event: NodeEvent) async {
    switch event {
    case .removed(let router):
      told[router] = nil
      await update()
    case .changed(_, .settings): await update()
    default:
      guard let router = event.router, told[router] == nil else { return }
      await update()
    }
  }

  /// Takes a check that says something else now, from the thread that runs checks.
  private nonisolated func receive(_ history: CheckHistory) {
    news.withLock {
      $0.append(
        .check(history.check.name, history.state.saying.standing, text: history.reason))
    }
    Task { await self.update() }
  }

  /// The statement of a check; one that is not defined keeps its routers out.
  private nonisolated func saying(of name: String) -> (saying: CheckState.Saying, reason: String) {
    guard let check = known.withLock({ $0[name] }) else {
      return (CheckState.Saying(standing: .failing), "there is no check of this name")
    }
    guard let history = runner.history(of: name), history.check == check else {
      return (CheckState.Saying(standing: check.initially), "it has not been run yet")
    }
    return (history.state.saying, history.reason)
  }

  /// Runs what is used, and tells the node what follows; once more if something comes meanwhile.
  private func update() async {
    guard !isUpdating else {
      mustUpdateAgain = true
      await withCheckedContinuation { waiting.append($0) }
      return
    }
    isUpdating = true
    repeat {
      mustUpdateAgain = false
      await updateOnce()
    } while mustUpdateAgain
    isUpdating = false
    for continuation in waiting { continuation.resume() }
    waiting = []
  }

  private func updateOnce() async {
    let routers = await node.configurations
    if !hasFinished {
      let used = Set(routers.flatMap { $0.checkUses.map(\.check) })
      let checks = known.withLock { known in
        used.compactMap { known[$0] }.sorted { $0.name < $1.name }
      }
      // Without a thread all of them stay as they are at first, and the next occasion tries again.
      try? runner.use(checks)
    }
    let events = news.withLock { news in
      defer { news.removeAll() }
      return news
    }
    if !events.isEmpty { await node.publish(events) }
    for router in routers { tellSoon(router) }
  }

  private func tellSoon(_ router: RouterConfiguration) {
    let name = router.name
    untold[name] = router
    guard beingTold.insert(name).inserted else { return }
    Task {
      while let router = untold.removeValue(forKey: name) { await tell(router) }
      beingTold.remove(name)
    }
  }

  private func tell(_ router: RouterConfiguration) async {
    let isOwner = router.priority == .owner
    for use in router.checkUses {
      let (saying, reason) = saying(of: use.check)
      let effect = CheckEffect(saying, use, isOwner: isOwner)
      await say(effect.fitness(because: reason), router.name, use.check)
    }
    let names = Set(router.checkUses.map(\.check))
    for name in told[router.name] ?? [] where !names.contains(name) {
      await say(.fit, router.name, name)
    }
    told[router.name] = names
  }

  private func say(_ fitness: RouterFitness, _ router: String, _ check: String) async {
    // A router that is gone meanwhile needs to know nothing.
    try? await node.setFitness(fitness, of: router, for: "check \(check)")
  }
}
