import VIPCore
import VRRP

/// Something wrong on the segment that advertisements have shown, from when it was first seen until
/// it has not been seen for a while.
struct Trouble {
  /// The kinds of trouble.
  enum Kind: Hashable {
    /// One finding of the election.
    case finding(Findings)
    /// A router advertises that is not among a unicast router's peers; the election never hears of
    /// it.
    case unlistedPeer
    /// An advertisement is malformed; the election never hears of it.
    case unusable
  }

  /// Its kind.
  let kind: Kind
  /// The router that showed it first.
  let source: IPAddress
  /// When it was last seen.
  var lastSeen: Instant
  /// How often it was seen.
  var count: UInt64 = 1
  /// The sentence that describes it, made once.
  let text: String
}

/// The troubles of one virtual router, at most one of each kind.
struct Troubles {
  private(set) var list: [Trouble] = []

  /// Notes one trouble.
  ///
  /// Allocates, and asks for the sentence, only when it is news.
  ///
  /// - Returns: whether it is news.
  mutating func note(
    _ kind: Trouble.Kind, from source: IPAddress, at now: Instant, _ text: () -> String
  ) -> Bool {
    for index in list.indices where list[index].kind == kind {
      // Others that do the same are counted but not told; they are once this one has stopped.
      if list[index].source == source { list[index].lastSeen = now }
      list[index].count += 1
      return false
    }
    list.append(Trouble(kind: kind, source: source, lastSeen: now, text: text()))
    return true
  }

  /// Takes out what has not been seen since a moment.
  mutating func removeAll(notSeenSince moment: Instant) -> [Trouble] {
    let over = list.filter { $0.lastSeen < moment }
    if !over.isEmpty { list.removeAll { $0.lastSeen < moment } }
    return over
  }

  /// Forgets everything.
  mutating func clear() { list.removeAll() }
}
