import Foundation
import Testing
import VIPCore
import VRRP
import VRRPSimulation

/// Small segments, every way they can go.
///
/// `VIP_EXPLORATION_DEPTH=n` allows n disturbances more, or fewer if n is negative;
/// `VIP_EXPLORATION_STATES=n` gives up after n states.
@Suite struct ExplorationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let priorities: [UInt8]
    var preempts = true
    var ranks: [UInt8] = [0, 0, 0]
    var intervals: [Int] = [100, 100, 100]
    var version = ProtocolVersion.v3
    let disturbances: Int
    var testDescription: String { name }

    var configurations: [VirtualRouter.Configuration] {
      priorities.indices.map { index in
        VirtualRouter.Configuration(
          vrid: vrid(1), family: .ipv4, priority: Priority(rawValue: priorities[index]),
          interval: interval(.milliseconds(intervals[index] * 10)), preempts: preempts,
          tieBreakRank: ranks[index], version: version)
      }
    }
  }

  static let cases = [
    Case(name: "two routers", priorities: [200, 100], disturbances: 8),
    Case(name: "two equal routers", priorities: [100, 100], disturbances: 8),
    Case(
      name: "two equal routers with ranks", priorities: [100, 100], ranks: [1, 0], disturbances: 8),
    Case(name: "owner and backup", priorities: [255, 100], disturbances: 8),
    Case(name: "two owners", priorities: [255, 255], disturbances: 6),
    Case(
      name: "two routers that don't preempt", priorities: [200, 100], preempts: false,
      disturbances: 8),
    Case(name: "two intervals", priorities: [200, 100], intervals: [200, 100], disturbances: 6),
    Case(name: "two routers of version 2", priorities: [200, 100], version: .v2, disturbances: 6),
    Case(name: "three routers", priorities: [200, 150, 100], disturbances: 4),
    Case(name: "three equal routers", priorities: [100, 100, 100], disturbances: 1),
    Case(
      name: "three routers that don't preempt", priorities: [200, 150, 100], preempts: false,
      disturbances: 4),
    Case(name: "owner and two equal backups", priorities: [255, 100, 100], disturbances: 3),
  ]

  @Test("Every promise holds in every state", arguments: cases)
  func explore(_ segment: Case) {
    let environment = ProcessInfo.processInfo.environment
    let more = environment["VIP_EXPLORATION_DEPTH"].flatMap { Int($0) } ?? 0
    let limit = environment["VIP_EXPLORATION_STATES"].flatMap { Int($0) } ?? 5_000_000
    let disturbances = max(segment.disturbances + more, 0)
    let outcome = Exploration(
      segment.configurations, disturbances: disturbances, stateCountMax: limit
    ).run()
    print(
      "\(segment.name), \(disturbances) disturbances: \(outcome.stateCount) states,",
      "\(outcome.stepCount) steps, \(outcome.settledCount) settled")
    #expect(outcome.failure == nil)
    #expect(outcome.isComplete)
    #expect(outcome.settledCount > 0)
  }

  @Test("A broken promise comes with the shortest way to it")
  func failure() throws {
    // Version 2 drops another interval: both routers stay Active.
    let configurations = [1, 2].map { seconds in
      VirtualRouter.Configuration(
        vrid: vrid(1), family: .ipv4, interval: interval(.seconds(seconds)), version: .v2)
    }
    let failure = try #require(Exploration(configurations, disturbances: 0).run().failure)
    #expect(failure.hasPrefix("two Actives for"))
    #expect(failure.contains("\n  timer of a fires"))
  }
}
