public import VIPCore

extension RouterStatus {
  /// Machines outside the group that use virtual addresses which are held here.
  public struct Conflicts: Sendable, Hashable, Codable {
    /// Number of times that a held address was claimed by such a machine.
    public var claims: UInt64
    /// Number of times that this node has announced a claimed address again to defend it (RFC 5227
    /// §2.4).
    public var defenses: UInt64
    /// The addresses that other machines use at the moment.
    public var current: [Rival]

    /// Makes a status.
    public init(claims: UInt64 = 0, defenses: UInt64 = 0, current: [Rival] = []) {
      self.claims = claims
      self.defenses = defenses
      self.current = current
    }

    /// One address that another machine uses.
    public struct Rival: Sendable, Hashable, Codable {
      /// The address.
      public var address: IPAddress
      /// The machine that claimed it last.
      public var mac: MACAddress
      /// Number of times that it was claimed since this began.
      public var claims: UInt64

      /// Makes an entry.
      public init(address: IPAddress, mac: MACAddress, claims: UInt64) {
        self.address = address
        self.mac = mac
        self.claims = claims
      }
    }
  }
}

/// A number of addresses in words: `1 address`, `7 addresses`.
package func addressCountText(_ count: Int) -> String {
  "\(count) address\(count == 1 ? "" : "es")"
}

/// The machine that uses an address, and what to do about it, as one sentence.
package func conflictText(_ address: IPAddress, _ mac: MACAddress) -> String {
  "\(address) is also used by the machine with Ethernet address \(mac), which is not heard as "
    + "one of the group; see that the group's machines hear each other, and if it is none of them, "
    + "give it another address"
}
