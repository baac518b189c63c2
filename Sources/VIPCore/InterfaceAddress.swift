/// An address with the length of its network prefix, as it is put on an interface:
/// `192.0.2.10/24`.
public struct InterfaceAddress: Sendable, Hashable {
  /// The address itself.
  public let address: IPAddress
  /// The number of leading bits that name the network, `0...32` or `0...128`.
  public let prefixLength: Int

  /// Makes an address with a prefix; `nil` if the prefix is longer than the address.
  public init?(_ address: IPAddress, prefixLength: Int) {
    guard (0...address.family.addressBitCount).contains(prefixLength) else { return nil }
    self.address = address
    self.prefixLength = prefixLength
  }

  /// Makes a host address: a prefix as long as the address (`/32`, `/128`).
  public init(host address: IPAddress) {
    self.address = address
    prefixLength = address.family.addressBitCount
  }

  /// The family of the address.
  public var family: AddressFamily { address.family }

  /// Whether another address lies in the network that this address and its prefix name.
  public func contains(_ other: IPAddress) -> Bool {
    switch (address, other) {
    case (.v4(let mine), .v4(let theirs)):
      let shift = UInt32(32 - prefixLength)
      return mine.rawValue >> shift == theirs.rawValue >> shift
    case (.v6(let mine), .v6(let theirs)):
      let highShift = UInt64(64 - min(prefixLength, 64))
      let lowShift = UInt64(128 - max(prefixLength, 64))
      return mine.high >> highShift == theirs.high >> highShift
        && mine.low >> lowShift == theirs.low >> lowShift
    default:
      return false
    }
  }
}

extension InterfaceAddress: LosslessStringConvertible {
  /// Reads `ADDRESS` (a host address) or `ADDRESS/LENGTH`; `nil` for anything else.
  public init?(_ description: String) {
    guard let slash = description.firstIndex(of: "/") else {
      guard let address = IPAddress(description) else { return nil }
      self.init(host: address)
      return
    }
    let length = description[description.index(after: slash)...]
    guard let address = IPAddress(String(description[..<slash])),
      (1...3).contains(length.utf8.count),
      // As in IPv4 text: some programs read a leading zero as octal.
      length.utf8.count == 1 || length.utf8.first != UInt8(ascii: "0"),
      length.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let prefixLength = Int(length)
    else { return nil }
    self.init(address, prefixLength: prefixLength)
  }

  /// The address and its prefix length, always with the slash.
  public var description: String { "\(address)/\(prefixLength)" }
}

extension InterfaceAddress: Codable {
  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "an address with an optional prefix length")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws {
    try encodeText(description, to: encoder)
  }
}
