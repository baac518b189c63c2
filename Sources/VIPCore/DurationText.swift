extension Duration {
  /// The duration in whole nanoseconds, rounded down.
  ///
  /// Negative durations count as zero, those past the range as `UInt64.max`.
  public var inNanoseconds: UInt64 {
    // Not by way of `components`: its seconds are an `Int64`, which a long duration overflows.
    self > .zero ? UInt64(clamping: attoseconds / 1_000_000_000) : 0
  }

  /// Reads a duration as people write it: `1s`, `250ms`, `0.5s`.
  ///
  /// That is a decimal number and a unit (`ns`, `us`, `ms`, `s` or `sec`, `m` or `min`, `h`). `nil`
  /// if the unit is missing, the number malformed or the whole longer than 292 years; what is finer
  /// than a nanosecond is cut off.
  public init?(text: String) {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let units: [String: Int64] = [
      "ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000, "sec": 1_000_000_000,
      "m": 60_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000,
    ]
    guard let unit = units[String(text.dropFirst(digits.count))] else { return nil }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ (1...12).contains($0.count) }),
      let whole = Int64(parts[0])
    else { return nil }
    var fraction: Int128 = 0
    var scale: Int128 = 1
    for digit in parts.dropFirst().joined() {
      guard let value = digit.wholeNumberValue else { return nil }
      fraction = fraction * 10 + Int128(value)
      scale *= 10
    }
    // Integers, since binary fractions would turn some decimal ones into a nanosecond less.
    let sum = Int128(whole) * Int128(unit) + fraction * Int128(unit) / scale
    guard let nanoseconds = Int64(exactly: sum) else { return nil }
    self = .nanoseconds(nanoseconds)
  }

  /// The shortest text that ``init(text:)`` reads back as the same number of nanoseconds, in the
  /// largest unit up to seconds: `1s`, `250ms`, `1.5s`.
  public var text: String {
    let nanoseconds = inNanoseconds
    let units: [(name: String, size: UInt64)] = [
      ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000),
    ]
    guard let unit = units.first(where: { nanoseconds >= $0.size }) else {
      return nanoseconds == 0 ? "0s" : "\(nanoseconds)ns"
    }
    let rest = nanoseconds % unit.size
    guard rest > 0 else { return "\(nanoseconds / unit.size)\(unit.name)" }
    // Adding the unit's size keeps the zeros after the point.
    var digits = String(rest + unit.size).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(nanoseconds / unit.size).\(digits)\(unit.name)"
  }
}
