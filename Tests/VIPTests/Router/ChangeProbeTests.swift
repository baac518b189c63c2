import ARP
import Testing
import VIPCore

@testable import VIP

/// The probing for the addresses of a change as a value, without an engine.
@Suite struct ChangeProbeTests {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let new = IPAddress.v4(IPv4Address(198, 18, 0, 101))
  private static let active = IPAddress.v4(IPv4Address(198, 18, 0, 2))
  private static let activeMAC = MACAddress(2, 0, 0, 0, 0, 2)
  private static let strangerMAC = MACAddress(2, 0, 0, 0, 0, 9)
  private static let groupMAC = MACAddress(0, 0, 0x5E, 0, 1, 51)

  private func probe(members: [IPAddress] = [active], listsAreFull: Bool = false) -> ChangeProbe {
    ChangeProbe(
      router: "web", interfaceIndex: 2, addresses: [Self.new], members: members,
      groupMAC: Self.groupMAC, listsAreFull: listsAreFull, interval: .seconds(1),
      patience: .seconds(5), at: Self.start)
  }

  /// Lets time pass, and machines answer each probe.
  private func pass(
    _ probe: inout ChangeProbe, until end: Duration, _ answers: [IPAddress: MACAddress]
  ) -> Int {
    var sent = 0
    while let deadline = probe.deadline, deadline <= Self.start + end {
      for address in probe.takeDue(by: deadline) {
        sent += 1
        guard let mac = answers[address] else { continue }
        probe.heard(AddressClaim(address: address, mac: mac, form: .reply))
      }
    }
    return sent
  }

  @Test func `three probes of the address and of the Active's own, and no answer: free`() {
    var probe = probe()
    #expect(pass(&probe, until: .seconds(1), [:]) == 6)
    #expect(probe.verdict == .free && probe.deadline == nil)
  }

  @Test func `a machine that is not the Active is refused as soon as the answers are in`() {
    var probe = probe()
    _ = pass(
      &probe, until: .milliseconds(400),
      [Self.new: Self.strangerMAC, Self.active: Self.activeMAC])
    #expect(probe.verdict == .taken(by: .init(address: Self.new, mac: Self.strangerMAC)))
    // Where no machine of the group is known, every answer is a stranger's.
    probe = self.probe(members: [])
    _ = pass(&probe, until: .milliseconds(400), [Self.new: Self.strangerMAC])
    #expect(probe.verdict == .taken(by: .init(address: Self.new, mac: Self.strangerMAC)))
  }

  @Test func `what the group lists after the question is the group's`() {
    var probe = probe()
    let answers = [Self.new: Self.strangerMAC, Self.active: Self.activeMAC]
    _ = pass(&probe, until: .milliseconds(300), answers)
    probe.heardGroup(listing: [Self.new], at: Self.start + .milliseconds(300))
    _ = pass(&probe, until: .milliseconds(400), answers)
    #expect(probe.verdict == .free)
  }

  @Test(arguments: [activeMAC, groupMAC])
  func `the answer of a machine of the group accuses nothing before it has advertised`(
    mac: MACAddress
  ) {
    var probe = probe()
    let answers = [Self.new: mac, Self.active: Self.activeMAC]
    _ = pass(&probe, until: .milliseconds(700), answers)
    #expect(probe.verdict == .open)
    probe.heardGroup(listing: [Self.new], at: Self.start + .milliseconds(700))
    #expect(probe.verdict == .free)
  }

  @Test func `nor does that of one that can't be told from the Active`() {
    var probe = probe()
    _ = pass(&probe, until: .milliseconds(700), [Self.new: Self.strangerMAC])
    #expect(probe.verdict == .open)
    _ = pass(&probe, until: .seconds(10), [:])
    #expect(probe.verdict == .free, "it was asked again, and no machine has answered")
  }

  @Test func `a machine of the group that goes on answering for what it does not list is refused`()
  {
    var probe = probe()
    let answers = [Self.new: Self.activeMAC, Self.active: Self.activeMAC]
    for second in 1...4 {
      _ = pass(&probe, until: .seconds(second), answers)
      probe.heardGroup(listing: [], at: Self.start + .seconds(second))
      #expect(probe.verdict == .open)
    }
    _ = pass(&probe, until: .seconds(7), answers)
    #expect(probe.verdict == .taken(by: .init(address: Self.new, mac: Self.activeMAC)))
  }

  @Test func `where lists are full, what a machine of the group has is the group's`() {
    var probe = probe(listsAreFull: true)
    _ = pass(
      &probe, until: .milliseconds(400), [Self.new: Self.activeMAC, Self.active: Self.activeMAC])
    #expect(probe.verdict == .free)
    probe = self.probe(listsAreFull: true)
    _ = pass(
      &probe, until: .milliseconds(400),
      [Self.new: Self.strangerMAC, Self.active: Self.activeMAC])
    #expect(probe.verdict == .taken(by: .init(address: Self.new, mac: Self.strangerMAC)))
  }

  @Test func `another machine's probe is no answer`() {
    var probe = probe(members: [])
    probe.heard(AddressClaim(address: Self.new, mac: Self.strangerMAC, form: .probe))
    _ = pass(&probe, until: .milliseconds(400), [:])
    #expect(probe.verdict == .free)
  }
}
