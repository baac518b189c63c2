import Synchronization
import TestSupport
import Testing
import VIP
import VIPCore
import VRRP

@testable import VIPReports

/// What is left out of the log when too much happens.
@Suite struct LogTests {
  private static let moment = Instant(nanoseconds: 1_795_428_000_123_999_999)

  /// A throttle that expectations can ask.
  private final class Gate {
    private var throttle = LogThrottle()

    func admits(_ line: LogLine, from source: LogThrottle.Source, at now: Instant) -> Bool {
      throttle.admits(line, from: source, at: now)
    }

    func summaries(at now: Instant) -> [LogLine] { throttle.summaries(at: now) }
    func end() -> [LogLine] { throttle.end() }
    var deadline: Instant? { throttle.deadline }
  }

  private static let web = LogThrottle.Source(router: "web", family: .ipv4)

  private static func at(_ milliseconds: UInt64) -> Instant {
    moment.advanced(byNanoseconds: milliseconds * 1_000_000)
  }

  @Test func `a flood is cut to a few lines a minute, and its extent is told`() throws {
    let throttle = Gate()
    var written = 0
    var summaries: [LogLine] = []
    // 25 changes a second for ten minutes.
    for number in UInt64(0)..<15_000 {
      let now = Self.at(number * 40)
      summaries += throttle.summaries(at: now)
      if throttle.admits(LogLine(.info, "change \(number)"), from: Self.web, at: now) {
        written += 1
      }
    }
    summaries += throttle.end()
    #expect(written + summaries.count <= 20 + 60 + 2 + 120)
    let left = summaries.compactMap { line in
      line.fields.first { $0.key == "suppressed" }.flatMap { Int($0.value) }
    }
    #expect(written + left.reduce(0, +) == 15_000, "none is lost without being counted")
    let last = try #require(summaries.last)
    #expect(last.level == .warning)
    #expect(last.message.hasSuffix("left out; the last was: change 14999"))
    #expect(throttle.deadline == nil)
  }

  @Test func `what hooks write takes no room from changes of state, and both are named`() throws {
    let throttle = Gate()
    for number in 0..<100 {
      let hook = NodeEvent.hook(router: "web", family: .ipv4, state: .active, text: "\(number)")
      _ = throttle.admits(LogLine(hook), from: Self.web, at: Self.at(0))
    }
    let address = try #require(IPAddress("192.0.2.2"))
    let change = LogLine(
      .transition(
        router: "web", family: .ipv4,
        Transition(from: .active, to: .backup, reason: .higherPriority(address, .default))))
    let warning = LogLine(
      .warning(Problem(.twoActives, router: "web", family: .ipv4, "two of them")))
    #expect(throttle.admits(change, from: Self.web, at: Self.at(0)))
    #expect(throttle.admits(warning, from: Self.web, at: Self.at(0)))
    for _ in 0..<30 { _ = throttle.admits(change, from: Self.web, at: Self.at(1)) }
    let texts = throttle.end().map(\.message)
    #expect(
      texts == [
        "too many lines: 12 transition left out; the last was: \(change.message)",
        "too many lines: 80 hook left out; the last was: the hook for active 99",
      ])
  }

  @Test func `one router's flood is not another's`() {
    let throttle = Gate()
    for number in 0..<100 {
      _ = throttle.admits(LogLine(.info, "\(number)"), from: Self.web, at: Self.moment)
    }
    for family in AddressFamily.allCases {
      let other = LogThrottle.Source(router: "mail", family: family)
      #expect(throttle.admits(LogLine(.info, "x"), from: other, at: Self.moment))
    }
    #expect(throttle.admits(LogLine(.info, "x"), from: .init(), at: Self.moment))
  }

  @Test func `what comes now and then is all written`() {
    let throttle = Gate()
    for number in UInt64(0)..<1000 {
      let line = LogLine(.info, "change \(number)")
      #expect(throttle.admits(line, from: Self.web, at: Self.at(number * 5000)))
    }
    #expect(throttle.deadline == nil)
  }

  @Test func `a warning is said once and then counted`() throws {
    let throttle = Gate()
    let warning = LogLine(.warning, "eth0 is down")
    #expect(throttle.admits(warning, from: Self.web, at: Self.at(0)))
    for number in UInt64(1)...57 {
      #expect(!throttle.admits(warning, from: Self.web, at: Self.at(number * 1000)))
    }
    #expect(throttle.admits(LogLine(.warning, "another"), from: Self.web, at: Self.at(58_000)))
    #expect(throttle.summaries(at: Self.at(59_000)).isEmpty)
    #expect(throttle.deadline == Self.at(60_000))
    let lines = throttle.summaries(at: Self.at(60_000))
    #expect(lines.map(\.message) == ["again, 57 times within a minute: eth0 is down"])
    for minute in UInt64(1)...5 {
      #expect(throttle.admits(warning, from: Self.web, at: Self.at(minute * 61_000)))
    }
    #expect(throttle.deadline == nil)
  }

  @Test func `a change of state is never written without its reason`() {
    let throttle = Gate()
    let change = LogLine(
      .transition(
        router: "web", family: .ipv6,
        Transition(from: .active, to: .initialize, reason: .shutdown)))
    let reason = LogLine(
      .waiting(router: "web", family: .ipv6, reason: .ipv6Off(interface: "eth0")))
    #expect(throttle.admits(LogLine(.warning, "x"), from: Self.web, at: Self.at(0)))
    for number in UInt64(0)..<30 {
      let isWritten = throttle.admits(change, from: Self.web, at: Self.at(number))
      #expect(throttle.admits(reason, from: Self.web, at: Self.at(number)) == isWritten)
    }
    let repeated = Gate()
    #expect(repeated.admits(reason, from: Self.web, at: Self.at(0)))
    #expect(!repeated.admits(reason, from: Self.web, at: Self.at(1000)))
    #expect(repeated.admits(change, from: Self.web, at: Self.at(2000)))
    #expect(repeated.admits(LogLine(.info, "a route"), from: Self.web, at: Self.at(2000)))
    #expect(repeated.admits(reason, from: Self.web, at: Self.at(2000)))
    #expect(!repeated.admits(reason, from: Self.web, at: Self.at(3000)))
    #expect(
      repeated.summaries(at: Self.at(60_000)).map(\.message) == [
        "again, 2 times within a minute: fault: IPv6 is switched off on eth0 "
          + "(net.ipv6.conf.eth0.disable_ipv6)"
      ])
  }

  @Test func `a warning that came again is not told as new at the end`() {
    for level in [LogLine.Level.warning, .error] {
      let throttle = Gate()
      for second in UInt64(0)...2 {
        _ = throttle.admits(LogLine(level, "no room"), from: Self.web, at: Self.at(second * 1000))
      }
      let lines = throttle.end()
      #expect(lines.map(\.message) == ["again, 2 times within a minute: no room"])
      #expect(lines.map(\.level) == [.info])
    }
    let throttle = Gate()
    for second in UInt64(0)...2 {
      _ = throttle.admits(LogLine(.error, "no room"), from: Self.web, at: Self.at(second * 1000))
    }
    #expect(throttle.summaries(at: Self.at(60_000)).map(\.level) == [.error])
  }

  private static func change(to priority: Priority) -> NodeEvent {
    .changed(router: "web", .priority(from: 200, to: priority, because: []))
  }

  @Test func `summaries come by themselves`() async throws {
    final class Lines: Sendable {
      let list = Mutex<[String]>([])
    }
    let lines = Lines()
    let log = EventLog { line, _ in lines.list.withLock { $0.append(line.message) } }
    for number in UInt8(1)...100 { log.add(Self.change(to: Priority(rawValue: number))) }
    #expect(lines.list.withLock { $0.count } == LogThrottle.burst)
    try await onThread {
      try eventually("a summary", within: .seconds(300)) {
        lines.list.withLock {
          $0.last?.hasSuffix("; the last was: \(LogLine(Self.change(to: 100)).message)") == true
        }
      }
    }
    log.add(Self.change(to: 150))
    log.end()
    #expect(lines.list.withLock { $0.last } == LogLine(Self.change(to: 150)).message)
  }
}
