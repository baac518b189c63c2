public import KubernetesClient
import Synchronization
import VIP
public import VIPCore
import VIPKubernetes
public import VIPReports

/// The log of a program in the cluster: lines of the node, the speaker and the allocator.
///
/// What is said again and again is said once a minute.
public final class ClusterLog: Sendable {
  /// Takes a line, and the time that it tells of; `nil` for now.
  public typealias Writer = @Sendable (LogLine, Instant?) -> Void

  private let write: Writer
  private let clock: any ClientClock
  private let repeated = Mutex<[String: (time: Duration, count: Int)]>([:])

  /// The time between two lines that say the same.
  private static let period: Duration = .seconds(60)
  /// How many different lines are remembered.
  private static let memory = 1000

  /// Makes a log that hands out its lines.
  public init(clock: any ClientClock = SystemClock(), write: @escaping Writer) {
    self.clock = clock
    self.write = write
  }

  /// Writes what happens on a node, until the node ends.
  func follow(_ events: AsyncStream<StampedEvent>) async {
    let lines = EventLog { [write] line, moment in write(line, moment) }
    for await stamped in events {
      lines.add(stamped.event, at: Instant(nanoseconds: stamped.time.nanoseconds))
    }
    lines.end()
  }

  /// Writes a line, unless the same was written within the last minute.
  func add(
    _ level: LogLine.Level, _ message: String, _ fields: [(key: String, value: String)] = []
  ) {
    let now = clock.now
    let key = fields.map { "\($0.key)=\($0.value) " }.joined() + message
    let left = repeated.withLock { repeated -> Int? in
      if let last = repeated[key], now - last.time < Self.period {
        repeated[key]?.count += 1
        return nil
      }
      let left = repeated[key]?.count ?? 0
      if repeated.count >= Self.memory {
        repeated = repeated.filter { now - $0.value.time < Self.period }
      }
      if repeated.count < Self.memory { repeated[key] = (now, 0) }
      return left
    }
    guard let left else { return }
    let more = left > 0 ? [(key: "suppressed", value: "\(left)")] : []
    write(LogLine(level, message, fields: fields + more), nil)
  }

  /// Writes what a speaker has to tell.
  func add(_ news: SpeakerNews) {
    switch news {
    case .restored(let count):
      add(
        .warning,
        "no API server has answered yet: this node goes on with what it served last",
        [("routers", "\(count)")])
    case .listed(let count): add(.info, "all routers are listed", [("routers", "\(count)")])
    case .applied(let count, let problems):
      add(.info, "the routers of this node are applied", [("routers", "\(count)")])
      for (name, problem) in problems.sorted(by: { $0.key < $1.key }) {
        add(.warning, problem, [("router", name)])
      }
    case .interrupted(let kind, let error):
      add(.warning, "\(error); what was read before goes on", [("kind", kind)])
    case .skipped(let kind, let reference, let problem):
      add(
        .warning, "an object can't be read: \(problem)",
        [("kind", kind), ("name", reference.map { "\($0.name)" } ?? "")])
    case .writeFailed(let router, let error):
      add(.warning, "its status can't be written: \(error)", [("router", router)])
    case .fitness(let cause, let text?):
      add(.warning, "\(text): this node leaves its addresses to others", [("cause", cause)])
    case .fitness(let cause, nil):
      add(.info, "this node takes addresses again", [("cause", cause)])
    case .file(let error): add(.warning, "\(error)")
    }
  }

  /// Writes what an allocator has to tell.
  func add(_ news: AllocatorLoop.News) {
    switch news {
    case .began: add(.info, "the allocator has read all objects and plans from now on")
    case .made(let writes): add(.info, "the allocator has written", [("writes", "\(writes.count)")])
    case .failed(let writes, let error):
      add(
        .warning, "\(error); the allocator reads again and goes on",
        [("writes", "\(writes.count)")])
    case .refused(let subject, let error, let count):
      add(
        .warning,
        "what the allocator has to write is refused: \(error); it is left out for a while",
        [("about", subject.name), ("objects", "\(count)")])
    case .leftAlone(let count):
      add(.info, "objects whose writes were refused are written again", [("left", "\(count)")])
    // Which ones is said on their pools.
    case .silent(0): break
    case .silent(let count):
      add(.warning, "speakers are silent; see the pools' conditions", [("nodes", "\(count)")])
    case .interrupted(let kind, let error):
      add(.warning, "\(error); the allocator goes on with what it knows", [("kind", kind)])
    case .skipped(let kind, let reference, let problem):
      add(
        .warning, "an object can't be read: \(problem)",
        [("kind", kind), ("name", reference.map { "\($0.name)" } ?? "")])
    }
  }
}
