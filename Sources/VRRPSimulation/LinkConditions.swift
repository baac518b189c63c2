import VIPCore

/// The treatment of packets on a simulated segment.
public struct LinkConditions: Sendable, Hashable {
  /// The time every packet takes at least, not negative.
  public var latency: Duration {
    get { .nanoseconds(Int64(clamping: latencyNanoseconds)) }
    set { latencyNanoseconds = newValue.inNanoseconds }
  }
  /// The most that a packet takes longer.
  public var jitter: Duration {
    get { .nanoseconds(Int64(clamping: jitterNanoseconds)) }
    set { jitterNanoseconds = newValue.inNanoseconds }
  }
  var latencyNanoseconds: UInt64 = 100_000
  var jitterNanoseconds: UInt64 = 0
  /// The probability that a receiver misses a packet.
  public var loss: Probability = .never
  /// The probability that a receiver gets a packet twice.
  public var duplication: Probability = .never
  /// The probability that a packet is held back so that later ones overtake it.
  public var reordering: Probability = .never
  /// The probability that a bit of a packet is flipped on its way.
  public var corruption: Probability = .never

  /// A segment that delivers everything after 100 µs.
  public init() {}

  /// The time for which a reordered packet is held back.
  public var reorderingDelay: Duration { (latency + jitter) * 4 }

  /// The longest a packet may take.
  public var deliveryTimeMax: Duration { .nanoseconds(Int64(clamping: deliveryNanosecondsMax)) }

  var reorderingNanoseconds: UInt64 { 4 * (latencyNanoseconds + jitterNanoseconds) }

  var deliveryNanosecondsMax: UInt64 {
    latencyNanoseconds + jitterNanoseconds + (reordering == .never ? 0 : reorderingNanoseconds)
  }

  /// Whether every packet arrives as it was sent.
  public var isLossless: Bool { loss == .never && corruption == .never }
}
