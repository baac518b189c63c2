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
  private nonisolated let news = Mutex<[CheckHistory]>([])
  /// The statements of checks that were told as events.
  private var published: [String: (check: Check, saying: CheckState.Saying)] = [:]
  /// The routers that are Active although a check of theirs has not said anything yet.
  private var bold: Set<String> = []
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
    node.firstFitness.use { [weak self] router in self?.firstFitness(of: router) ?? [:] }
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
      let isActive = status.routers.contains { $0.name == router.name && $0.state == .active }
      status.routers[index].checks = router.checkUses.map { use in
        let said = statement(for: use)
        return RouterStatus.Check(
          use, said.saying, isOwner: router.priority == .owner,
          isAwaited: !said.hasSpoken && !isActive)
      }
    }
    let leanings = Self.leanings(routers)
    status.checks = names.sorted().compactMap { name in
      runner.history(of: name)?.status(leanings[name] ?? .plain, at: now, clock)
    }
  }

  /// The kind of weight that each check has with the first router that uses it.
  private static func leanings(_ routers: [RouterConfiguration]) -> [String: CheckLeaning] {
    Dictionary(
      routers.flatMap(\.checkUses).map { ($0.check, CheckLeaning($0)) },
      uniquingKeysWith: { first, _ in first })
  }

  // MARK: News

  private func take(_ event: NodeEvent) async {
    switch event {
    case .removed(let router):
      told[router] = nil
      bold.remove(router)
      await update()
    case .changed(_, .settings): await update()
    // One that is not Active any more waits for its checks.
    case .transition(let router, _, _) where bold.contains(router): await update()
    default:
      guard let router = event.router, told[router] == nil else { return }
      await update()
    }
  }

  /// Takes a check that says something else now, from the thread that runs checks.
  private nonisolated func receive(_ history: CheckHistory) {
    news.withLock { $0.append(history) }
    Task { await self.update() }
  }

  /// The statement of a check for a router; one that is not defined keeps its routers out.
  private nonisolated func statement(
    for use: CheckUse
  ) -> (saying: CheckState.Saying, reason: String, hasSpoken: Bool) {
    guard let check = known.withLock({ $0[use.check] }) else {
      return (CheckState.Saying(standing: .failing), "there is no check of this name", true)
    }
    guard let history = runner.history(of: use.check), history.check == check else {
      return (
        CheckState.Saying(standing: check.initially), "it has not said anything yet",
        check.initially != .unknown
      )
    }
    let leaning = CheckLeaning(use)
    return (history.states[leaning].saying, history.reason(leaning), history.hasSpoken)
  }

  /// The statements about a router that is being added, by cause.
  private nonisolated func firstFitness(
    of router: RouterConfiguration
  ) -> [String: RouterFitness] {
    let statements = statements(about: router, isActive: false)
    return Dictionary(
      statements.filter { $0.fitness != .fit }.map { ($0.cause, $0.fitness) },
      uniquingKeysWith: { first, _ in first })
  }

  private nonisolated func statements(
    about router: RouterConfiguration, isActive: Bool
  ) -> [FitnessStatement] {
    router.checkUses.map { use in
      let (saying, reason, hasSpoken) = statement(for: use)
      let effect = CheckEffect(
        saying, use, isOwner: router.priority == .owner, isAwaited: !hasSpoken && !isActive)
      return FitnessStatement(
        effect.fitness(because: reason), of: router.name, for: Self.cause(use.check))
    }
  }

  private static func cause(_ check: String) -> String { "check \(check)" }

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
    let events = takeNews(routers)
    if !events.isEmpty { await node.publish(events) }
    var statements: [FitnessStatement] = []
    for router in routers { statements += await news(for: router) }
    let late = await node.setFitness(statements)
    for router in routers where late.contains(router.name) { tellSoon(router) }
  }

  /// The events that checks are about.
  private func takeNews(_ routers: [RouterConfiguration]) -> [NodeEvent] {
    let histories = news.withLock { news in
      defer { news.removeAll() }
      return news
    }
    let leanings = Self.leanings(routers)
    return histories.compactMap { history in
      let check = history.check
      let leaning = leanings[check.name] ?? .plain
      let saying = history.states[leaning].saying
      let former = published[check.name].flatMap { $0.check == check ? $0.saying : nil }
      // A first result that changes nothing is not told.
      guard saying != former ?? CheckState.Saying(standing: check.initially) else { return nil }
      published[check.name] = (check, saying)
      return .check(check.name, saying.standing, text: history.reason(leaning))
    }
  }

  /// The statements about a router, with those that take back what checks have said which it does
  /// not use any more.
  private func news(for router: RouterConfiguration) async -> [FitnessStatement] {
    let isAwaited = router.checkUses.contains { $0.weight == nil && !statement(for: $0).hasSpoken }
    let isActive = isAwaited ? await node.isActive(router.name) : false
    if isActive { bold.insert(router.name) } else { bold.remove(router.name) }
    let names = Set(router.checkUses.map(\.check))
    let former = (told[router.name] ?? []).subtracting(names)
    told[router.name] = names
    return statements(about: router, isActive: isActive)
      + former.sorted().map { FitnessStatement(.fit, of: router.name, for: Self.cause($0)) }
  }

  /// Tells of a router that is just being added, once it is there; no other one waits for that.
  private func tellSoon(_ router: RouterConfiguration) {
    let name = router.name
    untold[name] = router
    guard beingTold.insert(name).inserted else { return }
    Task {
      while let router = untold.removeValue(forKey: name) {
        for statement in await news(for: router) {
          // A router that is gone meanwhile needs to know nothing.
          try? await node.setFitness(statement.fitness, of: name, for: statement.cause)
        }
      }
      beingTold.remove(name)
    }
  }
}
