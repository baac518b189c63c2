import Testing
import VIP
import VIPControl
import VIPCore
import VRRP

@testable import VIPReports

/// A status to print: a router with two families, one of them with a warning, and one that waits.
///
/// Made from the text that `vipctl status --json` prints, which scripts rely on.
func exampleStatus() throws -> NodeRecord {
  let since = #""activeSince": "2026-11-23T08:03:24Z", "activeSeconds": 6996,"#
  func router(
    _ name: String, _ family: String, _ state: String, active: String, _ addresses: [String],
    _ age: Double, _ reason: String, _ warnings: String = ""
  ) -> String {
    let list = addresses.map { #"{"address": "\#($0)", "installed": \#(state == "active")}"# }
    return """
      {"name": "\(name)", "interface": "eth0", "vrid": 51, "family": "\(family)", "version": 3,
       "state": "\(state)", "priority": 100, "effectivePriority": 100, "interval": "1s",
       "activeRouter": \(active), \(state == "backup" ? since : "") "addresses": [\(list.joined(separator: ", "))],
       "since": "2026-11-23T10:00:00Z", "secondsInState": \(age), "reason": "\(reason)",
       "statistics": {"master-transitions": 1, "advertisement-rcvd": 2, "advertisement-sent": 3,
         "interval-errors": 0, "priority-zero-pkts-rcvd": 0, "priority-zero-pkts-sent": 0,
         "invalid-type-pkts-rcvd": 0, "address-list-errors": 0, "packet-length-errors": 0,
                      "version-errors": 0, "authentication-errors": 0},
       "segmentStatistics": {"checksum-errors": 0, "version-errors": 0, "vrid-errors": 0,
         "ip-ttl-errors": 0, "packet-length-errors": 0},
       "conflicts": {"claims": 0, "defenses": 0, "current": []},
       \(state == "active" ? #""lease": {"seconds": 3, "ageSeconds": 0.71},"# : "")
       "takeovers": \(state == "active" ? takeovers : #"{"count": 0, "sumSeconds": 0, "pendingAddresses": 0}"#),
       "peers": [\(name == "web" && family == "ipv4" ? peers : "")], "warnings": [\(warnings)]}
      """
  }
  let peers = """
    {"address": "192.0.2.2", "priority": 90, "secondsSinceHeard": 0.42, "version": 3,
     "interval": "1s", "checksumForm": "pseudo-header", "addresses": "same", "addressCount": 2,
     "advertisements": 17, "isActive": true},
    {"address": "192.0.2.3", "priority": 0, "secondsSinceHeard": 125.5, "version": 2,
     "interval": "3s", "checksumForm": "message", "addresses": "disjoint", "addressCount": 1,
     "advertisements": 1, "isActive": false}
    """
  let takeovers = """
    {"count": 2, "lastSeconds": 0.00234, "maxSeconds": 0.0121, "sumSeconds": 0.01444,
     "pendingAddresses": 0}
    """
  let routers = [
    router(
      "web", "ipv4", "active", active: "\"192.0.2.1\"", ["192.0.2.10/24", "192.0.2.11/24"], 187,
      "no advertisement from 192.0.2.2 for 3.609s"),
    router(
      "web", "ipv6", "backup", active: "\"fe80::2\"", ["2001:db8::10/64"], 7804, "started",
      "\"fe80::9 advertises other addresses on VRID 51\""),
    router("db", "ipv4", "initialize", active: "null", ["198.51.100.7/32"], 0.4, "eth0 is down"),
  ]
  let wakeUps = """
    {"served": 1000, "late": 3, "lateAfterSeconds": 0.01, "maxSeconds": 0.25,
     "recentMaxSeconds": 0.0125, "sumSeconds": 0.75,
     "histogram": [{"upToSeconds": 0.0001, "count": 990}, {"upToSeconds": 0.01, "count": 997}]}
    """
  let text = """
    {"node": {"version": "0.1.0", "pid": 4711, "uptimeSeconds": 12.5, "lease": "3s",
      "endsWhenIdle": false, "guard": "running", "guardPid": 4712, "realtime": true, "wakeUps": \(wakeUps)}, "routers": [\(routers.joined(separator: ", "))]}
    """
  return try #require(JSONCoding.decode(NodeRecord.self, from: Array(text.utf8)))
}

@Suite struct StatusTableTests {
  private func render(width: Int?, colour: Bool = false) throws -> String {
    StatusTable(width: width, colour: colour).render(try exampleStatus())
  }

  @Test func `as wide as it is where no screen is at the other end`() throws {
    #expect(
      try render(width: nil) == """
        NAME  IF    VRID  FAMILY  STATE    PRIO  ACTIVE     ADDRESSES         FOR    WHY
        web   eth0  51    ipv4    active   100   192.0.2.1  192.0.2.10/24 +1  3m07s  no advertisement from 192.0.2.2 for 3.609s
        web   eth0  51    ipv6    backup!  100   fe80::2    2001:db8::10/64   2h10m  fe80::2 has been active for 1h56m
        db    eth0  51    ipv4    fault    100   -          198.51.100.7/32   0s     eth0 is down

        ! web ipv6: fe80::9 advertises other addresses on VRID 51
        """)
  }

  @Test func `reasons are shortened first`() throws {
    #expect(
      try render(width: 100).split(separator: "\n").prefix(2).joined(separator: "\n") == """
        NAME  IF    VRID  FAMILY  STATE    PRIO  ACTIVE     ADDRESSES         FOR    WHY
        web   eth0  51    ipv4    active   100   192.0.2.1  192.0.2.10/24 +1  3m07s  no advertisement from …
        """)
  }

  @Test func `then columns go`() throws {
    #expect(
      try render(width: 80).split(separator: "\n").prefix(2).joined(separator: "\n") == """
        NAME  IF    VRID  FAMILY  STATE    PRIO  ACTIVE     ADDRESSES         FOR
        web   eth0  51    ipv4    active   100   192.0.2.1  192.0.2.10/24 +1  3m07s
        """)
    #expect(
      try render(width: 61).split(separator: "\n").prefix(2).joined(separator: "\n") == """
        NAME  IF    VRID  FAMILY  STATE    ADDRESSES         FOR
        web   eth0  51    ipv4    active   192.0.2.10/24 +1  3m07s
        """)
  }

  @Test(arguments: 1...130, [false, true])
  func `no line of the table is wider than the screen`(width: Int, colour: Bool) throws {
    let escapes = try Regex("\u{1B}\\[[0-9]+m")
    for line in try render(width: width, colour: colour).split(separator: "\n")
    where !line.hasPrefix("!") {
      #expect(line.replacing(escapes, with: "").count <= width)
    }
  }

  @Test func `colour repeats what the words say`() throws {
    let escapes = try Regex("\u{1B}\\[[0-9]+m")
    let coloured = try render(width: 100, colour: true)
    #expect(coloured.contains("\u{1B}[32mactive\u{1B}[0m   100"))
    #expect(coloured.replacing(escapes, with: "") == (try render(width: 100)))
  }

  @Test func `a node without the guard it should have says so`() throws {
    var status = try exampleStatus()
    status.node.guard = .down
    let text = StatusTable(width: 80, colour: false).render(status)
    #expect(text.hasSuffix("\n! node: its guard process is not running; see its log"))
    status.node.guard = .off
    #expect(!StatusTable(width: 80, colour: false).render(status).contains("! node"))
  }

  @Test func `no routers`() throws {
    var status = try exampleStatus()
    status.routers = []
    #expect(
      StatusTable(width: 80, colour: true).render(status)
        == "The node (pid 4711) has no virtual routers.")
  }

  @Test(arguments: [
    (0.0, "0s"), (-5, "0s"), (59.9, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"),
    (86_399, "23h59m"), (86_400, "1d00h"), (400_000, "4d15h"), (.infinity, "0s"), (.nan, "0s"),
    (1e300, "0s"),
  ])
  func `ages`(seconds: Double, text: String) {
    #expect(StatusTable.age(seconds) == text)
  }

  @Test func `what up says`() throws {
    let routers = try exampleStatus().routers
    #expect(
      routers.map(StatusText.summary) == [
        "web ipv4: active, holding 192.0.2.10/24 and 1 more on eth0",
        "web ipv6: backup for 2001:db8::10/64 on eth0, fe80::2 is active",
        "db ipv4: fault, eth0 is down",
      ])
  }

  // MARK: A screen with too little room

  private func many(_ count: Int) throws -> NodeRecord {
    var status = try exampleStatus()
    let (active, backup, waiting) = (status.routers[0], status.routers[1], status.routers[2])
    status.routers = (1...count).map { number in
      var router = number % 3 == 0 ? backup : active
      if number == count - 1 { router = waiting }
      router.warnings = number == count ? backup.warnings : []
      router.name = "r\(number)"
      return router
    }
    return status
  }

  @Test func `what needs attention is shown before what does not`() throws {
    let table = StatusTable(width: 58, colour: false, height: 8)
    #expect(
      table.render(try many(300)) == """
        NAME  IF    VRID  FAMILY  STATE    ADDRESSES         FOR
        r1    eth0  51    ipv4    active   192.0.2.10/24 +1  3m07s
        r2    eth0  51    ipv4    active   192.0.2.10/24 +1  3m07s
        r299  eth0  51    ipv4    fault    198.51.100.7/32   0s
        r300  eth0  51    ipv6    backup!  2001:db8::10/64   2h10m
        … and 296 more: 197 active, 99 backup

        ! r300 ipv6: fe80::9 advertises other addresses on VRID 51
        """)
  }

  @Test(arguments: [1, 3, 300], [10, 60, 80, 200])
  func `a screen is filled, never more`(count: Int, width: Int) throws {
    for height in 5...50 {
      var status = try many(max(count, 2))
      for index in status.routers.indices where index % 2 == 0 {
        status.routers[index].warnings = ["something long is wrong here, and this text says what"]
      }
      let table = StatusTable(width: width, colour: false, height: height)
      let lines = table.render(status).split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count <= height, "\(height)")
      #expect(lines.allSatisfy { $0.count <= width }, "\(height)")
      #expect(lines.contains { $0.contains("!") })
    }
  }

  @Test func `long warnings are broken between words`() {
    #expect(
      StatusTable.wrap("! web ipv4: one two three", to: 16) == ["! web ipv4: one", "  two three"])
    #expect(StatusTable.wrap("! unbreakable", to: 8) == ["!", "  unbre…"])
    #expect(StatusTable.wrap("", to: 8) == [""])
  }
}
