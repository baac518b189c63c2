import ARP
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Sockets that the kernel takes out of their multicast group.
@Suite struct MembershipTests {
  private static let refusal = NodeError(.system(errno: 105), "join: no buffer space available")
  private static let text =
    "eth0 is not in the multicast group of VRRP, so other machines are not heard: "
    + "join: no buffer space available; the node tries again every second"

  private let bench: Bench

  init() throws {
    bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
  }

  private var transport: FakeTransport {
    get throws { try #require(bench.platform.transport(.ipv4)) }
  }

  /// The kernel takes the socket out of its group, and reports the interface.
  private func leave() throws {
    try transport.isInGroup = false
    bench.platform.fake.setLink(FakePlatform.eth0)
    bench.settle()
  }

  /// What was told of it.
  private var told: [String] {
    bench.events.compactMap { event in
      switch event {
      case .warning(let problem) where problem.kind == .outsideGroup: "told"
      case .cleared(let problem, .over) where problem.kind == .outsideGroup: "over"
      default: nil
      }
    }
  }

  /// Another machine's advertisement reaches the interface and no more.
  private func see(_ source: String) throws {
    let source = try #require(IPAddress(source))
    let advertisement = Advertisement(
      vrid: try #require(VRID(exactly: 51)), priority: Priority(rawValue: 50),
      interval: .default, addressCount: 0, family: .ipv4, checksumForm: .pseudoHeader)
    let group = IPAddress.vrrpGroup(.ipv4)
    bench.hear(
      frame: AdvertisementFrame.encoded(
        advertisement.encoded([], from: source, to: group), from: source, to: group,
        at: MACAddress(2, 0, 0, 0, 0, 9)))
  }

  @Test func `a group that is joined again at once is nothing to tell of`() throws {
    try leave()
    #expect(try transport.isInGroup == true)
    bench.pass(.seconds(5))
    #expect(told.isEmpty && bench.warnings.isEmpty)
  }

  @Test func `a group that can't be joined is told, tried again and told to be over`() throws {
    try transport.joinFailure = Self.refusal
    try leave()
    #expect(told.isEmpty, "Linux may just be making a part of the interface again")
    bench.pass(.seconds(1))
    #expect(told == ["told"])
    #expect(bench.warnings == [Self.text])
    let before = try transport.renewalCount
    bench.pass(.seconds(10))
    #expect(try transport.renewalCount == before + 10, "once a second")
    #expect(told == ["told"])
    try transport.joinFailure = nil
    bench.pass(.seconds(1))
    #expect(told == ["told", "over"])
    #expect(bench.warnings.isEmpty)
    let after = try transport.renewalCount
    bench.pass(.seconds(10))
    #expect(try transport.renewalCount == after, "nothing is left to try")
  }

  @Test func `no firewall is accused of what is not in the group`() throws {
    try transport.joinFailure = Self.refusal
    try transport.isInGroup = false
    for _ in 0..<5 {
      try see("198.18.0.9")
      bench.pass(.seconds(1))
    }
    #expect(told == ["told"])
    #expect(bench.warnings == [Self.text])
  }

  @Test func `advertisements that are not delivered make it look at the group`() throws {
    try transport.isInGroup = false
    for _ in 0..<2 {
      try see("198.18.0.9")
      bench.pass(.seconds(1))
    }
    #expect(try transport.isInGroup == true)
    #expect(bench.warnings.isEmpty)
    for _ in 0..<2 {
      try see("198.18.0.9")
      bench.pass(.seconds(1))
    }
    #expect(bench.warnings.count == 1 && bench.warnings[0].contains("firewall"))
  }

  @Test func `what the process has not read in time is named`() throws {
    try see("198.18.0.9")
    bench.pass(.seconds(1))
    try transport.droppedCount = 7
    try see("198.18.0.9")
    #expect(
      bench.warnings == [
        "advertisements for VRID 51 from 198.18.0.9 (02:00:00:00:00:09) reach eth0 and are not "
          + "delivered: this process does not read them in time, and the kernel drops them; see "
          + "what keeps it from running"
      ])
  }

  @Test func `a router that does not take part is not told of`() throws {
    try transport.joinFailure = Self.refusal
    try leave()
    bench.pass(.seconds(2))
    let own = try #require(FakePlatform.ownV4)
    bench.platform.fake.remove(own, onInterface: 2)
    bench.settle()
    #expect(bench.state() == .initialize)
    #expect(told == ["told", "over"])
    #expect(!bench.warnings.contains(Self.text))
  }

  @Test func `a closed socket is not asked any more`() throws {
    try transport.joinFailure = Self.refusal
    try leave()
    bench.pass(.seconds(2))
    #expect(told == ["told"])
    bench.engine.remove("web")
    bench.pass(.seconds(10))
    #expect(!bench.engine.contains("web"))
    #expect(told == ["told", "over"])
    #expect(bench.engine.memberships.isEmpty)
  }
}
