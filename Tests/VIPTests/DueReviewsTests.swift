import Testing

@testable import VIP

/// The comparisons that are due after a change, by themselves.
@Suite struct DueReviewsTests {
  @Test func `nothing is due before something has happened`() {
    var reviews = DueReviews()
    let (safeguard, host) = (reviews.takeSafeguard(), reviews.takeHostAddresses())
    #expect(!safeguard && !host)
  }

  @Test func `each is due once for all that has happened, whatever becomes of the other`() {
    var reviews = DueReviews()
    reviews.noteChange()
    reviews.noteChange()
    let safeguard = [reviews.takeSafeguard(), reviews.takeSafeguard()]
    #expect(safeguard == [true, false])
    reviews.noteChange()
    let host = [reviews.takeHostAddresses(), reviews.takeHostAddresses()]
    #expect(host == [true, false])
    let late = reviews.takeSafeguard()
    #expect(late)
  }
}
