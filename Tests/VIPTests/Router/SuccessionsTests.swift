import Testing
import VIPCore

@testable import VIP

/// Routers that watch and routers that linger, by slot.
@Suite struct SuccessionsTests {
  private static let web = Succession.Seat(name: "web", family: .ipv4)

  @Test func `a router watches until that has ended, or the router is gone`() {
    var successions = Successions()
    #expect(!successions.isAnyWatching && successions.watchers == [])
    for slot in [7, 3, 5, 3] { successions.watch(slot) }
    #expect(successions.isAnyWatching && successions.watchers == [3, 5, 7])
    successions.endWatch(5)
    successions.forget(3)
    #expect(successions.watchers == [7])
    successions.endWatch(7)
    #expect(!successions.isAnyWatching && !successions.isAnyLingering)
  }

  @Test func `a router lingers once, until it is gone`() {
    var successions = Successions()
    let isNew = [4, 2, 4].map { successions.linger($0, in: Self.web) }
    #expect(isNew == [true, true, false])
    #expect(successions.isAnyLingering && successions.lingering == [2, 4])
    successions.endWatch(4)
    successions.forget(4)
    #expect(successions.lingering == [2])
    let again = successions.linger(4, in: Self.web)
    #expect(again && successions.watchers == [])
  }

  @Test func `those of its name and family that linger precede a router`() {
    var successions = Successions()
    let heir = Succession(Self.web)
    #expect(successions.predecessors(of: heir) == [])
    let seats = [
      5: Self.web, 1: Self.web, 2: Succession.Seat(name: "web", family: .ipv6),
      3: Succession.Seat(name: "mail", family: .ipv4),
    ]
    for (slot, seat) in seats { _ = successions.linger(slot, in: seat) }
    #expect(successions.predecessors(of: heir) == [1, 5])
    successions.forget(5)
    #expect(successions.predecessors(of: heir) == [1])
  }

  @Test func `a router that is replaced precedes others and is preceded by none`() {
    var successions = Successions()
    _ = successions.linger(1, in: Self.web)
    var former = Succession(Self.web)
    #expect(!former.isReplaced)
    former.becomeReplaced()
    #expect(former.isReplaced && successions.predecessors(of: former) == [])
    #expect(successions.predecessors(of: Succession(Self.web)) == [1])
  }
}
