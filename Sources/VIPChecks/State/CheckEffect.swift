import VIP

/// The effect of a check on a router that uses it.
///
/// One without weight that has not said anything yet keeps the router out: it could be about to say
/// that this machine can't serve. But a router that is Active already stays, or a check that is
/// added would take it away.
enum CheckEffect: Sendable, Hashable {
  /// Nothing.
  case none
  /// The priority is so much higher, or lower if below zero.
  case weight(Int)
  /// The router leaves the election.
  case out

  /// The sum of what one check may add to a priority, up or down.
  private static let weightMax = 254

  /// Decides it.
  ///
  /// - Parameters:
  ///   - saying: what the check says.
  ///   - use: how the router uses it.
  ///   - isOwner: whether the router's priority is always 255, so that no number can change it.
  ///   - isAwaited: whether the check has not said anything yet, and the router is not Active.
  init(
    _ saying: CheckState.Saying, _ use: CheckUse, isOwner: Bool = false, isAwaited: Bool = false
  ) {
    switch (saying.standing, use.weight) {
    case (.unknown, nil) where isAwaited: self = .out
    case (.unknown, _): self = .none
    case (.failing, nil): self = .out
    case (.failing, let weight?): self = weight < 0 ? .weight(weight) : .none
    case (.passing, let weight):
      guard let number = saying.number else {
        self = weight.map { $0 > 0 ? .weight($0) : .none } ?? .none
        return
      }
      let (product, isTooLarge) = number.multipliedReportingOverflow(by: weight ?? 1)
      let sum = isTooLarge ? ((number < 0) == ((weight ?? 1) < 0) ? Int.max : .min) : product
      if sum <= -Self.weightMax {
        self = .out
      } else if sum == 0 || isOwner {
        self = .none
      } else {
        self = .weight(min(sum, Self.weightMax))
      }
    }
  }

  /// The statement for the node.
  func fitness(because reason: String) -> RouterFitness {
    switch self {
    case .none: .fit
    case .weight(let weight) where weight > 0:
      .stronger(by: UInt8(clamping: weight), because: reason)
    case .weight(let weight): .weaker(by: UInt8(clamping: -weight), because: reason)
    case .out: .unfit(because: reason)
    }
  }
}
