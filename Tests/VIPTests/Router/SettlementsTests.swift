import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Which changes of state are told when the addresses have followed.
@Suite struct SettlementsTests {
  private func settlement(
    _ state: Settlement.State, after settlements: Settlements, of slot: Int = 0
  ) throws -> Settlement {
    let configuration = try settings()
    return Settlement(
      state, previous: settlements.state(of: slot), reason: .transition(.startup),
      configuration: configuration, effectivePriority: configuration.priority)
  }

  @Test func `a change is told once, when its addresses have followed`() throws {
    var settlements = Settlements()
    #expect(settlements.state(of: 0) == .stop && settlements.areTold)
    settlements.begin(try settlement(.backup, after: settlements), of: 0)
    #expect(settlements.state(of: 0) == .backup && !settlements.areTold)
    let early = settlements.takeSettled { _ in false }
    #expect(early.isEmpty && !settlements.areTold)
    let settled = settlements.takeSettled { _ in true }
    #expect(settled.map(\.settlement.state) == [.backup] && settlements.areTold)
    #expect(settled.first?.settlement.previous == .stop)
    #expect(settlements.state(of: 0) == .backup)
  }

  @Test func `of several in a row only the last is told, with how many there were`() throws {
    var settlements = Settlements()
    for state in [Settlement.State.backup, .active, .backup] {
      settlements.begin(try settlement(state, after: settlements), of: 0)
    }
    let settled = settlements.takeSettled { _ in true }
    #expect(settled.map(\.settlement.state) == [.backup] && settled[0].settlement.skipped == 2)
  }

  @Test func `routers are told of in their order, and those that are not ready wait`() throws {
    var settlements = Settlements()
    for slot in [3, 1, 2] {
      settlements.begin(try settlement(.active, after: settlements, of: slot), of: slot)
    }
    let settled = settlements.takeSettled { $0 != 2 }
    #expect(settled.map(\.slot) == [1, 3] && !settlements.areTold)
  }

  @Test func `nothing is told of one that leaves, and nothing known of one that is gone`() throws {
    var settlements = Settlements()
    settlements.begin(try settlement(.active, after: settlements), of: 0)
    settlements.cancel(0)
    #expect(settlements.areTold && settlements.state(of: 0) == .active)
    settlements.forget(0)
    #expect(settlements.state(of: 0) == .stop)
  }
}
