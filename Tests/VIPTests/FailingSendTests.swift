import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What can't be sent: tried again, told once, and never counted as said.
@Suite struct FailingSendTests {
  private let busy = FrameError(interface: "eth0", operation: "send", errorNumber: 105)
  private let down = FrameError(interface: "eth0", operation: "send", errorNumber: 100)

  @Test func `an announcement that a full queue refuses follows a moment later`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.pass(.milliseconds(3600))
    bench.platform.wire.failures = [busy, busy]
    bench.pass(.milliseconds(100))
    #expect(bench.state() == .active)
    #expect(
      Set(bench.platform.wire.claims.map(\.address.description))
        == ["198.18.0.100", "198.18.0.101"])
  }

  @Test func `a takeover is over once its addresses have been announced`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.platform.wire.outage = down
    bench.pass(.milliseconds(4000))
    #expect(bench.state() == .active)
    var takeovers = try #require(bench.engine.status().first?.takeovers)
    #expect(takeovers.count == 0 && takeovers.pendingAddresses == 2)
    bench.platform.wire.outage = nil
    bench.pass(.seconds(3))
    takeovers = try #require(bench.engine.status().first?.takeovers)
    #expect(takeovers.count == 1 && takeovers.pendingAddresses == 0)
    #expect(try #require(takeovers.last) > .milliseconds(400))
  }

  private func failures(_ bench: Bench) -> Int {
    bench.events.count {
      if case .warning(let problem) = $0 { problem.kind == .advertising } else { false }
    }
  }

  @Test func `that advertisements can't be sent is told once, and again after it worked`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    let transport = try #require(bench.platform.transport(.ipv4))
    #expect(failures(bench) == 0)
    transport.failure = 100
    bench.pass(.seconds(10))
    #expect(failures(bench) == 1)
    #expect(bench.warnings.contains { $0.contains("can't be sent") })
    transport.failure = 0
    bench.pass(.seconds(3))
    #expect(!bench.warnings.contains { $0.contains("can't be sent") })
    transport.failure = 100
    bench.pass(.seconds(3))
    #expect(failures(bench) == 2)
  }

  @Test func `that an address can't be announced is told once`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.platform.wire.outage = down
    bench.pass(.seconds(8))
    let told = bench.events.count {
      if case .warning(let problem) = $0 {
        problem.text.contains("can't be announced")
      } else {
        false
      }
    }
    #expect(told == 1)
  }

  @Test func `an address that the kernel refuses is tried again each second and told once`() throws
  {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    let refused = try #require(InterfaceAddress("198.18.0.100/24"))
    var attempts = 0
    bench.platform.fake.failure = { request in
      guard case .install(let request) = request, request.address == refused else { return nil }
      attempts += 1
      return NetlinkError(operation: "add \(refused)", code: 105)
    }
    bench.pass(.milliseconds(8700))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.101/24"])
    #expect((5...7).contains(attempts))
    let told = bench.events.count {
      if case .warning(let problem) = $0 {
        problem.text.contains("add 198.18.0.100")
      } else {
        false
      }
    }
    #expect(told == 1)
    #expect(bench.platform.wire.claims.allSatisfy { $0.address.description == "198.18.0.101" })
    bench.platform.fake.failure = nil
    bench.pass(.seconds(2))
    #expect(try bench.held.count == 2)
    #expect(bench.platform.wire.claims.contains { $0.address.description == "198.18.0.100" })
  }
}
