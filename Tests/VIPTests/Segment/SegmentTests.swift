import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// The routers that share a socket, without an engine.
@Suite struct SegmentTests {
  private func routers(_ numbers: [Int]) throws -> [RouterInstance] {
    var table = RouterTable()
    return try numbers.enumerated().map { place, vrid in
      table.makeMember(
        .ipv4, of: table.add(try settings(vrid: vrid, name: "r\(place)")), VirtualAddresses([]),
        at: .zero)
    }
  }

  @Test func `its members are those that have a VRID and those that have left it to another one`()
    throws
  {
    let segment = Segment(SegmentKey(interfaceIndex: 2, family: .ipv4), FakeTransport())
    let routers = try routers([255, 1, 1])
    #expect(segment.members.isEmpty)
    for router in routers { segment.add(router) }
    #expect(segment.members.map(\.slot).sorted() == [0, 1, 2])
    #expect(segment.routerCount == 3 && segment.router(1) === routers[2])
    let first = try #require(VRID(exactly: 1))
    #expect(segment.displaced(first).map(\.slot) == [1])
    segment.remove(routers[1])
    #expect(segment.members.map(\.slot).sorted() == [0, 2])
    #expect(segment.displaced(first).isEmpty && segment.router(1) === routers[2])
    segment.remove(routers[2])
    segment.remove(routers[0])
    #expect(segment.members.isEmpty && segment.routerCount == 0)
  }
}
