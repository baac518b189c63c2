/// Random numbers that a seed determines, on every machine and in every version (SplitMix64).
public struct SeededRandom: RandomNumberGenerator, Sendable, Hashable {
  private var state: UInt64

  /// Starts the sequence of a seed.
  public init(seed: UInt64) {
    state = seed
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  /// A number below a bound; 0 if the bound is 0.
  ///
  /// The modulo bias is far below anything a simulation could notice.
  public mutating func below(_ bound: UInt64) -> UInt64 {
    bound == 0 ? 0 : next() % bound
  }

  /// Whether something of a probability happens.
  public mutating func chance(_ probability: Probability) -> Bool {
    // Asking for nothing draws nothing: switching a fault off leaves the rest of a run as it was.
    probability.partsPerMillion > 0 && below(1_000_000) < UInt64(probability.partsPerMillion)
  }

  /// One of some values.
  public mutating func pick<Value>(_ values: [Value]) -> Value {
    values[Int(below(UInt64(values.count)))]
  }
}

/// A probability in parts per million: a number that text and seeds reproduce exactly.
public struct Probability: Sendable, Hashable {
  /// Parts per million, `0...1_000_000`.
  public let partsPerMillion: UInt32

  /// Makes a probability; what exceeds certainty is certainty.
  public init(partsPerMillion: UInt32) {
    self.partsPerMillion = min(partsPerMillion, 1_000_000)
  }

  /// Makes a probability from whole percents.
  public static func percent(_ percent: UInt32) -> Probability {
    Probability(partsPerMillion: min(percent, 100) * 10_000)
  }

  /// The probability of what never happens.
  public static let never = Probability(partsPerMillion: 0)
}

extension Probability: CustomStringConvertible {
  /// The probability in percent: `2%`, `0.5%`.
  public var description: String { Decimal.text(Int64(partsPerMillion), per: 10_000) + "%" }
}

/// Decimal fractions without floating point.
package enum Decimal {
  /// `value / scale` without trailing zeros; the scale is a power of ten.
  package static func text(_ value: Int64, per scale: Int64) -> String {
    let magnitude = value.magnitude
    let rest = magnitude % UInt64(scale)
    let whole = (value < 0 ? "-" : "") + String(magnitude / UInt64(scale))
    guard rest > 0 else { return whole }
    var digits = String(String(rest + UInt64(scale)).dropFirst())
    while digits.last == "0" { digits.removeLast() }
    return whole + "." + digits
  }

  /// Reads a number such as `2`, `0.5` or `-1.25` and multiplies it; `nil` if it is malformed.
  package static func value(_ text: some StringProtocol, times scale: Int64) -> Int64? {
    var digits = text[...]
    let isNegative = digits.first == "-"
    if let sign = digits.first, sign == "-" || sign == "+" { digits = digits.dropFirst() }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count),
      parts.allSatisfy({ part in
        (1...9).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
      }), let whole = Int64(parts[0])
    else { return nil }
    var value = whole * scale
    var unit = scale
    for digit in parts.dropFirst().joined() {
      unit /= 10
      value += Int64(digit.wholeNumberValue ?? 0) * unit
    }
    return isNegative ? -value : value
  }
}
