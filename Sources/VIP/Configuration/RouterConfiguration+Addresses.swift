public import VIPCore

/// Changing the list of addresses.
extension RouterConfiguration {
  /// Adds addresses; those that are there already are passed over.
  package mutating func add(_ addresses: [InterfaceAddress]) {
    var present = Set(self.addresses)
    self.addresses += addresses.filter { present.insert($0).inserted }
  }

  /// Takes addresses away, but not the last of all.
  mutating func take(
    _ addresses: [IPAddress], _ wording: Wording
  ) throws(NodeError) {
    let present = Set(self.addresses.lazy.map(\.address) + elsewhere.map(\.address.address))
    if let unknown = addresses.first(where: { !present.contains($0) }) {
      throw NodeError(
        ConfigurationError(.addresses, router: name, "it does not have the address \(unknown)"))
    }
    let leaving = Set(addresses)
    self.addresses.removeAll { leaving.contains($0.address) }
    elsewhere.removeAll { leaving.contains($0.address.address) }
    unadvertised.subtract(leaving)
    labels = labels.filter { !leaving.contains($0.key) }
    guard !self.addresses.isEmpty || !elsewhere.isEmpty || canDoWithoutAddresses else {
      throw NodeError(
        ConfigurationError(
          .addresses, router: name,
          "these are all its addresses; \(wording.adviceToRemove(name))"))
    }
  }
}

/// The families of a router, and what of it belongs to which.
extension RouterConfiguration {
  /// The families that advertisements are sent in, IPv4 first: those of the advertised addresses.
  ///
  /// A router that advertises no address has one: that of its peers, else that of what it holds.
  public var families: [AddressFamily] {
    let listed = AddressFamily.allCases.filter(isListing)
    if !listed.isEmpty { return listed }
    let spoken = AddressFamily.allCases.filter { family in peers.contains { $0.family == family } }
    if let family = spoken.first { return [family] }
    let held =
      addresses.lazy.map(\.family) + elsewhere.map(\.address.family)
      + routes.map(\.destination.family) + rules.compactMap(\.family)
    return [!held.isEmpty && held.allSatisfy { $0 == .ipv6 } ? .ipv6 : .ipv4]
  }

  /// Whether advertisements of a family list an address.
  private func isListing(_ family: AddressFamily) -> Bool {
    addresses.contains { $0.family == family && !unadvertised.contains($0.address) }
      || elsewhere.contains { $0.isAdvertised && $0.address.family == family }
  }

  /// Whether there is something that comes and goes without an address.
  var canDoWithoutAddresses: Bool { !hooks.isEmpty || !routes.isEmpty || !rules.isEmpty }

  /// The addresses that the advertisements of a family list, in order.
  package func listedAddresses(_ family: AddressFamily) -> [IPAddress] {
    let own = addresses(family).map(\.address)
    return (unadvertised.isEmpty ? own : own.filter { !unadvertised.contains($0) })
      + elsewhere.filter { $0.isAdvertised && $0.address.family == family }.map(\.address.address)
  }

  /// All its addresses, wherever they are.
  package var allAddresses: [InterfaceAddress] { addresses + elsewhere.map(\.address) }

  /// Whether there is anything beside the addresses on its interface.
  var hasExtras: Bool {
    !elsewhere.isEmpty || !routes.isEmpty || !rules.isEmpty || !unadvertised.isEmpty
  }

  /// The entries that the virtual router of a family puts up beside its addresses, in that order.
  ///
  /// What is of a family in which nothing is advertised goes with the other one.
  func extras(_ family: AddressFamily) -> [Extra] {
    guard hasExtras else { return [] }
    let families = families
    let isFirst = families.first == family
    func belongs(_ other: AddressFamily?) -> Bool {
      other == family || isFirst && !families.contains { $0 == other }
    }
    let strays = addresses.filter { $0.family != family && belongs($0.family) }
    return strays.map { .address($0, interface: interface) }
      + elsewhere.filter { belongs($0.address.family) }
      .map { .address($0.address, interface: $0.interface) }
      + routes.filter { belongs($0.destination.family) }.map { .route($0) }
      + rules.flatMap { rule in
        // One that is for a mark alone is for the packets of each family that is served.
        guard rule.family != nil else { return [Extra.rule(rule, family)] }
        return belongs(rule.family) ? [Extra.rule(rule, rule.family ?? family)] : []
      }
  }

  /// The interfaces that must be there beside its own.
  var furtherInterfaces: [String] {
    var names: [String] = []
    for name in elsewhere.map(\.interface) + routes.compactMap(\.interface)
    where name != interface && !names.contains(name) {
      names.append(name)
    }
    return names
  }
}
