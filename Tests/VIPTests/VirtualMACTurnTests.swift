import Netlink
import Testing
import VIPCore
import VRRP

@testable import VIP

/// When virtual MAC routers do what they do: in slices, not too often, not too early.
extension VirtualMACTests {
  @Test func `takeovers of many routers at once are spread over turns`() throws {
    for vrid in 1...20 {
      try bench.engine.add(
        settings(["198.18.0.\(100 + vrid)/24"], vrid: vrid, name: "r\(vrid)", virtualMac: true))
    }
    bench.pass(.seconds(3))
    var raised = 0
    fake.failure = { request in
      guard case .change(.setUp(true, _)) = request else { return nil }
      raised += 1
      // It takes the kernel as long as a slice may take.
      bench.platform.time = bench.platform.time.advanced(byNanoseconds: 1_000_000)
      return nil
    }
    bench.platform.time = bench.platform.time + .seconds(1)
    var most = 0
    for _ in 0..<100 where raised < 20 {
      let before = raised
      bench.engine.turn(ready: [])
      most = max(most, raised - before)
    }
    #expect(raised == 20 && most == 1)
    // And the way back.
    var lowered = 0
    fake.failure = { request in
      guard case .change(.setUp(false, _)) = request else { return nil }
      lowered += 1
      bench.platform.time = bench.platform.time.advanced(byNanoseconds: 1_000_000)
      return nil
    }
    for case let instance? in bench.engine.instances { bench.engine.release(instance) }
    bench.engine.turn(ready: [])
    #expect(lowered == 1)
  }
}
