import KubernetesClient
import VIP
import VIPCore
import VIPKubernetes

/// What a speaker does in one turn, and what it remembers of the last ones.
struct SpeakerTurn {
  private let node: Node
  private let machine: any SpeakerMachine
  private let options: SpeakerOptions
  private let file: SpeakerFile?
  private let application: RouterApplication
  private let work: RouterWork

  private var view: MachineView?
  private var lastLook: Duration?
  private var lastPlan: SpeakerPlan?
  /// The routers with which the node has done what it could, as they were wanted, and what has
  /// become of them.
  private var settled: [String: RouterConfiguration] = [:]
  private var verdicts: [String: RouterApplication.Verdict] = [:]
  /// The routers with which something is still under way.
  private var unsettled: Set<String> = []
  private var hasSettings = false
  /// Whether the node ends.
  private var isEnding = false
  /// What has been told of last.
  private var toldRouters: [RouterConfiguration]?
  private var toldProblems: [String: String] = [:]
  /// When what has been refused is tried again, and how long that was put off.
  private var retryAt: Duration?
  private var retryDelay: Duration?
  private var fitness = SpeakerFitness()
  private var unfit: [UnfitCause: String] = [:]
  private var saved: SpeakerMemory?
  private var lastFileError: SpeakerFileError?
  private var saveAgainAt: Duration?
  private var withheld: Set<String> = []
  /// The addresses that routers had before they were changed last.
  private var former: [String: Set<IPAddress>] = [:]
  private var conditionTimes: [String: [String: String]] = [:]
  private var told: SpeakerEvents
  /// What people are to be told, with the uids of the routers.
  private var events: [(event: Event, uid: String)] = []

  /// The time after which it is looked again whether addresses are gone.
  private static let withheldPeriod: Duration = .milliseconds(200)
  /// The longest text of a problem.
  private static let problemLengthMax = 1000

  init(
    _ node: Node, _ machine: any SpeakerMachine, _ options: SpeakerOptions, _ file: SpeakerFile?,
    ring: @escaping @Sendable () -> Void
  ) {
    self.node = node
    self.machine = machine
    self.options = options
    self.file = file
    application = RouterApplication(node: node, settings: options.settings)
    work = RouterWork(application, ring: ring)
    told = SpeakerEvents(node: options.node)
  }

  /// Hands over what people are to be told.
  mutating func takeEvents() -> [(event: Event, uid: String)] {
    defer { events = [] }
    return events
  }

  /// When there is something to do although nothing has happened.
  var deadline: Duration? {
    guard let lastLook else { return nil }
    let look = lastLook + (withheld.isEmpty ? options.lookPeriod : Self.withheldPeriod)
    return min(look, retryAt ?? look)
  }

  /// Adds what it has to say to the speaker's gauges.
  func fill(_ gauges: inout SpeakerGauges) {
    gauges.isReady = toldRouters != nil
    gauges.routerCount = toldRouters?.count ?? 0
    gauges.problemCount = problems.count
    gauges.withheldCount = withheld.count
    gauges.isBusy = !unsettled.isEmpty
    gauges.unfit = [:]
    for (cause, text) in unfit { gauges.unfit[cause.rawValue] = text }
  }

  /// Brings the node to what the cluster wants.
  ///
  /// - Returns: what there is to say in the status of routers, by their names; `nil` if nothing is
  ///   known.
  mutating func take(
    _ facts: SpeakerStore, proxyProblem: String?, at now: Duration,
    _ tell: @Sendable (SpeakerNews) async -> Void
  ) async -> [String: NodeReport]? {
    guard facts.source != .nowhere else { return nil }
    if deadline.map({ $0 <= now }) ?? true { await look(at: now) }
    // Without a look at the machine the interfaces of the last one are the best guess.
    guard let interfaces = view?.interfaces else { return nil }
    let objects = facts.objects
    let plan = SpeakerPlan(
      objects, on: options.node, isInMaintenance: facts.isInMaintenance, interfaces: interfaces,
      running: await node.configurations)
    // First what must not wait for anything.
    await tellFitness(plan, proxyProblem, tell)
    let hasResults = conclude(work.takeResults(), at: now)
    // What an earlier life has left behind is not known to be vacant.
    let vacancies = facts.source == .server ? plan.vacancies : []
    let hasChanged = await apply(plan.routers, vacancies, at: now)
    guard !isEnding else { return [:] }
    if hasChanged { await tellFitness(plan, proxyProblem, tell) }
    await tellOfRouters(plan.routers, tell)
    if hasChanged || hasResults || !withheld.isEmpty || plan != lastPlan {
      await withhold(objects, plan, at: now)
    }
    lastPlan = plan
    await save(facts.remains, at: now, tell)
    return await reports(objects, plan)
  }

  private mutating func look(at now: Duration) async {
    lastLook = now
    if let seen = await machine.look() { view = seen }
  }

  // MARK: Routers

  /// Ends what is under way.
  func stop() async { await work.stop() }

  private var problems: [String: String] { verdicts.compactMapValues(\.problem) }

  /// Brings the node to the routers that it is to run, or begins with it; says whether anything was
  /// done.
  private mutating func apply(
    _ planned: [RouterConfiguration], _ vacancies: [String], at now: Duration
  ) async -> Bool {
    let wanted = Dictionary(planned.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    // What was begun must not bring back what is to go.
    if work.busy.contains(where: { !Self.keeps($0.value, wanted[$0.key]) }) {
      await work.stop()
      _ = conclude(work.takeResults(), at: now)
    }
    let busy = work.busy
    settled = settled.filter { wanted[$0.key] != nil }
    verdicts = verdicts.filter { wanted[$0.key] != nil }
    let isRetry = retryAt.map { $0 <= now } ?? false
    if isRetry { putOff(at: now) }
    let open = planned.filter { router in
      guard busy[router.name] == nil else { return false }
      return settled[router.name] != router
        || isRetry && verdicts[router.name]?.problem != nil
    }
    let removing = await node.routerNames.filter { wanted[$0] == nil && busy[$0] == nil }
    defer {
      let busy = work.busy
      unsettled = Set(planned.filter { settled[$0.name] != $0 }.map(\.name))
        .union(busy.keys.filter { wanted[$0] != settled[$0] })
    }
    guard !open.isEmpty || !removing.isEmpty || !hasSettings else { return false }
    let present = await node.configurations
    for router in present {
      former[router.name, default: []].formUnion(router.addresses.map(\.address))
    }
    // What was refused before is asked for again only when it is time for that.
    let orders = open.map { router in
      let refused = isRetry ? [] : verdicts[router.name]?.refused ?? []
      return RouterWork.Order(
        wanted: router, asked: RouterApplication.without(refused, router))
    }
    let division = RouterApplication.Division(orders.map(\.asked), present: present)
    guard let done = await application.apply(division.now, removing: removing) else {
      isEnding = true
      return true
    }
    (isEnding, hasSettings) = (false, true)
    let names = Set(present.map(\.name))
    await assumeVacancies(vacancies.filter { !names.contains($0) })
    let later = Set(division.later.map(\.name)).filter { done[$0]?.problem == nil }
    for order in orders where !later.contains(order.asked.name) {
      if let verdict = done[order.asked.name] { conclude(order, verdict, at: now) }
    }
    work.start(orders.filter { later.contains($0.asked.name) })
    return true
  }

  /// Whether nothing of a router is to go.
  private static func keeps(_ router: RouterConfiguration, _ wanted: RouterConfiguration?) -> Bool {
    guard let wanted else { return false }
    return Set(router.addresses).isSubset(of: wanted.addresses)
  }

  private mutating func conclude(_ results: [RouterWork.Result], at now: Duration) -> Bool {
    for (order, verdict) in results { conclude(order, verdict, at: now) }
    return !results.isEmpty
  }

  /// Takes note of what has become of a router.
  private mutating func conclude(
    _ order: RouterWork.Order, _ verdict: RouterApplication.Verdict, at now: Duration
  ) {
    let name = order.wanted.name
    var verdict = verdict
    // What was not asked for again is refused still, by itself or with all the others.
    let left = Set(order.wanted.addresses).subtracting(order.asked.addresses)
    let isOfAll = verdict.problem != nil && verdict.refused.isEmpty
    if !left.isEmpty, !isOfAll {
      verdict.refused.formUnion(left)
      verdict.problem = verdict.problem ?? verdicts[name]?.problem
    }
    settled[name] = order.wanted
    verdicts[name] = verdict
    if problems.isEmpty {
      (retryAt, retryDelay) = (nil, nil)
    } else if retryAt == nil {
      putOff(at: now)
    }
  }

  /// Puts the next attempt off, longer each time: the segment is asked each time.
  private mutating func putOff(at now: Duration) {
    let delay = retryDelay.map { min($0 * 2, options.retryPeriod * 20) } ?? options.retryPeriod
    (retryAt, retryDelay) = (now + delay, delay)
  }

  private mutating func tellOfRouters(
    _ planned: [RouterConfiguration], _ tell: @Sendable (SpeakerNews) async -> Void
  ) async {
    let problems = problems
    guard unsettled.isEmpty, planned != toldRouters || problems != toldProblems else { return }
    (toldRouters, toldProblems) = (planned, problems)
    await tell(.applied(routers: planned.count, problems: problems))
  }

  /// Has routers that have just come up not wait for what can't be there.
  private func assumeVacancies(_ names: [String]) async {
    for name in names {
      do throws(NodeError) {
        try await node.assumeVacancy(of: name)
      } catch {
        // The machine has refused the router.
      }
    }
  }

  private mutating func tellFitness(
    _ plan: SpeakerPlan, _ proxyProblem: String?, _ tell: @Sendable (SpeakerNews) async -> Void
  ) async {
    var problems: [UnfitCause: String] = [:]
    problems[.maintenance] = plan.unfitness
    problems[.kubeProxy] = proxyProblem
    for cause in UnfitCause.allCases where problems[cause] != unfit[cause] {
      await tell(.fitness(cause: cause.rawValue, problems[cause]))
    }
    unfit = problems
    let weakened = await fitness.tell(node, problems)
    guard !weakened.isEmpty else { return }
    // Not waited for: what else happens must not wait for other machines.
    let node = node
    Task { await SpeakerFitness.leave(weakened, of: node) }
  }

  /// Finds the routers whose addresses are not all gone yet that are to go: what the node says of
  /// them stays as it was.
  private mutating func withhold(
    _ objects: [RouterObject], _ plan: SpeakerPlan, at now: Duration
  ) async {
    // What is on the machine counts, and not what the node means to do.
    let seen = await machine.look()
    if let seen { view = seen }
    lastLook = now
    let running = Dictionary(
      await node.configurations.map { ($0.name, Set($0.addresses.map(\.address))) },
      uniquingKeysWith: { $0.union($1) })
    let planned = Dictionary(
      plan.routers.map { ($0.name, Set($0.addresses.map(\.address))) },
      uniquingKeysWith: { $1 })
    let kept = planned.values.reduce(into: Set<IPAddress>()) { $0.formUnion($1) }
    let stale = seen?.served.subtracting(kept)
    withheld = []
    for object in objects {
      let name = object.metadata.name
      guard plan.acknowledgements[name] != nil else { continue }
      let spec = object.spec
      let concerned = Set(spec.addresses).union(spec.leaving.map(\.address))
        .union(former[name] ?? [])
      // A refused change may have left the node with what it is not to have.
      let excess = (running[name] ?? []).subtracting(planned[name] ?? [])
      if excess.isEmpty, let stale, stale.isDisjoint(with: concerned) {
        former[name] = planned[name]
      } else {
        withheld.insert(name)
      }
    }
    let names = Set(objects.map(\.metadata.name))
    former = former.filter { names.contains($0.key) || running[$0.key] != nil }
  }

  // MARK: A later life

  /// Saves what has changed, before it is acknowledged: what a node has let go of must not come
  /// back with its next life.
  private mutating func save(
    _ memory: SpeakerMemory, at now: Duration, _ tell: @Sendable (SpeakerNews) async -> Void
  ) async {
    guard let file, memory != saved, saveAgainAt.map({ $0 <= now }) ?? true else { return }
    do throws(SpeakerFileError) {
      try await file.write(memory)
      saved = memory
      (lastFileError, saveAgainAt) = (nil, nil)
    } catch {
      // A speaker that ends acknowledges nothing any more.
      guard !Task.isCancelled else { return }
      saved = nil
      saveAgainAt = now + options.retryPeriod
      // Nothing is better than what is outdated.
      do throws(SpeakerFileError) {
        try await file.remove()
      } catch {
        if lastFileError == nil { await tell(.file(error)) }
      }
      if lastFileError != error { await tell(.file(error)) }
      lastFileError = error
    }
  }

  // MARK: Reports

  private mutating func reports(
    _ objects: [RouterObject], _ plan: SpeakerPlan
  ) async -> [String: NodeReport] {
    var findings: [String: RouterFindings] = [:]
    do throws(NodeError) {
      findings = RouterFindings.all(try await node.status())
    } catch {
      // Without a name it always answers.
    }
    let running = Set(plan.routers.map(\.name))
    let registrations = Set(plan.registrations)
    var reports: [String: NodeReport] = [:]
    for object in objects {
      let name = object.metadata.name
      let entry = object.status.nodes.first { $0.node == options.node }
      let found = running.contains(name) ? findings[name] : nil
      if registrations.contains(name) {
        reports[name] = NodeReport(
          entry: RouterObject.Acknowledgement(options.node, generation: 0))
      } else if let acknowledgement = plan.acknowledgements[name] {
        reports[name] = report(
          object, withheld.contains(name) || unsettled.contains(name) ? nil : acknowledgement,
          before: entry, found)
      }
      guard let said = reports[name] else { continue }
      let news = told.take(
        name, said, reasons: found?.reasons ?? [:], unfit: unfit.values.sorted())
      for event in news { events.append((event, object.metadata.uid)) }
    }
    conditionTimes = conditionTimes.filter { reports[$0.key] != nil }
    told.keep(only: Set(reports.keys))
    return reports
  }

  private mutating func report(
    _ object: RouterObject, _ acknowledgement: SpeakerPlan.Acknowledgement?,
    before: RouterObject.Acknowledgement?, _ found: RouterFindings?
  ) -> NodeReport {
    let name = object.metadata.name
    var report = NodeReport()
    switch acknowledgement {
    case .running(let generation, let problem, let unserved):
      var obstacles = Obstacles(object.spec)
      if let problem { obstacles.add(problem, of: unserved) }
      if let verdict = verdicts[name], let problem = verdict.problem {
        obstacles.add(problem, of: verdict.refused.map(\.address))
      }
      if let found, let obstacle = found.obstacle {
        obstacles.add(obstacle, of: found.obstructed)
      }
      report.entry = RouterObject.Acknowledgement(
        options.node, generation: generation,
        problem: obstacles.first.map { String($0.prefix(Self.problemLengthMax)) },
        unserved: obstacles.unserved)
    case .released: break
    case nil: report.entry = before
    }
    guard let found else { return report }
    for (family, since) in found.active {
      report.active[family] = RouterObject.Active(options.node, since: since)
    }
    report.conflicts = found.conflicts
    var times: [String: String] = [:]
    for condition in found.conditions {
      let since = conditionTimes[name]?[condition.type] ?? MicroTime.seconds()
      times[condition.type] = since
      report.conditions.append(NodeReport.TimedCondition(condition, since: since))
    }
    conditionTimes[name] = times
    return report
  }
}
