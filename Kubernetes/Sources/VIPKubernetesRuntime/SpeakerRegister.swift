import KubernetesClient
import VIPKubernetes

/// Which nodes have a speaker that is well, by the renewals of their Leases: a value without clock
/// and network.
///
/// No time of another machine counts. A speaker is silent if another one has renewed its Lease
/// several times since, and if this process has heard nothing of it for a while. So a watch that
/// stands still, an API server that is away, and news that are read late make none silent; nor does
/// a speaker that begins again and again.
struct SpeakerRegister: Sendable {
  private struct Page: Sendable {
    /// The time of the last renewal, which is only compared with itself.
    var renewed: String
    /// The place of that among all renewals.
    var place: UInt64
    /// When it was heard of.
    var seen: Duration
    /// The places of the last renewals.
    var beats: [UInt64]
    var isSilent = false
  }

  private var pages: [String: Page] = [:]
  private var place: UInt64 = 0
  private var lastJudged: Duration?

  /// How often another speaker has to renew its Lease meanwhile.
  static let beatCount = 4
  /// The shortest time between two looks at all of them.
  static let judgePeriod: Duration = .seconds(5)

  /// What is known of speakers, by node.
  var lives: [String: SpeakerLife] { pages.mapValues { $0.isSilent ? .silent : .alive } }

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
    silentCount = pages.values.count { $0.isSilent }
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
    let isNews = before?.isSilent ?? true
    return (isNews ? [.speaker(node, .alive)] : []) + judge(by: page.beats, at: now)
  }

  /// Takes note that a Lease is gone.
  mutating func remove(_ node: String) -> [Observation] {
    guard let page = pages.removeValue(forKey: node) else { return [] }
    if page.isSilent { silentCount -= 1 }
    return [.speakerGone(node)]
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
