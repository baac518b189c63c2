import Testing
import VIPCore

@testable import VIP

/// The measuring of takeovers by itself.
@Suite struct TakeoversTests {
  private func at(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  @Test func `it lasts from when it was due to the last announcement`() {
    var takeovers = Takeovers()
    takeovers.begin(due: at(100), addressCount: 3)
    #expect(takeovers.isUnderWay && takeovers.status.pendingAddresses == 3)
    for _ in 0..<2 {
      let isOver = takeovers.announced(at: at(110))
      #expect(!isOver)
    }
    #expect(takeovers.status.pendingAddresses == 1 && takeovers.status.count == 0)
    let isOver = takeovers.announced(at: at(120))
    #expect(isOver && !takeovers.isUnderWay)
    #expect(takeovers.status.last == .milliseconds(20) && takeovers.status.pendingAddresses == 0)
    takeovers.begin(due: at(200), addressCount: 1)
    _ = takeovers.announced(at: at(210))
    let status = takeovers.status
    #expect(
      status.count == 2 && status.last == .milliseconds(10) && status.max == .milliseconds(20))
    #expect(abs(status.sumSeconds - 0.03) < 1e-9)
  }

  @Test func `one that is cut short does not count`() {
    var takeovers = Takeovers()
    takeovers.begin(due: at(0), addressCount: 2)
    takeovers.abandon()
    let isOver = takeovers.announced(at: at(1))
    #expect(!isOver && takeovers.status == TakeoverStatus())
  }

  @Test func `a list that shrinks may end it`() {
    var takeovers = Takeovers()
    takeovers.begin(due: at(0), addressCount: 5)
    let isOverWithTwo = takeovers.setPending(2, at: at(1))
    #expect(!isOverWithTwo && takeovers.status.pendingAddresses == 2)
    let isOver = takeovers.setPending(0, at: at(5))
    #expect(isOver && takeovers.status.last == .milliseconds(5))
    let isOverAgain = takeovers.setPending(0, at: at(6))
    #expect(!isOverAgain && takeovers.status.count == 1)
  }
}
