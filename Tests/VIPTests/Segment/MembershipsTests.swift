import Testing
import VIPCore

@testable import VIP

/// Refused memberships by themselves: attempts and time in, what to try again and to tell out.
@Suite struct MembershipsTests {
  private static let start = Instant(nanoseconds: 1_000_000_000_000)
  private static let first = SegmentKey(interfaceIndex: 2, family: .ipv4)
  private static let second = SegmentKey(interfaceIndex: 3, family: .ipv6)

  private func at(_ milliseconds: Int) -> Instant { Self.start + .milliseconds(milliseconds) }

  @Test func `a refusal is tried again a second after the last attempt, each by itself`() {
    var memberships = Memberships()
    #expect(memberships.isEmpty && memberships.deadline == nil)
    memberships.refused(Self.first, "no buffer", at: at(0))
    memberships.refused(Self.second, "no memory", at: at(400))
    #expect(!memberships.isEmpty && memberships.deadline == at(1000))
    #expect(memberships.due(by: at(999)).isEmpty)
    #expect(memberships.due(by: at(1000)) == [Self.first])
    memberships.refused(Self.first, "no buffer", at: at(1000))
    #expect(memberships.deadline == at(1400))
    #expect(memberships.due(by: at(1400)) == [Self.second])
    #expect(Set(memberships.due(by: at(2000))) == [Self.first, Self.second])
  }

  @Test func `a failure is told once it has lasted a second, in its newest words`() {
    var memberships = Memberships()
    memberships.refused(Self.first, "no buffer", at: at(0))
    #expect(memberships.failure(Self.first) == "no buffer")
    #expect(memberships.lastingFailure(Self.first, at: at(999)) == nil)
    #expect(memberships.lastingFailure(Self.first, at: at(1000)) == "no buffer")
    memberships.refused(Self.first, "no memory", at: at(1000))
    #expect(memberships.failure(Self.first) == "no memory")
    #expect(memberships.lastingFailure(Self.first, at: at(1001)) == "no memory")
    #expect(memberships.lastingFailure(Self.second, at: at(1001)) == nil)
  }

  @Test func `what has worked is forgotten, and begins again if it fails again`() {
    var memberships = Memberships()
    memberships.refused(Self.first, "no buffer", at: at(0))
    memberships.forget(Self.first)
    #expect(memberships.isEmpty && memberships.failure(Self.first) == nil)
    #expect(memberships.deadline == nil && memberships.due(by: at(5000)).isEmpty)
    memberships.refused(Self.first, "no buffer", at: at(5000))
    #expect(memberships.lastingFailure(Self.first, at: at(5999)) == nil)
  }
}
