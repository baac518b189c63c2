import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What waits until the end of a turn, by itself: it is handed out once.
@Suite struct OutboxTests {
  private func segment(_ family: AddressFamily) -> Segment {
    Segment(SegmentKey(interfaceIndex: 2, family: family), FakeTransport())
  }

  private func routers(_ count: Int) throws -> [RouterInstance] {
    var table = RouterTable()
    return try (0..<count).map { number in
      table.makeMember(
        .ipv4, of: table.add(try settings(name: "r\(number)")), VirtualAddresses([]), at: .zero)
    }
  }

  private func takeSegments(_ outbox: inout Outbox) -> [AddressFamily] {
    var taken: [AddressFamily] = []
    outbox.takeSegments { taken.append($0.key.family) }
    return taken
  }

  private func takeFrames(_ outbox: inout Outbox) -> [[Outbox.Frame]] {
    var taken: [[Outbox.Frame]] = []
    outbox.takeFrames { taken.append($0) }
    return taken
  }

  @Test func `a segment is sent once, however many of its routers have something to say`() {
    var outbox = Outbox()
    let (first, second) = (segment(.ipv4), segment(.ipv6))
    for segment in [first, second, first, first, second] { outbox.add(segment) }
    #expect(takeSegments(&outbox) == [.ipv4, .ipv6])
    #expect(takeSegments(&outbox) == [])
    outbox.add(second)
    #expect(takeSegments(&outbox) == [.ipv6])
  }

  @Test func `segments are told apart by what they are, not by their key`() {
    var outbox = Outbox()
    // One that was closed in this turn, and the one that was opened in its place.
    for segment in [segment(.ipv4), segment(.ipv4)] { outbox.add(segment) }
    #expect(takeSegments(&outbox) == [.ipv4, .ipv4])
  }

  @Test func `frames leave together, each as its router's, in the order in which they came`() throws
  {
    var outbox = Outbox()
    #expect(takeFrames(&outbox).isEmpty)
    let routers = try routers(2)
    outbox.add([1], of: routers[1])
    outbox.add([2], of: routers[0])
    outbox.add([3], of: routers[1])
    let taken = takeFrames(&outbox)
    try #require(taken.count == 1)
    #expect(taken[0].map(\.bytes) == [[1], [2], [3]])
    #expect(taken[0].map(\.instance.slot) == [1, 0, 1])
    #expect(takeFrames(&outbox).isEmpty)
  }

  @Test func `farewells are told of once, and sending does not forget them`() throws {
    var outbox = Outbox()
    let routers = try routers(2)
    outbox.addFarewell(of: routers[1])
    outbox.addFarewell(of: routers[0])
    outbox.add([1], of: routers[0])
    outbox.add(segment(.ipv4))
    _ = takeSegments(&outbox)
    _ = takeFrames(&outbox)
    let first = outbox.takeFarewells()
    let second = outbox.takeFarewells()
    #expect(first.map(\.slot) == [1, 0] && second.isEmpty)
  }
}
