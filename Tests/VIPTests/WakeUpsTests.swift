import Testing
import VIPCore

@testable import VIP

/// Late turns as a value: deadlines and clocks in, figures out.
@Suite struct WakeUpsTests {
  private func at(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  private func served(_ wakeUps: WakeUps) -> UInt64 { wakeUps.status(at: .zero).served }

  @Test func `a deadline counts when it has come since the last turn`() {
    var wakeUps = WakeUps(at: at(100))
    wakeUps.beginTurn(at: at(110), due: nil)
    wakeUps.beginTurn(at: at(120), due: at(121))
    #expect(served(wakeUps) == 0, "there was none, or it is still to come")
    wakeUps.beginTurn(at: at(121), due: at(121))
    #expect(served(wakeUps) == 1, "now is in time")
    wakeUps.beginTurn(at: at(130), due: at(122))
    #expect(served(wakeUps) == 2)
    #expect(wakeUps.status(at: at(130)).max == .milliseconds(8))
  }

  @Test func `what was due before the last turn has been put off on purpose`() {
    var wakeUps = WakeUps(at: at(100))
    wakeUps.beginTurn(at: at(110), due: at(100))
    wakeUps.beginTurn(at: at(500), due: at(110))
    wakeUps.beginTurn(at: at(600), due: at(110))
    #expect(served(wakeUps) == 0)
    // A turn that serves nothing is the last one too.
    wakeUps.beginTurn(at: at(700), due: nil)
    wakeUps.beginTurn(at: at(800), due: at(650))
    #expect(served(wakeUps) == 0)
  }

  @Test func `late is what comes more than ten milliseconds after its deadline`() {
    var wakeUps = WakeUps(at: .zero)
    wakeUps.note(due: at(1), at: at(11))
    #expect(wakeUps.status(at: at(11)).late == 0)
    wakeUps.note(due: at(20), at: at(30).advanced(byNanoseconds: 1))
    wakeUps.note(due: at(40), at: at(45))
    let status = wakeUps.status(at: at(45))
    #expect(status.served == 3 && status.late == 1)
    #expect(status.sum == .milliseconds(25) + .nanoseconds(1))
    #expect(status.max == .milliseconds(10) + .nanoseconds(1))
    #expect(status.recentMax == status.max)
    // What is on time now does not undo what was late before.
    #expect(status.histogram.map(\.count) == [0, 0, 1, 2, 3, 3, 3, 3])
  }

  @Test func `the status of a moment changes nothing`() {
    var wakeUps = WakeUps(at: .zero)
    wakeUps.note(due: at(1000), at: at(2000))
    #expect(wakeUps.status(at: at(500_000)).recentMax == .zero)
    #expect(wakeUps.status(at: at(3000)).recentMax == .seconds(1))
  }
}
