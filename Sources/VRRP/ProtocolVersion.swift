/// The version of VRRP a virtual router speaks; the two don't understand each other.
public enum ProtocolVersion: UInt8, Sendable, Hashable, Codable, CaseIterable {
  /// Version 2, RFC 3768: IPv4 only, whole seconds, an authentication field.
  case v2 = 2
  /// Version 3, RFC 9568.
  case v3 = 3
}

extension ProtocolVersion: CustomStringConvertible {
  /// `VRRPv2` or `VRRPv3`.
  public var description: String { "VRRPv\(rawValue)" }
}

/// The authentication of version 2 advertisements.
///
/// RFC 3768 §5.3.6 keeps the field but no method, since none of those of RFC 2338 protects
/// anything: a simple text password is readable by every machine on the segment. It is here because
/// keepalived sends and demands it. The IP Authentication Header (type 2) is refused.
public enum Authentication: Sendable, Hashable {
  /// Type 0: none; the field is zero when sent and ignored when received.
  case none
  /// Type 1: a password in clear text.
  case simpleText(Password)

  /// A password of up to eight bytes, filled with zeros as on the wire.
  public struct Password: Sendable, Hashable {
    /// The eight bytes as a number, the first byte highest.
    public let rawValue: UInt64

    /// Makes a password from the field on the wire.
    public init(rawValue: UInt64) {
      self.rawValue = rawValue
    }

    /// Makes a password from one to eight visible ASCII characters; `nil` for anything else.
    public init?(_ text: String) {
      let bytes = text.utf8
      guard (1...8).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        return nil
      }
      rawValue = bytes.reduce(0) { $0 << 8 | UInt64($1) } << UInt64((8 - bytes.count) * 8)
    }
  }

  /// The value of the type field on the wire.
  public var type: UInt8 {
    switch self {
    case .none: 0
    case .simpleText: 1
    }
  }

  /// The eight bytes behind the addresses, as a number.
  var data: UInt64 {
    switch self {
    case .none: 0
    case .simpleText(let password): password.rawValue
    }
  }
}

extension Authentication.Password {
  /// The password itself, for scenarios, which are about invented routers, and for requests to the
  /// own node.
  package var clearText: String {
    let bytes = stride(from: 56, through: 0, by: -8).map {
      UInt8(truncatingIfNeeded: rawValue >> UInt64($0))
    }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}

extension Authentication.Password: CustomStringConvertible {
  /// A placeholder, never the password itself: descriptions end up in logs.
  public var description: String { "(hidden)" }
}

extension Authentication.Password: CustomReflectable {
  /// An empty mirror: a dump of the value must not contain the password.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Authentication.Password: Codable {
  /// Decodes the password as text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let password = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "not a password of one to eight visible ASCII characters")
    }
    self = password
  }

  /// Encodes the password as text, for those who may know it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(clearText)
  }
}
