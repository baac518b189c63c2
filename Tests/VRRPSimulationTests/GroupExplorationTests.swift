import Testing

@testable import VRRPSimulation

/// Nodes whose virtual routers move together, every way they can go.
@Suite struct GroupExplorationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let priorities: [UInt8]
    var members = 2
    let disturbances: Int
    /// Where to give up; what was found until then must be right.
    var stateCountMax = 400_000
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "two nodes, two routers", priorities: [200, 100], disturbances: 2),
    Case(name: "two equal nodes, two routers", priorities: [100, 100], disturbances: 2),
    Case(name: "two nodes, three routers", priorities: [200, 100], members: 3, disturbances: 1),
    Case(
      name: "two equal nodes, three routers", priorities: [100, 100], members: 3, disturbances: 1),
    Case(name: "three nodes, two routers", priorities: [200, 150, 100], disturbances: 1),
    Case(name: "three nodes, two of them equal", priorities: [200, 100, 100], disturbances: 1),
    Case(
      name: "three nodes, three routers", priorities: [200, 150, 100], members: 3, disturbances: 1),
  ]

  @Test("A group is never Active on different nodes for long", arguments: cases)
  func explore(_ scenario: Case) {
    let exploration = GroupExploration(
      priorities: scenario.priorities, memberCount: scenario.members,
      disturbances: scenario.disturbances, stateCountMax: scenario.stateCountMax)
    let outcome = exploration.run()
    #expect(outcome.failure == nil, "\(outcome.failure ?? "")")
    print(
      "group exploration, \(scenario.name): \(outcome.stateCount) states, "
        + "\(outcome.settledCount) settled, complete: \(outcome.isComplete)")
  }
}
