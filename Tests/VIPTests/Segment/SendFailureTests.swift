import Testing
import VIPCore

@testable import VIP

/// When a failure to send is news.
@Suite struct SendFailureTests {
  @Test func `a failure is news once, and its end`() {
    var failure = SendFailure()
    func attempt(_ results: Int32...) -> SendFailure.News? {
      for result in results { failure.record(result) }
      return failure.conclude(at: Instant(nanoseconds: 0))
    }
    #expect(attempt(0) == nil)
    #expect(attempt(1) == .failed(errno: 1))
    #expect(attempt(1) == nil && failure.errorNumber == 1)
    #expect(attempt(100) == .failed(errno: 100), "for another reason")
    #expect(attempt() == nil, "nothing was sent")
    #expect(attempt(0) == .recovered && failure.errorNumber == 0)
    #expect(attempt(0, 105, 0) == .failed(errno: 105), "one of them is enough")
    #expect(attempt(105, 0) == nil)
    #expect(attempt(0, 0) == .recovered)
  }
}
