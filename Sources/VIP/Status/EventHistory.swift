package import VIPCore

/// An event with the moment it happened and its number on its node.
public struct StampedEvent: Sendable, Hashable {
  /// The event.
  public let event: NodeEvent
  /// Its number on this node, from 1.
  public let sequence: UInt64
  /// The wall clock when it happened.
  public let secondsSince1970: Double

  /// The same since 1970 in nanoseconds.
  package var moment: Instant { Instant(nanoseconds: UInt64(max(0, secondsSince1970) * 1e9)) }
}

/// The last events of a node, for later questions.
///
/// Kept as they are: many of them may come with a takeover, which no text must hold up.
struct EventHistory {
  private static let capacity = 1000

  private var events: [StampedEvent] = []
  private var sequence: UInt64 = 0

  /// Takes events down.
  mutating func add(_ new: [NodeEvent], at secondsSince1970: Double) -> ArraySlice<StampedEvent> {
    for event in new {
      sequence += 1
      events.append(
        StampedEvent(event: event, sequence: sequence, secondsSince1970: secondsSince1970))
    }
    // In large steps, so that a flood of events does not move them all each time.
    if events.count > 2 * Self.capacity + new.count {
      events.removeFirst(events.count - Self.capacity - new.count)
    }
    return events.suffix(new.count)
  }

  /// The last ones.
  var last: [StampedEvent] { Array(events.suffix(Self.capacity)) }
}
