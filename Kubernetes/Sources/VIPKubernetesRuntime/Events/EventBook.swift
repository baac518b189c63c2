import KubernetesClient
import VIPKubernetes

/// What people are told, and how often: a value without clock and network.
///
/// The same is one Event object that counts: it is made once, and how often it has happened is
/// written when it happens for the second time and then at most twice a minute. How much is told
/// about one object is bounded, and how much is told at all; what is more is left out.
struct EventBook: Sendable {
  /// An event with what tells its object from a later one of the same name.
  struct Told: Sendable, Hashable {
    var event: Event
    var uid: String?
  }

  /// A write that is due.
  enum Entry: Sendable, Hashable {
    /// Makes an Event object.
    case create(name: String, Told)
    /// Says how often it has happened by now.
    case count(name: String, Told, Int)
  }

  /// What is to be done.
  enum Step: Sendable, Hashable {
    case write(Entry)
    case wait(until: Duration)
    case nothing
  }

  private struct Page: Sendable {
    var name: String
    var count = 1
    /// How often it has happened as far as the server knows.
    var toldCount = 0
    /// When a count may be written.
    var notBefore: Duration
    var last: Duration
  }

  private var pages: [Told: Page] = [:]
  /// What there is something to write about, in order.
  private var open: [Told] = []
  private var buckets: [Event.Subject: TokenBucket] = [:]
  private var bucket: TokenBucket

  /// What happens again after a longer time is another event.
  static let seriesPeriod: Duration = .seconds(600)
  /// The shortest time between two writes of a count.
  static let countPeriod: Duration = .seconds(30)
  /// The number of events that are remembered.
  static let pagesMax = 1000

  /// Makes an empty book: so many at once, and then so many a second.
  init(rate: Double, burst: Int) { bucket = TokenBucket(rate: rate, burst: burst) }

  /// Takes an event; the name is that of its object, if one is made.
  mutating func add(_ told: Told, named name: String, at now: Duration) {
    if let page = pages[told], now - page.last < Self.seriesPeriod {
      if page.count == page.toldCount { open.append(told) }
      pages[told]?.count += 1
      pages[told]?.last = now
      return
    }
    var rest = bucket
    guard rest.takeIfAny(at: now) else { return }
    makeRoom(at: now)
    var own = buckets[told.event.subject] ?? TokenBucket(rate: 0.05, burst: 10)
    let isTaken = own.takeIfAny(at: now)
    buckets[told.event.subject] = own
    guard isTaken else { return }
    bucket = rest
    if pages[told].map({ $0.count == $0.toldCount }) ?? true { open.append(told) }
    pages[told] = Page(name: name, notBefore: now, last: now)
  }

  private mutating func makeRoom(at now: Duration) {
    guard pages.count >= Self.pagesMax || buckets.count >= Self.pagesMax else { return }
    let kept = pages.filter { now - $0.value.last < Self.seriesPeriod }
    pages = kept.count < Self.pagesMax ? kept : [:]
    open.removeAll { pages[$0] == nil }
    let subjects = Set(pages.keys.map(\.event.subject))
    buckets = buckets.filter { subjects.contains($0.key) }
  }

  /// Says what to do, and takes note of it as done.
  mutating func next(at now: Duration) -> Step {
    var soonest: Duration?
    for (place, told) in open.enumerated() {
      guard let page = pages[told] else { continue }
      let isNew = page.toldCount == 0
      if !isNew, page.notBefore <= now, !bucket.takeIfAny(at: now) {
        pages[told]?.notBefore = now + Self.countPeriod
      }
      let due = pages[told]?.notBefore ?? now
      guard isNew || due <= now else {
        soonest = min(soonest ?? due, due)
        continue
      }
      // A new object counts as one, whatever has come meanwhile.
      let count = isNew ? 1 : page.count
      pages[told]?.toldCount = count
      pages[told]?.notBefore = isNew ? now : now + Self.countPeriod
      if count == page.count { open.remove(at: place) }
      return .write(
        isNew ? .create(name: page.name, told) : .count(name: page.name, told, count))
    }
    return soonest.map { .wait(until: $0) } ?? .nothing
  }

  /// Takes note that a write has failed: the next time it is another object.
  mutating func failed(_ entry: Entry) {
    let (name, told) =
      switch entry {
      case .create(let name, let told), .count(let name, let told, _): (name, told)
      }
    guard pages[told]?.name == name else { return }
    pages[told] = nil
    open.removeAll { $0 == told }
  }
}
