import VIPCore
import VRRP

/// Commands that may take so long that an advertisement would be late.
extension Engine {
  /// From how many addresses on something may take that long.
  private static let addressCount = 500

  /// Sends the advertisements that may come due while something is done with many addresses.
  ///
  /// To be called before it; costs nothing with few addresses.
  ///
  /// - Parameter count: how many addresses are to be looked at.
  package func makeTime(forAddresses count: Int) {
    guard count >= Self.addressCount else { return }
    step {
      for case let instance? in instances where instance.attendance.isRunning && instance.isHolding
      {
        perform(instance.election.advertiseAhead(at: now), for: instance)
        schedule(instance)
      }
    }
  }

  /// How many addresses all routers have together.
  package var addressCount: Int {
    instances.reduce(0) { $0 + ($1?.addresses.count ?? 0) }
  }
}

/// The settings that were checked last, so that what a client sends is checked once, not at each step
/// of a change.
struct CheckedSettings {
  /// More would keep addresses in memory that no router has any more.
  private static let countMax = 32

  private var list: [RouterConfiguration] = []

  /// Checks settings unless that has been done.
  mutating func check(_ settings: RouterConfiguration) throws(ConfigurationError) {
    guard !list.contains(settings) else { return }
    try settings.validate()
    note(settings)
  }

  /// Notes that settings have been checked elsewhere.
  mutating func note(_ settings: RouterConfiguration) {
    list.removeAll { $0.name == settings.name }
    if list.count >= Self.countMax { list.removeFirst() }
    list.append(settings)
  }
}
