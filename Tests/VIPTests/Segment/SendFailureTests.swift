import Testing
import VIPCore

@testable import VIP

/// What is known of a router's attempts to send.
@Suite struct SendFailureTests {
  @Test
  func `one message that fails is told, and all that fail are counted from the first attempt`() {
    var failure = SendFailure()
    func attempt(_ results: Int32..., at seconds: UInt64 = 0) -> (Int32, UInt64?) {
      for result in results {
        failure.add()
        if result != 0 { failure.fail(result) }
      }
      failure.conclude(at: Instant(nanoseconds: seconds))
      return (failure.errorNumber, failure.failingSince?.nanoseconds)
    }
    #expect(attempt(0) == (0, nil))
    #expect(attempt(1, at: 5) == (1, 5))
    #expect(attempt(100, 1, at: 7) == (100, 5), "for another reason")
    #expect(attempt(at: 8) == (100, 5), "nothing was sent")
    #expect(attempt(0, 105, 0) == (105, nil), "one of them is told, and the others got out")
    #expect(attempt(105, at: 9) == (105, 9))
    #expect(attempt(0, 0) == (0, nil))
  }
}
