import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Advertisements that can't be sent: told once, shown while it lasts.
@Suite struct SendingTests {
  private func told(_ bench: Bench) -> [String] {
    bench.events.compactMap {
      if case .warning(let problem) = $0, problem.kind == .advertising {
        "\(problem.router): \(problem.text)"
      } else {
        nil
      }
    }
  }

  private func holder(_ settings: RouterConfiguration...) throws -> Bench {
    let bench = try Bench()
    for settings in settings { try bench.engine.add(settings) }
    bench.pass(.seconds(10))
    #expect(bench.engine.status().allSatisfy { $0.state == .active })
    return bench
  }

  @Test func `a failure is told once, and again after it was over`() throws {
    let bench = try holder(settings())
    let transport = try #require(bench.platform.transport(.ipv4))
    transport.failure = 1
    bench.pass(.seconds(10))
    let text = "web: advertisements can't be sent on eth0: Operation not permitted"
    #expect(told(bench) == [text])
    #expect(bench.warnings == ["advertisements can't be sent on eth0: Operation not permitted"])
    transport.failure = 0
    bench.pass(.seconds(2))
    #expect(told(bench) == [text] && bench.warnings.isEmpty)
    transport.failure = 1
    bench.pass(.seconds(2))
    #expect(told(bench) == [text, text])
  }

  @Test func `each router of the segment is told of`() throws {
    let bench = try holder(settings(), settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    try #require(bench.platform.transport(.ipv4)).failure = 1
    bench.pass(.seconds(10))
    #expect(told(bench).map { $0.prefix(4) }.sorted() == ["mail", "web:"])
  }

  @Test func `a firewall that drops one router's advertisements is told of that one alone`() throws
  {
    let bench = try holder(settings(), settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    let transport = try #require(bench.platform.transport(.ipv4))
    transport.failingVRID = 52
    transport.failure = 1
    bench.pass(.seconds(10))
    #expect(
      told(bench) == ["mail: advertisements can't be sent on eth0: Operation not permitted"])
    #expect(!bench.events.contains { if case .cleared = $0 { true } else { false } })
    transport.failure = 0
    bench.pass(.seconds(2))
    #expect(bench.warnings.isEmpty)
  }

  @Test func `frames that fail are not told again after each message of the socket`() throws {
    let bench = try holder(
      settings(), settings(["198.18.0.101/24"], vrid: 52, name: "mail", virtualMAC: true))
    bench.platform.wire.outage = FrameError(
      interface: "eth0", operation: "send", errorNumber: 1)
    bench.pass(.seconds(10))
    #expect(
      told(bench) == ["mail: advertisements can't be sent on eth0: Operation not permitted"])
    let failing = bench.engine.status().filter { $0.warnings.contains { $0.hasPrefix("advert") } }
    #expect(failing.map(\.name) == ["mail"])
    bench.platform.wire.outage = nil
    bench.pass(.seconds(2))
    #expect(bench.warnings.isEmpty)
  }

  @Test(arguments: [false, true])
  func `a router whose interface is renamed says farewell on it`(virtualMAC: Bool) throws {
    let bench = try holder(settings(virtualMAC: virtualMAC))
    bench.platform.wire.removeAll()
    let old = FakePlatform.eth0
    bench.platform.fake.setLink(
      Link(index: 2, name: "lan0", macAddress: old.macAddress, mtu: 1500, flags: old.flags))
    bench.settle()
    #expect(bench.state() == .initialize)
    let transport = try #require(bench.platform.transport(.ipv4))
    // Behind the Ethernet and the IP header.
    let frames = bench.platform.wire.frames.filter { $0.count > 37 && $0[23] == 112 }
    #expect(virtualMAC ? frames.last?[36] == 0 : transport.sentPriorities.last == 0)
  }
}
