import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Two machines answer for an address because one of them has it as its own.
@Suite struct HostAddressTests {
  private func give(_ bench: Bench, _ address: String, onInterface index: Int32 = 2) throws {
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: index, address: try #require(InterfaceAddress(address)), protocolTag: 0))
    bench.settle()
  }

  private func take(_ bench: Bench, _ address: String, onInterface index: Int32 = 2) throws {
    bench.platform.fake.remove(
      try #require(InterfaceAddress(address)), onInterface: index)
    bench.settle()
  }

  private func told(_ bench: Bench) -> [String] {
    bench.events.compactMap { event in
      switch event {
      case .warning(let problem): if case .hostAddress = problem.kind { problem.text } else { nil }
      case .cleared(let problem, _): if case .hostAddress = problem.kind { "over" } else { nil }
      default: nil
      }
    }
  }

  private static let text =
    "198.18.0.100 is this machine's own address on eth0 too, so it answers for it beside the Active; "
    + "remove it with 'ip address delete 198.18.0.100/32 dev eth0', or make this machine the owner "
    + "(priority 255)"

  @Test func `a Backup whose host has the address as its own says so until it is gone`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(200, from: "198.18.0.9")
    try give(bench, "198.18.0.100/32")
    #expect(bench.state() == .backup && bench.warnings == [Self.text])
    try take(bench, "198.18.0.100/32")
    #expect(bench.warnings.isEmpty && told(bench) == [Self.text, "over"])
  }

  @Test func `so does a router that takes no part`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    try give(bench, "198.18.0.100/32")
    #expect(bench.warnings == [Self.text])
  }

  @Test func `a router that loses the role to another says so then`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(handover: .strict))
    bench.pass(.seconds(4))
    try give(bench, "198.18.0.100/32")
    #expect(bench.state() == .active && !bench.warnings.contains(Self.text))
    try bench.hear(200, from: "198.18.0.9")
    bench.pass(.milliseconds(10))
    #expect(bench.state() == .backup && bench.warnings.contains(Self.text))
  }

  @Test func `an owner has it with every right`() throws {
    let bench = try Bench()
    try give(bench, "198.18.0.100/24")
    try bench.engine.add(settings(priority: 255))
    bench.pass(.seconds(1))
    #expect(bench.warnings.isEmpty && told(bench).isEmpty)
  }

  @Test func `an owner puts up what the host has lost, and leaves it to the host again`() throws {
    let bench = try Bench()
    try give(bench, "198.18.0.100/24")
    try bench.engine.add(settings(priority: 255))
    bench.pass(.seconds(1))
    func isOurs() -> Bool { bench.platform.fake.entries.contains(where: \.record.isOurs) }
    #expect(bench.state() == .active && !isOurs())
    try take(bench, "198.18.0.100/24")
    #expect(isOurs() && bench.warnings.isEmpty)
    try give(bench, "198.18.0.100/24")
    #expect(!isOurs() && bench.warnings.isEmpty)
    bench.pass(.seconds(5))
    #expect(!isOurs() && bench.state() == .active && bench.warnings.isEmpty)
  }

  @Test func `an owner looks for its addresses on an interface that is made again`() throws {
    let bench = try Bench()
    let link = try #require(bench.platform.fake.currentLinks.first { $0.name == "eth0" })
    try give(bench, "198.18.0.100/24")
    try bench.engine.add(settings(priority: 255))
    bench.pass(.seconds(1))
    bench.platform.fake.removeLink(index: link.index)
    bench.pass(.seconds(1))
    bench.platform.fake.setLink(link)
    try give(bench, "198.18.0.1/24")
    bench.pass(.seconds(1))
    #expect(bench.state() == .active)
    let isOurs = bench.platform.fake.entries.contains { $0.record.isOurs }
    #expect(isOurs)
  }

  @Test func `an address on another interface counts where the kernel answers for it`() throws {
    for (ignore, isTold) in [(0, true), (1, false)] {
      let bench = try Bench()
      bench.platform.fake.setLink(Link(index: 7, name: "dummy0"))
      bench.platform.settings["ipv4/conf/all/arp_ignore"] = ignore
      try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
      try bench.hear(200, from: "198.18.0.9")
      try give(bench, "198.18.0.100/32", onInterface: 7)
      try give(bench, "2001:db8::100/128", onInterface: 7)
      let expected =
        "198.18.0.100 is this machine's own address on dummy0 too, so it answers for it beside the "
        + "Active; remove it with 'ip address delete 198.18.0.100/32 dev dummy0', or set "
        + "net.ipv4.conf.eth0.arp_ignore to 1"
      #expect(bench.warnings == (isTold ? [expected] : []))
    }
  }

  // MARK: On the holder's side

  private func questions(_ bench: Bench) -> [[UInt8]] {
    bench.platform.wire.frames.filter { frame in
      (try? AddressClaim(parsing: frame.span))?.form == .probe
        || (frame[12] == 0x86 && frame[13] == 0xDD && frame[54] == 135)
    }
  }

  @Test func `the Active asks now and then, and a second answer is a conflict`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    bench.platform.wire.removeAll()
    let other = MACAddress(2, 0, 0, 0, 0, 9)
    for _ in 0..<300 {
      bench.pass(.milliseconds(100))
      if !questions(bench).isEmpty {
        bench.platform.wire.removeAll()
        try bench.hear(
          AddressClaim(
            address: try #require(IPAddress("198.18.0.100")), mac: other, form: .reply))
      }
    }
    #expect(bench.warnings == [conflictText(try #require(IPAddress("198.18.0.100")), other)])
    // Once nothing answers, it is over.
    bench.pass(.seconds(70))
    #expect(bench.warnings.isEmpty && !questions(bench).isEmpty)
  }

  @Test func `in IPv6 the answer goes to the one that asks, so no cache moves`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["2001:db8::100/64"]))
    bench.pass(.seconds(15))
    let frame = try #require(questions(bench).first)
    let packet = try NeighborSolicitation(parsing: frame.span.extracting(14..<frame.count))
    #expect(!packet.isProbe && packet.source.isLinkLocal)
    #expect(packet.sourceLinkLayerAddress != nil && packet.target == IPv6Address("2001:db8::100"))
  }

  @Test func `a Backup asks nothing`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    for _ in 0..<30 {
      try bench.hear(200, from: "198.18.0.9")
      bench.pass(.seconds(1))
    }
    #expect(bench.state() == .backup && questions(bench).isEmpty)
  }
}
