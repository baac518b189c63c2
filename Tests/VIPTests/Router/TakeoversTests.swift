import Testing
import VIPCore

@testable import VIP

/// The measuring of takeovers by itself.
@Suite struct TakeoversTests {
  private func at(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  @Test func `it lasts from when it was due to the last announcement`() {
    var takeovers = Takeovers()
    takeovers.begin(due: at(100))
    for pending in [2, 1] {
      let isOver = takeovers.setPending(pending, at: at(110))
      #expect(!isOver && takeovers.isUnderWay)
    }
    #expect(takeovers.status(pendingAddresses: 1).count == 0)
    let isOver = takeovers.setPending(0, at: at(120))
    #expect(isOver && !takeovers.isUnderWay)
    #expect(takeovers.status(pendingAddresses: 0).last == .milliseconds(20))
    takeovers.begin(due: at(200))
    takeovers.setPending(0, at: at(210))
    let status = takeovers.status(pendingAddresses: 0)
    #expect(
      status.count == 2 && status.last == .milliseconds(10) && status.max == .milliseconds(20))
    #expect(status.sum == .milliseconds(30))
    let isOverAgain = takeovers.setPending(0, at: at(220))
    #expect(!isOverAgain && takeovers.status(pendingAddresses: 0).count == 2)
  }

  @Test func `one that is cut short does not count`() {
    var takeovers = Takeovers()
    takeovers.begin(due: at(0))
    takeovers.abandon()
    let isOver = takeovers.setPending(0, at: at(1))
    #expect(!isOver && takeovers.status(pendingAddresses: 0) == RouterStatus.Takeovers())
  }
}
