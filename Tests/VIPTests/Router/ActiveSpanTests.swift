import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Since when another machine is Active.
@Suite struct ActiveSpanTests {
  private static func at(_ seconds: UInt64) -> Instant {
    Instant(nanoseconds: seconds * 1_000_000_000)
  }

  @Test func `it counts from the first advertisement of the machine that is Active`() throws {
    let first = try #require(IPAddress("192.0.2.1"))
    let second = try #require(IPAddress("192.0.2.2"))
    var span = ActiveSpan()
    #expect(span.start(of: first) == nil && span.start(of: nil) == nil)
    span.heard(first, at: Self.at(1))
    span.heard(first, at: Self.at(2))
    #expect(span.start(of: first) == Self.at(1))
    #expect(span.start(of: second) == nil)
    span.heard(second, at: Self.at(3))
    #expect(span.start(of: second) == Self.at(3) && span.start(of: first) == nil)
    span.end()
    #expect(span.start(of: second) == nil)
    span.heard(second, at: Self.at(9))
    #expect(span.start(of: second) == Self.at(9))
  }

  @Test func `the status of a router says since when the Active is`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    #expect(bench.engine.status().first?.activeFor == nil)
    try bench.hear(200, from: "198.18.0.2")
    bench.pass(.milliseconds(900))
    try bench.hear(200, from: "198.18.0.2")
    bench.pass(.milliseconds(900))
    let backup = try #require(bench.engine.status().first)
    #expect(backup.activeRouter == IPAddress("198.18.0.2"))
    #expect(try #require(backup.activeFor) >= .milliseconds(1800))
    bench.pass(.seconds(4))
    let active = try #require(bench.engine.status().first)
    #expect(active.state == .active && active.activeFor == active.timeInState)
  }
}
