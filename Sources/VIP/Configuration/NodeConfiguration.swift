import VIPCore

/// Configuration of a whole node: its own settings and its routers.
public struct NodeConfiguration: Sendable, Hashable {
  /// The settings that all routers share.
  public var settings: NodeSettings
  /// The routers, each with a name of its own.
  public var routers: [RouterConfiguration]
  /// The groups of routers that move together.
  public var groups: [RouterGroup]
  /// The policy for routers that the machine can't serve yet.
  public var unready: UnreadyPolicy

  /// Makes a configuration; a node can do without routers.
  ///
  /// Where nothing else is said, what can run runs, and the rest waits.
  public init(
    settings: NodeSettings = NodeSettings(), routers: [RouterConfiguration] = [],
    groups: [RouterGroup] = [], unready: UnreadyPolicy = .wait
  ) {
    self.settings = settings
    self.routers = routers
    self.groups = groups
    self.unready = unready
  }

  /// Checks each router, that they don't collide, and the groups.
  ///
  /// - Throws: the first thing that is wrong.
  public func validate() throws(ConfigurationError) {
    var set = RouterSet()
    for router in routers {
      try router.validate()
      if let collision = set.insert(router) { throw collision }
    }
    for group in groups { try group.validate() }
    try RouterGroup.check(groups, of: routers)
  }
}

extension RouterConfiguration {
  /// The reason why this router can't run beside another on one node; `nil` if it can.
  public func collision(with other: RouterConfiguration) -> ConfigurationError? {
    let sameName = ConfigurationError(
      .name, router: name, "the name '\(name)' is used twice")
    guard interface == other.interface else {
      return name == other.name ? sameName : elsewhereCollision(with: other)
    }
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
    return elsewhereCollision(with: other)
  }

  /// An address that both have on an interface that is not the own one of both.
  private func elsewhereCollision(with other: RouterConfiguration) -> ConfigurationError? {
    func error(
      _ field: ConfigurationError.Field, _ address: IPAddress, _ interface: String
    ) -> ConfigurationError {
      ConfigurationError(
        field, router: name,
        "\(address) already belongs to '\(other.name)' on \(interface)")
    }
    for (index, entry) in elsewhere.enumerated() {
      let address = entry.address.address
      if entry.interface == other.interface
        && other.addresses.contains(where: { $0.address == address })
        || other.elsewhere.contains(where: {
          $0.interface == entry.interface && $0.address.address == address
        })
      {
        return error(.elsewhere(index), address, entry.interface)
      }
    }
    for entry in other.elsewhere where entry.interface == interface {
      if let index = addresses.firstIndex(where: { $0.address == entry.address.address }) {
        return error(.address(index), entry.address.address, interface)
      }
    }
    return nil
  }
}
