import VIPCore
import VRRP

/// What is wrong on the segment as far as a router's advertisements show it: at most one trouble of
/// each kind, from when it was first seen until it has not been seen for a while.
struct Troubles {
  /// What is wrong.
  enum Kind: Hashable {
    /// One finding of the election.
    case finding(Findings)
    /// A machine advertises that is not among a unicast router's peers; the election never hears it.
    case unlistedPeer
    /// What comes in is no advertisement that can be acted upon; the election never hears it.
    case unusable
  }

  /// How long a trouble is remembered at least, so that one which comes and goes does not fill the
  /// log.
  static let memoryMin = Duration.seconds(10)

  private struct Trouble {
    let kind: Kind
    /// The machine that showed it first.
    let source: IPAddress
    var lastSeen: Instant
    /// The sentence that describes it, made once.
    let text: String
  }

  private var list: [Trouble] = []

  /// When to call ``review(at:memory:)`` next; `nil` if nothing is wrong.
  ///
  /// May be early: a review that comes too early does nothing.
  private(set) var deadline: Instant?

  /// What is wrong now, with the sentences that describe it.
  var current: [(kind: Kind, text: String)] { list.map { ($0.kind, $0.text) } }
  /// Whether something is wrong now.
  func contains(_ kind: Problem.Kind) -> Bool {
    list.contains { Problem.Kind($0.kind) == kind }
  }
  /// Why advertisements of another machine are not accepted, if they are not.
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

  /// Records that something is wrong.
  ///
  /// Allocates, and asks for the sentence, only when it is news.
  ///
  /// - Returns: the sentence if it is news.
  mutating func record(
    _ kind: Kind, from source: IPAddress, at now: Instant, _ text: () -> String
  ) -> String? {
    for index in list.indices where list[index].kind == kind {
      // Others that do the same are not told of; they are once this one has stopped.
      if list[index].source == source { list[index].lastSeen = now }
      return nil
    }
    let text = text()
    list.append(Trouble(kind: kind, source: source, lastSeen: now, text: text))
    let end = now + Self.memoryMin
    deadline = min(deadline ?? end, end)
    return text
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
    var over: [(kind: Kind, text: String)] = []
    list.removeAll { trouble in
      guard trouble.lastSeen + memory <= now else { return false }
      over.append((trouble.kind, trouble.text))
      return true
    }
    self.deadline = list.lazy.map(\.lastSeen).min().map { $0 + memory }
    return over
  }

  /// Forgets everything.
  mutating func clear() { self = Troubles() }
}
