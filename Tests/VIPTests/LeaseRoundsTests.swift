import Testing

@testable import VIP

/// Which rounds of refreshing are those of all addresses.
@Suite struct LeaseRoundsTests {
  @Test func `each third round refreshes all, the first two do not`() {
    var rounds = LeaseRounds()
    let all = (0..<9).map { _ in rounds.begin() }
    #expect(LeasePolicy.ipv6Factor == 3)
    #expect(all == [false, false, true, false, false, true, false, false, true])
  }
}
