import Testing
import VIP
import VIPControl
import VIPCore
import VIPTesting
import VRRP

/// No client makes a node late, whatever it asks for.
///
/// An advertisement is sent ahead if the last one was sent half an interval ago or more and long
/// work begins. So none is late by more than a tenth of the interval as long as the thread does not
/// work for longer than 0.6 intervals without looking at what is due. Measured is its processor
/// time, which does not depend on what else the machine has to do.
@Suite(.timeLimit(.minutes(10))) struct PunctualityTests {
  #if DEBUG
    private static let interval = Duration.seconds(2)
  #else
    private static let interval = Duration.milliseconds(100)
  #endif

  private static let most = RouterConfiguration.addressCountMax

  private static func addresses(_ count: Int, from first: Int = 0) -> [InterfaceAddress] {
    (first..<first + count).compactMap {
      InterfaceAddress("10.\($0 >> 8 & 255).\($0 & 255).1/8")
    }
  }

  private static func router(
    _ addresses: [InterfaceAddress], name: String = "web", vrid: VRID = 51
  ) throws -> RouterConfiguration {
    RouterConfiguration(
      name: name, interface: "eth0", vrid: vrid, priority: .highestBackup,
      interval: try #require(AdvertisementInterval(interval, version: .v3)),
      addresses: addresses, probes: false)
  }

  /// Requests up to every limit, and beyond.
  private static func requests() throws -> [(String, ControlRequest)] {
    let few = addresses(2)
    let many = addresses(most)
    let words = (0..<180_000).map { "r\($0)" }
    return [
      ("add", .add(router: "web", addresses: Array(many.dropLast(few.count)))),
      ("status", .status(nil)),
      ("dry-run up", .dryRun(.up([try router(many.reversed())], timeout: .zero))),
      ("dry-run down", .dryRun(.down(Array(words.prefix(20_000))))),
      ("dry-run down by address", .dryRun(.down(many.map { "\($0.address)" }))),
      ("down of what is not there", .down(Array(words.prefix(20_000)))),
      ("down of too many", .down(words)),
      ("remove", .remove(router: "web", addresses: many.dropFirst(9).map(\.address))),
      ("up", .up([try router(many)], timeout: .zero)),
      ("add twice", .add(router: "web", addresses: many)),
      ("add too many", .add(router: "web", addresses: many + many + many)),
      ("up too many", .up([try router(many + many)], timeout: .zero)),
      (
        "up of many routers",
        .up(
          try (1...50).map {
            try router(
              addresses(100, from: 40_000 + 100 * $0), name: "r\($0)",
              vrid: try #require(VRID(exactly: $0)))
          }, timeout: .zero)
      ),
      ("events", .events(follow: false)),
      ("down", .down(["web"])),
      ("down of all", .downAll),
    ]
  }

  @Test func `no request keeps a node from advertising in time`() async throws {
    var options = Node.Options(settings: NodeSettings(lease: .off))
    options.endsWhenIdle = false
    let node = try Node(options, on: MachineInMemory())
    let first = try Self.router(Self.addresses(2))
    let other = try Self.router(Self.addresses(1, from: 30_000), name: "other", vrid: 200)
    try await node.up(first)
    try await node.up(other)
    while try await !node.status().routers.allSatisfy({ $0.state == .active }) {
      try await Task.sleep(for: .milliseconds(50))
    }
    var late: [String] = []
    for (name, request) in try Self.requests() {
      node.workMeter.reset()
      _ = await node.answer(request)
      let longest = node.workMeter.longest
      if longest > Self.interval * 0.6 { late.append("\(name): \(longest)") }
    }
    #expect(late == [])
    await node.shutdown()
  }

  @Test func `a request that names too much is refused before anything is done`() async throws {
    let node = try Node(
      Node.Options(settings: NodeSettings(lease: .off)), on: MachineInMemory())
    let few = try Self.router(Self.addresses(1))
    let many = try Self.router(Self.addresses(Self.most))
    for (routers, what) in [
      (Array(repeating: few, count: 2049), "2049 routers in one request are more than 2048"),
      (Array(repeating: many, count: 13), "260000 addresses in one request are more than 250000"),
    ] {
      let refusal = ControlReply.failed(
        ControlFailure(.invalid, what + "; ask for less at a time"))
      let request = ControlRequest.up(routers, timeout: .zero)
      #expect(await node.answer(request) == refusal)
      #expect(await node.answer(.dryRun(request)) == refusal)
    }
    let words = ControlRequest.down(Array(repeating: "web", count: 20_001))
    let refusal = ControlReply.failed(
      ControlFailure(
        .invalid, "20001 names in one request are more than 20000; ask for less at a time"))
    #expect(await node.answer(words) == refusal)
    #expect(await node.answer(.dryRun(words)) == refusal)
    await node.shutdown()
  }
}
