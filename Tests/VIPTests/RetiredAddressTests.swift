import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Addresses that a running router no longer has, and whose removal the kernel refuses.
@Suite struct RetiredAddressTests {
  private final class IdleGuard: GuardProcess {
    var pid: Int32?
    func start(_ area: GuardArea) throws(NodeError) -> Int32 {
      pid = 1000
      return 99
    }
    func news() -> GuardNews { .none }
    func dismiss() -> String { "signal 9" }
    func release() {}
  }

  private let bench: Bench
  private let area: GuardArea

  init() throws {
    bench = try Bench()
    area = try GuardArea()
    bench.engine.protect(with: Safeguard(area, IdleGuard()))
  }

  /// The addresses that the guard would remove now.
  private var named: Set<String> {
    var found: Set<String> = []
    for case .requests(let bytes) in area.deeds(at: bench.platform.time.nanoseconds) {
      found.formUnion(FakeKernel.removals(in: bytes).map(\.address.description))
    }
    return found
  }

  @Test(arguments: [
    ["198.18.0.100/24", "198.18.0.101/24"], ["2001:db8::100/64", "2001:db8::101/64"],
  ])
  func `what goes by itself before it can be removed is the guard's business no longer`(
    texts: [String]
  ) throws {
    try bench.engine.add(settings(texts))
    bench.pass(.seconds(8))
    try #require(bench.engine.status().first?.state == .active)
    #expect(named == Set(texts))
    bench.platform.fake.failure = { request in
      guard case .remove = request else { return nil }
      return NetlinkError(operation: "remove an address", code: 12)
    }
    try bench.engine.change([settings([texts[0]])])
    bench.settle()
    #expect(try Set(bench.held) == Set(texts), "it could not be removed")
    #expect(named == Set(texts))
    let gone = try #require(InterfaceAddress(texts[1]))
    bench.platform.fake.remove(gone, onInterface: 2)
    bench.settle()
    #expect(named == [texts[0]])
    #expect(bench.engine.status().first?.state == .active)
  }
}
