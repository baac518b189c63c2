public import VIPCore

/// A promise of the election that a simulation saw broken.
public struct Violation: Sendable, Hashable {
  /// The true time.
  public let time: Instant
  /// The promise.
  public let promise: Promise
  /// The station at fault, or the one that showed it.
  public let station: Int
  /// The observation.
  public let detail: String

  /// The promises of an election.
  public enum Promise: String, Sendable, Hashable, CaseIterable {
    /// A settled connected part has exactly one Active.
    case exactlyOneActive = "a settled connected part has exactly one Active"
    /// The Active of a settled part is one that no running router there would replace.
    case rightActive = "no running router would replace the Active of a settled part"
    /// A connected lossless segment is without an Active no longer than the shortest
    /// Active_Down_Interval and one delivery.
    case takeoverInTime = "a takeover comes within Active_Down_Interval and one delivery"
    /// Two Actives that hear each other stay so no longer than one interval and one delivery.
    case oneActiveSoon = "two Actives that hear each other last one interval and one delivery"
    /// Only an Active sends advertisements, but for the farewell with priority 0.
    case onlyActiveSpeaks = "only the Active sends anything but a farewell"
    /// Sent advertisements are valid and say what the router is.
    case honestAdvertisement = "an advertisement is valid and says what its sender is"
    /// A router sends no more in an interval than its turn, a few answers and one for each
    /// farewell.
    case boundedSending = "advertisements per interval are bounded"
    /// The virtual addresses are installed exactly while Active.
    case addressesFollowState = "virtual addresses are installed exactly while Active"
    /// After a timer fired, the next one is later.
    case restlessTimer = "a timer that fired is due later"
  }
}

/// The memory that the promises are judged by.
struct Supervisor: Sendable {
  /// The last interference from outside.
  var lastDisturbance = Instant.zero
  /// The arrival of the last packet on its way.
  var lastArrival = Instant.zero
  /// The last event that was arranged earlier, such as the end of a resignation.
  var quietFrom = Instant.zero
  /// The start of settling: the last disturbance, or the arrival of what was on its way then.
  var settlingStart = Instant.zero
  /// The moment when the segment may count as settled; worked out when first asked for.
  var settledAt: Instant?
  /// Whether the settled segment was looked at since the last disturbance.
  var isAudited = false
  /// Whether ``groups`` says what the segment looked like after the last disturbance.
  var isObserved = true
  /// Whether the segment is whole; worked out when first asked for.
  var isWholeKnown: Bool?
  var groups: [Group] = []

  struct Group: Sendable {
    /// The first moment of several Actives in the undisturbed whole segment.
    var doubleSince: Instant?
    /// The first moment without any.
    var outageSince: Instant?
    /// The shortest Active_Down_Interval when it began; a resignation that ends meanwhile would
    /// shorten it, but the timers run already.
    var shortestDownInterval: UInt64 = 0
  }
}

/// The sending of a station, for the bound on answers.
struct SendingRate: Sendable {
  var windowStart = Instant.zero
  var count: UInt64 = 0
  var farewellsHeard: UInt64 = 0
}
