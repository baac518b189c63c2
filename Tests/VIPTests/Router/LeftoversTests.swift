import Netlink
import Testing
import VIPCore

@testable import VIP

/// Which of the addresses on an interface a dead node has left, as a value, without an engine.
@Suite struct LeftoversTests {
  private func address(_ text: String) throws -> InterfaceAddress {
    try #require(InterfaceAddress(text))
  }

  private func record(
    _ text: String, on index: Int32 = 2, tag: UInt8 = vipProtocolTag, lifetime: Duration? = nil
  ) throws -> AddressRecord {
    AddressRecord(
      interfaceIndex: index, address: try address(text), protocolTag: tag,
      validLifetime: lifetime)
  }

  private func leftovers(_ records: [AddressRecord]) -> Leftovers {
    Leftovers(among: records, onInterface: 2)
  }

  @Test func `of what was listed those go that are there with the tag, in their order`() throws {
    let leftovers = try leftovers([
      record("198.18.0.102/24", lifetime: .seconds(3)), record("198.18.0.101/24"),
      record("198.18.0.103/24", on: 3), record("198.18.0.104/24", tag: 0),
      record("198.18.0.105/24"),
    ])
    let listed = try [101, 102, 103, 104, 106].map { try address("198.18.0.\($0)/24") }
    #expect(
      try leftovers.ofEarlierLife(Set(listed))
        == [address("198.18.0.102/24"), address("198.18.0.101/24")])
    #expect(try leftovers.ofEarlierLife([address("198.18.0.101/32")]) == [])
  }

  @Test func `what is not listed is a leftover if it has neither an end nor a router here`()
    throws
  {
    let leftovers = try leftovers([
      record("198.18.0.101/24"), record("198.18.0.102/24", lifetime: .seconds(3)),
      record("198.18.0.103/24"), record("198.18.0.104/24", on: 3),
      record("198.18.0.105/24", tag: 0),
    ])
    let owned = try address("198.18.0.103/24").address
    #expect(try leftovers.endless { $0 == owned } == [address("198.18.0.101/24")])
  }

  @Test func `a route goes unless another node that lives has an address in its subnet`() throws {
    let leftovers = try leftovers([
      record("2001:db8:1::10/64", lifetime: .seconds(9)), record("2001:db8:2::10/64"),
      record("2001:db8:3::10/64", tag: 0),
    ])
    func subnet(_ number: Int) throws -> InterfaceAddress {
      try address("2001:db8:\(number)::10/64").network
    }
    let subnets = try Set((1...4).map(subnet))
    func inUse(_ isForeign: (IPAddress) -> Bool) -> Set<InterfaceAddress> {
      leftovers.subnetsInUse(among: subnets, isForeign: isForeign)
    }
    let first = try address("2001:db8:1::10/64").address
    #expect(try inUse { $0 == first } == [subnet(1)])
    #expect(inUse { _ in false } == [])
    #expect(try inUse { _ in true } == [subnet(1), subnet(2)])
  }
}
