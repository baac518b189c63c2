package import VIPCore

/// Advertising to each of the other machines instead of to the multicast group.
///
/// For segments that do not carry multicast. No RFC has it; keepalived and others do the same.
extension RouterConfiguration {
  /// The most peers one router may have: each gets a packet of its own.
  public static let peerCountMax = 32

  /// Checks the peers.
  func validatePeers() throws(ConfigurationError) {
    try validateUnicastSource()
    try validateMulticastGroups()
    guard !peers.isEmpty else { return }
    guard !virtualMAC else {
      throw ConfigurationError(
        .peers, router: name,
        "advertisements to single machines don't show switches where the virtual MAC address is; "
          + "leave out the peers or the virtual MAC address")
    }
    guard peers.count <= Self.peerCountMax else {
      throw ConfigurationError(
        .peers, router: name, "\(peers.count) peers are more than \(Self.peerCountMax)")
    }
    let virtual = Set(addresses.map(\.address))
    var seen: Set<IPAddress> = []
    for (index, peer) in peers.enumerated() {
      func refuse(_ text: String) -> ConfigurationError {
        ConfigurationError(.peer(index), router: name, text)
      }
      guard !peer.isUnspecified, !peer.isLoopback, !peer.isMulticast else {
        throw refuse("\(peer) is no address that another machine can have")
      }
      guard !virtual.contains(peer) else {
        throw refuse("\(peer) is a virtual address; name the machines' own addresses")
      }
      guard seen.insert(peer).inserted else {
        throw refuse("\(peer) is given twice; name it once")
      }
      guard families.contains(peer.family) else {
        throw refuse(
          "\(peer) is an \(peer.family) peer, but there are no \(peer.family) addresses")
      }
    }
    for family in families where peers(family).isEmpty {
      throw ConfigurationError(
        .peers, router: name,
        "there are \(family) addresses but no \(family) peers; name some, or make two routers")
    }
    let scopes = Set(peers(.ipv6).map(\.isLinkLocal))
    guard scopes.count < 2 else {
      throw ConfigurationError(
        .peers, router: name,
        "some IPv6 peers are link-local and some are not; name all by the same kind of address")
    }
  }

  private func validateUnicastSource() throws(ConfigurationError) {
    guard !unicastSource.isEmpty else { return }
    func refuse(_ text: String) -> ConfigurationError {
      ConfigurationError(.unicastSource, router: name, text)
    }
    guard !peers.isEmpty else {
      throw refuse("a source of unicast advertisements needs 'peers'; name them, or leave it out")
    }
    for (index, source) in unicastSource.enumerated() {
      guard !source.isUnspecified, !source.isLoopback, !source.isMulticast else {
        throw refuse("\(source) is no address that advertisements can come from")
      }
      guard !allAddresses.contains(where: { $0.address == source }) else {
        throw refuse("\(source) is a virtual address; name one of this machine's own")
      }
      guard !unicastSource[..<index].contains(where: { $0.family == source.family }) else {
        throw refuse("there are two sources of \(source.family); name one")
      }
      guard let peer = peers(source.family).first else {
        throw refuse("\(source) is an \(source.family) address, but no such peers are named")
      }
      guard source.family == .ipv4 || source.isLinkLocal == peer.isLinkLocal else {
        throw refuse(
          "\(source) and the peers are not both link-local; name all by the same kind of address")
      }
    }
  }

  private func validateMulticastGroups() throws(ConfigurationError) {
    func refuse(_ text: String) -> ConfigurationError {
      ConfigurationError(.multicastGroup, router: name, text)
    }
    for (index, group) in multicastGroups.enumerated() {
      guard group.isMulticast else {
        throw refuse("\(group) is no multicast group; give one such as 224.0.0.100 or ff02::100")
      }
      guard !multicastGroups[..<index].contains(where: { $0.family == group.family }) else {
        throw refuse("there are two groups of \(group.family); name one")
      }
      guard families.contains(group.family) else {
        throw refuse("\(group) is an \(group.family) group, but there are no such addresses")
      }
      guard peers.isEmpty else {
        throw refuse("advertisements go to 'peers' or to a group; leave one of them out")
      }
    }
  }

  /// The multicast group that advertisements of a family go to.
  package func multicastGroup(_ family: AddressFamily) -> IPAddress {
    multicastGroups.first { $0.family == family } ?? .vrrpGroup(family)
  }

  /// The address that advertisements of a family are to come from; `nil` if that is left to the
  /// node.
  package func unicastSource(_ family: AddressFamily) -> IPAddress? {
    unicastSource.first { $0.family == family }
  }

  /// Whether advertisements of a family are sent from an address that is valid beyond the link.
  package func needsGlobalSource(_ family: AddressFamily) -> Bool {
    family == .ipv6 && peers(.ipv6).first.map { !$0.isLinkLocal } ?? false
  }
}
