import Testing
import VIPCore
import VRRP

@testable import VIP

/// What is wrong with a segment by itself: told once, and once more when it is over.
@Suite struct TroublesTests {
  private static let a = IPAddress.v4(IPv4Address(198, 18, 0, 2))
  private static let b = IPAddress.v4(IPv4Address(198, 18, 0, 3))

  private func at(_ seconds: Int) -> Instant { Instant(nanoseconds: 1) + .seconds(seconds) }

  private func over(
    _ troubles: inout Troubles, at seconds: Int, _ memory: Duration = .zero
  ) -> [String] {
    troubles.review(at: at(seconds), memory: memory).map(\.text)
  }

  @Test func `each kind is told once, and its sentence is made once`() {
    var troubles = Troubles()
    var count = 0
    func note(_ kind: Troubles.Kind, _ source: IPAddress, at seconds: Int) -> String? {
      troubles.note(kind, from: source, at: at(seconds)) {
        count += 1
        return "\(source) \(count)"
      }
    }
    #expect(troubles.deadline == nil)
    #expect(note(.finding(.intervalDiffers), Self.a, at: 0) == "198.18.0.2 1")
    #expect(note(.finding(.intervalDiffers), Self.a, at: 1) == nil)
    #expect(note(.finding(.intervalDiffers), Self.b, at: 2) == nil, "of the same kind")
    #expect(note(.finding(.versionDiffers), Self.b, at: 2) == "198.18.0.3 2")
    #expect(note(.unusable, Self.a, at: 3) == "198.18.0.2 3")
    #expect(note(.unlistedPeer, Self.a, at: 3) == "198.18.0.2 4")
    #expect(troubles.texts.count == 4 && count == 4)
    #expect(troubles.deadline == at(10))
  }

  @Test func `it is over when it was not seen for as long as it is remembered`() {
    var troubles = Troubles()
    _ = troubles.note(.unusable, from: Self.a, at: at(0)) { "a" }
    _ = troubles.note(.unlistedPeer, from: Self.b, at: at(5)) { "b" }
    #expect(over(&troubles, at: 9, .zero) == [])
    #expect(over(&troubles, at: 10, .zero) == ["a"])
    #expect(troubles.deadline == at(15) && troubles.texts == ["b"])
    #expect(over(&troubles, at: 15, .zero) == ["b"])
    #expect(troubles.deadline == nil && troubles.texts.isEmpty)
  }

  @Test func `it lasts for as long as the machine that showed it goes on`() {
    var troubles = Troubles()
    _ = troubles.note(.unusable, from: Self.a, at: at(0)) { "a" }
    _ = troubles.note(.unusable, from: Self.a, at: at(8)) { "" }
    _ = troubles.note(.unusable, from: Self.b, at: at(17)) { "" }
    #expect(over(&troubles, at: 10, .zero) == [])
    #expect(troubles.deadline == at(18))
    #expect(over(&troubles, at: 18, .zero) == ["a"], "another machine does not count")
  }

  @Test func `a long interval is remembered for longer`() {
    var troubles = Troubles()
    _ = troubles.note(.unusable, from: Self.a, at: at(0)) { "a" }
    #expect(over(&troubles, at: 10, .seconds(120)) == [])
    #expect(troubles.deadline == at(120))
    #expect(over(&troubles, at: 120, .seconds(120)) == ["a"])
  }

  @Test func `the interval of the machine that shows it counts too`() {
    var troubles = Troubles()
    _ = troubles.note(
      .finding(.versionDiffers), from: Self.a, every: .seconds(60), at: at(0)
    ) { "a" }
    _ = troubles.note(.unusable, from: Self.b, at: at(0)) { "b" }
    #expect(over(&troubles, at: 10) == ["b"])
    #expect(over(&troubles, at: 239) == [])
    #expect(over(&troubles, at: 240) == ["a"])
  }

  @Test func `it is mended only if its machine was heard without it`() {
    var troubles = Troubles()
    for finding in [Findings.intervalDiffers, .addressListDiffers] {
      _ = troubles.note(.finding(finding), from: Self.a, at: at(0)) { "\(finding)" }
    }
    troubles.heard(Self.a, showing: [.intervalDiffers, .addressListDiffers])
    troubles.heard(Self.b, showing: [])
    troubles.heard(Self.a, showing: .versionDiffers)
    troubles.heard(Self.a, showing: .intervalDiffers)
    #expect(over(&troubles, at: 20).count == 2)
    #expect(troubles.wasMended(.addressListDiffers))
    #expect(!troubles.wasMended(.intervalDiffers), "it may go on")
    _ = troubles.note(.finding(.addressListDiffers), from: Self.a, at: at(30)) { "again" }
    #expect(!troubles.wasMended(.addressListDiffers))
  }

  @Test func `words that are not true any more are told again, but not all the time`() {
    var troubles = Troubles()
    func note(_ signature: Int, at seconds: Int) -> String? {
      troubles.note(
        .finding(.addressListDiffers), from: Self.a, signature: signature, at: at(seconds)
      ) { "list \(signature)" }
    }
    #expect(note(1, at: 0) == "list 1")
    #expect(note(1, at: 11) == nil)
    #expect(note(2, at: 12) == "list 2")
    #expect(troubles.texts == ["list 2"])
    #expect(note(3, at: 13) == nil, "within ten seconds")
    #expect(note(3, at: 22) == "list 3")
  }

  @Test func `addresses that differ are due when they have differed for three intervals`() {
    var troubles = Troubles()
    func due(_ findings: Findings, _ source: IPAddress = Self.a, at milliseconds: Int) -> Findings {
      let now = at(0) + .milliseconds(milliseconds)
      defer { troubles.heard(source, showing: findings) }
      return troubles.due(findings, from: source, interval: .seconds(1), at: now)
    }
    #expect(due([.foreignGroup, .twoActives, .intervalDiffers], at: 0) == .intervalDiffers)
    #expect(due([.addressListDiffers, .twoActives], Self.b, at: 3000) == .twoActives)
    #expect(due([], Self.b, at: 3050) == [], "the first one goes on")
    #expect(due(.foreignGroup, at: 3099) == [])
    #expect(due([.foreignGroup, .twoActives], at: 3100) == [.foreignGroup, .twoActives])
    #expect(due([], at: 4000) == [], "it has ceased")
    #expect(due(.addressListDiffers, at: 5000) == [])
    #expect(due(.addressListDiffers, at: 14_999) == .addressListDiffers)
    #expect(due(.addressListDiffers, at: 24_999) == [], "it had not been shown for long")
    _ = troubles.note(.finding(.addressListDiffers), from: Self.a, at: at(25)) { "told" }
    #expect(due(.foreignGroup, at: 40_000) == .foreignGroup, "it has been told")
    #expect(due(.foreignGroup, Self.b, at: 60_000) == [])
  }

  @Test func `what is forgotten is not told as over`() {
    var troubles = Troubles()
    _ = troubles.note(.unusable, from: Self.a, at: at(0)) { "a" }
    troubles.clear()
    #expect(troubles.deadline == nil && troubles.texts.isEmpty)
    #expect(over(&troubles, at: 100, .zero) == [])
    #expect(troubles.note(.unusable, from: Self.a, at: at(101)) { "b" } == "b")
  }
}
