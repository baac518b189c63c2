package import VIPCore

/// Advertising to each of the other machines instead of to the multicast group.
///
/// For segments that do not carry multicast. No RFC has it; keepalived and others do the same.
extension RouterConfiguration {
  /// The most peers one router may have: each gets a packet of its own.
  public static let peerCountMax = 32

  /// Checks the peers.
  func validatePeers() throws(ConfigurationError) {
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

  /// Whether advertisements of a family are sent from an address that is valid beyond the link.
  package func needsGlobalSource(_ family: AddressFamily) -> Bool {
    family == .ipv6 && peers(.ipv6).first.map { !$0.isLinkLocal } ?? false
  }
}
