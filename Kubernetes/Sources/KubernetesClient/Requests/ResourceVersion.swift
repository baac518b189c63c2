/// What is known of the order of versions.
public enum ResourceVersion {
  /// Whether a version is certainly older than another one of the same kind of objects.
  ///
  /// As a rule both are numbers that grow. Of two that are not, nothing is known but whether they
  /// are the same.
  public static func isOlder(_ version: String, than other: String) -> Bool {
    guard isNumber(version), isNumber(other) else { return false }
    return (version.utf8.count, version) < (other.utf8.count, other)
  }

  private static func isNumber(_ text: String) -> Bool {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return !text.isEmpty && text.utf8.allSatisfy(digits.contains)
      && text.utf8.first != digits.lowerBound
  }
}
