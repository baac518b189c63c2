import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What a change is to lead to, and what that means for the routers of a moment.
@Suite struct ChangeTargetTests {
  private func routers(_ names: String...) throws -> RoutersInMemory {
    RoutersInMemory(try names.map { try settings(["198.18.0.100/24"], name: $0) })
  }

  private func list(_ texts: String...) throws -> [InterfaceAddress] {
    try texts.map { try #require(InterfaceAddress($0)) }
  }

  @Test func `addresses are added to those of the moment, each once`() throws {
    let routers = try routers("a", "b")
    let target = ChangeTarget(
      .adding(try list("198.18.0.101/24", "198.18.0.100/24"), to: "b"))
    let wanted = try target.routers(on: routers)
    #expect(wanted.map(\.name) == ["b"])
    #expect(try wanted[0].addresses == list("198.18.0.100/24", "198.18.0.101/24"))
    routers.allSettings[1].addresses = try list("198.18.0.1/24")
    #expect(
      try target.routers(on: routers)[0].addresses
        == list("198.18.0.1/24", "198.18.0.101/24", "198.18.0.100/24"))
    #expect(target.addressCount == 2)
  }

  @Test func `addresses are taken from those of the moment, but not the last`() throws {
    let routers = try routers("a")
    let target = ChangeTarget(.taking([try list("198.18.0.100/24")[0].address], from: "a"))
    #expect(target.addressCount == 1)
    #expect(throws: NodeError.self) { try target.routers(on: routers) }
    routers.allSettings[0].addresses += try list("198.18.0.101/24")
    #expect(try target.routers(on: routers)[0].addresses == list("198.18.0.101/24"))
  }

  @Test func `a router that is not there, or leaves, has no addresses to change`() throws {
    let routers = try routers("a")
    let more = try list("198.18.0.101/24")
    for target in [
      ChangeTarget(.adding(more, to: "x")), ChangeTarget(.taking([more[0].address], from: "x")),
    ] {
      let error = #expect(throws: NodeError.self) { try target.routers(on: routers) }
      #expect(error?.kind == .unknownRouter)
    }
    routers.leaving = ["a"]
    let error = #expect(throws: NodeError.self) {
      try ChangeTarget(.adding(more, to: "a")).plan(on: routers)
    }
    #expect(error?.kind == .unknownRouter)
  }

  @Test func `a whole set removes all others of the moment`() throws {
    let routers = try routers("a", "b", "c")
    let wanted = routers.allSettings[1]
    let set = ChangeTarget(.routers([wanted]), removing: nil)
    #expect(set.addressCount == 1)
    #expect(try set.plan(on: routers).report.removed == ["a", "c"])
    routers.allSettings.removeFirst()
    #expect(try set.plan(on: routers).report.removed == ["c"])
    #expect(try ChangeTarget(.routers([wanted])).plan(on: routers).report.removed == [])
    let named = ChangeTarget(.routers([wanted]), removing: ["b", "c"])
    #expect(try named.plan(on: routers).report.removed == ["c"])
  }

  @Test func `the plan compares with what is there and keeps what becomes of those that wait`()
    throws
  {
    let routers = try routers("a")
    var wanted = routers.allSettings[0]
    wanted.preempts = false
    let plan = try ChangeTarget(.routers([wanted]), unready: .wait).plan(on: routers)
    #expect(plan.changed == [wanted] && plan.added.isEmpty && plan.unready == .wait)
  }

  @Test func `what is checked is all of it`() throws {
    let routers = try routers("a", "b", "c")
    let lease = try #require(LeasePolicy("10s"))
    try ChangeTarget(
      .routers([routers.allSettings[1]]), removing: nil, settings: NodeSettings(lease: lease),
      unready: .wait
    ).check(on: routers)
    try ChangeTarget(.adding(list("198.18.0.101/24"), to: "c"), removing: ["a", "c"])
      .check(on: routers)
    #expect(
      routers.takeDeeds() == [
        .check(wanted: ["b"], removing: ["a", "c"], lease: lease, .wait),
        .check(wanted: ["c"], removing: ["a"], lease: nil, .refuse),
      ])
  }

  @Test func `a change waits for the routers that leave and that it is about`() throws {
    let routers = try routers("a", "b", "c")
    let wanted = [routers.allSettings[0]]
    func waits(_ removing: [String]?) -> Bool {
      ChangeTarget(.routers(wanted), removing: removing).waitsForLeaving(wanted, on: routers)
    }
    #expect(!waits(nil))
    routers.leaving = ["a"]
    #expect(waits([]))
    routers.leaving = ["b"]
    #expect(!waits([]) && !waits(["c"]) && waits(["b"]) && waits(nil))
  }
}
