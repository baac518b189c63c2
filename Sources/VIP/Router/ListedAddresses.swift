import VIPCore

/// The addresses that an advertisement lists, as far as it can tell: a full one may stand for more
/// than it lists.
struct ListedAddresses {
  private let addresses: Set<IPAddress>
  private let isFull: Bool

  /// Takes in a list.
  ///
  /// - Parameters:
  ///   - list: the addresses.
  ///   - capacity: how many an advertisement can list there; `nil` if that is not known.
  init(_ list: [IPAddress], capacity: Int?) {
    let addresses = Set(list)
    self.addresses = addresses
    isFull = capacity.map { addresses.count >= $0 } ?? false
  }

  /// Whether the sender may have an address.
  func mayInclude(_ address: IPAddress) -> Bool { isFull || addresses.contains(address) }

  /// Whether the sender may have any of some addresses.
  func mayIncludeAny(of addresses: some Sequence<IPAddress>) -> Bool {
    addresses.contains(where: mayInclude)
  }
}
