import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// The order in which advertisements list addresses.
@Suite struct AddressOrderTests {
  /// The beginnings of the addresses in the last advertisement over IPv6.
  private func listed(_ addresses: [String]) throws -> [[UInt8]] {
    let bench = try Bench()
    try bench.engine.add(settings(addresses))
    bench.pass(.seconds(4))
    let message = try #require(bench.platform.transport(.ipv6)?.batches.last?.last)
    return (0..<Int(message[3])).map { Array(message[(8 + 16 * $0)..<(10 + 16 * $0)]) }
  }

  @Test func `a link-local address is listed first, the rest as configured`() throws {
    #expect(
      try listed(["2001:db8::100/64", "fe80::100/64", "2002:db8::100/64"])
        == [[0xFE, 0x80], [0x20, 0x01], [0x20, 0x02]])
    #expect(
      try listed(["2002:db8::100/64", "2001:db8::100/64"]) == [[0x20, 0x02], [0x20, 0x01]])
  }
}
