import KubernetesClient
import VIPKubernetes

/// Which nodes have a speaker that is well, by the renewals of their Leases: a value without clock
/// and network.
///
/// No time of another machine counts. A speaker is silent if another one has renewed its Lease
/// several times since, and if this process has heard nothing of it for a while. So a watch that
/// stands still, an API server that is away, and news that are read late make none silent; nor does
/// a speaker that begins again and again.
///
/// A node with an entry in the status of a router has had a speaker, and is expected to have a
/// Lease: one whose Lease has been removed, or is not there when this process begins, has the same
/// time to make it again.
struct SpeakerRegister: Sendable {
  private struct Page: Sendable {
    /// The time of the last renewal, which is only compared with itself; `nil` without a Lease.
    var renewed: String?
    /// The place of that among all renewals.
    var place: UInt64
    /// When it was heard of.
    var seen: Duration
    /// The places of the last renewals.
    var beats: [UInt64]
    var isSilent = false
  }

  private var pages: [String: Page] = [:]
  /// The nodes with an entry in the status of any router.
  private var entered: Set<String> = []
  private var place: UInt64 = 0
  private var lastJudged: Duration?

  /// How often another speaker has to renew its Lease meanwhile.
  static let beatCount = 4
  /// The shortest time between two looks at all of them.
  static let judgePeriod: Duration = .seconds(5)

  /// What is known of speakers, by node.
  var lives: [String: SpeakerLife] {
    pages.compactMapValues { $0.isSilent ? .silent : $0.renewed == nil ? nil : .alive }
  }

  /// What is known of the speaker of a node; `nil` if there is no Lease, and not for long enough.
  func life(of node: String) -> SpeakerLife? {
    pages[node].flatMap { $0.isSilent ? .silent : $0.renewed == nil ? nil : .alive }
  }

  /// The number of speakers that are silent.
  private(set) var silentCount = 0

  /// Begins with a list of all Leases: nodes with the times of the last renewals.
  mutating func begin(with leases: [(node: String, renewed: String)], at now: Duration) {
    place += 1
    let before = pages
    pages = [:]
    for (node, renewed) in leases {
      let page = before[node]
      pages[node] = page?.renewed == renewed ? page : self.page(renewed, after: page, at: now)
    }
    for node in entered where pages[node] == nil {
      let page = before[node].flatMap { $0.renewed == nil ? $0 : nil }
      pages[node] = page ?? Page(renewed: nil, place: place, seen: now, beats: [])
    }
    silentCount = pages.values.count { $0.isSilent }
  }

  /// Takes note of which nodes have an entry in the status of any router, and says what is news.
  mutating func setEntered(_ nodes: Set<String>, at now: Duration) -> [Observation] {
    guard nodes != entered else { return [] }
    let left = entered.subtracting(nodes)
    entered = nodes
    for node in nodes where pages[node] == nil {
      pages[node] = Page(renewed: nil, place: place, seen: now, beats: [])
    }
    // Without a Lease and an entry there is nothing left of a speaker.
    var news: [Observation] = []
    for node in left.sorted() where pages[node].map({ $0.renewed == nil }) ?? false {
      guard let page = pages.removeValue(forKey: node), page.isSilent else { continue }
      silentCount -= 1
      news.append(.speakerGone(node))
    }
    return news
  }

  private func page(_ renewed: String, after before: Page?, at now: Duration) -> Page {
    let beats = ((before?.beats ?? []) + [place]).suffix(Self.beatCount)
    return Page(renewed: renewed, place: place, seen: now, beats: Array(beats))
  }

  /// Takes a Lease that is new or has changed, and says what is news.
  mutating func take(_ node: String, renewed: String, at now: Duration) -> [Observation] {
    let before = pages[node]
    guard before?.renewed != renewed else { return [] }
    place += 1
    let page = page(renewed, after: before, at: now)
    pages[node] = page
    if before?.isSilent == true { silentCount -= 1 }
    let isNews = before.map { $0.isSilent || $0.renewed == nil } ?? true
    return (isNews ? [.speaker(node, .alive)] : []) + judge(by: page.beats, at: now)
  }

  /// Takes note that a Lease is gone.
  mutating func remove(_ node: String, at now: Duration) -> [Observation] {
    guard let page = pages.removeValue(forKey: node) else { return [] }
    guard entered.contains(node) else {
      if page.isSilent { silentCount -= 1 }
      return [.speakerGone(node)]
    }
    pages[node] = Page(
      renewed: nil, place: page.place, seen: now, beats: [], isSilent: page.isSilent)
    return page.isSilent ? [] : [.speakerGone(node)]
  }

  /// Finds those that have missed so many renewals of another one.
  private mutating func judge(by beats: [UInt64], at now: Duration) -> [Observation] {
    guard let first = beats.first, beats.count == Self.beatCount,
      lastJudged.map({ now - $0 >= Self.judgePeriod }) ?? true
    else { return [] }
    lastJudged = now
    var silent: [String] = []
    for (node, page) in pages where !page.isSilent && page.place < first {
      if now - page.seen >= SpeakerPresence.patience { silent.append(node) }
    }
    for node in silent { pages[node]?.isSilent = true }
    silentCount += silent.count
    return silent.sorted().map { .speaker($0, .silent) }
  }
}
