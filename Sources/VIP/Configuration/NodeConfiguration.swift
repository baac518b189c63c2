import VIPCore

/// What an operator says about a whole node: its own settings and its routers.
public struct NodeConfiguration: Sendable, Hashable, Codable {
  /// How long a virtual address outlives a node that no longer refreshes it; `nil` if without end.
  public var lease: LeasePolicy
  /// The routers, each with a name of its own.
  public var routers: [RouterConfiguration]

  /// Makes a configuration; a node can start without routers.
  public init(lease: LeasePolicy = .default, routers: [RouterConfiguration] = []) {
    self.lease = lease
    self.routers = routers
  }

  /// Checks each router and that they don't collide.
  ///
  /// - Throws: the first thing that is wrong.
  public func validate() throws(ConfigurationError) {
    for (index, router) in routers.enumerated() {
      try router.validate()
      for other in routers[..<index] {
        if let collision = router.collision(with: other) { throw collision }
      }
    }
  }
}

/// How long the kernel keeps a virtual address that its node has stopped refreshing.
///
/// Every virtual address is installed with a finite lifetime and refreshed three times within it,
/// so that a frozen or killed node can't leave one behind.
public struct LeasePolicy: Sendable, Hashable {
  /// The lifetime, in whole seconds; `nil` if addresses stay until they are removed.
  public let lifetime: Duration?
  /// Whether it was left out, so that it may be longer where that is needed.
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

  /// The text, or that it was left out.
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

extension RouterConfiguration {
  /// Why this router can't run beside another on one node; `nil` if it can.
  public func collision(with other: RouterConfiguration) -> ConfigurationError? {
    let sameName = ConfigurationError(
      .name, router: name, "the name '\(name)' is used twice")
    guard interface == other.interface else { return name == other.name ? sameName : nil }
    // Said first: two names made from interface and VRID are equal because these are.
    if vrid == other.vrid, let family = families.first(where: other.families.contains) {
      return ConfigurationError(
        .vrid, router: name,
        "VRID \(vrid) is already used on \(interface) for \(family) by '\(other.name)'; "
          + "take another VRID or put the addresses there")
    }
    if name == other.name { return sameName }
    let theirs = Set(other.addresses.map(\.address))
    if let index = addresses.firstIndex(where: { theirs.contains($0.address) }) {
      return ConfigurationError(
        .address(index), router: name,
        "\(addresses[index].address) already belongs to '\(other.name)' on \(interface)")
    }
    return nil
  }
}
