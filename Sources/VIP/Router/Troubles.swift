import VIPCore
import VRRP

/// The troubles on the segment as far as a router's advertisements show them: at most one trouble
/// of each kind, from when it was first seen until it has not been seen for a while.
struct Troubles {
  /// The kind of a trouble.
  enum Kind: Hashable {
    /// One finding of the election.
    case finding(Findings)
    /// A machine advertises that is not among a unicast router's peers; the election never hears
    /// it.
    case unlistedPeer
    /// A message is no advertisement that can be acted upon; the election never hears it.
    case unusable
  }

  /// The time for which a trouble is remembered at least, so that one which comes and goes does not
  /// fill the log.
  static let memoryMin = Duration.seconds(10)
  /// The least number of intervals, of the machine that showed it, for which a trouble is
  /// remembered.
  private static let memoryInIntervals = 4

  private struct Trouble {
    let kind: Kind
    /// The machine that showed it first.
    let source: IPAddress
    /// The time after which that machine can be expected to show it again.
    var interval: Duration
    var lastSeen: Instant
    /// Whether the machine has since been heard without it.
    var isMended = false
    /// The part of the advertisement on which the sentence depends, as a number.
    var signature: Int
    var toldAt: Instant
    /// The sentence that describes it.
    var text: String
  }

  /// Addresses that differ, from when that was first shown.
  private struct Difference {
    /// The machine that showed it first.
    let source: IPAddress
    let since: Instant
    /// The time when any machine showed it last.
    var lastSeen: Instant
  }

  /// The differences that are there while a change goes from one machine of the group to the next.
  private static let inChanges: Findings = [.foreignGroup, .addressListDiffers]
  /// The number of intervals for which addresses may differ before that is told: the time a Backup
  /// waits.
  private static let patienceInIntervals = 3
  /// Time that a message and a busy machine may take beyond that.
  private static let margin = Duration.milliseconds(100)

  private var list: [Trouble] = []
  /// Addresses that differ, told or not; `nil` if they don't.
  private var difference: Difference?
  /// Troubles that were dropped after their machine had been heard without them.
  private var mended: Set<Problem.Kind> = []

  /// The time to call ``review(at:memory:)`` next; `nil` if nothing is wrong.
  ///
  /// May be early: a review that comes too early does nothing.
  private(set) var deadline: Instant?

  /// The troubles of now, with the sentences that describe them.
  var current: [(kind: Kind, text: String)] { list.map { ($0.kind, $0.text) } }
  /// Whether something is wrong now.
  func contains(_ kind: Problem.Kind) -> Bool {
    list.contains { Problem.Kind($0.kind) == kind }
  }
  /// The reason why advertisements of another machine are not accepted, if they are not.
  var whyUnaccepted: String? {
    list.first { trouble in
      switch trouble.kind {
      case .finding(let finding):
        [.versionDiffers, .authenticationDiffers, .ownAddress].contains(finding)
      case .unusable, .unlistedPeer: true
      }
    }?.text
  }
  /// The sentences that describe what is wrong now.
  var texts: [String] { list.map(\.text) }

  /// Whether it was mended rather than just not seen any more, once it is gone.
  func wasMended(_ kind: Problem.Kind) -> Bool { mended.contains(kind) }

  /// Whether a sentence would be made of what is wrong.
  func isNews(
    _ kind: Kind, from source: IPAddress, signature: Int, at now: Instant
  ) -> Bool {
    guard let index = list.firstIndex(where: { $0.kind == kind }) else { return true }
    // Others that do the same are not told of; they are once this one has stopped.
    return list[index].source == source && list[index].signature != signature
      && list[index].toldAt + Self.memoryMin <= now
  }

  /// Takes in the findings of an advertisement, before they are told.
  ///
  /// Addresses that differ may be a change that has not reached all machines of the group yet, and
  /// two that act as Active in that time are not the fault then.
  ///
  /// - Parameters:
  ///   - findings: what the advertisement shows.
  ///   - source: the machine that shows it.
  ///   - interval: the longer one of its interval and this router's.
  ///   - now: the time.
  /// - Returns: those to tell of now.
  mutating func due(
    _ findings: Findings, from source: IPAddress, interval: Duration, at now: Instant
  ) -> Findings {
    guard !findings.isDisjoint(with: Self.inChanges) else { return findings }
    let memory = max(Self.memoryMin, interval * Self.memoryInIntervals)
    if let known = difference, now < known.lastSeen + memory {
      difference?.lastSeen = now
    } else {
      difference = Difference(source: source, since: now, lastSeen: now)
    }
    let isTold = list.contains { trouble in
      guard case .finding(let finding) = trouble.kind else { return false }
      return trouble.source == source && Self.inChanges.contains(finding)
    }
    let patience = interval * Self.patienceInIntervals + Self.margin
    guard !isTold, let since = difference?.since, now < since + patience else { return findings }
    let isForeign = findings.contains(.foreignGroup)
    return findings.subtracting(isForeign ? Self.inChanges.union(.twoActives) : Self.inChanges)
  }

  /// Notes that something is wrong.
  ///
  /// Allocates, and asks for the sentence, only when it is news.
  ///
  /// - Parameters:
  ///   - kind: what is wrong.
  ///   - source: the machine that shows it.
  ///   - interval: how often it does so; zero if that is not known.
  ///   - signature: a number that is another one when the sentence may be.
  ///   - now: the time.
  ///   - text: makes the sentence.
  /// - Returns: the sentence if it is news.
  mutating func note(
    _ kind: Kind, from source: IPAddress, every interval: Duration = .zero, signature: Int = 0,
    at now: Instant, _ text: () -> String
  ) -> String? {
    let isNews = isNews(kind, from: source, signature: signature, at: now)
    if let index = list.firstIndex(where: { $0.kind == kind }) {
      guard list[index].source == source else { return nil }
      list[index].lastSeen = now
      list[index].interval = interval
      list[index].isMended = false
      guard isNews else { return nil }
      list[index].signature = signature
      list[index].toldAt = now
      let text = text()
      guard text != list[index].text else { return nil }
      list[index].text = text
      return text
    }
    let text = text()
    mended.remove(Problem.Kind(kind))
    list.append(
      Trouble(
        kind: kind, source: source, interval: interval, lastSeen: now, signature: signature,
        toldAt: now, text: text))
    let end = now + Self.memoryMin
    deadline = min(deadline ?? end, end)
    return text
  }

  /// Takes in what the latest advertisement of a machine shows: what it does not show is mended.
  mutating func heard(_ source: IPAddress, showing findings: Findings) {
    // These end the judgement: of the rest nothing is known then.
    guard findings.isDisjoint(with: [.ownAddress, .versionDiffers, .authenticationDiffers]) else {
      return
    }
    if difference?.source == source, findings.isDisjoint(with: Self.inChanges) { difference = nil }
    for index in list.indices where list[index].source == source {
      guard case .finding(let finding) = list[index].kind else { continue }
      list[index].isMended = !findings.contains(finding)
    }
  }

  /// Drops what has not been seen for a while.
  ///
  /// - Parameters:
  ///   - now: the time.
  ///   - memory: for how long a trouble is remembered; ``memoryMin`` if that is longer.
  /// - Returns: what is over, with its sentences.
  @discardableResult
  mutating func review(at now: Instant, memory: Duration) -> [(kind: Kind, text: String)] {
    guard let deadline, deadline <= now else { return [] }
    let memory = max(memory, Self.memoryMin)
    func end(_ trouble: Trouble) -> Instant {
      trouble.lastSeen + max(memory, trouble.interval * Self.memoryInIntervals)
    }
    var over: [(kind: Kind, text: String)] = []
    for trouble in list where end(trouble) <= now {
      over.append((trouble.kind, trouble.text))
      if trouble.isMended { mended.insert(Problem.Kind(trouble.kind)) }
    }
    list.removeAll { end($0) <= now }
    self.deadline = list.lazy.map(end).min()
    return over
  }

  /// Forgets everything.
  mutating func clear() { self = Troubles() }
}
