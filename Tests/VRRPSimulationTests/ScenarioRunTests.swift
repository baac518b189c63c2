import Testing
import VIPCore
import VRRP
import VRRPSimulation

/// A played scenario, as text, as a chart and as data.
@Suite struct ScenarioRunTests {
  private static let failover = """
    router a priority 200
    router b priority 100
    tick 5s
    expect active a
    crash a
    tick 5s
    expect active b

    """

  @Test("The transcript is the one of a golden run")
  func transcript() throws {
    let run = try ScenarioRun(playing: Self.failover)
    #expect(run.transcript == (try Transcript(playing: Self.failover).text))
    #expect(run.transcript == "\(try Transcript(playing: Self.failover))")
    #expect(run.passed)
    #expect(run.expectations.map(\.expected) == ["active a", "active b"])
    // A transcript is a scenario again.
    #expect(try ScenarioRun(playing: run.transcript).transcript == run.transcript)
  }

  @Test("What was expected and what was the case, by line")
  func expectations() throws {
    let run = try ScenarioRun(
      playing: "router a\nrouter b\ntick 1s\nexpect active a b\nexpect backup a b\n")
    #expect(!run.passed)
    #expect(run.expectations.map(\.line) == [4, 5])
    #expect(run.expectations.map(\.expected) == ["active a b", "backup a b"])
    #expect(run.expectations.map(\.actual) == ["active none", "backup a b"])
    #expect(run.expectations.map(\.isMet) == [false, true])
  }

  @Test("A broken promise is reported with its router and line")
  func brokenPromise() throws {
    // Two routers with one address think the other's packets are their own: both stay Active.
    let run = try ScenarioRun(
      playing: "router a address 192.0.2.7\nrouter b address 192.0.2.7\ntick 1m\n")
    #expect(!run.passed && run.expectations.isEmpty)
    let broken = try #require(run.brokenPromises.first { $0.text.contains("exactly one Active") })
    #expect(broken.line == 3 && ["a", "b"].contains(broken.router))
  }

  @Test("A seed from outside replaces the scenario's own")
  func seed() throws {
    let text =
      "seed 3\nsegment loss 50%\nrouter a interval 100ms priority 200\nrouter b interval 100ms\n"
      + "tick 20s\n"
    let own = try ScenarioRun(playing: text)
    #expect(own.seed == 3)
    #expect(try ScenarioRun(playing: text, seed: 3).simulation.records == own.simulation.records)
    let other = try ScenarioRun(playing: text, seed: 4)
    #expect(other.seed == 4 && other.simulation.records != own.simulation.records)
  }

  @Test(
    "Times that would leave the range of a clock are refused with their place",
    arguments: [
      ("tick 8761h", "1:6: '8761h' is longer than a year"),
      ("router a\npause  a 999999999s # long", "2:10: '999999999s' is longer than a year"),
      ("segment latency 9000000000s reorder 1%", "1:17: '9000000000s' is longer than a year"),
    ])
  func eternity(text: String, message: String) {
    let error = #expect(throws: ScenarioError.self) { try ScenarioRun(playing: text) }
    #expect(error?.description == message)
  }

  @Test("What is barely allowed is played")
  func limits() throws {
    let text =
      "segment latency 8760h jitter 8760h reorder 100%\nrouter a off\nclock a +50%\ntick 8760h\n"
      + "start a\ntick 4s\nresign a 8760h\nclock a -50%\npause a 8760h\ntick 1s\n"
    #expect(try ScenarioRun(playing: text).simulation.now.nanoseconds > 31_000_000_000_000_000)
  }

  @Test("Too many commands are refused")
  func commandCount() {
    let text = String(repeating: "heal\n", count: ScenarioRun.commandCountMax + 1)
    let error = #expect(throws: ScenarioError.self) { try ScenarioRun(playing: text) }
    #expect(error?.description == "100001:1: more than 100000 commands")
  }

  @Test("Whatever the text is, it plays or is refused with a place in it")
  func fuzz() {
    var random = SeededRandom(seed: 11)
    let words = [
      "router", "a", "b", "tick", "10ms", "1s", "crash", "start", "cut", "plug", "heal", "expect",
      "active", "none", "segment", "loss", "50%", "clock", "+1%", "-50%", "a->b", "drop", "|",
      "partition", "priority", "255", "seed", "7", "promote", "resign", "forge", "192.0.2.9", "#",
      "  ", "\t", "\u{0}", "é", "interval", "vip", "off", "show", "trace", "on",
    ]
    var played = 0
    for _ in 0..<3000 {
      var text = "router a interval 10ms\nrouter b interval 10ms\n"
      for _ in 0..<(1 + random.below(6)) {
        let count = Int(1 + random.below(4))
        text += (0..<count).map { _ in random.pick(words) }.joined(separator: " ") + "\n"
      }
      do {
        _ = try ScenarioRun(playing: text)
        played += 1
      } catch {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect((1...lines.count).contains(error.line))
        #expect((1...(lines[error.line - 1].count + 1)).contains(error.column))
      }
    }
    #expect(played > 50)
  }

  // MARK: Chart

  @Test("The chart fits its width, whatever it is")
  func width() throws {
    let timeline = try #require(try ScenarioRun(playing: Self.failover).timelines.first)
    for width in [0, 20, 21, 40, 79, 80, 81, 200, 1000] {
      let lines = timeline.chart(width: width)
      #expect(lines.allSatisfy { $0.count <= max(width, 20) }, "\(width): \(lines)")
      #expect(lines.allSatisfy { $0.allSatisfy(\.isASCII) })
    }
  }

  @Test("A chart of a failover")
  func chart() throws {
    let timeline = try #require(try ScenarioRun(playing: Self.failover).timelines.first)
    #expect(
      timeline.chart(width: 57) == [
        "       0s        2s        4s        6s        8s",
        "a      ................#########",
        "b      .......................................###########",
        "client                 -========              -==========",
        "# Active   . Backup   = served   - served in part",
      ])
  }

  @Test("An outage shorter than a column still shows")
  func shortOutage() throws {
    let run = try ScenarioRun(
      playing: "router a priority 255 interval 10ms\ntick 50s\npause a 20ms\ntick 50s\n")
    let timeline = try #require(run.timelines.first)
    let client = try #require(timeline.chart(width: 60).first { $0.hasPrefix("client") })
    #expect(client.contains("=-="))
    #expect(timeline.outageTotal == .milliseconds(20))
  }

  @Test("Long names are shortened, with a sign that they are")
  func longNames() throws {
    let name = String(repeating: "n", count: 50)
    let run = try ScenarioRun(playing: "router \(name)\ntick 5s\n")
    let lines = try #require(run.timelines.first).chart(width: 40)
    #expect(lines[1].hasPrefix("nnnnnnnnn~ ."))
    #expect(lines.allSatisfy { $0.count <= 40 })
  }

  @Test("What cut off and frozen routers believe is told apart from what clients see")
  func unreachable() throws {
    let run = try ScenarioRun(
      playing: "router a priority 255\nrouter b\ntick 5s\ncut a b\ntick 5s\n")
    let lines = try #require(run.timelines.first).chart(width: 27)
    #expect(lines[1] == "a      ##########!!!!!!!!!!")
    #expect(lines[2].hasPrefix("b      ..........xx") && lines[2].hasSuffix("!"))
    #expect(lines[3] == "client ==========")
  }

  @Test("Nothing to draw")
  func empty() throws {
    #expect(try ScenarioRun(playing: "").timelines.isEmpty)
    #expect(try ScenarioRun(playing: "router a\n").timelines.first?.chart(width: 80) == [])
  }

  @Test("The client's report lists outages, the longest if there are many")
  func clientReport() throws {
    let timeline = try #require(try ScenarioRun(playing: Self.failover).timelines.first)
    #expect(
      timeline.clientReport() == [
        "A client is served from 3.218750s on, with 1 outage of 2.828225s in all:",
        "    2.828225s from 5.000000s to 7.828225s",
      ])
    var text = "router a priority 255\ntick 1s\n"
    for index in 1...5 { text += "pause a \(index * 10)ms\ntick 1s\n" }
    text += "crash a\ntick 1s\n"
    let many = try #require(try ScenarioRun(playing: text).timelines.first)
    #expect(
      many.clientReport(listing: 2) == [
        "A client is served from 0.000000s on, with 6 outages of 1.150000s in all:",
        "    0.050000s from 5.000000s to 5.050000s",
        "    1.000000s from 6.000000s to 7.000000s, and it lasts",
        "    and 4 shorter ones",
      ])
    let unserved = try #require(try ScenarioRun(playing: "router a\ntick 1s\n").timelines.first)
    #expect(unserved.clientReport() == ["A client is never served."])
    let always = try ScenarioRun(playing: "router a priority 255\ntick 1s\n")
    #expect(
      always.timelines.first?.clientReport()
        == ["A client is served from 0.000000s on, without an outage."])
  }

  // MARK: Report

  @Test("The report says the same as data")
  func report() throws {
    let run = try ScenarioRun(playing: "seed 9\n" + Self.failover)
    let report = ScenarioReport(run)
    #expect(report.passed && report.seed == 9 && report.duration == .seconds(10))
    #expect(report.groups.map(\.routers.count) == [2])
    let client = try #require(report.groups.first?.client)
    #expect(client.servedFrom == Instant(nanoseconds: 3_218_750_000))
    #expect(client.outageTotal == .microseconds(2_828_225))
    #expect(client.outages.map(\.from) == [.zero + .seconds(5)])
    #expect(report.events.filter { $0.kind == .crashed }.map(\.router) == ["a"])
    let takeover = try #require(report.events.last)
    #expect(takeover.router == "b" && takeover.from == .backup && takeover.to == .active)
  }

  @Test("Each virtual router of a segment has its own timeline")
  func groups() throws {
    let run = try ScenarioRun(
      playing: "router a vrid 1 priority 255\nrouter b vrid 2\nrouter c family ipv6\ntick 5s\n")
    let report = ScenarioReport(run)
    #expect(report.groups.map(\.vrid.rawValue) == [1, 2, 1])
    #expect(report.groups.map(\.family) == [.ipv4, .ipv4, .ipv6])
    #expect(report.groups.map { $0.routers.map(\.name) } == [["a"], ["b"], ["c"]])
  }
}
