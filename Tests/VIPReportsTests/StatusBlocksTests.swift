import Testing
import VIP
import VIPControl
import VIPCore

@testable import VIPReports

/// The status of a node as blocks, and the words that all its forms share.
@Suite struct StatusBlocksTests {
  private static let since = LocalTime.text("2026-11-23T10:00:00Z")

  private func render(width: Int?, colour: Bool = false, height: Int? = nil) throws -> String {
    StatusBlocks(width: width, colour: colour, height: height).render(try exampleStatus())
  }

  @Test func `which machine, since when, why, and whether it works`() throws {
    #expect(
      try render(width: nil) == """
        web on eth0, VRID 51, priority 100
          ipv4  active for 3m07s, since \(Self.since): this machine holds 192.0.2.10/24 +1
                why: no advertisement from 192.0.2.2 for 3.609s
                works: yes, all 2 addresses are in place
          ipv6  backup! for 2h10m, since \(Self.since): fe80::2 holds 2001:db8::10/64
                why: fe80::2 has been active for 1h56m
                works: in doubt, see the warnings
        db on eth0, VRID 51, priority 100
          ipv4  fault for 0s, since \(Self.since): takes no part for 198.51.100.7/32
                why: eth0 is down
                works: no, until that is over

        ! web ipv6: fe80::9 advertises other addresses on VRID 51
        """)
  }

  @Test func `lines are wrapped at 80 columns, and nothing is left out`() throws {
    let lines = try render(width: 80).split(separator: "\n")
    #expect(lines[1].hasSuffix(": this machine holds"))
    #expect(lines[2] == "        192.0.2.10/24 +1")
    func words(_ text: String) -> [Substring] {
      text.split { $0 == " " || $0 == "\n" }
    }
    #expect(words(try render(width: 80)) == words(try render(width: nil)))
  }

  @Test(arguments: 1...130, [false, true])
  func `no line is wider than the screen`(width: Int, colour: Bool) throws {
    let escapes = try Regex("\u{1B}\\[[0-9]+m")
    for line in try render(width: width, colour: colour).split(separator: "\n") {
      #expect(line.replacing(escapes, with: "").count <= width)
    }
  }

  @Test func `colour repeats what the words say`() throws {
    let escapes = try Regex("\u{1B}\\[[0-9]+m")
    let coloured = try render(width: 80, colour: true)
    #expect(coloured.contains("  ipv4  \u{1B}[32mactive\u{1B}[0m for"))
    #expect(coloured.contains("  ipv6  \u{1B}[36mbackup!\u{1B}[0m for"))
    #expect(coloured.replacing(escapes, with: "") == (try render(width: 80)))
  }

  @Test func `a screen that is too low gets a line for each router`() throws {
    #expect(try render(width: 80, height: 20).hasPrefix("web on eth0"))
    let low = try render(width: 80, height: 8)
    #expect(low.hasPrefix("NAME ") && low.split(separator: "\n").count <= 8)
  }

  @Test func `a warning of one cause is told once`() throws {
    var status = try exampleStatus()
    let text = "eth0 answers no ARP at all"
    for index in status.routers.indices { status.routers[index].warnings = [text, text] }
    #expect(StatusWords.warnings(status) == ["! web, db ipv4: \(text)"])
    status.routers[2].warnings = []
    status.node.warnings = ["it has no socket"]
    #expect(
      StatusWords.warnings(status) == ["! web: \(text)", "! node: it has no socket"])
    let many = status.routers[2]
    status.routers = (1...7).map { number in
      var router = many
      (router.name, router.warnings) = ("r\(number)", [text])
      return router
    }
    #expect(
      StatusWords.warnings(status).first
        == "! r1 ipv4, r2 ipv4, r3 ipv4, r4 ipv4 and 3 more: \(text)")
  }

  @Test func `what is wrong, for scripts`() throws {
    var status = try exampleStatus()
    #expect(
      StatusWords.complaints(status) == [
        "! db ipv4: fault: eth0 is down",
        "! web ipv6: fe80::9 advertises other addresses on VRID 51",
      ])
    status.routers.removeLast(2)
    #expect(StatusWords.complaints(status) == [])
  }

  @Test func `a backup says when it would take over`() throws {
    var router = try exampleStatus().routers[1]
    router.warnings = []
    #expect(StatusWords.outlook(router) == "yes, takes over 3.6s after fe80::2 falls silent")
    router.activeRouter = nil
    router.reason = "fe80::2 has higher priority 150"
    #expect(StatusWords.outlook(router) == "yes, takes over if none is heard for 3.6s")
    #expect(
      StatusWords.reason(router)
        == "no machine has been heard that is active; fe80::2 has higher priority 150")
  }

  @Test func `an active router whose addresses are missing does not work`() throws {
    var router = try exampleStatus().routers[0]
    router.addresses[1].installed = false
    #expect(StatusWords.outlook(router) == "no, 1 of 2 addresses is missing")
    router.addresses = []
    #expect(StatusWords.holder(router) == "this machine holds no address")
  }

  @Test(arguments: [
    "2026-11-23T10:00:00Z", "2026-11-23T10:00:00.123Z", "1970-01-01T00:00:00Z",
    "2000-02-29T23:59:59.999Z", "2100-03-01T00:00:00Z",
  ])
  func `a time survives the way to text and back`(text: String) throws {
    let time = try #require(LocalTime.timestamp(text))
    #expect(LocalTime.text(time, isExact: text.contains("."), inUTC: true) == text)
    #expect(LocalTime.text(text, inUTC: true) == text)
    // Times before 1970 have no form, also not west of Greenwich.
    guard time.nanoseconds > 86_400_000_000_000 else { return }
    let local = LocalTime.text(text)
    #expect(local.count == text.count + 5 && local.contains(#/[+-]\d\d:\d\d$/#))
  }

  @Test(arguments: [
    "", "Z", "now", "2026-11-23", "2026-13-23T10:00:00Z", "2026-11-23T10:00:00",
    "2026-11-23T10:00:00.Z", "2026-11-23T10:00:00+01:00", "1969-12-31T23:59:59Z",
    "2026-11-23T10:00:00.1234567890Z",
  ])
  func `what is no time stays as it is`(text: String) {
    #expect(LocalTime.timestamp(text) == nil)
    #expect(LocalTime.text(text) == text)
  }
}
