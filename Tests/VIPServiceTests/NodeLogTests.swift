import Synchronization
import Testing
import VIPCore
import VIPReports

@testable import VIP
@testable import VIPService

/// The log of a node process.
@Suite struct NodeLogTests {
  private final class Page: Sendable {
    let lines = Mutex<[String]>([])
  }

  private func event(_ number: UInt64) -> StampedEvent {
    StampedEvent(
      event: .hook(router: "web", family: .ipv4, state: .active, text: "\(number)"),
      sequence: number, time: Timestamp(nanosecondsSince1970: number))
  }

  @Test func `a line of the process stands behind what was before it`() async {
    let page = Page()
    let log = NodeLog { line, _ in page.lines.withLock { $0.append(line.message) } }
    log.begin(LogLine(.info, "starting"), at: .zero)
    log.add(LogLine(.info, "early"), after: 0)
    let (events, continuation) = AsyncStream<StampedEvent>.makeStream()
    continuation.yield(event(1))
    continuation.yield(event(2))
    let following = log.follow(events)
    log.add(LogLine(.info, "ready"), after: 2)
    continuation.yield(event(3))
    // One that was lost keeps nothing back.
    log.add(LogLine(.info, "reloaded"), after: 4)
    continuation.yield(event(5))
    log.add(LogLine(.info, "last"), after: 9)
    continuation.finish()
    await following.value
    log.add(LogLine(.info, "stopped"), after: 9)
    #expect(
      page.lines.withLock { $0 } == [
        "starting", "early", "the hook for active 1", "the hook for active 2", "ready",
        "the hook for active 3", "reloaded", "the hook for active 5", "last", "stopped",
      ])
  }
}
