import KubernetesClient
import VIPCore
import VIPKubernetes

/// What a node has said in the status of each router, what it has to say, and when it writes that:
/// a value without clock and network.
///
/// A write is due when the node has something else to say than it has said, or when the server does
/// not have what it has said. Writes about one router are bounded in their rate, whatever happens.
struct StatusBook: Sendable {
  /// A write that is due.
  struct StatusWrite: Sendable, Hashable {
    var name: String
    var uid: String
    var report: NodeReport
  }

  /// What is to be done.
  enum Step: Sendable, Hashable {
    case write(StatusWrite)
    case wait(until: Duration)
    case nothing
  }

  private struct Page: Sendable {
    var uid: String
    var observed: RouterObject.Status
    var observedVersion: String
    var wanted: NodeReport?
    /// What the server has confirmed; `nil` if that is not known, as at first.
    var said: NodeReport?
    var saidVersion = ""
    var notBefore: Duration = .zero
    /// Until when it is left to the successor to say that this node holds less.
    var lossUntil: Duration = .zero
    var bucket = TokenBucket(rate: 0.5, burst: 10)
    var backoff = Backoff(first: .milliseconds(400), longest: .seconds(15))
    /// When it was last written that another node does not hold the addresses.
    var contestedAt: Duration?
    /// Whether the server has no such object, as far as is known.
    var isMissing = false
  }

  private let node: String
  private var pages: [String: Page] = [:]
  private var restorations = 0

  /// How long a node that holds less waits for the successor to say so.
  static let lossDelay: Duration = .seconds(1)
  /// The time between two claims of what another node says it holds.
  static let contestPeriod: Duration = .seconds(30)
  /// The wait when a router has been written about too often.
  static let crowdedDelay: Duration = .seconds(1)

  init(node: String) { self.node = node }

  /// The number of routers about which something is still to be written.
  func openCount(at now: Duration) -> Int {
    pages.values.count { needsWrite($0, at: now) }
  }

  // MARK: What comes in

  /// Takes note of how often the server has gone back to a version of before, as after a restored
  /// backup: what it had since counts no more, and what it has now is believed, whatever its
  /// version.
  mutating func noteRestorations(_ count: Int) {
    guard count != restorations else { return }
    restorations = count
    for name in pages.keys {
      pages[name]?.observedVersion = ""
      pages[name]?.said = nil
      pages[name]?.saidVersion = ""
      pages[name]?.isMissing = false
    }
  }

  /// Takes an object as the server has it.
  mutating func observe(_ object: RouterObject) {
    let metadata = object.metadata
    var page = page(of: object)
    // What was read before is not believed against what was read later.
    if ResourceVersion.isOlder(metadata.resourceVersion, than: page.observedVersion) { return }
    page.observed = object.status
    page.observedVersion = metadata.resourceVersion
    page.isMissing = false
    pages[metadata.name] = page
  }

  /// A page of this object, and of no earlier one of its name.
  private func page(of object: RouterObject) -> Page {
    let metadata = object.metadata
    if let page = pages[metadata.name], page.uid == metadata.uid { return page }
    return Page(
      uid: metadata.uid, observed: object.status, observedVersion: metadata.resourceVersion)
  }

  /// Forgets routers that are no more.
  mutating func keep(only names: Set<String>) {
    pages = pages.filter { names.contains($0.key) }
  }

  /// Takes what there is to say about a router that has been observed.
  mutating func want(_ report: NodeReport, of name: String, at now: Duration) {
    guard var page = pages[name], page.wanted != report else { return }
    let isLoss = page.wanted.map { report.isLoss(from: $0) } ?? false
    if !isLoss {
      page.lossUntil = .zero
    } else if !needsWrite(page, at: now) {
      page.lossUntil = now + Self.lossDelay
    }
    page.wanted = report
    pages[name] = page
  }

  /// Takes note that a write has been made.
  mutating func wrote(_ write: StatusWrite, version: String) {
    guard var page = pages[write.name], page.uid == write.uid else { return }
    page.said = write.report
    page.saidVersion = version
    page.backoff.reset()
    pages[write.name] = page
  }

  /// Takes note that a write has failed.
  mutating func failed(
    _ write: StatusWrite, _ error: APIError, at now: Duration, jitter: Jitter
  ) {
    guard var page = pages[write.name], page.uid == write.uid else { return }
    // It may have been carried out, or not.
    if error.isAmbiguous { page.said = nil }
    if error.isNotFound { page.isMissing = true }
    page.notBefore =
      now
      + page.backoff.delay(
        afterFailureAt: now, retryAfter: error.status?.retryAfter, jitter: jitter)
    pages[write.name] = page
  }

  // MARK: What is due

  /// Says what to do, and takes note of it.
  mutating func next(at now: Duration) -> Step {
    var soonest: Duration?
    for name in pages.keys.sorted() {
      guard var page = pages[name], needsWrite(page, at: now) else { continue }
      let due = max(page.notBefore, page.lossUntil)
      guard due <= now else {
        soonest = min(soonest ?? due, due)
        continue
      }
      guard page.bucket.takeIfAny(at: now) else {
        page.notBefore = now + Self.crowdedDelay
        pages[name] = page
        soonest = min(soonest ?? page.notBefore, page.notBefore)
        continue
      }
      let report = said(page)
      if isContested(page, report) { page.contestedAt = now }
      pages[name] = page
      return .write(StatusWrite(name: name, uid: page.uid, report: report))
    }
    let contests = pages.values.compactMap { page in
      page.contestedAt.map { $0 + Self.contestPeriod }
    }
    if let next = contests.filter({ $0 > now }).min() { soonest = min(soonest ?? next, next) }
    return soonest.map { .wait(until: $0) } ?? .nothing
  }

  /// The report as it is written: what another node says of a conflict stays as that node says it.
  private func said(_ page: Page) -> NodeReport {
    var report = page.wanted ?? NodeReport()
    let own = Set((page.said?.conflicts ?? []).map(\.address))
    report.conflicts.removeAll { conflict in
      !own.contains(conflict.address)
        && page.observed.conflicts.contains {
          $0.address == conflict.address && $0.mac != conflict.mac
        }
    }
    return report
  }

  private func needsWrite(_ page: Page, at now: Duration) -> Bool {
    guard page.wanted != nil, !page.isMissing else { return false }
    let report = said(page)
    if let said = page.said {
      if report != said { return true }
      // What was read before the last write says nothing about it.
      if ResourceVersion.isOlder(page.observedVersion, than: page.saidVersion) { return false }
    } else if hasRemnants(page, report) {
      return true
    }
    if lacks(page.observed, report, isFirst: page.said == nil) { return true }
    guard isContested(page, report) else { return false }
    return page.contestedAt.map { now >= $0 + Self.contestPeriod } ?? true
  }

  /// Whether the server lacks something of a report that no other node has taken over.
  private func lacks(
    _ observed: RouterObject.Status, _ report: NodeReport, isFirst: Bool
  ) -> Bool {
    var entry = observed.nodes.first { $0.node == node }
    // A server with an older definition does not keep the addresses, however often that is written.
    if !isFirst, entry?.unserved.isEmpty == true, let wanted = report.entry {
      entry?.unserved = wanted.unserved
    }
    if entry != report.entry {
      // Taken away as far as this node can: what is still there is not this program's.
      if report.entry != nil || isFirst { return true }
    }
    for (family, active) in report.active {
      guard let other = observed.active[family] else { return true }
      if other.node == node, other.since != active.since { return true }
    }
    let conflicts = Set(observed.conflicts.map(\.address))
    if report.conflicts.contains(where: { !conflicts.contains($0.address) }) { return true }
    let conditions = Set(observed.conditions.lazy.filter(\.isTrue).map(\.type))
    return report.conditions.contains { !conditions.contains($0.condition.type) }
  }

  /// Whether another node says that it holds what this one holds.
  private func isContested(_ page: Page, _ report: NodeReport) -> Bool {
    report.active.contains { family, _ in
      page.observed.active[family].map { $0.node != node } ?? false
    }
  }

  /// Whether the status may have something that an earlier process of this node has said.
  private func hasRemnants(_ page: Page, _ report: NodeReport) -> Bool {
    let observed = page.observed
    if observed.active.contains(where: { $0.value.node == node && report.active[$0.key] == nil }) {
      return true
    }
    let conflicts = Set(report.conflicts.map(\.address))
    if observed.conflicts.contains(where: { !conflicts.contains($0.address) }) { return true }
    let types = Set(report.conditions.map(\.condition.type))
    let own = [ConditionType.foreignGroup, ConditionType.addressInUse]
    return observed.conditions.contains { own.contains($0.type) && !types.contains($0.type) }
  }
}
