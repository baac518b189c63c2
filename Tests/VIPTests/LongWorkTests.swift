import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Commands with many addresses.
@Suite struct LongWorkTests {
  private func active() throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    try #require(bench.state() == .active)
    return bench
  }

  private func sent(_ bench: Bench) throws -> UInt64 {
    try #require(bench.engine.status().first).statistics.advertisementSent
  }

  @Test func `an advertisement is sent before much is done, unless one just was`() throws {
    let bench = try active()
    var before = try sent(bench)
    while try sent(bench) == before { bench.pass(.milliseconds(10)) }
    before += 1
    bench.engine.makeTime(forAddresses: 20_000)
    #expect(try sent(bench) == before, "the last one was sent now")
    bench.pass(.milliseconds(600))
    bench.engine.makeTime(forAddresses: 20_000)
    #expect(try sent(bench) == before + 1)
    // The time of the next one counts from there.
    bench.pass(.milliseconds(900))
    #expect(try sent(bench) == before + 1)
    bench.pass(.milliseconds(200))
    #expect(try sent(bench) == before + 2)
  }

  @Test func `a command with few addresses changes nothing`() throws {
    let bench = try active()
    bench.pass(.milliseconds(600))
    let before = try sent(bench)
    bench.engine.makeTime(forAddresses: 10)
    #expect(try sent(bench) == before)
  }

  @Test func `settings are checked once, and once more when they are others`() throws {
    var checked = CheckedSettings()
    var router = try settings()
    try checked.check(router)
    checked.note(router)
    try checked.check(router)
    router.addresses = []
    #expect(throws: ConfigurationError.self) { try checked.check(router) }
    #expect(throws: ConfigurationError.self) { try checked.check(router) }
    for number in 0..<100 {
      router = try settings()
      router.name = "r\(number)"
      checked.note(router)
    }
  }
}
