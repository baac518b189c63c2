import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What a plan makes of settings: those that are there and those that are wanted.
@Suite struct ChangePlanTests {
  private func router(
    _ name: String, priority: Int = 100, vrid: Int = 51
  ) throws -> RouterConfiguration {
    try settings(priority: priority, vrid: vrid, name: name)
  }

  @Test func `each router is new, changed, replaced, as it was, or goes`() throws {
    let present = try [
      router("changed"), router("replaced"), router("same"), router("gone"), router("besides"),
    ]
    let wanted = try [
      router("same"), router("new"), router("replaced", vrid: 52),
      router("changed", priority: 150),
    ]
    let plan = ChangePlan(wanted, removing: ["gone"], from: present, unready: .wait)
    #expect(plan.added == [wanted[1]])
    #expect(plan.changed == [wanted[3]])
    #expect(plan.replaced == [wanted[2]])
    #expect(plan.report.added == ["new"] && plan.report.unchanged == ["same"])
    #expect(plan.report.removed == ["gone"])
    #expect(plan.report.changed == [ChangeReport.Change(from: present[0], to: wanted[3])])
    #expect(plan.report.replaced == [ChangeReport.Change(from: present[1], to: wanted[2])])
    #expect(plan.leaving == ["gone", "replaced"])
    #expect(plan.touched == ["gone", "replaced", "changed"])
    #expect(plan.unready == .wait)
  }

  @Test func `a change names its settings and addresses, and tells them in words`() throws {
    let old = try settings(["198.18.0.100/24", "198.18.0.102/24"])
    let new = try settings(["198.18.0.101/24", "198.18.0.100/24"], priority: 150)
    let change = try #require(ChangePlan([new], from: [old]).report.changed.first)
    #expect(change.router == "web" && change.settings == [.priority, .addresses])
    #expect(change.addedAddresses.map(\.description) == ["198.18.0.101/24"])
    #expect(change.removedAddresses.map(\.description) == ["198.18.0.102/24"])
    #expect(
      change.description == "priority 100 → 150; new: 198.18.0.101/24; gone: 198.18.0.102/24")

    let back = ChangeReport.Change(from: new, to: old)
    #expect(back.addedAddresses == change.removedAddresses)
    #expect(back.removedAddresses == change.addedAddresses)
    #expect(ChangeReport.Change(from: old, to: old).settings == [])
  }

  @Test func `names to remove that are not there, or are wanted, are passed over`() throws {
    let present = try [router("a"), router("b"), router("c")]
    let plan = try ChangePlan(
      [router("b"), router("d")], removing: ["c", "x", "b", "a", "d"], from: present)
    #expect(plan.report.removed == ["c", "a"], "in the order in which they were named")
    #expect(plan.added.map(\.name) == ["d"] && plan.report.unchanged == ["b"])
    #expect(plan.unready == .refuse)
  }

  @Test func `nothing is planned for what is as it is wanted`() throws {
    let present = try [router("a"), router("b")]
    let plan = ChangePlan(present, from: present)
    #expect(plan.touched.isEmpty && plan.added.isEmpty)
    #expect(plan.report.unchanged == ["a", "b"])
    #expect(plan.rearrangement(keeping: [:]).isEmpty)
  }

  @Test func `the engine is told of all at once, new ones before those that are replaced`() throws {
    let faults = ["b": ["disk": RouterFitness.unfit(because: "full")]]
    let plan = try ChangePlan(
      [router("b", vrid: 52), router("c", priority: 90), router("d")], removing: ["a"],
      from: [router("a"), router("b"), router("c")], unready: .wait)
    let all = plan.rearrangement(keeping: faults)
    #expect(all.removed == ["a"] && all.changed.map(\.name) == ["c"])
    #expect(all.added.map(\.name) == ["d", "b"])
    #expect(all.faults == faults && all.unready == .wait)
  }
}
