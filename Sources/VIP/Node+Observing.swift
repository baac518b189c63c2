import Glibc
import Synchronization
public import VIPCore

/// A node's status at a moment, with the place of that moment among its events.
public struct NodeSnapshot: Sendable, Hashable {
  /// The status of the node.
  public let status: NodeStatus
  /// The number of the last event that had happened by then; 0 if none had.
  public let sequence: UInt64
}

/// Looking at a node.
extension Node {
  /// The names of all routers, in the order in which they were added.
  public var routerNames: [String] { engine.routerNames }

  /// The settings of all routers, also of those that are leaving.
  public var configurations: [RouterConfiguration] { engine.allSettings }

  /// The groups of routers that move together.
  public var groups: [RouterGroup] { engine.groups }

  /// The routers that have a virtual address.
  public func routerNames(holding address: IPAddress) -> [String] {
    engine.routerNames(holding: address)
  }

  /// The status of the node; only one router's part if a name is given.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func status(_ name: String? = nil) throws(NodeError) -> NodeStatus {
    if let name, !engine.contains(name) { throw unknownRouter(name) }
    return makeStatus(name)
  }

  /// The status of the node, and the number of the events that led there.
  ///
  /// Follow it with ``stampedEvents(after:)``: no event is missed and none is told twice.
  public func snapshot() -> NodeSnapshot {
    // What has happened but has not been told yet is in the status already.
    deliver(engine.takeEvents())
    return NodeSnapshot(status: makeStatus(nil), sequence: history.sequence)
  }

  /// Measures the length of the pieces in which the node's thread works.
  package nonisolated var workMeter: WorkMeter { loop.meter }

  /// The number of the last event that has happened; 0 if none has.
  package var lastEventNumber: UInt64 {
    deliver(engine.takeEvents())
    return history.sequence
  }

  /// Sends the advertisements that may come due while something is done with all addresses and so
  /// many more.
  func makeTime(forAddresses more: Int = 0) {
    engine.makeTime(forAddresses: engine.addressCount + more)
    loop.meter.lap()
  }

  private func makeStatus(_ name: String?) -> NodeStatus {
    makeTime()
    return NodeStatus(
      node: NodeStatus.Node(
        version: vipVersion, pid: getpid(), uptime: bootTime() - engine.startedAt,
        lease: engine.lease, endsWhenIdle: options.endsWhenIdle, guard: engine.guardState,
        guardPid: engine.guardPid, isRealtime: loop.isRealtime,
        wakeUps: engine.wakeUpStatus,
        problems: [engine.nodeProblem].compactMap { $0 } + problems.present),
      routers: engine.status(name))
  }

  /// The events from now on.
  ///
  /// A reader that falls far behind misses the oldest events.
  public nonisolated func events() -> some AsyncSequence<NodeEvent, Never> & Sendable {
    stampedEvents().map(\.event)
  }

  /// The events from now on, each with its time and number.
  ///
  /// A reader that falls far behind misses the oldest events, which their numbers show.
  ///
  /// - Parameter count: how many events are kept for a reader that is slow.
  /// - Returns: the events, until the node ends.
  public nonisolated func stampedEvents(
    keeping count: Int = 4096
  ) -> AsyncStream<StampedEvent> {
    observers.stream(keeping: count)
  }

  /// The events since the one with a number, then those from now on.
  ///
  /// The last thousand events are kept for it; if more have happened, the first number shows it,
  /// and a new ``snapshot()`` tells where the node stands.
  ///
  /// - Parameter sequence: the number of the last event that is known already, such as
  ///   ``NodeSnapshot/sequence``.
  /// - Returns: the events, until the node ends.
  public func stampedEvents(after sequence: UInt64) -> AsyncStream<StampedEvent> {
    observers.stream(beginningWith: history.last.filter { $0.sequence > sequence })
  }

  /// The last events, up to a thousand.
  public var pastEvents: [StampedEvent] { history.last }

  /// Tells what has happened around the node, such as what became of programs that were run for its
  /// routers, in the order of the node's own events.
  package func publish(_ events: [NodeEvent]) {
    deliver(engine.takeEvents())
    deliver(events)
  }

  /// Tells observers what has happened.
  func deliver(_ events: [NodeEvent]) {
    guard !events.isEmpty else { return }
    observers.yield(
      history.add(events, at: Timestamp(nanosecondsSince1970: wallClock().nanoseconds)))
  }
}

/// The readers of a node's events.
final class Observers: Sendable {
  private struct Table {
    var continuations: [Int: AsyncStream<StampedEvent>.Continuation] = [:]
    var lastID = 0
    var hasEnded = false
  }

  private let table = Mutex(Table())

  /// A stream of what is to come, after some events that have happened.
  func stream(
    keeping count: Int = 4096, beginningWith past: [StampedEvent] = []
  ) -> AsyncStream<StampedEvent> {
    AsyncStream(bufferingPolicy: .bufferingNewest(count)) { continuation in
      for event in past { continuation.yield(event) }
      let id = table.withLock { table -> Int? in
        guard !table.hasEnded else { return nil }
        table.lastID += 1
        table.continuations[table.lastID] = continuation
        return table.lastID
      }
      guard let id else { return continuation.finish() }
      continuation.onTermination = { [weak self] _ in
        self?.table.withLock { _ = $0.continuations.removeValue(forKey: id) }
      }
    }
  }

  /// Hands events to all readers.
  func yield(_ events: ArraySlice<StampedEvent>) {
    for continuation in table.withLock({ Array($0.continuations.values) }) {
      for event in events { continuation.yield(event) }
    }
  }

  /// Ends all streams, also those that are asked for later.
  func finish() {
    let continuations = table.withLock { table in
      table.hasEnded = true
      return Array(table.continuations.values)
    }
    for continuation in continuations { continuation.finish() }
  }
}
