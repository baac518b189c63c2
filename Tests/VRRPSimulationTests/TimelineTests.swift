import Testing
import VIPCore
import VRRP
import VRRPSimulation

/// The service that a client sees in a run.
@Suite struct TimelineTests {
  @Test("A failover after a cut cable")
  func cut() {
    var plan = ScenarioPlan(priorities: [200, 193, 186].map { Priority(rawValue: $0) })
    plan.faults = [ScenarioPlan.Fault(.cut, at: .seconds(6))]
    plan.duration = .seconds(12)
    let timeline = Timeline(of: plan.scenario.run())
    #expect(timeline.firstServed == Instant(nanoseconds: 3_218_750_000))
    // From the cut to b's takeover: its Active_Down_Interval after the last advertisement heard.
    #expect(
      timeline.outages == [
        Timeline.Outage(
          start: .ms(6000), end: Instant(nanoseconds: 5_218_850_000 + 3_246_093_750))
      ])
    #expect(timeline.rows.map(\.name) == ["a", "b", "c"])
    #expect(timeline.rows.map(\.spans.last?.state) == [.active, .active, .backup])
    #expect(timeline.rows.first?.spans.last?.isReachable == false)
  }

  @Test("A frozen Active serves no client; an outage may last to the end")
  func frozen() throws {
    let scenario = try Scenario(
      parsing: "router a priority 255\ntick 2s\npause a 1s\ntick 4s\ncrash a\ntick 1s\n")
    let timeline = Timeline(of: scenario.run())
    #expect(
      timeline.outages == [
        Timeline.Outage(start: .ms(2000), end: .ms(3000)),
        Timeline.Outage(start: .ms(6000), end: .ms(7000)),
      ])
  }

  @Test("No router serves")
  func unserved() throws {
    let timeline = Timeline(of: try Scenario(parsing: "router a\ntick 1s\n").run())
    #expect(timeline.firstServed == nil)
    #expect(timeline.outages.isEmpty)
  }
}
