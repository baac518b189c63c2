import Glibc
import Synchronization
import TestSupport
import Testing
import VIP
import VIPCore

@testable import vipctl

/// The forms of the log, and what is left out of it when too much happens.
@Suite struct LogTests {
  private static let moment = Instant(nanoseconds: 1_795_428_000_123_999_999)
  private static let line = LogLine(
    .warning, "said \"so\"", fields: [("router", "web"), ("family", "ipv4"), ("n", "1")])

  @Test(arguments: [
    (
      LogFormat.logfmt, false,
      #"2026-11-23T10:00:00.123Z level=warning router=web family=ipv4 n=1 msg="said \"so\"""#
    ),
    (.logfmt, true, #"<4>router=web family=ipv4 n=1 msg="said \"so\"""#),
    (
      .json, false,
      #"{"family":"ipv4","level":"warning","msg":"said \"so\"","n":"1","router":"web","#
        + #""time":"2026-11-23T10:00:00.123Z"}"#
    ),
    (.text, false, #"2026-11-23T10:00:00.123Z warning: web ipv4: said "so" (n=1)"#),
    (.text, true, #"<4>warning: web ipv4: said "so" (n=1)"#),
  ])
  func `forms`(format: LogFormat, isJournal: Bool, text: String) {
    var output = LogOutput()
    output.format = format
    output.isJournal = isJournal
    #expect(output.text(Self.line, at: Self.moment) == text)
  }

  @Test func `the journal is known by its device and inode`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "log")
    let descriptor = open(folder["log"], O_WRONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    let (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    #expect(LogOutput.isJournal("\(device):\(inode)", descriptor))
    for value in [nil, "", ":", "\(device)", "\(device):\(inode + 1)", "\(inode):\(device)x"] {
      #expect(!LogOutput.isJournal(value, descriptor), "\(value ?? "nil")")
    }
  }

  @Test func `a file is kept small, and what was last in it is kept`() throws {
    let folder = try TemporaryDirectory()
    let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(descriptor) }
    let path = folder["log"]
    for life in 0..<2 {
      var file = LogFile(path: path, descriptor: descriptor, byteCountMax: 1000)
      #expect(file.open() == 0)
      for number in 0..<150 {
        let line = Array("\(life) \(1000 + number)\n".utf8)
        #expect(write(descriptor, line, line.count) == line.count)
        file.grow(by: line.count)
      }
    }
    let (old, new) = (readText(path + ".1"), readText(path))
    #expect(old.utf8.count == 1001 && new.utf8.count < 1000)
    #expect((old + new).hasSuffix("1 1148\n1 1149\n"))
    // Nothing is missing in between.
    #expect((old + new).split(separator: "\n").count == 300 - 143)
    var other = LogFile(path: folder["none/log"], descriptor: descriptor)
    let code = other.open()
    #expect(code == ENOENT)
  }

  // MARK: Floods

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

  @Test func `summaries come by themselves`() async throws {
    final class Lines: Sendable {
      let list = Mutex<[String]>([])
    }
    let lines = Lines()
    let log = EventLog { line, _ in lines.list.withLock { $0.append(line.message) } }
    for number in 1...100 { log.note(.changed(router: "web", text: "\(number)")) }
    #expect(lines.list.withLock { $0.count } == LogThrottle.burst)
    try await onThread {
      try eventually("a summary", within: .seconds(300)) {
        lines.list.withLock { $0.last?.hasSuffix("the last was: changed: 100") == true }
      }
    }
    log.note(.changed(router: "web", text: "calm"))
    log.end()
    #expect(lines.list.withLock { $0.last } == "changed: calm")
  }
}
