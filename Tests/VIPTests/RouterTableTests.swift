import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// The routers of a node by name and by slot.
@Suite struct RouterTableTests {
  private static let addresses = VirtualAddresses([]) { _ in .absent }

  private func table(_ names: [String]) throws -> RouterTable {
    var table = RouterTable()
    for name in names {
      let settings = try settings(["198.18.0.100/24", "2001:db8::100/64"], name: name)
      let router = table.add(settings)
      for family in settings.families {
        _ = table.makeMember(family, of: router, Self.addresses, at: Instant(nanoseconds: 1))
      }
    }
    return table
  }

  @Test func `a router has one virtual router for each family, in slots of their own`() throws {
    let table = try table(["a", "b"])
    #expect(table.members.map(\.slot) == [0, 1, 2, 3])
    #expect(table.members(named: "b").map(\.slot) == [2, 3])
    #expect(table.names == ["a", "b"])
    let a = try #require(table["a"])
    #expect(table.members(of: a).map(\.family) == [.ipv4, .ipv6])
    var changed = a.settings
    changed.preempts = false
    a.reconfigure(changed)
    #expect(table.members(named: "a").allSatisfy { !$0.settings.preempts })
    #expect(table.members(named: "b").allSatisfy { $0.settings.preempts })
    #expect(table[7] == nil && table[-1] == nil && table["c"] == nil)
  }

  @Test func `one that leaves keeps the settings with which it leaves`() throws {
    var table = try table(["a"])
    let a = try #require(table["a"])
    let leaving = try #require(table[1])
    table.separate(leaving)
    var changed = a.settings
    changed.preempts = false
    a.reconfigure(changed)
    #expect(leaving.settings.preempts)
    #expect(table.members(of: a).map(\.slot) == [0])
    #expect(table.members(named: "a").map(\.slot) == [0, 1])
    // All leave: the name is in use until the last is gone.
    let first = try #require(table[0])
    table.separate(first)
    table.retire("a")
    #expect(table["a"] == nil && table.contains("a"))
    #expect(table.settings(named: "a")?.preempts == false)
    table.remove(first)
    #expect(table.contains("a"))
    table.remove(leaving)
    #expect(!table.contains("a") && table.settings(named: "a") == nil)
  }

  @Test func `a slot is used again`() throws {
    var table = try table(["a", "b"])
    let gone = try #require(table[1])
    table.remove(gone)
    let b = try #require(table["b"])
    #expect(table.makeMember(.ipv6, of: b, Self.addresses, at: Instant(nanoseconds: 2)).slot == 1)
  }

  /// Whatever a router has done: when it is gone, nothing knows its slot any more.
  @Test(arguments: [false, true], ["198.18.0.100/24", "2001:db8::100/64"])
  func `nothing is left of a router that is gone`(virtualMAC: Bool, address: String) throws {
    let bench = try Bench()
    var wanted = try settings([address], probes: true, virtualMAC: virtualMAC)
    wanted.hooks = Hooks(active: ["/bin/true"], stop: ["/bin/true"])
    try bench.engine.add(wanted)
    bench.pass(.seconds(5))
    #expect(bench.state(wanted.families[0]) == .active)
    bench.engine.remove("web")
    bench.pass(.seconds(3))
    let engine = bench.engine
    #expect(engine.routerNames == [] && engine.routers.members.isEmpty)
    #expect(engine.timers.deadline(of: .router(slot: 0)) == nil)
    #expect(engine.work.isEmpty && engine.owners.isEmpty)
    #expect(engine.macvlans.isEmpty && engine.problems.isClear)
    #expect(engine.settlements.areTold)
    #expect(engine.segments.isEmpty && engine.wires.isEmpty)
    #expect(bench.platform.names.isEmpty)
    #expect(try bench.held == [])
  }
}
