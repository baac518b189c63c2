import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// The event that says that addresses are where a state wants them.
@Suite struct SettlingTests {
  /// What settled, in order, with what the kernel had at that moment.
  private func told(_ bench: Bench, turns: Int) throws -> [(Settlement, held: Int)] {
    var list: [(Settlement, held: Int)] = []
    for _ in 0..<turns {
      bench.engine.turn(ready: [.kernelEvents])
      for case .settled("web", .ipv4, let settlement) in bench.engine.takeEvents() {
        list.append((settlement, try bench.held.count))
      }
    }
    return list
  }

  @Test(arguments: [1, 64, 65, 200])
  func `settled follows the last address, not the state`(count: Int) throws {
    let bench = try Bench()
    try bench.engine.add(try settings((1...count).map { "198.18.1.\($0)/16" }))
    bench.settle()
    bench.platform.time = bench.platform.time + .milliseconds(3_700)
    bench.engine.turn(ready: [])
    #expect(bench.state() == .active)
    let first = bench.engine.takeEvents()
    let isEarly = first.contains { if case .settled = $0 { true } else { false } }
    // What fits into one turn is in place with the state.
    #expect(isEarly == (try bench.held.count == count))
    if !isEarly {
      let told = try told(bench, turns: 30)
      #expect(told.map(\.held) == [count])
      #expect(told.map(\.0.state) == [.active] && told.map(\.0.previous) == [.backup])
    }
  }

  @Test func `backup has settled when the handover is through`() throws {
    let bench = try Bench()
    try bench.engine.add(try settings())
    bench.pass(.seconds(4))
    try bench.hear(200, from: "198.18.0.9")
    #expect(bench.state() == .backup && bench.settled == [.backup, .active])
    try bench.hearAnnouncement(of: "198.18.0.100")
    bench.pass(.milliseconds(1))
    #expect(bench.settled == [.backup, .active, .backup])
    #expect(try bench.held.isEmpty)
  }

  @Test func `stop comes before the router is removed`() throws {
    let bench = try Bench()
    try bench.engine.add(try settings())
    bench.pass(.seconds(4))
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    #expect(bench.settled == [.backup, .active, .stop])
    #expect(bench.events.last == .removed(router: "web"))
  }

  @Test func `of states that are over only the last is told`() throws {
    let bench = try Bench()
    try bench.engine.add(try settings((1...200).map { "198.18.1.\($0)/16" }))
    bench.settle()
    _ = bench.engine.takeEvents()
    bench.platform.time = bench.platform.time + .milliseconds(3_700)
    bench.engine.turn(ready: [])
    var down = FakePlatform.eth0
    down.flags.remove(.up)
    bench.platform.fake.setLink(down)
    let told = try told(bench, turns: 30).map(\.0)
    #expect(told.map(\.state) == [.fault])
    #expect(told.first?.skipped == 1 && told.first?.previous == .active)
  }

  @Test func `with a virtual MAC address active has settled when the macvlan is on`() throws {
    let bench = try Bench()
    try bench.engine.add(try settings(virtualMAC: true))
    bench.settle()
    #expect(bench.settled == [.backup])
    bench.platform.time = bench.platform.time + .milliseconds(3_700)
    var isUpWhenTold: Bool?
    for _ in 0..<20 where isUpWhenTold == nil {
      bench.engine.turn(ready: [.kernelEvents])
      for case .settled(_, _, let settlement) in bench.engine.takeEvents() {
        #expect(settlement.state == .active)
        #expect(settlement.addressInterface != "eth0")
        let link = try bench.platform.fake.link(named: settlement.addressInterface)
        isUpWhenTold = link?.isUp
      }
    }
    #expect(isUpWhenTold == true)
  }
}

extension Bench {
  /// What the routers have settled into, in order.
  fileprivate var settled: [Settlement.State] {
    events.compactMap { event in
      if case .settled(_, _, let settlement) = event { settlement.state } else { nil }
    }
  }
}
