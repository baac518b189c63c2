import Testing

@testable import VIP

/// Routers that watch and routers that linger, by slot.
@Suite struct SuccessionsTests {
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
    let isNew = [successions.linger(4), successions.linger(2), successions.linger(4)]
    #expect(isNew == [true, true, false])
    #expect(successions.isAnyLingering && successions.lingering == [2, 4])
    successions.endWatch(4)
    successions.forget(4)
    #expect(successions.lingering == [2])
    let again = successions.linger(4)
    #expect(again && successions.watchers == [])
  }
}
