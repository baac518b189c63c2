import Testing
import VIPCore

@testable import VIP

/// The part of a group in a member's election.
@Suite struct GroupJoiningTests {
  private let due = Instant(nanoseconds: 5_000_000_000)

  @Test func `a member waits without a timer of its own, is told of once, and then always`() {
    var joining = GroupJoining()
    #expect(joining.deadline(due, otherwise: due) == due)
    let hasWaited = joining.wait(due, interval: .seconds(1), at: due)
    #expect(!hasWaited)
    #expect(joining.isWaiting(due))
    let review = due + .seconds(3)
    #expect(joining.deadline(due, otherwise: due) == review)
    let hasWaited2 = joining.wait(due, interval: .seconds(1), at: due + .seconds(1))
    #expect(!hasWaited2)
    let hasWaited3 = joining.wait(due, interval: .seconds(1), at: review)
    #expect(hasWaited3)
    #expect(joining.deadline(due, otherwise: due) == nil)
  }

  @Test func `an advertisement, which sets another deadline, ends the waiting`() {
    var joining = GroupJoining()
    _ = joining.wait(due, interval: .seconds(1), at: due)
    let next = due + .seconds(3)
    #expect(!joining.isWaiting(next))
    #expect(joining.deadline(next, otherwise: next) == next)
  }

  @Test func `a tie is left to the first for two intervals, each time again`() {
    var joining = GroupJoining()
    func meets(_ seconds: Int64) -> Bool {
      joining.meetsEqual(interval: .seconds(1), at: due + .seconds(seconds))
    }
    #expect(meets(0) && meets(1))
    #expect(!meets(2) && !meets(3))
    #expect(meets(7), "another tie")
  }
}
