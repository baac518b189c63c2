import Testing
import VIPCore
import VRRP

@testable import VIP

/// An Active beside this router, by itself: advertisements in, what follows from them out.
@Suite struct RivalryValueTests {
  private func at(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  private func router(_ number: UInt8) -> VirtualRouter.ActiveRouter {
    VirtualRouter.ActiveRouter(
      address: .v4(IPv4Address(198, 18, 0, number)), priority: .lowest)
  }

  /// One that was heard at each of these times, in milliseconds.
  private func rivalry(
    _ times: [Int], _ interval: AdvertisementInterval = .default
  ) -> Rivalry {
    var rivalry = Rivalry()
    for time in times { rivalry.heard(router(2), interval, at: at(time)) }
    return rivalry
  }

  @Test func `the other is Active until three of its intervals have passed without a word`() {
    #expect(!Rivalry().isRivalled(at: .zero))
    let rivalry = rivalry([0, 500])
    #expect(rivalry.rival == router(2) && rivalry.interval == .default)
    #expect(rivalry.isRivalled(at: at(3500)) && !rivalry.isRivalled(at: at(3501)))
  }

  @Test func `the time of silence follows the interval that was advertised last`() throws {
    var rivalry = rivalry([0])
    let short = try #require(AdvertisementInterval("100ms"))
    rivalry.heard(router(2), short, at: at(1000))
    #expect(rivalry.interval == short)
    #expect(rivalry.isRivalled(at: at(1300)) && !rivalry.isRivalled(at: at(1301)))
  }

  @Test func `a quarter of an interval less than three make it unheard`() {
    let rivalry = rivalry([0, 1000, 2000])
    #expect(!rivalry.isUnheard(at: at(2749), ownInterval: .default))
    #expect(rivalry.isUnheard(at: at(2750), ownInterval: .default))
    #expect(!rivalry.isUnheard(at: at(5001), ownInterval: .default), "it is silent again")
  }

  @Test func `the longer of both intervals counts`() throws {
    let long = try #require(AdvertisementInterval("2s"))
    let own = rivalry([0, 1000, 2000, 3000, 4000, 5000])
    #expect(!own.isUnheard(at: at(5499), ownInterval: long))
    #expect(own.isUnheard(at: at(5500), ownInterval: long))
    let others = rivalry([0, 2000, 4000], long)
    #expect(!others.isUnheard(at: at(5499), ownInterval: .default))
    #expect(others.isUnheard(at: at(5500), ownInterval: .default))
  }

  @Test func `another machine begins from the start`() {
    var rivalry = rivalry([0, 1000, 2000])
    rivalry.heard(router(3), .default, at: at(2500))
    #expect(rivalry.rival == router(3))
    #expect(!rivalry.isUnheard(at: at(2750), ownInterval: .default))
  }

  @Test func `so does one that was silent for too long, but not one that lost advertisements`() {
    let silent = rivalry([0, 3001, 5000])
    #expect(!silent.isUnheard(at: at(5750), ownInterval: .default))
    #expect(silent.isUnheard(at: at(5751), ownInterval: .default))
    #expect(rivalry([0, 3000]).isUnheard(at: at(3000), ownInterval: .default))
  }

  @Test func `leaving the role begins from the start, and counts for twice its time`() {
    var rivalry = rivalry([0, 1000, 2000, 3000])
    #expect(!rivalry.isRetrying(at: at(3000)), "it was never left")
    let pause = rivalry.leave(at: at(3000))
    #expect(pause == .seconds(60))
    #expect(!rivalry.isUnheard(at: at(3000), ownInterval: .default))
    #expect(rivalry.isRetrying(at: at(123_000)) && !rivalry.isRetrying(at: at(123_001)))
  }
}
