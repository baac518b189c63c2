package import VIPCore

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
    let present = Set(self.addresses.lazy.map(\.address))
    if let unknown = addresses.first(where: { !present.contains($0) }) {
      throw NodeError(
        ConfigurationError(.addresses, router: name, "it does not have the address \(unknown)"))
    }
    let leaving = Set(addresses)
    self.addresses.removeAll { leaving.contains($0.address) }
    guard !self.addresses.isEmpty else {
      throw NodeError(
        ConfigurationError(
          .addresses, router: name,
          "these are all its addresses; \(wording.adviceToRemove(name))"))
    }
  }
}
