import ARP
import Netlink
import Testing
@testable import VIP
import VIPCore
import VIPTesting
import VRRP

/// Before the first use the segment is probed for the addresses.
@Suite struct ProbeTests {
  private static let stranger = MACAddress(2, 0, 0, 0, 0, 0x66)
  /// The beginning of the reason for which the stranger's address is refused.
  private static let refusal =
    "198.18.0.100 is used by the machine with Ethernet address \(stranger)"

  private func answer(_ address: String = "198.18.0.100") throws -> AddressClaim {
    AddressClaim(address: try #require(IPAddress(address)), mac: Self.stranger, form: .reply)
  }

  /// Lets a stranger answer for a time.
  private func pass(_ bench: Bench, _ seconds: Int) throws {
    for _ in 0..<seconds * 10 {
      bench.pass(.milliseconds(100))
      try bench.hear(answer())
    }
  }

  private func probes(_ bench: Bench) -> [AddressClaim] {
    bench.platform.wire.claims.filter { $0.form == .probe }
  }

  @Test func `three probes of each address in 400 ms, and nothing is late`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"], probes: true))
    #expect(bench.engine.obstacle(to: "web") == "probing the segment for its addresses")
    #expect(bench.engine.isProbing("web"))
    bench.pass(.milliseconds(399))
    #expect(bench.engine.isProbing("web"))
    bench.pass(.milliseconds(1))
    #expect(!bench.engine.isProbing("web"))
    #expect(bench.engine.obstacle(to: "web") == nil)
    for address in ["198.18.0.100", "2001:db8::100"] {
      #expect(probes(bench).filter { $0.address == IPAddress(address) }.count == 3)
    }
    #expect(bench.platform.wire.filter == .nothing)
    bench.pass(.milliseconds(3220))
    #expect(bench.state() == .active, "the same 3.61 s as without probing")
    #expect(probes(bench).count == 6)
  }

  @Test func `a router with a short interval takes over once the answers are in`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(interval: #require(AdvertisementInterval("10ms")), probes: true))
    bench.pass(.milliseconds(395))
    #expect(bench.state() == .backup)
    bench.pass(.milliseconds(10))
    #expect(bench.state() == .active)
  }

  @Test func `a router whose group is known to be vacant takes over with the last answer`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(interval: #require(AdvertisementInterval("250ms")), probes: true))
    bench.engine.assumeVacancy(of: "web")
    bench.pass(.milliseconds(395))
    #expect(bench.state() == .backup)
    bench.pass(.milliseconds(10))
    #expect(bench.state() == .active)
    #expect(probes(bench).count == 3)
  }

  @Test func `a group that is not vacant is found out by its Active`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(interval: #require(AdvertisementInterval("250ms")), probes: true))
    bench.engine.assumeVacancy(of: "web")
    bench.pass(.milliseconds(250))
    try bench.hear(200, from: "198.18.0.2")
    bench.pass(.milliseconds(600))
    #expect(bench.state() == .backup)
  }

  @Test func `a router that is handed the addresses while it probes takes them at once`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(interval: #require(AdvertisementInterval("10ms")), probes: true))
    bench.pass(.milliseconds(5))
    #expect(bench.engine.isProbing("web"))
    try bench.hear(0, from: "198.18.0.2")
    #expect(!bench.engine.isProbing("web"), "the addresses are the group's")
    // The farewell names an interval of a second: Skew_Time is 0.61 s of it at the most.
    bench.pass(.milliseconds(20))
    #expect(bench.state() == .active)
  }

  @Test func `an address that a stranger answers for is refused with its MAC`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    try pass(bench, 4)
    #expect(bench.engine.isProbing("web"), "it may be the group's Active, or have been")
    #expect(bench.engine.refusal(of: "web") == nil)
    try pass(bench, 3)
    let refusal = try #require(bench.engine.refusal(of: "web"))
    #expect(refusal.contains("198.18.0.100 is used by the machine with Ethernet address"))
    #expect(refusal.contains("\(Self.stranger)"))
    #expect(bench.state() == .initialize)
    #expect(try bench.held == [])
    #expect(bench.platform.transport(.ipv4)?.batches.isEmpty == true)
    #expect(bench.platform.wire.claims.allSatisfy { $0.form == .probe })
  }

  @Test func `for what the group's Active does not list, no machine may answer`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.4/24"], probes: true))
    for _ in 0..<8 {
      try bench.hear(200, from: "198.18.0.2")
      for _ in 0..<10 {
        bench.pass(.milliseconds(100))
        try bench.hear(answer("198.18.0.100"))
        try bench.hear(answer("198.18.0.4"))
      }
    }
    let refusal = try #require(bench.engine.refusal(of: "web"))
    #expect(refusal.hasPrefix("198.18.0.4 is used by the machine with Ethernet address"))
    #expect(refusal.contains("which is not the Active of VRID 51"))
    #expect(bench.state() == .initialize)
  }

  @Test func `a list without the group's password excuses no stranger`() throws {
    let bench = try Bench()
    var settings = try settings(["198.18.0.100/24", "198.18.0.4/24"], probes: true)
    settings.version = .v2
    settings.password = Authentication.Password("sesame")
    try bench.engine.add(settings)
    let list = [try #require(IPAddress("198.18.0.100"))]
    let source = try #require(IPAddress("198.18.0.2"))
    let advertisement = Advertisement(
      vrid: settings.vrid, priority: Priority(rawValue: 200), interval: .default, addressCount: 1,
      family: .ipv4, checksumForm: .message, version: .v2)
    for _ in 0..<8 {
      bench.hear(advertisement.encoded(list, from: source, to: .vrrpGroup(.ipv4)), from: source)
      for _ in 0..<10 {
        bench.pass(.milliseconds(100))
        try bench.hear(answer("198.18.0.100"))
      }
    }
    let refusal = try #require(bench.engine.refusal(of: "web"))
    #expect(refusal.hasPrefix("198.18.0.100 is used by the machine with Ethernet address"))
    // It does speak VRRP, so the reason must not say that it doesn't; a warning says what is wrong.
    #expect("\(bench.events)".contains("authenticates itself otherwise than this machine"))
    let reason =
      "\(Self.stranger), from which no advertisement for VRID 51 was accepted: 198.18.0.2 "
      + "authenticates itself otherwise than this machine; they ignore each other, set the same password "
      + "on all, or none"
    #expect(refusal.hasSuffix(reason))
    #expect(try bench.state() == .initialize && bench.held == [])
  }

  @Test func `forged lists are not collected while a router probes`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.4/24"], probes: true))
    try bench.hear(answer("198.18.0.4"))
    for round in 0..<20 {
      let others = (0..<250).map { "198.19.\(round).\($0 + 1)" }
      try bench.hear(200, from: "198.18.0.2", addresses: ["198.18.0.100"] + others)
    }
    let kept = bench.engine.liveInstances.first?.probing.listed
    #expect(kept == [try #require(IPAddress("198.18.0.100"))])
  }

  @Test func `an Active with fewer addresses is no obstacle if no machine has the others`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.4/24"], probes: true))
    try bench.hear(200, from: "198.18.0.2")
    try bench.hear(answer("198.18.0.100"))
    bench.pass(.milliseconds(500))
    #expect(!bench.engine.isProbing("web"))
    #expect(bench.state() == .backup)
  }

  @Test func `a Backup probes for what it gets`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    try bench.hear(200, from: "198.18.0.2")
    #expect(!bench.engine.isProbing("web"))
    let more = try settings(["198.18.0.100/24", "198.18.0.4/24"], probes: true)
    let asked = bench.engine.startProbes(for: [more])
    #expect(asked.count == 1)
    try bench.hear(answer("198.18.0.4"))
    // The Active's own address, by which its machine is known.
    let active = try #require(IPAddress("198.18.0.2"))
    try bench.hear(AddressClaim(address: active, mac: MACAddress(2, 0, 0, 0, 0, 2), form: .reply))
    bench.pass(.milliseconds(400))
    #expect(!bench.engine.isProbing(asked))
    #expect(bench.platform.wire.filter != .nothing)
    #expect(bench.engine.endProbes(asked)?.contains("198.18.0.4 is used by") == true)
    #expect(bench.platform.wire.filter == .nothing, "nothing is listened for any more")
    // Whether the Active has it already can't be told then.
    try bench.hear(200, from: "198.18.0.2", addresses: ["198.18.0.100", "198.18.0.4"])
    #expect(bench.engine.startProbes(for: [more]) == [])
  }

  @Test func `the group's Active may answer`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    try bench.hear(answer())
    bench.pass(.milliseconds(700))
    try bench.hear(200, from: "198.18.0.2")
    #expect(!bench.engine.isProbing("web"))
    #expect(bench.engine.obstacle(to: "web") == nil)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
  }

  @Test func `a dead peer's kernel may answer until the lease ends`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(interval: #require(AdvertisementInterval("100ms")), probes: true))
    try pass(bench, 4)
    #expect(bench.engine.refusal(of: "web") == nil)
    #expect(bench.state() == .backup)
    bench.pass(.seconds(1))
    #expect(bench.state() == .active)
  }

  @Test func `the Active of another group on our VRID may not`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    for _ in 0..<7 {
      try pass(bench, 1)
      try bench.hear(50, from: "198.18.0.2", addresses: ["198.18.0.9"])
    }
    #expect(bench.engine.refusal(of: "web")?.hasPrefix(Self.refusal) == true)
  }

  @Test func `a refused router probes again and starts when the address is free`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    try pass(bench, 7)
    #expect(bench.engine.refusal(of: "web")?.hasPrefix(Self.refusal) == true)
    bench.pass(.seconds(35))
    #expect(bench.state() == .active)
    #expect(bench.engine.refusal(of: "web") == nil)
  }

  @Test func `a router that no longer probes is no longer refused`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    try pass(bench, 7)
    #expect(bench.engine.refusal(of: "web")?.hasPrefix(Self.refusal) == true)
    try bench.engine.change([settings(probes: false)])
    #expect(bench.state() == .backup)
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
  }

  @Test func `another machine's probe and our own frames are no answers`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    let address = try #require(IPAddress("198.18.0.100"))
    try bench.hear(AddressClaim(address: address, mac: Self.stranger, form: .probe))
    let own = try #require(FakePlatform.eth0.macAddress)
    try bench.hear(AddressClaim(address: address, mac: own, form: .reply))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
  }

  @Test func `thousands are probed for once, and paced`() throws {
    let bench = try Bench()
    let addresses = (0..<2000).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/32" }
    try bench.engine.add(settings(addresses, probes: true))
    #expect(probes(bench).count <= 100)
    bench.pass(.milliseconds(100))
    #expect((900...1100).contains(probes(bench).count))
    bench.pass(.milliseconds(310))
    #expect(probes(bench).count == 2000)
    #expect(!bench.engine.isProbing("web"))
  }

  @Test func `a router that serves probes before it gets more`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    bench.platform.wire.removeAll()
    let more = try settings(["198.18.0.100/24", "198.18.0.7/24"], probes: true)
    let taken = bench.engine.startProbes(for: [more])
    #expect(bench.engine.isProbing(taken))
    try bench.hear(answer("198.18.0.7"))
    bench.pass(.milliseconds(399))
    #expect(bench.engine.isProbing(taken))
    bench.pass(.milliseconds(1))
    #expect(!bench.engine.isProbing(taken))
    #expect(probes(bench).map(\.address.description) == ["198.18.0.7", "198.18.0.7", "198.18.0.7"])
    #expect(
      bench.engine.endProbes(taken)
        == "web: 198.18.0.7 is used by the machine with Ethernet address \(Self.stranger); take "
        + "another address, or take it from that machine; if you are sure that it gives the address "
        + "up, switch the probe off")
    bench.engine.wording = Wording(probingOff: "'x up' with --no-probe", probeKey: "probe: false")
    let again = bench.engine.startProbes(for: [more])
    try bench.hear(answer("198.18.0.7"))
    bench.pass(.milliseconds(400))
    #expect(
      bench.engine.endProbes(again)?.hasSuffix(
        "switch the probe off ('x up' with --no-probe, or 'probe: false' in the file)") == true)

    let free = bench.engine.startProbes(for: [more])
    bench.pass(.milliseconds(400))
    #expect(!bench.engine.isProbing(free))
    #expect(bench.engine.endProbes(free) == nil)
    #expect(bench.state() == .active)
  }

  @Test func `another interface of this machine may answer`() throws {
    let bench = try Bench()
    let other = MACAddress(2, 0, 0, 0, 0, 7)
    bench.platform.fake.setLink(
      Link(index: 3, name: "eth1", macAddress: other, mtu: 1500, flags: [.up]))
    bench.settle()
    try bench.engine.add(settings(probes: true))
    func answer(_ address: String) throws -> AddressClaim {
      AddressClaim(address: try #require(IPAddress(address)), mac: other, form: .reply)
    }
    try bench.hear(answer("198.18.0.100"))
    bench.pass(.milliseconds(3650))
    #expect(bench.state() == .active)
    let more = try settings(["198.18.0.100/24", "198.18.0.7/24"], probes: true)
    let probes = bench.engine.startProbes(for: [more])
    try bench.hear(answer("198.18.0.7"))
    bench.pass(.milliseconds(400))
    #expect(bench.engine.endProbes(probes) == nil)
  }

  @Test func `what a change probes for is of no interest afterwards`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.platform.wire.filter == .nothing)
    let more = try settings(["198.18.0.100/24", "198.18.0.7/24"], probes: true)
    let probes = bench.engine.startProbes(for: [more])
    let new = try #require(IPAddress("198.18.0.7"))
    let active = try #require(IPAddress("198.18.0.2"))
    #expect(bench.platform.wire.filter == .uses(of: [new, active]))
    #expect(bench.platform.watched.contains(.wire(2)))
    bench.pass(.milliseconds(400))
    #expect(bench.engine.endProbes(probes) == nil)
    #expect(bench.platform.wire.filter == .nothing)
    #expect(!bench.platform.watched.contains(.wire(2)))
  }

  @Test func `an address that is added while a router probes is probed for as well`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    bench.pass(.milliseconds(350))
    let more = try settings(["198.18.0.100/24", "198.18.0.7/24"], probes: true)
    #expect(bench.engine.startProbes(for: [more]) == [], "the router itself probes")
    try bench.engine.change([more])
    bench.pass(.milliseconds(399))
    #expect(bench.engine.isProbing("web"))
    bench.pass(.milliseconds(1))
    #expect(!bench.engine.isProbing("web"))
    let new = probes(bench).filter { $0.address == IPAddress("198.18.0.7") }
    #expect(new.count == 3)
  }

  @Test func `a router that serves not yet, gets nothing new or is told so probes for nothing`()
    throws
  {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    let more = ["198.18.0.100/24", "198.18.0.7/24"]
    #expect(try bench.engine.startProbes(for: [settings(more, probes: true)]) == [])
    bench.pass(.seconds(5))
    #expect(try bench.engine.startProbes(for: [settings(probes: true)]) == [])
    #expect(try bench.engine.startProbes(for: [settings(more, probes: false)]) == [])
    #expect(try bench.engine.startProbes(for: [settings(more, name: "other", probes: true)]) == [])
    // What vanishes can't answer.
    let asked = try bench.engine.startProbes(for: [settings(more, probes: true)])
    #expect(bench.engine.isProbing(asked))
    bench.platform.fake.removeLink(index: 2)
    bench.settle()
    #expect(!bench.engine.isProbing(asked))
  }

  @Test func `an owner does not probe`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.1/24"], priority: 255, probes: true))
    bench.settle()
    #expect(bench.state() == .active)
    #expect(probes(bench).isEmpty)
  }

  @Test func `a router that waits for its interface probes when it is there`() throws {
    let bench = try Bench()
    bench.platform.fake.setFlags([.broadcast, .multicast], onInterface: 2)
    try bench.engine.add(settings(probes: true))
    bench.pass(.seconds(1))
    #expect(!bench.engine.isProbing("web"))
    bench.platform.fake.setFlags(FakePlatform.eth0.flags, onInterface: 2)
    bench.settle()
    #expect(bench.engine.isProbing("web"))
    bench.pass(.seconds(4))
    #expect(probes(bench).count == 3)
    #expect(bench.state() == .active)
  }
}
