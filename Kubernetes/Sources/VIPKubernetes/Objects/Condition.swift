/// A condition of an object, without the time of its last change, which the client adds when it
/// writes.
public struct Condition: Sendable, Hashable, Codable {
  /// What the condition is about; an object has one of each type.
  public var type: String
  /// Whether it holds: `True`, `False` or `Unknown`.
  public var status: String
  /// One word for why.
  public var reason: String
  /// A sentence for people, with what to do.
  public var message: String

  /// The longest message that is written; the API takes eight times as much.
  public static let messageByteCountMax = 4096

  /// Makes a condition.
  public init(type: String, isTrue: Bool, reason: String, message: String) {
    self.type = type
    status = isTrue ? "True" : "False"
    self.reason = reason
    self.message =
      message.utf8.count <= Self.messageByteCountMax
      ? message : message.prefix(Self.messageByteCountMax / 4) + " …"
  }

  /// Whether it holds.
  public var isTrue: Bool { status == "True" }

  private enum CodingKeys: String, CodingKey { case type, status, reason, message }

  /// Reads a condition; all but its type and status may be absent.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    type = try container.decode(String.self, forKey: .type)
    status = try container.decode(String.self, forKey: .status)
    reason = try container.decodeIfPresent(String.self, forKey: .reason) ?? ""
    message = try container.decodeIfPresent(String.self, forKey: .message) ?? ""
  }
}

/// The types of conditions that are written here.
public enum ConditionType {
  /// Of a Service: it has the addresses that it asks for, and nothing is known that keeps them from
  /// being served.
  ///
  /// Whether a node serves them already is said by the VirtualRouter and by events.
  public static let address = "vipctl.io/Address"
  /// Of an AddressPool: all that it says can be used.
  public static let valid = "Valid"
  /// Of an AddressPool: each node that may serve its addresses has a speaker.
  public static let speakers = "Speakers"
  /// Of a VirtualRouter, by the allocator: it is as the pool and the nodes want it.
  public static let planned = "Planned"
  /// Of a VirtualRouter, by a speaker: another group on the segment has its VRID.
  public static let foreignGroup = "ForeignGroup"
  /// Of a VirtualRouter, by a speaker: a machine outside the group uses one of its addresses.
  public static let addressInUse = "AddressInUse"
}

extension [Condition] {
  /// The condition of a type.
  func first(_ type: String) -> Condition? { first { $0.type == type } }
}
