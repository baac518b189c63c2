import VRRP

/// A health check that a router depends on, by its name, and what follows from it for the router.
public struct CheckUse: Sendable, Hashable, Codable {
  /// The name of the check.
  public var check: String
  /// The amount that is added to the priority: one above zero while the check succeeds, one below
  /// zero while it fails; `nil` if the router leaves the election while it fails, handing over.
  ///
  /// For a check that reads a number it is what the number is multiplied by; `nil` stands for 1
  /// then. The priority stays between 1 and 254, and what several causes add is added up.
  public var weight: Int?

  /// Uses a check.
  ///
  /// - Parameters:
  ///   - check: its name.
  ///   - weight: -254 to 254, but not 0; if left out, the router leaves the election while the
  ///     check fails.
  public init(_ check: String, weight: Int? = nil) {
    self.check = check
    self.weight = weight
  }

  /// The weights that a check can have.
  public static let weightRange = -254...254
}

extension CheckUse: CustomStringConvertible {
  /// `nginx`, or `nginx=-20` with a weight.
  public var description: String { weight.map { "\(check)=\($0)" } ?? check }
}

extension RouterConfiguration {
  /// The most checks that a router can use.
  static let checkCountMax = 64

  /// Checks what can be said of the checks it uses without knowing them.
  func validateChecks() throws(ConfigurationError) {
    func refuse(_ index: Int, _ text: String) -> ConfigurationError {
      ConfigurationError(.check(index), router: name, text)
    }
    guard checks.count <= Self.checkCountMax else {
      throw refuse(
        Self.checkCountMax,
        "\(checks.count) checks are more than \(Self.checkCountMax) of one router")
    }
    var seen: Set<String> = []
    for (index, use) in checks.enumerated() {
      guard Self.isValidName(use.check) else {
        throw refuse(
          index,
          "'\(use.check)' can't be the name of a check; take 1 to 64 letters, digits, '.', '_' or "
            + "'-'")
      }
      guard seen.insert(use.check).inserted else {
        throw refuse(index, "the check '\(use.check)' is used twice; name it once")
      }
      guard let weight = use.weight else { continue }
      guard CheckUse.weightRange.contains(weight), weight != 0 else {
        throw refuse(
          index,
          "the weight of a check lies between -254 and 254 and is not 0, found \(weight); without "
            + "one the router leaves the election while the check fails")
      }
      guard priority != .owner else {
        throw refuse(
          index,
          "an owner's priority is always 255; leave the weight of \(use.check) out, and it leaves "
            + "the election instead")
      }
    }
  }
}
