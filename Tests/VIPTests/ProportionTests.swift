import Glibc
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Work that is done whenever something has changed costs in proportion to the routers: with 255 of
/// them at 10 ms, work that grew with their square would make advertisements late.
@Suite struct ProportionTests {
  private final class SilentGuard: GuardProcess {
    var pid: Int32? { nil }
    func start(_ area: GuardArea) throws(NodeError) -> Int32 { 99 }
    func news() -> GuardNews { .none }
    func dismiss() -> String { "" }
    func release() {}
  }

  /// The processor time of one turn in which the kernel reports something, at its best of several.
  private static func turn(routers count: Int) throws -> UInt64 {
    let bench = try Bench()
    bench.engine.protect(with: Safeguard(try GuardArea(), SilentGuard()))
    for number in 1...count {
      try bench.engine.add(
        settings(["198.19.0.\(number)/32"], vrid: number, name: "r\(number)"))
    }
    bench.pass(.seconds(5))
    #expect(try bench.held.count == count)
    return (0..<30).map { _ in
      let start = Self.processorTime()
      bench.engine.turn(ready: [.kernelEvents])
      return Self.processorTime() - start
    }.min() ?? 0
  }

  private static func processorTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  @Test func `a report of the kernel costs in proportion to the routers`() throws {
    let few = try Self.turn(routers: 60)
    let many = try Self.turn(routers: 240)
    // Four times as many: 4 if it is so, 16 with the square.
    #expect(many < few * 9, "\(few) ns with 60 routers, \(many) ns with 240")
  }
}
