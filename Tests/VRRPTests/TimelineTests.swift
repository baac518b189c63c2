import Testing
import VIPCore
import VRRP

/// How a run looks to people and to a client.
@Suite struct TimelineTests {
  @Test("Rows, scale and service of a failover after a cut cable")
  func text() {
    let simulation = Scenario.failover(
      routers: 3, cut: .seconds(6), duration: .seconds(12)
    ).run()
    let timeline = Timeline(of: simulation)
    #expect(
      timeline.text(columns: 48) == """
              0s        2.5s      5s        7.5s      10s
        a     .............###########!!!!!!!!!!!!!!!!!!!!!!!!
        b     ..................................##############
        c     ................................................
        serve              ###########          ##############

        """)
    #expect(timeline.firstServed == 3_218_750_000)
    // From the cut to b's takeover: its Active_Down_Interval after the last advertisement heard.
    #expect(timeline.outages.count == 1)
    #expect(timeline.outages.first?.start == 6_000_000_000)
    #expect(timeline.outages.first?.end == 5_218_850_000 + 3_246_093_750)
    #expect(
      timeline.outageText == """
        served first after 3.218750s
        outage of 2.464943s from 6.000000s

        """)
  }

  @Test("A frozen Active serves nobody; an outage may last to the end")
  func frozen() throws {
    let scenario = try Scenario(
      parsing: "router a priority 255\ntick 2s\npause a 1s\ntick 4s\ncrash a\ntick 1s\n")
    let timeline = Timeline(of: scenario.run())
    #expect(
      timeline.outages == [
        Timeline.Outage(start: 2_000_000_000, end: 3_000_000_000),
        Timeline.Outage(start: 6_000_000_000, end: 7_000_000_000),
      ])
    #expect(timeline.text(columns: 7).contains("a     ##!###\n"))
  }

  @Test("Nobody serves: said, not drawn")
  func nobody() throws {
    let timeline = Timeline(of: try Scenario(parsing: "router a\ntick 1s\n").run())
    #expect(timeline.outageText == "nobody ever served\n")
    #expect(timeline.firstServed == nil)
    #expect(timeline.outages.isEmpty)
  }

  @Test("A scenario from a few numbers reads back from its text")
  func failover() throws {
    var conditions = LinkConditions()
    conditions.loss = .percent(2)
    let scenario = Scenario.failover(
      routers: 5, conditions: conditions, seed: 7, cut: .seconds(3), duration: .seconds(30))
    let again = try Scenario(parsing: scenario.description)
    #expect(again.statements.map(\.command) == scenario.statements.map(\.command))
    #expect(scenario.run().violations.isEmpty)
  }
}
