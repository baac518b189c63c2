package import VIP
package import VIPCore
import VRRP

/// A reason to run a program: a virtual router does something else now.
package struct HookOccasion: Sendable {
  package let family: AddressFamily
  package let settlement: Settlement
  /// Earlier changes that were over before their turn came.
  package var skipped: UInt64

  /// Notes a change of a router.
  package init(_ settlement: Settlement, of family: AddressFamily) {
    self.family = family
    self.settlement = settlement
    skipped = settlement.skipped
  }

  /// The occasion of a router that has settled; `nil` for other events, and if it runs nothing.
  ///
  /// A state for which nothing is run is one too, since it makes older ones obsolete.
  package init?(_ event: NodeEvent) {
    guard case .settled(_, let family, let settlement) = event,
      !settlement.configuration.hooks.isEmpty
    else { return nil }
    self.init(settlement, of: family)
  }

  package var settings: RouterConfiguration { settlement.configuration }
  package var state: Settlement.State { settlement.state }
  package var router: String { settings.name }
  /// The program and its arguments; empty if nothing is run for this state.
  package var arguments: [String] { settings.hooks[state] }

  /// More would be longer than Linux lets one variable be (128 KiB).
  private static let addressCountMax = 2000

  /// The variables the program is given, and nothing else is.
  package func environment(_ more: [String: String]) -> [String] {
    let addresses = settings.allAddresses.filter { $0.family == family }
    var variables = more
    variables["PATH"] = ChildProgram.searchPath
    variables["VIPCTL_ROUTER"] = router
    variables["VIPCTL_INTERFACE"] = settings.interface
    variables["VIPCTL_ADDRESS_INTERFACE"] = settlement.addressInterface
    variables["VIPCTL_VRID"] = "\(settings.vrid)"
    variables["VIPCTL_FAMILY"] = family.rawValue
    variables["VIPCTL_STATE"] = state.rawValue
    variables["VIPCTL_PREVIOUS_STATE"] = settlement.previous.rawValue
    variables["VIPCTL_REASON"] = settlement.reason.description
    variables["VIPCTL_PRIORITY"] = "\(settings.priority)"
    variables["VIPCTL_EFFECTIVE_PRIORITY"] = "\(settlement.effectivePriority)"
    variables["VIPCTL_ADDRESSES"] =
      addresses.prefix(Self.addressCountMax).map(\.description).joined(separator: " ")
    variables["VIPCTL_ADDRESS_COUNT"] = "\(addresses.count)"
    return variables.map { "\($0.key)=\($0.value)" }.sorted()
  }
}

/// The report of a program that was run.
package struct HookReport: Sendable {
  package enum Kind: Sendable {
    /// A line it wrote.
    case output(String)
    /// The program ended as it should.
    case succeeded(String)
    /// The program did not end as it should.
    case failed(String)
  }

  package let router: String
  package let family: AddressFamily
  package let state: Settlement.State
  package let kind: Kind
  /// Number of changes before it that were over before their turn came.
  package var skipped: UInt64

  /// Makes a report.
  package init(
    router: String, family: AddressFamily, state: Settlement.State, kind: Kind, skipped: UInt64 = 0
  ) {
    self.router = router
    self.family = family
    self.state = state
    self.kind = kind
    self.skipped = skipped
  }
}
