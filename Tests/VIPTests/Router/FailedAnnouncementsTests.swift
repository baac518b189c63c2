import Testing

@testable import VIP

/// When a router whose addresses could not be announced is well again.
@Suite struct FailedAnnouncementsTests {
  @Test func `the same refusal is news once`() {
    var failures = FailedAnnouncements()
    let isNews = [
      failures.refused(of: 1, because: "full"), failures.refused(of: 1, because: "full"),
      failures.refused(of: 1, because: "down"), failures.refused(of: 2, because: "down"),
    ]
    #expect(isNews == [true, false, true, true])
    #expect(failures[1] == "down" && failures[3] == nil)
  }

  @Test func `a turn with a refusal ends nothing, whatever else was sent in it`() {
    for order in [[true, false], [false, true]] {
      var failures = FailedAnnouncements()
      _ = failures.refused(of: 1, because: "full")
      failures.turnEnded()
      for isSent in order {
        if isSent { failures.sent(of: 1) } else { _ = failures.refused(of: 1, because: "full") }
      }
      failures.turnEnded()
      #expect(failures[1] == "full")
      failures.turnEnded()
      #expect(failures[1] == "full", "a turn without a try says nothing")
      failures.sent(of: 1)
      #expect(failures[1] == "full", "the turn is not over")
      failures.turnEnded()
      #expect(failures[1] == nil)
    }
  }

  @Test func `another router's success does not count, and one that lets go has no failure`() {
    var failures = FailedAnnouncements()
    _ = failures.refused(of: 1, because: "full")
    failures.turnEnded()
    failures.sent(of: 2)
    failures.turnEnded()
    #expect(failures[1] == "full")
    failures.forget(1)
    #expect(failures[1] == nil)
  }
}
