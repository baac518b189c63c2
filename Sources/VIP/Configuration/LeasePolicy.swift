import VIPCore
package import VRRP

/// The time for which the kernel keeps a virtual address that its node has stopped refreshing.
///
/// Every virtual address is installed with a finite lifetime and refreshed three times within it,
/// so that a frozen or killed node can't leave one behind.
public struct LeasePolicy: Sendable, Hashable {
  private enum Choice: Sendable, Hashable {
    case automatic
    case fixed(Duration)
    case off
  }

  private let choice: Choice

  /// Addresses outlive the silence after which any Backup has taken over, and end within a second
  /// and a quarter after it; later where that is needed for very many addresses.
  public static let automatic = LeasePolicy(choice: .automatic)
  /// The lease of a node that is told none: ``automatic``.
  public static let `default` = automatic
  /// Addresses stay until they are removed.
  public static let off = LeasePolicy(choice: .off)

  private init(choice: Choice) { self.choice = choice }

  /// A lease of a duration; `nil` outside 2 s … 1 h or if it is not in whole seconds.
  ///
  /// The kernel counts lifetimes in seconds.
  public init?(lifetime: Duration) {
    let (seconds, attoseconds) = lifetime.components
    guard attoseconds == 0, (2...3600).contains(seconds) else { return nil }
    choice = .fixed(lifetime)
  }

  /// The lifetime that was chosen, in whole seconds; `nil` if it follows from the routers, or
  /// addresses stay until they are removed.
  public var lifetime: Duration? {
    if case .fixed(let lifetime) = choice { lifetime } else { nil }
  }

  /// Whether the lifetime follows from the intervals of the routers and the number of addresses.
  public var isAutomatic: Bool { choice == .automatic }

  /// Whether addresses stay until they are removed.
  public var isOff: Bool { choice == .off }
}

extension LeasePolicy: LosslessStringConvertible, Codable {
  /// Reads `auto`, `off` or a duration of whole seconds.
  public init?(_ description: String) {
    switch description {
    case "auto": self = .automatic
    case "off": self = .off
    default:
      guard let duration = Duration(text: description) else { return nil }
      self.init(lifetime: duration)
    }
  }

  /// `auto`, `off` or the duration.
  public var description: String {
    switch choice {
    case .automatic: "auto"
    case .fixed(let lifetime): lifetime.text
    case .off: "off"
    }
  }

  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "a lease of 'auto', 2s … 1h or 'off'")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    try encodeText(description, to: encoder)
  }
}

// MARK: - Rules

extension LeasePolicy {
  /// Number of requests to the kernel that the refreshing may cost in a second.
  static let refreshesPerSecond = 1000
  /// Number of requests that one for an IPv6 address counts for where the lease is automatic: it
  /// makes Linux send all multicast memberships of the interface to the network again.
  static let ipv6Weight = 3

  /// The shortest lease that may be chosen at an advertisement interval, in whole seconds.
  ///
  /// An election forgives an Active three intervals of silence (Active_Down_Interval is longer than
  /// that for all Backups). A lease that ends earlier would take the addresses from a node that is
  /// slow for a moment, and no node would have them until it is back.
  package static func shortest(for interval: AdvertisementInterval) -> Duration {
    let nanoseconds = 3 * interval.nanoseconds
    let seconds = (nanoseconds + 999_999_999) / 1_000_000_000
    return .seconds(max(2, Int64(clamping: seconds)))
  }

  /// The time that one refresh of all addresses of a node may not fall short of.
  ///
  /// - Parameters:
  ///   - ipv4: how many addresses of IPv4 it has.
  ///   - ipv6: how many of IPv6.
  /// - Returns: the time.
  package func load(ipv4: Int, ipv6: Int) -> Duration {
    let requests = ipv4 + ipv6 * (isAutomatic ? Self.ipv6Weight : 1)
    return .seconds(1) * requests / Self.refreshesPerSecond
  }

  /// The times of the addresses of a router; `nil` if these have no end.
  ///
  /// - Parameters:
  ///   - interval: its advertisement interval.
  ///   - version: the version of the protocol that it speaks.
  ///   - load: what ``load(ipv4:ipv6:)`` says.
  /// - Returns: the times.
  package func term(
    interval: AdvertisementInterval, _ version: ProtocolVersion, load: Duration = .zero
  ) -> LeaseTerm? {
    isOff ? nil : LeaseTerm(lifetime: lifetime, interval: interval, version, load: load)
  }

  /// Refuses routers for which a lease that the operator has set is too short.
  ///
  /// - Parameters:
  ///   - routers: the routers.
  ///   - besides: how many addresses the node has beside theirs.
  /// - Throws: which router's interval or number of addresses needs a longer one.
  package func check(
    _ routers: [RouterConfiguration], besides: Int = 0
  ) throws(ConfigurationError) {
    guard let lifetime else { return }
    var count = besides
    for settings in routers {
      let shortest = Self.shortest(for: settings.interval)
      guard lifetime >= shortest else {
        throw ConfigurationError(
          .interval, router: settings.name,
          "a lease of \(lifetime.text) is too short for an interval of \(settings.interval): the "
            + "others wait three intervals before they take over, and the addresses must not go "
            + "earlier; take at least \(shortest.text), or leave the lease out")
      }
      count += settings.allAddresses.count
      let needed = Duration.seconds(
        (3 * count + Self.refreshesPerSecond - 1) / Self.refreshesPerSecond)
      guard lifetime >= needed else {
        throw ConfigurationError(
          .addresses, router: settings.name,
          "a lease of \(lifetime.text) is too short for \(count) addresses on this node: each is "
            + "refreshed three times in it, and at most \(Self.refreshesPerSecond) a second are; "
            + "take at least \(needed.text), or leave the lease out")
      }
    }
  }
}
