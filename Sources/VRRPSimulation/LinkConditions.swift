/// How a simulated segment treats packets.
public struct LinkConditions: Sendable, Hashable {
  /// Nanoseconds every packet takes at least.
  public var latency: UInt64 = 100_000
  /// Up to how many nanoseconds more a packet takes.
  public var jitter: UInt64 = 0
  /// How often a receiver misses a packet.
  public var loss: Probability = .never
  /// How often a receiver gets a packet twice.
  public var duplication: Probability = .never
  /// How often a packet is held back so that later ones overtake it.
  public var reordering: Probability = .never
  /// How often a bit of a packet is flipped on its way.
  public var corruption: Probability = .never

  /// A segment that delivers everything after 100 µs.
  public init() {}

  /// How long a reordered packet is held back.
  public var reorderingDelay: UInt64 { 4 * (latency + jitter) }

  /// The longest a packet may take.
  public var deliveryTimeMax: UInt64 {
    latency + jitter + (reordering == .never ? 0 : reorderingDelay)
  }

  /// Whether every packet arrives as it was sent.
  public var isLossless: Bool { loss == .never && corruption == .never }
}
