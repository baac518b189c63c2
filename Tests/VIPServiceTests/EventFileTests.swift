import Glibc
import Synchronization
import TestSupport
import Testing
import VIPControl
import VIPCore
import VIPReports

@testable import VIP
@testable import VIPService

/// The events that are kept over restarts.
@Suite struct EventFileTests {
  private final class Page: Sendable {
    let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
  }

  private static let at = Instant(nanoseconds: 1_000_000_000_000)

  private func record(_ event: NodeEvent, _ number: UInt64) -> EventRecord {
    EventRecord(
      StampedEvent(
        event: event, sequence: number,
        time: Timestamp(nanosecondsSince1970: 1_795_428_000_000_000_000 + number * 1_000_000)))
  }

  private func removed(_ number: UInt64) -> EventRecord {
    record(.removed(router: "r\(number)"), number)
  }

  private func hook(_ number: UInt64) -> EventRecord {
    record(.hook(router: "web", family: .ipv4, state: .active, text: "\(number)"), number)
  }

  private func keeper(_ path: String, _ page: Page = Page(), byteCountMax: Int = 1 << 20)
    -> EventFile
  {
    EventFile(
      byteCountMax: byteCountMax,
      report: { line in page.lines.withLock { $0.append(line.message) } }, path: { path })
  }

  /// A life of a node: one router is removed.
  private func live(_ path: String, _ page: Page, _ name: String, endsInOrder: Bool) async {
    let file = keeper(path, page)
    let (events, continuation) = AsyncStream<StampedEvent>.makeStream()
    file.follow(events, after: name)
    continuation.yield(
      StampedEvent(
        event: .removed(router: name), sequence: 1,
        time: Timestamp(nanosecondsSince1970: wallClock().nanoseconds)))
    continuation.finish()
    if endsInOrder {
      await file.finish("SIGTERM")
    } else {
      while (try? EventArchive.records(path))?.last?.router != name { await Task.yield() }
    }
  }

  @Test func `what happened is there after the end of the node, with how it ended`() async throws {
    let folder = try TemporaryDirectory()
    let page = Page()
    let path = folder["vipctl.events"]
    await live(path, page, "one", endsInOrder: true)
    await live(path, page, "two", endsInOrder: false)
    await live(path, page, "three", endsInOrder: true)
    let texts = try EventArchive.records(path).map { $0.router ?? $0.text }
    #expect(texts.count == 9)
    #expect(
      Array(texts.prefix(5)) == ["started: one", "one", "stopped: SIGTERM", "started: two", "two"])
    #expect(texts[5].hasPrefix("the last node on this directory (two) did not end in order: "))
    #expect(Array(texts.suffix(3)) == ["started: three", "three", "stopped: SIGTERM"])
    #expect(page.all == [texts[5]], "the log says it too")
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func `a crash is told with its signal`() async throws {
    let folder = try TemporaryDirectory()
    let page = Page()
    let path = folder["vipctl.events"]
    await live(path, page, "one", endsInOrder: false)
    let text = readText(path) + #"{"crash":11,"pid":4711,"seconds":1795428000}"# + "\n"
    try folder.write(text, to: "vipctl.events")
    await live(path, page, "two", endsInOrder: true)
    let crash = "crashed: the process 4711 was ended by SIGSEGV"
    #expect(try EventArchive.records(path).contains { $0.text == crash })
    #expect(
      page.all == ["the last node on this directory \(crash) at 2026-11-23T10:00:00.000Z"])
  }

  @Test func `the file is bounded, and half a line does no harm`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["vipctl.events"]
    try folder.write(#"{"half a li"#, to: "vipctl.events")
    let file = keeper(path, byteCountMax: 4000)
    for number in UInt64(1)...500 { file.add(removed(number)) }
    let (old, new) = (readText(path + ".1").utf8.count, readText(path).utf8.count)
    #expect((3000...4000).contains(old) && (1...4000).contains(new))
    let records = try EventArchive.records(path)
    #expect(records.last?.router == "r500" && records.count > 20)
    #expect(zip(records, records.dropFirst()).allSatisfy { $0.sequence + 1 == $1.sequence })
  }

  @Test func `what others have put in its place is neither written nor believed`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("precious\n", to: "target")
    #expect(symlink(folder["target"], folder["link"]) == 0)
    #expect(mkfifo(folder["pipe"], 0o600) == 0 && mkdir(folder["folder"], 0o755) == 0)
    for name in ["link", "pipe", "folder", "none/file"] {
      let page = Page()
      let file = keeper(folder[name], page)
      for number in UInt64(1)...3 { file.add(removed(number)) }
      #expect(page.all.count == 1, "\(name)")
      #expect(page.all.first?.hasPrefix("events can't be kept: ") == true, "\(page.all)")
    }
    for name in ["link", "pipe", "folder"] {
      #expect(throws: NodeError.self, "\(name)") { try EventArchive.records(folder[name]) }
    }
    #expect(readText(folder["target"]) == "precious\n")
    #expect(try EventArchive.records(folder["none/file"]).isEmpty)
  }

  @Test func `what could not be written is counted and told`() throws {
    let folder = try TemporaryDirectory()
    let page = Page()
    let file = keeper(folder["later/events"], page)
    for number in UInt64(1)...3 { file.add(removed(number)) }
    #expect(mkdir(folder["later"], 0o755) == 0)
    file.add(removed(4))
    #expect(page.all.last == "3 events were not kept in \(folder["later/events"])")
    // Removed by others.
    unlink(folder["later/events"])
    file.add(removed(5))
    #expect(try EventArchive.records(folder["later/events"]).map(\.router) == ["r5"])
  }

  @Test func `a node that does nothing leaves no file`() async throws {
    let folder = try TemporaryDirectory()
    let path = folder["vipctl.events"]
    for forgets in [false, true] {
      let file = keeper(path)
      let (events, continuation) = AsyncStream<StampedEvent>.makeStream()
      file.follow(events, after: "a start that is refused")
      if forgets { file.note("something") }
      continuation.finish()
      if forgets { file.forget() }
      await file.finish("SIGTERM")
      #expect(access(path, F_OK) != 0)
    }
  }

  @Test func `what hooks write can't drive out changes of state and warnings`() {
    var budget = EventBudget()
    var kept = 0
    for number in UInt64(1)...10_000 { kept += budget.admit(hook(number), at: Self.at).count }
    #expect(kept == 200)
    let next = budget.admit(removed(1), at: Self.at)
    #expect(next.map(\.text) == ["left out here: 9800 hook", "removed"])
    #expect(budget.admit(removed(2), at: Self.at).count == 1, "it is told once")
    #expect(budget.admit(hook(1), at: Self.at + .seconds(14)).isEmpty)
    #expect(budget.admit(hook(2), at: Self.at + .seconds(16)).count == 2)
    var vital = 0
    for number in UInt64(1)...5000 {
      vital += budget.admit(removed(number), at: Self.at + .seconds(16)).count
    }
    #expect((900...1100).contains(vital), "a flood of changes is bounded too")
  }

  @Test func `kept and recent events are told once each, in their order`() {
    let kept = [removed(1), removed(2), hook(4)]
    let recent = [removed(2), removed(3), hook(4), removed(5)]
    let all = EventArchive.merged(kept, with: recent)
    #expect(all.map(\.sequence) == [1, 2, 3, 4, 5])
  }

  @Test func `nonsense in the file is passed over`() throws {
    let folder = try TemporaryDirectory()
    let file = keeper(folder["events"])
    file.add(removed(1))
    let nonsense = [
      "", "{}", "null", #"{"crash":1e99,"pid":1,"seconds":1}"#,
      #"{"crash":11,"pid":1,"seconds":18446744073709551615}"#, "\u{0}\u{FFFD}",
    ]
    try folder.write(readText(folder["events"]) + nonsense.joined(separator: "\n"), to: "events")
    let records = try EventArchive.records(folder["events"])
    #expect(records.first?.router == "r1" && records.count == 2)
    #expect(records.last?.time == "1970-01-01T00:00:00.000Z")
  }
}
