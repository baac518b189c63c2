extension Duration {
  /// The duration in whole nanoseconds; negative durations count as zero.
  public var inNanoseconds: UInt64 {
    guard self > .zero else { return 0 }
    let (seconds, attoseconds) = components
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole &+ UInt64(attoseconds) / 1_000_000_000
  }

  /// Reads a duration as people write it: `1s`, `250ms`, `0.5s`.
  ///
  /// A decimal number and a unit (`ns`, `us`, `ms`, `s`, `m`, `h`); `nil` if the unit is missing or
  /// the number malformed.
  public init?(text: String) {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let units: [String: Int64] = [
      "ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000,
      "h": 3_600_000_000_000,
    ]
    guard let unit = units[String(text.dropFirst(digits.count))] else { return nil }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ (1...12).contains($0.count) }),
      let whole = Int64(parts[0])
    else { return nil }
    var fraction: Int64 = 0
    var scale: Int64 = 1
    for digit in parts.dropFirst().joined().prefix(9) {
      guard let value = digit.wholeNumberValue else { return nil }
      fraction = fraction * 10 + Int64(value)
      scale *= 10
    }
    let (base, overflow) = whole.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    // `fraction` < 10^9 and `unit` < 4 × 10^12, so the product could pass Int64 only for hours.
    let rest = Int64(Double(fraction) / Double(scale) * Double(unit))
    let (sum, sumOverflow) = base.addingReportingOverflow(rest)
    guard !sumOverflow else { return nil }
    self = .nanoseconds(sum)
  }

  /// The shortest exact text that ``init(text:)`` reads back: `1s`, `250ms`, `1.5s`.
  public var text: String {
    let nanoseconds = inNanoseconds
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)]
      as [(String, UInt64)]
    where nanoseconds >= size && nanoseconds % (size / 1000) == 0 {
      let rest = nanoseconds % size / (size / 1000)
      guard rest > 0 else { return "\(nanoseconds / size)\(unit)" }
      var digits = String(rest + 1000).dropFirst()
      while digits.last == "0" { digits.removeLast() }
      return "\(nanoseconds / size).\(digits)\(unit)"
    }
    return nanoseconds == 0 ? "0s" : "\(nanoseconds)ns"
  }
}
