import VIPCore
import VRRP

/// The settings of a router: one case for each key that a configuration file can have.
///
/// This is the one table of them. Files, flags, comparisons and documents go by it. How a setting
/// is compared and what a change of it takes is declared in ``declaration``; what reads settings,
/// looks for their places or has other names for them switches over all cases, so that a new one
/// does not compile until everything knows it.
public enum RouterSetting: String, Sendable, Hashable, CaseIterable {
  /// The name of the router.
  case name
  /// The interface that it serves.
  case interface
  /// The virtual router identifier.
  case vrid
  /// Its place in the election.
  case priority
  /// The time between advertisements.
  case interval
  /// The virtual addresses.
  case addresses
  /// Whether, and after how long, to replace an Active of lower priority.
  case preempt
  /// The version of VRRP.
  case version
  /// The coverage of the checksums sent over IPv4.
  case checksum
  /// The password of version 2.
  case authentication
  /// The fate of the addresses when another node takes over in good order.
  case handover
  /// Whether to probe before the first use of an address.
  case probe
  /// Whether to serve the addresses under the group's own Ethernet address.
  case virtualMAC = "virtualMac"
  /// The time after the start of its node in which it does not become Active.
  case startDelay
  /// The times for which the link of its interface must last.
  case linkDelay
  /// The time for which it does not preempt after fights.
  case holdDown
  /// Other interfaces that it depends on.
  case track
  /// Health checks that it depends on.
  case checks
  /// The other machines, where advertisements go by unicast.
  case peers
  /// The multicast group that advertisements go to.
  case multicastGroup
  /// The address that unicast advertisements come from.
  case unicastSource
  /// Routes that come and go with the addresses.
  case routes
  /// Rules of routing that come and go with the addresses.
  case rules
  /// The programs to run when its state changes.
  case hooks = "on"

  /// The key in a configuration file.
  public var key: String { rawValue }
}

extension RouterSetting {
  /// The properties of a setting.
  struct Declaration {
    typealias Pair = (_ old: RouterConfiguration, _ new: RouterConfiguration) -> Bool
    typealias Words = (_ old: RouterConfiguration, _ new: RouterConfiguration) -> [String]

    /// The difference of two configurations in it, in words; empty only if there is none.
    var differences: Words
    /// Whether a difference makes another router of it, which hands over and starts again.
    var isReplacement: Pair = { _, _ in false }
  }

  /// A setting of one value that is told as it is.
  private static func value<Value: Equatable>(
    _ words: String, _ value: @escaping (RouterConfiguration) -> Value,
    _ text: @escaping (Value) -> String = { "\($0)" }
  ) -> Declaration.Words {
    { old, new in
      let (old, new) = (value(old), value(new))
      return old == new ? [] : ["\(words) \(text(old)) → \(text(new))"]
    }
  }

  /// A rule for ``Declaration/isReplacement`` by which every difference makes another router of it.
  private static func other<Value: Equatable>(
    _ value: @escaping (RouterConfiguration) -> Value
  ) -> Declaration.Pair {
    { value($0) != value($1) }
  }

  /// The table.
  var declaration: Declaration {
    switch self {
    case .name:
      // Routers are compared by name: two of different names are two routers.
      Declaration(differences: Self.value("name") { $0.name })
    case .interface:
      Declaration(
        differences: Self.value("interface") { $0.interface },
        isReplacement: Self.other { $0.interface })
    case .vrid:
      Declaration(
        differences: Self.value("VRID") { $0.vrid }, isReplacement: Self.other { $0.vrid })
    case .priority:
      Declaration(
        differences: Self.value("priority") { $0.priority },
        // An owner's addresses are the interface's own, which is decided when it starts.
        isReplacement: Self.other { $0.priority == .owner })
    case .interval:
      Declaration(differences: Self.value("interval") { $0.interval })
    case .addresses:
      Declaration(differences: {
        Self.addressDifferences($0, $1) + Self.elsewhereDifferences($0, $1)
      })
    case .preempt:
      Declaration(
        differences: { old, new in
          Self.value("preempt") { $0.preempts }(old, new)
            + Self.value("preemption delay", { $0.preemptDelay }, \.text)(old, new)
        })
    case .version:
      Declaration(
        differences: Self.value("version") { $0.version.rawValue },
        isReplacement: Self.other { $0.version })
    case .checksum:
      Declaration(differences: Self.value("checksum") { $0.checksum.rawValue })
    case .authentication:
      // Passwords are not told, not even to say which one it was.
      Declaration(differences: { $0.password == $1.password ? [] : ["another password"] })
    case .handover:
      Declaration(differences: Self.value("handover") { $0.handover.rawValue })
    case .probe:
      Declaration(differences: Self.value("probe") { $0.probes })
    case .virtualMAC:
      Declaration(
        differences: Self.value("virtual MAC address") { $0.virtualMAC },
        isReplacement: Self.other { $0.virtualMAC })
    case .startDelay:
      Declaration(differences: Self.value("start delay", { $0.startDelay }, \.text))
    case .linkDelay:
      Declaration(differences: Self.value("link delay", { $0.linkDelay }, \.text))
    case .holdDown:
      Declaration(differences: Self.value("hold-down", { $0.holdDown }, \.text))
    case .track:
      Declaration(differences: Self.value("track", { $0.tracks }, Self.list))
    case .checks:
      Declaration(differences: Self.value("checks", { $0.checks }, Self.list))
    case .peers:
      Declaration(differences: Self.value("peers", { $0.peers }, Self.list))
    case .multicastGroup:
      Declaration(
        differences: Self.value("multicast group", { $0.multicastGroups }, Self.list),
        isReplacement: Self.other { $0.multicastGroups })
    case .unicastSource:
      Declaration(differences: Self.value("unicast source", { $0.unicastSource }, Self.list))
    case .routes:
      Declaration(differences: Self.value("routes", { $0.routes }, Self.series))
    case .rules:
      Declaration(differences: Self.value("rules", { $0.rules }, Self.series))
    case .hooks:
      Declaration(differences: { Self.hookDifferences($0.hooks, $1.hooks) })
    }
  }

  private static func list(_ values: [some CustomStringConvertible]) -> String {
    values.isEmpty ? "none" : values.map(\.description).joined(separator: " ")
  }

  private static func series(_ values: [some CustomStringConvertible]) -> String {
    if values.isEmpty { return "none" }
    let first = values.prefix(3).map(\.description).joined(separator: ", ")
    return values.count > 3 ? "\(first) and \(values.count - 3) more" : first
  }

  private static func elsewhereDifferences(
    _ old: RouterConfiguration, _ new: RouterConfiguration
  ) -> [String] {
    let hidden = new.unadvertised.subtracting(old.unadvertised)
    let shown = old.unadvertised.subtracting(new.unadvertised)
      .intersection(new.addresses.map(\.address))
    return (old.labels == new.labels ? [] : ["labels of addresses"])
      + value("addresses elsewhere", { $0.elsewhere }, series)(old, new)
      + (hidden.isEmpty ? [] : ["not advertised: \(series(hidden.sorted()))"])
      + (shown.isEmpty ? [] : ["advertised: \(series(shown.sorted()))"])
  }

  private static func addressDifferences(
    _ old: RouterConfiguration, _ new: RouterConfiguration
  ) -> [String] {
    guard old.addresses != new.addresses else { return [] }
    let added = new.addresses(notIn: old)
    let removed = old.addresses(notIn: new)
    if added.isEmpty, removed.isEmpty { return ["order of the addresses"] }
    return (added.isEmpty ? [] : ["new: \(shortened(added))"])
      + (removed.isEmpty ? [] : ["gone: \(shortened(removed))"])
  }

  private static func shortened(_ addresses: [InterfaceAddress]) -> String {
    let first = addresses.prefix(3).map(\.description).joined(separator: " ")
    return addresses.count > 3 ? "\(first) and \(addresses.count - 3) more" : first
  }

  /// Arguments may be secrets too: only whose they are is told.
  private static func hookDifferences(_ old: Hooks, _ new: Hooks) -> [String] {
    let differing = Settlement.State.allCases.filter { old[$0] != new[$0] }.map(\.rawValue)
    let hooks = differing.isEmpty ? [] : ["hooks: \(differing.joined(separator: ", "))"]
    guard old.timeout != new.timeout else { return hooks }
    return hooks + ["time limit of hooks \(old.timeout.text) → \(new.timeout.text)"]
  }
}

extension ConfigurationError.Field {
  /// The setting at fault; `nil` for what belongs to no single one.
  public var setting: RouterSetting? {
    switch self {
    case .name: .name
    case .interface: .interface
    case .vrid: .vrid
    case .addresses, .address, .elsewhere: .addresses
    case .multicastGroup: .multicastGroup
    case .unicastSource: .unicastSource
    case .route: .routes
    case .rule: .rules
    case .priority: .priority
    case .interval: .interval
    case .version: .version
    case .preempt: .preempt
    case .authentication: .authentication
    case .virtualMAC: .virtualMAC
    case .startDelay: .startDelay
    case .linkDelay: .linkDelay
    case .holdDown: .holdDown
    case .track: .track
    case .check: .checks
    case .peers, .peer: .peers
    case .hook: .hooks
    case .router, .group: nil
    }
  }
}
