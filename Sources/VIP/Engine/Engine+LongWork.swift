import VIPCore
import VRRP

/// Commands that may take so long that an advertisement would be late.
extension Engine {
  /// The number of addresses from which on something may take that long.
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

  /// Number of addresses that all routers have together.
  package var addressCount: Int {
    instances.reduce(0) { $0 + ($1?.addresses.count ?? 0) }
  }
}

/// The settings that were checked last, so that what a client sends is checked once, not at each
/// step of a change.
struct CheckedSettings {
  /// More would keep addresses in memory that no router has any more.
  private static let addressCountMax = RouterConfiguration.requestAddressCountMax

  /// The settings by the router's name.
  private var routers: [String: RouterConfiguration] = [:]
  private var addressCount = 0

  /// Checks settings unless that has been done.
  mutating func check(_ settings: RouterConfiguration) throws(ConfigurationError) {
    guard routers[settings.name] != settings else { return }
    try settings.validate()
    note([settings])
  }

  /// Notes that the settings of a request have been checked elsewhere; all of them are kept until
  /// there is no room for others.
  mutating func note(_ checked: [RouterConfiguration]) {
    let added = checked.reduce(0) { $0 + $1.addresses.count }
    if addressCount + added > Self.addressCountMax
      || routers.count + checked.count > RouterConfiguration.requestRouterCountMax
    {
      routers = [:]
      addressCount = 0
    }
    for settings in checked {
      addressCount += settings.addresses.count
      addressCount -= routers.updateValue(settings, forKey: settings.name)?.addresses.count ?? 0
    }
  }
}

extension RouterConfiguration {
  /// The most routers that one request of a client may name settings of: as many as a guard has
  /// room for.
  package static let requestRouterCountMax = GuardArea.slotCount
  /// The most addresses that these may have together.
  package static let requestAddressCountMax = 250_000
  /// The most names and addresses by which one request may mean routers: as many as one router may
  /// have.
  package static let requestNameCountMax = addressCountMax
}
