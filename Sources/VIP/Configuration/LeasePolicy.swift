package import VIPCore
package import VRRP

/// The time for which the kernel keeps a virtual address that its node has stopped refreshing.
///
/// Every virtual address is installed with a finite lifetime and refreshed three times within it,
/// so that a frozen or killed node can't leave one behind.
public struct LeasePolicy: Sendable, Hashable {
  /// The lifetime, in whole seconds; `nil` if addresses stay until they are removed.
  public let lifetime: Duration?
  /// Whether it was not chosen by an operator, so that it may be longer where that is needed.
  ///
  /// Its text is that of the lease which is chosen where nothing else is needed.
  public let isAutomatic: Bool

  /// Addresses stay for three seconds after the last refresh, longer where long intervals or many
  /// addresses need it; those of IPv6 three times as long.
  public static let `default` = LeasePolicy(uncheckedSeconds: 3, isAutomatic: true)
  /// Addresses stay until they are removed.
  public static let off = LeasePolicy(uncheckedSeconds: nil)

  private init(uncheckedSeconds seconds: Int?, isAutomatic: Bool = false) {
    lifetime = seconds.map { .seconds($0) }
    self.isAutomatic = isAutomatic
  }

  /// A lease of a duration; `nil` outside 2 s … 1 h or if it is not in whole seconds.
  ///
  /// The kernel counts lifetimes in seconds, so less than two could expire between refreshes.
  public init?(lifetime: Duration) {
    let (seconds, attoseconds) = lifetime.components
    guard attoseconds == 0, (2...3600).contains(seconds) else { return nil }
    self.lifetime = lifetime
    isAutomatic = false
  }
}

extension LeasePolicy: LosslessStringConvertible, Codable {
  /// Reads `off` or a duration of whole seconds.
  public init?(_ description: String) {
    if description == "off" {
      self = .off
      return
    }
    guard let duration = Duration(text: description) else { return nil }
    self.init(lifetime: duration)
  }

  /// `off` or the duration.
  public var description: String { lifetime?.text ?? "off" }

  /// The text, or that no operator has chosen it.
  var inWords: String { isAutomatic ? "automatic" : description }

  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "a lease of 2s … 1h or 'off'")
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
  /// Factor by which an IPv6 address lives longer, and waits longer for a refresh.
  static let ipv6Factor = 3

  /// The shortest lease that does no harm at an advertisement interval, in whole seconds.
  ///
  /// An election forgives an Active three intervals of silence (Active_Down_Interval is longer than
  /// that for all Backups). A lease that ends earlier would take the addresses from a node that is
  /// slow for a moment, and no node would have them until it is back.
  package static func shortest(for interval: AdvertisementInterval) -> Duration {
    let nanoseconds = 3 * interval.nanoseconds
    let seconds = (nanoseconds + 999_999_999) / 1_000_000_000
    return .seconds(max(2, Int64(clamping: seconds)))
  }

  /// The lifetime that addresses are installed with; `nil` if they have no end.
  ///
  /// - Parameters:
  ///   - interval: the advertisement interval of their router.
  ///   - family: their family.
  ///   - period: how often they are refreshed; a third of the lease if they are few.
  /// - Returns: the lifetime; `nil` for none.
  package func lifetime(
    interval: AdvertisementInterval, _ family: AddressFamily,
    refreshedEvery period: Duration = .zero
  ) -> Duration? {
    guard let lifetime else { return nil }
    let sufficient = max(lifetime, period * 3, Self.shortest(for: interval))
    return isAutomatic && family == .ipv6 ? sufficient * Self.ipv6Factor : sufficient
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
    guard let lifetime, !isAutomatic else { return }
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
