import Testing
import VIP
import VIPControl
import VIPCore
import VRRP

@testable import VIPReports

/// The detailed view, the watch in place, and events as text.
@Suite struct StatusDetailTests {
  private func detail(
    _ index: Int, width: Int? = nil, isVerbose: Bool = false, events: [EventRecord] = []
  ) throws -> String {
    var status = try exampleStatus()
    status.routers = [status.routers[index]]
    var detail = StatusDetail(width: width, colour: false)
    detail.isVerbose = isVerbose
    detail.events = events
    return detail.render(status)
  }

  private static let since = LocalTime.text("2026-11-23T10:00:00Z")

  private func exampleEvent() throws -> EventRecord {
    try #require(
      JSONCoding.decode(
        EventRecord.self,
        from: Array(
          """
          {"time": "2026-11-23T10:00:00.123Z", "sequence": 7, "event": "cleared", "router": "web",
           "family": "ipv4", "text": "over: two\\nlines"}
          """.utf8)))
  }

  @Test func `all about a router and its peers, counters only if asked for`() throws {
    #expect(
      try detail(0) == """
        web ipv4 on eth0, VRID 51, VRRPv3
          state      active for 3m07s, since \(Self.since)
          why        no advertisement from 192.0.2.2 for 3.609s
          active     192.0.2.1, this machine
          works      yes, all 2 addresses are in place
          priority   100
          addresses  192.0.2.10/24 on eth0
                     192.0.2.11/24 on eth0

          PEER       PRIO  HEARD      ADDRESSES
          192.0.2.2  90    0.4s ago   same       active
          192.0.2.3  left  2m05s ago  1, others  silent
        """)
    #expect(
      try detail(0, isVerbose: true) == """
        web ipv4 on eth0, VRID 51, VRRPv3
          state      active for 3m07s, since \(Self.since)
          why        no advertisement from 192.0.2.2 for 3.609s
          active     192.0.2.1, this machine
          works      yes, all 2 addresses are in place
          priority   100
          interval   1s
          sent       3 advertisements
          received   2 advertisements
          lease      3.0s, refreshed 0.7s ago
          takeover   took 2.3 ms; 2 in all, at most 12.1 ms
          addresses  192.0.2.10/24 on eth0
                     192.0.2.11/24 on eth0

          PEER       PRIO  HEARD      VERSION  INTERVAL  CHECKSUM       ADDRESSES
          192.0.2.2  90    0.4s ago   3        1s        pseudo-header  same       active
          192.0.2.3  left  2m05s ago  2        3s        message        1, others  silent

        node pid 4711, realtime: turns at most 12.5 ms late in the last minutes, 250.0 ms ever; 3 of 1000 more than 10.0 ms
        """)
    #expect(
      try detail(1).hasSuffix("\n\n! web ipv6: fe80::9 advertises other addresses on VRID 51"))
    #expect(try detail(1).contains("  why        fe80::2 has been active for 1h56m\n"))
    #expect(try detail(2).contains("  active     not known\n"))
    #expect(try detail(2).contains("  state      fault for 0s, since "))
  }

  @Test func `what has happened last stands at the end`() throws {
    let event = try exampleEvent()
    #expect(
      try detail(2, events: [event]).hasSuffix("\n\nlast events\n  \(EventText.line(event))"))
  }

  @Test func `a long reason is wrapped, not cut off`() throws {
    var status = try exampleStatus()
    status.routers = [status.routers[2]]
    status.routers[0].reason = "one two three four five six seven eight nine"
    let text = StatusDetail(width: 40, colour: false).render(status)
    #expect(
      text.contains(
        """
          why        one two three four five six
                     seven eight nine
        """), "\(text)")
  }

  @Test(arguments: 1...100)
  func `no line is wider than the screen`(width: Int) throws {
    for line in try detail(0, width: width).split(separator: "\n") { #expect(line.count <= width) }
  }

  @Test func `a frame is written over the one before`() {
    var screen = Screen()
    let first = screen.frame(["one", "two", "three"], width: 80, height: 24)
    #expect(!first.contains("A"))
    #expect(first.hasSuffix("three\u{1B}[K\n\u{1B}[J\u{1B}[?25h\u{1B}[?2026l"))
    let second = screen.frame(["one"], width: 80, height: 24)
    #expect(second.contains("\r\u{1B}[3Aone\u{1B}[K\n\u{1B}[J"), "what is left is cleared")
    #expect(!second.contains("\u{1B}[2J") && !second.contains("\u{1B}[?1049"))
    // What stood on a screen of another size may be anywhere by now.
    let third = screen.frame(["one"], width: 40, height: 24)
    #expect(third.contains("\u{1B}[H\u{1B}[2Jone") && !third.contains("A"))
    #expect(screen.frame(["two"], width: 40, height: 24).contains("\r\u{1B}[1Atwo"))
  }

  @Test func `a frame never scrolls`() {
    var screen = Screen()
    let lines = (0..<100).map { String(repeating: "\($0)", count: 100) }
    let frame = screen.frame(lines, width: 20, height: 10)
    #expect(frame.count { $0 == "\n" } == 9)
    #expect(frame.contains("… and 92 more lines\u{1B}[K"))
    #expect(Screen.cut("\u{1B}[32mactive\u{1B}[0m!", to: 3) == "\u{1B}[32mact\u{1B}[0m")
    #expect(Screen.cut("", to: 3) == "")
  }

  @Test func `an event in a line, in local time or in UTC`() throws {
    let record = try exampleEvent()
    #expect(
      EventText.line(record, inUTC: true) == "2026-11-23T10:00:00.123Z web ipv4: over: two\\nlines")
    let local = LocalTime.text("2026-11-23T10:00:00.123Z")
    #expect(EventText.line(record) == "\(local) web ipv4: over: two\\nlines")
    #expect(JSONCoding.decode(EventRecord.self, from: JSONCoding.line(record)) == record)
  }

  @Test(arguments: [
    (0.04, "0.0s"), (0.49, "0.4s"), (59.99, "59.9s"), (60, "1m00s"), (-1, "0.0s"), (.nan, "0s"),
  ])
  func `spans`(seconds: Double, text: String) {
    #expect(StatusDetail.heard(seconds) == text)
  }
}
