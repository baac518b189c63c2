import ARP
import Testing
import VIPCore

@testable import VIP

/// What is listened to, by itself: interest, frames and the kernel's answers in, deeds out.
@Suite struct ListeningTests {
  private static let some = FrameFilter.uses(of: [.v4(IPv4Address(198, 18, 0, 1))])
  private static let full = Listening.framesPerTurn

  private func at(_ milliseconds: Int) -> Instant { Instant.zero + .milliseconds(milliseconds) }

  private func listening(to filter: FrameFilter = some) -> Listening {
    var listening = Listening()
    _ = listening.filterWasSet(filter)
    return listening
  }

  @Test func `a filter is set only if it is another, and the descriptor watched with the first`() {
    var listening = Listening()
    #expect(!listening.isStale && !listening.isListening && listening.deadline == nil)
    listening.interestChanged()
    #expect(listening.isStale)
    #expect(listening.filter(for: .nothing) == nil)
    #expect(!listening.isStale)
    listening.interestChanged()
    #expect(listening.filter(for: Self.some) == Self.some)
    #expect(!listening.isListening, "it is not in force yet")
    #expect(listening.filterWasSet(Self.some) == .watch)
    #expect(listening.isListening)
    #expect(listening.filter(for: Self.some) == nil)
    #expect(listening.filter(for: .announcements()) == .announcements())
    #expect(listening.filterWasSet(.announcements()) == nil, "it is watched already")
    #expect(listening.filterWasSet(.nothing) == .unwatch)
    #expect(!listening.isListening)
  }

  @Test func `a filter that was refused is tried again a second later`() {
    var listening = listening()
    #expect(listening.filter(for: .announcements()) == .announcements())
    listening.filterWasRefused(at: at(0))
    #expect(listening.isListening && listening.deadline == at(1000))
    #expect(listening.resume(at: at(999)) == nil)
    #expect(!listening.isStale)
    #expect(listening.resume(at: at(1000)) == nil)
    #expect(listening.isStale && listening.deadline == nil)
    #expect(listening.filter(for: .announcements()) == .announcements())
    #expect(listening.filterWasSet(.announcements()) == nil)
    #expect(listening.deadline == nil)
  }

  @Test func `a flood is read at intervals, and an end of it is noticed`() {
    var listening = listening()
    for _ in 0..<Listening.fullTurnsMax {
      #expect(listening.drained(Self.full, at: at(0)) == nil)
    }
    #expect(listening.drained(Self.full, at: at(0)) == .unwatch)
    #expect(listening.deadline == at(10))
    #expect(listening.resume(at: at(9)) == nil)
    #expect(listening.resume(at: at(10)) == .watch)
    #expect(listening.deadline == nil)
    #expect(listening.drained(Self.full, at: at(11)) == .unwatch, "still full")
    #expect(listening.resume(at: at(21)) == .watch)
    #expect(listening.drained(3, at: at(22)) == nil)
    #expect(listening.drained(Self.full, at: at(23)) == nil, "the flood is over")
  }

  @Test func `what can't be read is left alone for a moment at once`() {
    var listening = listening()
    #expect(listening.drained(nil, at: at(0)) == .unwatch)
    #expect(listening.resume(at: at(10)) == .watch)
  }

  @Test func `what is no longer of interest does not come back after a pause`() {
    var listening = listening()
    #expect(listening.drained(nil, at: at(0)) == .unwatch)
    #expect(listening.filterWasSet(.nothing) == nil)
    #expect(listening.resume(at: at(10)) == nil)
    // Nor is something new watched before the pause is over.
    #expect(listening.filterWasSet(Self.some) == .watch)
    #expect(listening.drained(nil, at: at(20)) == .unwatch)
    #expect(listening.filterWasSet(.announcements()) == nil)
    #expect(listening.resume(at: at(30)) == .watch)
  }

  @Test func `closing ends the watching, if there is any`() {
    var closed = listening()
    #expect(closed.close() == .unwatch && closed.close() == nil)
    var paused = listening()
    _ = paused.drained(nil, at: at(0))
    #expect(paused.close() == nil)
  }
}
