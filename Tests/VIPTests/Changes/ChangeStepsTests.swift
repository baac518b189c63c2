import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// The steps of a change: what is done when, what it waits for, and what is put back.
@Suite struct ChangeStepsTests {
  private func router(
    _ name: String, priority: Int = 100, vrid: Int = 51
  ) throws -> RouterConfiguration {
    try settings(priority: priority, vrid: vrid, name: name)
  }

  /// Routers a to d, and a change that removes a, replaces b, changes c and adds e.
  private func change() throws -> (routers: RoutersInMemory, steps: ChangeSteps) {
    let routers = RoutersInMemory(try ["a", "b", "c", "d"].map { try router($0) })
    routers.faults = Dictionary(
      uniqueKeysWithValues: ["a", "b", "c", "d"].map {
        ($0, ["disk": RouterFitness.unfit(because: "full")])
      })
    let plan = try ChangePlan(
      [router("b", vrid: 52), router("c", priority: 90), router("e")], removing: ["a"],
      from: routers.allSettings, unready: .wait)
    return (routers, ChangeSteps(plan, on: routers))
  }

  @Test func `all is done in one step, with what a program has said of those that are touched`()
    throws
  {
    var (routers, steps) = try change()
    // What is said later is of the routers that come.
    routers.faults = [:]
    try steps.begin(on: routers)
    #expect(
      routers.takeDeeds() == [
        .rearrange(
          removed: ["a"], changed: ["c"], added: ["e", "b"], faults: ["a", "b", "c"], .wait)
      ])
    #expect(!steps.hasMore)
    try steps.finish(on: routers)
    #expect(routers.takeDeeds() == [], "nothing was left")
  }

  @Test func `it waits until those that were removed are gone`() throws {
    var (routers, steps) = try change()
    try steps.begin(on: routers)
    routers.leaving = ["a", "b"]
    #expect(!steps.isReleased(on: routers))
    routers.allSettings.removeFirst()
    routers.leaving = ["b"]
    #expect(steps.isReleased(on: routers), "b goes in its own time, e is in its place")
  }

  @Test func `it waits for those whose successors need what they have`() throws {
    var (routers, steps) = try change()
    routers.late = [Rearrangement(added: [try router("b", vrid: 52)], unready: .wait)]
    try steps.begin(on: routers)
    _ = routers.takeDeeds()
    routers.leaving = ["b"]
    routers.allSettings.removeFirst()
    #expect(steps.hasMore && !steps.isReleased(on: routers))
    routers.allSettings.removeFirst()
    #expect(steps.isReleased(on: routers))
    try steps.finish(on: routers)
    #expect(
      routers.takeDeeds() == [
        .rearrange(removed: [], changed: [], added: ["b"], faults: [], .wait)
      ])
  }

  @Test func `a router of the same name that has come meanwhile is not waited for`() throws {
    var (routers, steps) = try change()
    try steps.begin(on: routers)
    #expect(steps.isReleased(on: routers), "a stays: it was put there again")
  }

  @Test func `a refusal is passed on`() throws {
    var (routers, steps) = try change()
    routers.refused = ["c"]
    #expect(throws: NodeError.self) { try steps.begin(on: routers) }
    #expect(!steps.hasMore)
  }

  @Test func `what was added is taken away, if it is there`() throws {
    var (routers, steps) = try change()
    try steps.begin(on: routers)
    _ = routers.takeDeeds()
    steps.withdraw(on: routers)
    #expect(routers.takeDeeds() == [])
    routers.allSettings.append(try router("e"))
    steps.withdraw(on: routers)
    #expect(routers.takeDeeds() == [.remove("e")])
  }

  @Test func `what leaves is waited for before anything is put back`() throws {
    let (routers, steps) = try change()
    for name in ["a", "b", "e"] {
      routers.leaving = [name]
      #expect(!steps.isWithdrawn(on: routers), "\(name)")
      routers.leaving = []
      routers.replacedWhileLeaving = [name]
      #expect(!steps.isWithdrawn(on: routers), "\(name)")
      routers.replacedWhileLeaving = []
    }
    routers.leaving = ["c", "d"]
    #expect(steps.isWithdrawn(on: routers), "they were not taken away")
  }

  @Test func `what was there before is put back together, with what was said of it`() throws {
    var (routers, steps) = try change()
    try steps.begin(on: routers)
    _ = routers.takeDeeds()
    routers.allSettings = try [router("b", vrid: 52), router("c", priority: 90), router("d")]
    routers.faults = [:]
    steps.putBack(on: routers)
    #expect(
      routers.takeDeeds() == [
        .rearrange(
          removed: [], changed: ["c"], added: ["a", "b"], faults: ["a", "b", "c"], .wait)
      ])
  }

  @Test func `what can't be had any more costs no other`() throws {
    let (routers, steps) = try change()
    routers.allSettings = try [router("c", priority: 90), router("d")]
    routers.refused = ["a"]
    steps.putBack(on: routers)
    #expect(
      routers.takeDeeds().dropFirst() == [
        .rearrange(removed: [], changed: [], added: ["a"], faults: ["a", "b", "c"], .wait),
        .rearrange(removed: [], changed: [], added: ["b"], faults: ["a", "b", "c"], .wait),
        .rearrange(removed: [], changed: ["c"], added: [], faults: ["a", "b", "c"], .wait),
      ])
  }
}
