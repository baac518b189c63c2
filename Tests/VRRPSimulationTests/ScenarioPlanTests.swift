import Testing
import VIPCore
import VRRP
import VRRPSimulation

/// Scenarios made of a few numbers.
@Suite struct ScenarioPlanTests {
  @Test("Priorities descend evenly and stay legal for every number of routers")
  func priorities() {
    #expect(ScenarioPlan(routerCount: 3).priorities.map(\.rawValue) == [200, 150, 100])
    #expect(ScenarioPlan(routerCount: 5).priorities.map(\.rawValue) == [200, 160, 120, 80, 40])
    for count in -1...30 {
      let priorities = ScenarioPlan(routerCount: count).priorities.map(\.rawValue)
      #expect(priorities.count == min(max(count, 1), ScenarioPlan.routerCountMax))
      #expect(priorities.allSatisfy { (1...254).contains($0) })
      #expect(zip(priorities, priorities.dropFirst()).allSatisfy { $0 > $1 })
    }
  }

  @Test("Faults happen to the first choice: the highest priority, of equals the highest address")
  func favourite() {
    func favourite(_ priorities: [UInt8]) -> String {
      ScenarioPlan(priorities: priorities.map { Priority(rawValue: $0) }).favourite
    }
    #expect(favourite([100, 200, 150]) == "b")
    #expect(favourite([100, 100, 100]) == "c")
    #expect(favourite([7]) == "a")
  }

  @Test("The text of a plan, faults in the order of their times")
  func text() {
    var plan = ScenarioPlan(routerCount: 2)
    plan.seed = 7
    plan.conditions.loss = .percent(2)
    plan.preempts = false
    plan.faults = [.init(.recover, at: .seconds(8)), .init(.cut, at: .seconds(5))]
    plan.duration = .seconds(20)
    #expect(
      plan.scenario.description == """
        seed 7
        segment loss 2%
        router a priority 200 preempt off address 192.0.2.1 vip 192.0.2.100
        router b priority 150 preempt off address 192.0.2.2 vip 192.0.2.100
        tick 5s
        cut a
        tick 3s
        plug a
        start a
        tick 12s

        """)
  }

  @Test("Every fault and the recovery from it", arguments: ScenarioPlan.Fault.Kind.allCases)
  func faults(kind: ScenarioPlan.Fault.Kind) throws {
    var plan = ScenarioPlan(routerCount: 3)
    plan.faults = [.init(kind, at: .seconds(10)), .init(.recover, at: .seconds(20))]
    plan.duration = .seconds(40)
    let run = try ScenarioRun(playing: plan.scenario.description)
    #expect(run.brokenPromises == [])
    #expect(run.simulation.now.nanoseconds == 40_000_000_000)
    let timeline = try #require(run.timelines.first)
    #expect(timeline.rows[0].spans.last?.state == .active)
    #expect(timeline.outages.isEmpty == (kind == .recover))
  }

  @Test("A frozen router that is not woken stays so to the end")
  func frozen() throws {
    var plan = ScenarioPlan(routerCount: 2)
    plan.faults = [.init(.freeze, at: .seconds(10)), .init(.cut, at: .seconds(99))]
    plan.duration = .seconds(30)
    let run = try ScenarioRun(playing: plan.scenario.description)
    #expect(run.timelines.first?.rows[0].spans.last?.isReachable == false)
    #expect(!run.transcript.contains("cut"))
  }

  @Test("A percentage as text")
  func probability() {
    #expect(Probability("2%")?.partsPerMillion == 20_000)
    #expect(Probability("0.5%")?.description == "0.5%")
    #expect(Probability("100%")?.partsPerMillion == 1_000_000)
    for text in ["", "%", "2", "-1%", "+2%", "100.1%", "1e1%", "2%%", "½%"] {
      #expect(Probability(text) == nil, "\(text)")
    }
  }
}
