import KubernetesClient
import VIPCore
import VIPKubernetes

/// The writes of plans that are still to be made, and the objects that are left alone for a while
/// because one has failed: a value without clock and network.
///
/// Any beginning of a plan is safe. What that depends on is kept, also between plans: the writes to
/// one object stay in their order, and nothing gets an address or a VRID before the write that
/// takes it from another object. Apart from that, changes of candidates and of addresses that are
/// to go come first, then what is given and taken, and last what only tells of it, of which the
/// latest about an object counts.
///
/// A write that fails takes along the writes that depend on it, and no other.
struct WriteQueue: Sendable {
  typealias Subject = Event.Subject

  /// Something that one object has at a time.
  enum Claim: Sendable, Hashable {
    /// An address in the status of a Service.
    case service(IPAddress)
    /// An address in a router.
    case router(IPAddress)
    /// The VRID of a router.
    case vrid(VRID)
  }

  /// A write, and what depends on it.
  struct Entry: Sendable, Hashable {
    let subject: Subject
    var write: Write
    /// What is told of it once it has been made.
    var events: [Event] = []
    fileprivate var gained: Set<Claim> = []
    fileprivate var lost: Set<Claim> = []
    fileprivate var isWord = false
  }

  /// An object that is left alone.
  private struct Page: Sendable {
    /// When it is read again.
    var until: Duration
    /// Whether it has not been read again yet.
    var isOpen = true
    /// What its object was to lose, and may have still.
    var lost: Set<Claim> = []
    /// How often one after the other the server has refused what is to be done with it.
    var refusals = 0
    var backoff = Backoff(
      first: .milliseconds(100), longest: .seconds(300), healthy: .seconds(3600))

    var isRefused: Bool { refusals >= 3 }
  }

  private var urgent: [Entry] = []
  private var main: [Entry] = []
  /// The place of the next one in ``main``.
  private var head = 0
  /// How many writes to an object are in ``main``, and what these give it.
  private var mainCounts: [Subject: Int] = [:]
  private var mainGains: [Subject: Set<Claim>] = [:]
  private var words: [Subject: Entry] = [:]
  /// The objects in the order of their words; some of them may have none any more.
  private var wordOrder: [Subject] = []
  private var wordHead = 0
  private var pages: [Subject: Page] = [:]
  /// What open pages hold, and how many of them.
  private var held: [Claim: Int] = [:]

  /// The longest time that an object is left alone which only was another one than expected.
  static let conflictDelayMax: Duration = .seconds(30)
  /// How long a page is kept after its object has been read again.
  private static let pageLifetime: Duration = .seconds(600)

  /// Whether there is nothing to write.
  var isEmpty: Bool { urgent.isEmpty && head == main.count && words.isEmpty }
  /// The number of objects that the server does not let be written or read.
  var refusedCount: Int { pages.values.count { $0.isOpen && $0.isRefused } }

  // MARK: What comes in

  /// Adds the writes of a plan, but for events without a write to their object just before them.
  ///
  /// - Returns: the writes that are not to be made now, since their object or what they need is
  ///   held by one that is left alone; and the events that can be told now.
  mutating func add(
    _ plan: [Write], to writer: PlanWriter
  ) -> (dropped: [Write], events: [Event]) {
    var dropped: [Write] = []
    var events: [Event] = []
    var last: (subject: Subject, isQueued: Bool)?
    for write in plan {
      guard let subject = write.subject else {
        guard case .event(let event) = write else { continue }
        if let last, last.subject == event.subject {
          // That of a write that is not made is not true.
          if last.isQueued { tell(event, with: event.subject) }
        } else {
          events.append(event)
        }
        continue
      }
      let entry = entry(of: write, subject, writer)
      if let blocker = blocker(of: entry) {
        hold(entry, for: blocker)
        dropped.append(write)
        last = (subject, false)
      } else {
        add(entry)
        last = (subject, true)
      }
    }
    return (dropped, events)
  }

  private mutating func add(_ entry: Entry) {
    var entry = entry
    let subject = entry.subject
    if let word = words[subject], entry.replacesWords {
      entry.replace(word)
      words[subject] = nil
    }
    if entry.isWord {
      words[subject] = entry
      wordOrder.append(subject)
    } else if entry.isUrgent, mainCounts[subject] == nil {
      urgent.append(entry)
    } else {
      main.append(entry)
      mainCounts[subject, default: 0] += 1
      mainGains[subject, default: []].formUnion(entry.gained)
    }
  }

  /// Has an event told with the last write to its object.
  private mutating func tell(_ event: Event, with subject: Subject) {
    if words[subject] != nil {
      words[subject]?.events.append(event)
    } else if let place = main.indices.last, place >= head, main[place].subject == subject {
      main[place].events.append(event)
    } else if let place = urgent.indices.last, urgent[place].subject == subject {
      urgent[place].events.append(event)
    }
  }

  private func entry(of write: Write, _ subject: Subject, _ writer: PlanWriter) -> Entry {
    var entry = Entry(subject: subject, write: write)
    switch write {
    case .service(let key, _, let update):
      let queued = mainCounts[subject].flatMap { _ in lastIngress(of: subject) }
      let before = Set(queued ?? writer.services[key]?.ingress ?? [])
      let after = Set(update.ingress)
      entry.gained = Set(after.subtracting(before).map { .service($0) })
      entry.lost = Set(before.subtracting(after).map { .service($0) })
      entry.isWord = before == after
    case .createRouter(_, let spec):
      entry.gained = Set(spec.addresses.map { .router($0) }).union([.vrid(spec.vrid)])
    case .changeRouter(_, _, let change):
      entry.gained = Set(change.added.map { .router($0) })
      entry.lost = Set(change.gone.map { .router($0) })
    case .deleteRouter(let name, _):
      entry.lost = mainGains[subject] ?? []
      if let spec = writer.routers[name]?.spec {
        entry.lost.insert(.vrid(spec.vrid))
        for address in spec.addresses { entry.lost.insert(.router(address)) }
        for leaving in spec.leaving { entry.lost.insert(.router(leaving.address)) }
      }
    case .routerCondition, .poolStatus, .event: entry.isWord = true
    // One for each node: none stands for another.
    case .forgetNode: break
    }
    return entry
  }

  /// The addresses of a Service after all that is queued for it.
  private func lastIngress(of subject: Subject) -> [IPAddress]? {
    for entry in main[head...].reversed() where entry.subject == subject {
      if case .service(_, _, let update) = entry.write { return update.ingress }
    }
    return nil
  }

  // MARK: What is to be done

  /// Takes the next write.
  mutating func next() -> Entry? {
    if !urgent.isEmpty { return urgent.removeFirst() }
    if head < main.count {
      let entry = main[head]
      head += 1
      forget(entry)
      if head == main.count || head >= 1000 {
        main.removeFirst(head)
        head = 0
      }
      return entry
    }
    while wordHead < wordOrder.count {
      let subject = wordOrder[wordHead]
      wordHead += 1
      if let entry = words.removeValue(forKey: subject) { return entry }
    }
    (wordOrder, wordHead) = ([], 0)
    return nil
  }

  private mutating func forget(_ entry: Entry) {
    let count = mainCounts[entry.subject, default: 1] - 1
    mainCounts[entry.subject] = count > 0 ? count : nil
    if count <= 0 { mainGains[entry.subject] = nil }
  }

  /// An object that is to be read again now.
  func subjectToRead(at now: Duration) -> Subject? {
    pages.filter { $0.value.isOpen && $0.value.until <= now }
      .min { $0.value.until < $1.value.until }?.key
  }

  /// The time at which the next object is to be read again.
  var nextRead: Duration? { pages.values.filter(\.isOpen).map(\.until).min() }

  // MARK: What has become of it

  /// Takes note that a write has been made.
  mutating func made(_ entry: Entry) {
    guard let page = pages[entry.subject], !page.isOpen else { return }
    pages[entry.subject] = nil
  }

  /// Takes note that a write has failed.
  ///
  /// - Returns: that and all that depend on it, which are not made.
  mutating func failed(
    _ entry: Entry, _ error: APIError, at now: Duration, jitter: Jitter
  ) -> [Write] {
    var subjects: Set<Subject> = [entry.subject]
    var lost = entry.lost
    var count = 0
    repeat {
      count = subjects.count
      for other in urgent + main[head...]
      where subjects.contains(other.subject) || !other.gained.isDisjoint(with: lost) {
        subjects.insert(other.subject)
        lost.formUnion(other.lost)
      }
    } while subjects.count > count
    let dropped = [entry] + entries(of: subjects)
    remove(subjects)
    leave(entry.subject, error, lost, at: now, jitter: jitter)
    let until = pages[entry.subject]?.until ?? now
    for subject in subjects where subject != entry.subject { leave(subject, until: until) }
    return dropped.map(\.write)
  }

  private func entries(of subjects: Set<Subject>) -> [Entry] {
    let queued = (urgent + main[head...]).filter { subjects.contains($0.subject) }
    return queued + words.filter { subjects.contains($0.key) }.map(\.value)
  }

  private mutating func remove(_ subjects: Set<Subject>) {
    urgent.removeAll { subjects.contains($0.subject) }
    main.removeFirst(head)
    head = 0
    main.removeAll { subjects.contains($0.subject) }
    for subject in subjects {
      (words[subject], mainCounts[subject], mainGains[subject]) = (nil, nil, nil)
    }
  }

  /// Takes note that an object has been read again; nothing keeps it from being written to any
  /// more.
  mutating func read(_ subject: Subject, isGone: Bool) {
    guard var page = pages[subject] else { return }
    release(page)
    page.isOpen = false
    page.lost = []
    pages[subject] = isGone ? nil : page
  }

  /// Whether the server has refused what is to be done with an object more than by chance.
  func isRefused(_ subject: Subject) -> Bool { pages[subject]?.isRefused ?? false }

  /// Takes note that an object could not be read again.
  mutating func readFailed(
    _ subject: Subject, _ error: APIError, at now: Duration, jitter: Jitter
  ) {
    leave(subject, error, [], at: now, jitter: jitter)
  }

  // MARK: Objects that are left alone

  private mutating func leave(
    _ subject: Subject, _ error: APIError, _ lost: Set<Claim>, at now: Duration, jitter: Jitter
  ) {
    pages = pages.filter { $0.value.isOpen || now - $0.value.until < Self.pageLifetime }
    var page = pages[subject] ?? Page(until: now)
    release(page)
    var delay = page.backoff.delay(
      afterFailureAt: now, retryAfter: error.status?.retryAfter, jitter: jitter)
    page.refusals = error.isRefusal ? page.refusals + 1 : 0
    if !error.isRefusal { delay = min(delay, Self.conflictDelayMax) }
    page.until = now + delay
    page.isOpen = true
    page.lost.formUnion(lost)
    keep(page)
    pages[subject] = page
  }

  private mutating func leave(_ subject: Subject, until: Duration) {
    guard pages[subject]?.isOpen != true else { return }
    var page = pages[subject] ?? Page(until: until)
    page.until = until
    page.isOpen = true
    pages[subject] = page
  }

  private mutating func release(_ page: Page) {
    for claim in page.isOpen ? page.lost : [] {
      let count = held[claim, default: 1] - 1
      held[claim] = count > 0 ? count : nil
    }
  }

  private mutating func keep(_ page: Page) {
    for claim in page.lost { held[claim, default: 0] += 1 }
  }

  /// An object that is left alone and keeps a write from being made.
  private func blocker(of entry: Entry) -> Subject? {
    if pages[entry.subject]?.isOpen == true { return entry.subject }
    guard !held.isEmpty, let claim = entry.gained.first(where: { held[$0] != nil }) else {
      return nil
    }
    return pages.first { $0.value.isOpen && $0.value.lost.contains(claim) }?.key
  }

  /// Leaves the object of a write alone as long as another one; what that would have lost can't be
  /// given either.
  private mutating func hold(_ entry: Entry, for blocker: Subject) {
    guard var page = pages[blocker] else { return }
    release(page)
    page.lost.formUnion(entry.lost)
    keep(page)
    pages[blocker] = page
    if entry.subject != blocker { leave(entry.subject, until: page.until) }
  }
}

extension WriteQueue.Entry {
  /// Whether nodes wait for it, and no other object is concerned: candidates that come or go,
  /// settings, and addresses that are not to be served any more.
  fileprivate var isUrgent: Bool {
    guard case .changeRouter(_, _, let change) = write else { return false }
    return change.added.isEmpty && change.gone.isEmpty
  }

  /// Whether no earlier word need be said any more: another word, the status of a Service, which
  /// has all that is said of it, or the end of a router.
  fileprivate var replacesWords: Bool {
    switch write {
    case .service, .deleteRouter, .routerCondition, .poolStatus, .event: true
    case .createRouter, .changeRouter, .forgetNode: false
    }
  }

  /// Says what an earlier word has not said yet, based on the same.
  fileprivate mutating func replace(_ word: WriteQueue.Entry) {
    events = word.events + events
    guard case .service(let key, let version, let update) = write,
      version.resourceVersion == nil, case .service(_, let before, _) = word.write
    else { return }
    write = .service(key, basedOn: before, update)
  }
}

extension APIError {
  /// Whether the server does not take a request, whenever it is made: what an admission policy, a
  /// definition or a limit of size forbids, or what this program can't read.
  var isRefusal: Bool {
    switch self {
    case .status(let status):
      // The server has carried it out, or will do so later, or there is another object by now.
      !isConflict && !isAlreadyExists && !isNotFound && !isPassing && status.code >= 400
    case .unreadable, .tooLarge, .unsendable: true
    case .unreachable, .broken, .timeout, .late, .silent, .credentials, .cancelled: false
    }
  }

  /// Whether it has nothing to do with the object that the request is about.
  var isPassing: Bool {
    switch self {
    case .status(let status): [401, 408, 429, 503, 504].contains(status.code)
    case .unreachable, .broken, .timeout, .late, .silent, .credentials, .cancelled: true
    case .unreadable, .tooLarge, .unsendable: false
    }
  }
}
