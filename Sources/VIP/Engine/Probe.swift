package import VIPCore

/// The question to the segment whether a router's addresses are free, and what came back.
package struct Probe {
  /// An answer: who has an address.
  struct Answer {
    let address: IPAddress
    let mac: MACAddress
  }

  /// Up to so many addresses are asked for three times each; more only once.
  static let repeatedAddressCount = 1000
  static let rounds = 3
  /// From one round to the next, and how long to wait for answers to the last: machines on the
  /// segment answer within milliseconds, sleepy ones within tens.
  static let pause = Duration.milliseconds(100)
  static let lastPause = Duration.milliseconds(200)
  /// So many frames in one go, and the time between two goes: 10,000 a second, the rate of
  /// announcements.
  static let slice = 50
  static let slicePause = Duration.milliseconds(5)
  /// How long somebody has to answer, again and again, until it is believed.
  ///
  /// A peer that has died or is frozen answers until its guard or its lease takes the address; how
  /// long that is, is taken from our own, but is at least this.
  static let shortestDoubt = Duration.seconds(5)
  /// Of so many answers the first is told; no more are kept.
  static let answersMax = 16

  /// Makes a question that has not been asked yet.
  package init() {}

  /// When the asking began; `nil` while the interface can't send yet.
  var startedAt: Instant?
  /// When the first question was asked.
  var askedSince = Instant.zero
  /// What is to be sent next.
  var round = 0
  var next = 0
  var roundStartedAt = Instant.zero
  /// When the next frames are due, or, after the last, when enough was waited.
  package private(set) var due = Instant.zero
  var hasAskedAll = false
  package private(set) var isOver = false
  var answers: [Answer] = []
  /// Which of the router's addresses the group's Active has been heard to list meanwhile.
  var listed: Set<IPAddress> = []
  /// Why the router may not take part; stays while it is asked again.
  var refusal: String?

  /// An answer for what the group does not have.
  var stranger: Answer? { answers.first { !listed.contains($0.address) } }

  /// What still keeps the router from being called up, in words.
  var question: String? {
    if let refusal { return refusal }
    if startedAt == nil { return nil }
    guard isOver else { return "asking the segment whether its addresses are free" }
    return answers.first.map {
      "\($0.address) is used by the machine with Ethernet address \($0.mac); waiting to hear whether "
        + "that is the group's Active"
    }
  }

  /// Begins to ask.
  package mutating func begin(at now: Instant) {
    let refusal = refusal
    self = Probe()
    self.refusal = refusal
    askedSince = now
    ask(at: now)
  }

  /// Asks once more, since answers so far may have been a dead peer's.
  mutating func askAgain(at now: Instant) {
    let before = self
    self = Probe()
    refusal = before.refusal
    askedSince = before.askedSince
    listed = before.listed
    ask(at: now)
  }

  private mutating func ask(at now: Instant) {
    startedAt = now
    roundStartedAt = now
    due = now
  }

  /// Takes the addresses to ask for now.
  package mutating func takeDue(of count: Int, by now: Instant) -> Range<Int> {
    guard due <= now, !isOver else { return 0..<0 }
    if hasAskedAll {
      isOver = true
      return 0..<0
    }
    let range = min(next, count)..<min(next + Self.slice, count)
    next = range.upperBound
    guard next == count else {
      due = now + Self.slicePause
      return range
    }
    round += 1
    next = 0
    if round < (count > Self.repeatedAddressCount ? 1 : Self.rounds) {
      due = max(now, roundStartedAt + Self.pause)
      roundStartedAt = due
    } else {
      hasAskedAll = true
      due = now + Self.lastPause
    }
    return range
  }
}
