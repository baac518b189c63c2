import Testing
import VIPCore
import VRRP

@testable import VIP

/// How long addresses live, and how often they are refreshed.
@Suite struct LeaseTermTests {
  private func term(
    _ interval: String, _ version: ProtocolVersion = .v3, lease: LeasePolicy = .automatic,
    load: Duration = .zero
  ) throws -> LeaseTerm {
    let interval = try #require(AdvertisementInterval(interval))
    return try #require(lease.term(interval: interval, version, load: load))
  }

  @Test(arguments: [
    ("10ms", 1, 330, 40), ("100ms", 1, 300, 400), ("250ms", 1, 250, 1000),
    ("260ms", 2, 520, 1040), ("500ms", 2, 500, 2000), ("1s", 4, 1000, 4000),
    ("1010ms", 5, 1010, 4040), ("2s", 8, 2000, 8000), ("40.95s", 164, 40_950, 163_800),
  ])
  func `an automatic lease is four intervals in whole seconds`(
    interval: String, seconds: Int, period: Int, takeover: Int
  ) throws {
    let term = try term(interval)
    #expect(term.lifetime == .seconds(seconds))
    #expect(term.period == .milliseconds(period))
    #expect(term.takeover == .milliseconds(takeover))
  }

  @Test func `the skew of version 2 is one of seconds`() throws {
    let term = try term("1s", .v2)
    #expect(term.lifetime == .seconds(4) && term.takeover == .seconds(4))
    #expect(try self.term("10s", .v2).lifetime == .seconds(31))
  }

  @Test func `many addresses are refreshed rarely, and live longer`() throws {
    #expect(LeasePolicy.automatic.load(ipv4: 1000, ipv6: 200) == .milliseconds(1600))
    #expect(try #require(LeasePolicy("5s")).load(ipv4: 1000, ipv6: 200) == .milliseconds(1200))
    let many = try term("1s", load: .seconds(5))
    #expect(many.lifetime == .seconds(15) && many.period == .seconds(5))
    let more = try term("100ms", load: .milliseconds(1400))
    #expect(more.lifetime == .seconds(5) && more.period == .milliseconds(1600))
  }

  @Test func `an address outlives what any Backup waits, and not by much`() throws {
    for hundredths in [1, 2, 3, 7, 10, 24, 25, 26, 33, 50, 99, 100, 101, 150, 333, 1000, 4095] {
      for load in [0, 1, 99, 1000, 5000, 40_000] {
        let interval = try #require(AdvertisementInterval("\(hundredths * 10)ms"))
        for version in [ProtocolVersion.v3, .v2] {
          let term = try term("\(interval)", version, load: .milliseconds(load))
          let unit = interval.duration
          for priority in [UInt8(1), 100, 254] {
            let down = Timing.activeDownInterval(
              priority: Priority(rawValue: priority), interval: interval, version: version)
            #expect(down < term.takeover)
          }
          // A node that freezes right before a refresh has made the last one a period before.
          #expect(term.lifetime >= term.takeover + term.period - unit)
          #expect(term.lifetime >= term.period * 3, "two refreshes may fail")
          #expect(term.lifetime.components.attoseconds == 0)
          #expect(term.period >= unit && term.period >= .milliseconds(load))
          if load == 0 { #expect(term.lifetime < term.takeover + .seconds(1)) }
        }
      }
    }
  }

  @Test func `a chosen lease is kept, and refreshed with advertisements`() throws {
    let nine = try term("1s", lease: #require(LeasePolicy("9s")))
    #expect(nine.lifetime == .seconds(9) && nine.period == .seconds(3))
    let two = try term("100ms", lease: #require(LeasePolicy("2s")))
    #expect(two.lifetime == .seconds(2) && two.period == .milliseconds(600))
    #expect(LeasePolicy.off.term(interval: .default, .v3) == nil)
  }

  @Test func `texts of leases`() {
    for text in ["auto", "off", "2s", "1h"] {
      #expect(LeasePolicy(text)?.description == text)
    }
    #expect(LeasePolicy("automatic") == nil && LeasePolicy("1s") == nil)
    #expect(LeasePolicy("auto") == .default && LeasePolicy.default.isAutomatic)
    #expect(LeasePolicy.off.isOff && LeasePolicy.off.lifetime == nil)
    #expect(!LeasePolicy.automatic.isOff && LeasePolicy.automatic.lifetime == nil)
  }
}

/// When a router's addresses are to be refreshed again.
@Suite struct LeaseRoundTests {
  private let start = Instant(nanoseconds: 1_000_000_000)

  private func round(_ interval: AdvertisementInterval) throws -> LeaseRound {
    var round = LeaseRound()
    round.begin(
      at: start, try #require(LeasePolicy.automatic.term(interval: interval, .v3)),
      interval: interval.duration)
    return round
  }

  @Test func `a refresh goes with the advertisement that is nearest`() throws {
    let round = try round(.default)
    #expect(!round.isDue(at: start) && !round.isDue(at: start + .milliseconds(499)))
    #expect(round.isDue(at: start + .milliseconds(500)) && round.isDue(at: start + .seconds(1)))
    #expect(!round.isOverdue(at: start + .milliseconds(1499)))
    #expect(round.isOverdue(at: start + .milliseconds(1500)))
    // 300 ms between two refreshes.
    let quick = try self.round(#require(AdvertisementInterval("100ms")))
    #expect(!quick.isDue(at: start + .milliseconds(200)))
    #expect(quick.isDue(at: start + .milliseconds(299)))
  }

  @Test func `what was never refreshed is not due with an advertisement, but overdue`() {
    let round = LeaseRound()
    #expect(!round.isDue(at: start) && round.isOverdue(at: start))
  }
}
