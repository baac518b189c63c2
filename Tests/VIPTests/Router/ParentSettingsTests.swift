import Netlink
import Testing

@testable import VIP

/// The ARP settings below macvlans as a value, without an engine.
@Suite struct ParentSettingsTests {
  private static let present: [IPv4Setting: Int32] = [
    .arpIgnore: 0, .arpAnnounce: 2, .forwarding: 1,
  ]
  private static let suppressed: [IPv4Setting: Int32] = [
    .arpIgnore: 1, .arpAnnounce: 2, .forwarding: 1,
  ]

  private func suppressed(by slots: Int...) -> ParentSettings {
    var settings = ParentSettings()
    for slot in slots {
      _ = settings.suppressARP(on: 2, for: slot) { Self.present }
    }
    return settings
  }

  @Test func `the first router changes what does not suffice, further ones nothing`() {
    var settings = ParentSettings()
    let first = settings.suppressARP(on: 2, for: 7) { Self.present }
    #expect(first == [.setIPv4([.arpIgnore: 1], index: 2)])
    var hasAsked = false
    let second = settings.suppressARP(on: 2, for: 8) {
      hasAsked = true
      return Self.suppressed
    }
    #expect(second.isEmpty && !hasAsked)
    #expect(settings.saved(on: 2) == [.arpIgnore: 0] && settings.areChanged(on: 2))
    #expect(settings.saved(on: 2, for: 8) == [.arpIgnore: 0])
    #expect(settings.saved(on: 2, for: 9) == [:] && settings.saved(on: 3) == [:])
  }

  @Test func `the last router puts back what was there`() {
    var settings = suppressed(by: 7, 8)
    let first = settings.release(2, for: 7) { Self.suppressed }
    #expect(first == [] && settings.areChanged(on: 2))
    #expect(settings.release(2, for: 7) { Self.suppressed } == nil, "released already")
    let last = settings.release(2, for: 8) { Self.suppressed }
    #expect(last == [.setIPv4([.arpIgnore: 0], index: 2)] && !settings.areChanged(on: 2))
    #expect(settings.release(2, for: 8) { Self.suppressed } == nil)
  }

  @Test func `what another program has changed meanwhile stays`() {
    var settings = suppressed(by: 7)
    let requests = settings.release(2, for: 7) { [.arpIgnore: 2, .arpAnnounce: 2] }
    #expect(requests == [])
    settings = suppressed(by: 7)
    #expect(settings.release(2, for: 7) { nil } == [], "an interface that is gone")
  }

  @Test func `what was put back too early is changed again, and what was there is noted`() {
    var settings = suppressed(by: 8, 7)
    #expect(settings.review(2, present: Self.suppressed) == nil)
    let known = settings.review(2, present: Self.present)
    #expect(known?.request == .setIPv4([.arpIgnore: 1], index: 2) && known?.noting == [])
    let unknown = settings.review(2, present: [.arpIgnore: 1, .arpAnnounce: 1])
    #expect(unknown?.request == .setIPv4([.arpAnnounce: 2], index: 2))
    #expect(unknown?.noting == [7, 8])
    #expect(settings.saved(on: 2) == [.arpIgnore: 0, .arpAnnounce: 1])
    #expect(settings.review(3, present: Self.present) == nil)
  }

  @Test func `what a dead node has changed is put back with the rest, or at once`() {
    var settings = suppressed(by: 7)
    let isNeeded = settings.inherit([.arpIgnore: 5, .arpAnnounce: 0], on: 2)
    #expect(isNeeded)
    #expect(
      settings.saved(on: 2) == [.arpIgnore: 0, .arpAnnounce: 0], "what is known already wins")
    let isElsewhere = settings.inherit([.arpIgnore: 0], on: 3)
    #expect(!isElsewhere && !settings.areChanged(on: 3))
  }
}
