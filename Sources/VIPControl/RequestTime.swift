/// A time that a request names: a number of seconds on the socket.
public struct RequestTime: Sendable, Hashable, Codable {
  /// The time.
  public let duration: Duration

  /// The longest that a node takes from a client.
  private static let max = 86_400.0

  /// Makes one of a duration.
  public init(_ duration: Duration) {
    self.duration = duration
  }

  /// No time at all.
  public static let zero = RequestTime(.zero)

  /// A number of seconds.
  public static func seconds(_ seconds: Int) -> RequestTime { RequestTime(.seconds(seconds)) }

  /// A number of milliseconds.
  public static func milliseconds(_ milliseconds: Int) -> RequestTime {
    RequestTime(.milliseconds(milliseconds))
  }

  /// Reads the form of the socket.
  ///
  /// Whatever a client sends: no number of seconds traps, and nothing takes longer than a day.
  public init(from decoder: any Decoder) throws {
    let seconds = try decoder.singleValueContainer().decode(Double.self)
    duration = .seconds(seconds.isFinite ? min(Swift.max(seconds, 0), Self.max) : 0)
  }

  /// Writes the form of the socket.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(duration / .seconds(1))
  }
}
