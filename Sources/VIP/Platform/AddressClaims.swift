package import VIPCore

/// The claims by which the nodes of one network namespace know of one another's addresses.
package enum AddressClaims {
  /// The number of separate ranges of neighbouring addresses that the nodes of one process claim.
  package static let rangeCountMax = NamespacePlaces.rangeCountMax

  /// The number of separate ranges that addresses of one interface stand in.
  package static func rangeCount(of addresses: [IPAddress]) -> Int {
    LinuxAddressRegistry.ranges(of: addresses, onInterface: 0).count
  }

  /// Looks for addresses that nodes of other processes have on some interfaces; claims none.
  ///
  /// - Parameters:
  ///   - addresses: the addresses.
  ///   - indices: the numbers of the interfaces.
  /// - Returns: for each interface one that another process has, and that process in words if it is
  ///   known.
  package static func foreign(
    _ addresses: [IPAddress], onInterfaces indices: [Int32]
  ) -> [(interfaceIndex: Int32, address: IPAddress, holder: String?)] {
    let places = NamespacePlaces()
    // Mostly there is no other node.
    guard !indices.isEmpty, places.hasForeign else { return [] }
    let registry = LinuxAddressRegistry(places)
    return indices.compactMap { index in
      registry.foreign(addresses, onInterface: index).map {
        (index, $0.address, $0.holder?.description)
      }
    }
  }
}
