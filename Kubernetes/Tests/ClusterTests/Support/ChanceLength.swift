import Foundation

/// The length of a run of `ChanceTests`.
///
/// Not in that suite: what the suite around it is marked with can't refer to it.
enum ChanceLength {
  /// The time in which something happens: `VIP_CLUSTER_CHAOS`, such as `10m` or `90s`; a minute
  /// otherwise.
  static let run: Duration =
    ProcessInfo.processInfo.environment["VIP_CLUSTER_CHAOS"].flatMap(duration(of:))
    ?? .seconds(60)

  /// The minutes that any test with a control plane may take.
  static let testMinutes = Int(run / .seconds(60)) + 10

  private static func duration(of text: String) -> Duration? {
    guard let unit = text.last, let count = Int(text.dropLast()), count > 0 else { return nil }
    return switch unit {
    case "s": .seconds(count)
    case "m": .seconds(60 * count)
    default: nil
    }
  }
}
