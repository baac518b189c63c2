public import VIPCore

/// An event with the moment it happened and its number on its node.
public struct StampedEvent: Sendable, Hashable {
  /// The event.
  public let event: NodeEvent
  /// Its number on this node, from 1.
  public let sequence: UInt64
  /// The wall clock when it happened.
  public let time: Timestamp
}

/// The last events of a node, for later questions.
///
/// Kept as they are: many of them may come with a takeover, which no text must hold up.
struct EventHistory {
  private static let capacity = 1000

  private var events: [StampedEvent] = []
  /// The number of the last event; 0 if there was none.
  private(set) var sequence: UInt64 = 0

  /// Takes events down.
  mutating func add(_ new: [NodeEvent], at time: Timestamp) -> ArraySlice<StampedEvent> {
    for event in new {
      sequence += 1
      events.append(StampedEvent(event: event, sequence: sequence, time: time))
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
