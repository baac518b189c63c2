package import VIP
package import VIPCore
import VRRP

/// A reason to run a program: a virtual router, or a group of routers, does something else now.
package struct HookOccasion: Sendable {
  /// The one that does something else.
  private enum Subject {
    case router(Settlement)
    case group(GroupSettlement)
  }

  /// The family of the router; that of a group is IPv4, whatever it serves.
  package let family: AddressFamily
  private let subject: Subject
  /// Earlier changes that were over before their turn came.
  package var skipped: UInt64

  /// Notes a change of a router.
  package init(_ settlement: Settlement, of family: AddressFamily) {
    self.family = family
    subject = .router(settlement)
    skipped = settlement.skipped
  }

  /// Notes a change of a group.
  package init(_ settlement: GroupSettlement) {
    family = .ipv4
    subject = .group(settlement)
    skipped = 0
  }

  /// The occasion of a router or a group that has settled; `nil` for other events, and if it runs
  /// nothing.
  ///
  /// A state for which nothing is run is one too, since it makes older ones obsolete.
  package init?(_ event: NodeEvent) {
    switch event {
    case .settled(_, let family, let settlement): self.init(settlement, of: family)
    case .groupSettled(let settlement): self.init(settlement)
    default: return nil
    }
    if hooks.isEmpty { return nil }
  }

  package var hooks: Hooks {
    switch subject {
    case .router(let settlement): settlement.configuration.hooks
    case .group(let settlement): settlement.group.hooks
    }
  }

  package var state: Settlement.State {
    switch subject {
    case .router(let settlement): settlement.state
    case .group(let settlement): settlement.state
    }
  }

  package var previous: Settlement.State {
    switch subject {
    case .router(let settlement): settlement.previous
    case .group(let settlement): settlement.previous
    }
  }

  /// The name of the router, or that of the group as ``nameOfGroup(_:)`` has it.
  package var router: String {
    switch subject {
    case .router(let settlement): settlement.configuration.name
    case .group(let settlement): Self.nameOfGroup(settlement.group.name)
    }
  }

  /// The words for a group where a router's name would stand; no router has such a name.
  package static func nameOfGroup(_ name: String) -> String { "group \(name)" }

  /// The program and its arguments; empty if nothing is run for this state.
  package var arguments: [String] { hooks[state] }

  /// More would be longer than Linux lets one variable be (128 KiB).
  private static let addressCountMax = 2000

  /// The variables the program is given, and nothing else is.
  package func environment(_ more: [String: String]) -> [String] {
    var variables = more
    variables["PATH"] = ChildProgram.searchPath
    switch subject {
    case .router(let settlement): describe(settlement, &variables)
    case .group(let settlement): Self.describe(settlement, &variables)
    }
    return variables.map { "\($0.key)=\($0.value)" }.sorted()
  }

  private static func describe(
    _ settlement: GroupSettlement, _ variables: inout [String: String]
  ) {
    variables["VIPCTL_GROUP"] = settlement.group.name
    variables["VIPCTL_ROUTERS"] = settlement.group.routers.joined(separator: " ")
    variables["VIPCTL_STATE"] = settlement.state.rawValue
    variables["VIPCTL_PREVIOUS_STATE"] = settlement.previous.rawValue
  }

  private func describe(_ settlement: Settlement, _ variables: inout [String: String]) {
    let settings = settlement.configuration
    let addresses = settings.allAddresses.filter { $0.family == family }
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
