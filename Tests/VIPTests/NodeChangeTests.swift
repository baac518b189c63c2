import Glibc
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Changes of a node that meet one another, or that the machine refuses.
@Suite(.timeLimit(.minutes(10))) struct NodeChangeTests {
  private let machine = MachineInMemory()

  private func interval(_ milliseconds: UInt16) throws -> AdvertisementInterval {
    try #require(AdvertisementInterval(centiseconds: milliseconds / 10))
  }

  @Test func `addresses that are added at once are all there, and so it is with removals`()
    async throws
  {
    let node = try Node(on: machine)
    try await node.up(try settings(interval: try interval(10)))
    try await node.waitUntilRunning("web", timeout: .seconds(600))
    let numbers = 101..<109
    func address(_ number: Int) throws -> InterfaceAddress {
      try #require(InterfaceAddress("198.18.0.\(number)/24"))
    }
    try await withThrowingTaskGroup { group in
      for number in numbers {
        let address = try address(number)
        group.addTask { try await node.add([address], to: "web") }
      }
      try await group.waitForAll()
    }
    #expect(await node.configurations.first?.addresses.count == 1 + numbers.count)
    try await withThrowingTaskGroup { group in
      for number in numbers {
        let address = try address(number).address
        group.addTask { try await node.remove([address], from: "web") }
      }
      try await group.waitForAll()
    }
    #expect(await node.configurations.first?.addresses.map(\.description) == ["198.18.0.100/24"])
    await node.shutdown()
  }

  @Test func `what the machine refuses changes nothing of any router`()
    async throws
  {
    let node = try Node(on: machine)
    func router(_ name: String, _ vrid: Int, priority: Int = 100) throws -> RouterConfiguration {
      try settings(
        ["198.18.0.\(50 + vrid)/24"], priority: priority, vrid: vrid, name: name,
        interval: try interval(100))
    }
    let before = try [router("gone", 51), router("moved", 52), router("kept", 53)]
    let common = NodeSettings(lease: .off)
    try await node.apply(NodeConfiguration(settings: common, routers: before))
    while try await node.status().routers.contains(where: { $0.state != .active }) {
      try await Task.sleep(for: .milliseconds(5))
    }
    try await node.setFitness(.weaker(by: 10, because: "busy"), of: "moved", for: "load")

    let after = try [
      router("moved", 62), router("kept", 53, priority: 90), router("new", 54),
    ]
    machine.forgetDeeds()
    machine.withKernel { kernel in
      kernel.failure = { request in
        guard case .listAddresses = request else { return nil }
        return NetlinkError(operation: "list addresses", code: ENOBUFS)
      }
    }
    let error = await #expect(throws: NodeError.self) {
      try await node.apply(NodeConfiguration(routers: after))
    }
    machine.withKernel { $0.failure = nil }
    #expect(error?.description.contains("ENOBUFS") ?? false, "\(error?.description ?? "")")

    let configurations = await node.configurations
    #expect(configurations.sorted { $0.name < $1.name } == before.sorted { $0.name < $1.name })
    #expect(await node.settings == common)
    let farewells = machine.deeds.filter {
      if case .advertise(let message, to: _) = $0 { message.priority == .farewell } else { false }
    }
    #expect(farewells.isEmpty)
    #expect(
      try await node.status().routers.first { $0.name == "moved" }?.effectivePriority.rawValue == 90
    )
    await node.shutdown()
  }

  @Test func `a report has the node's settings only if they change`() async throws {
    let node = try Node(on: machine)
    let before = await node.settings
    let wanted = NodeSettings(lease: .off)
    let preview = try await node.preview(NodeConfiguration(settings: wanted, routers: []))
    let report = try await node.apply(NodeConfiguration(settings: wanted, routers: []))
    #expect(report.node == ChangeReport.NodeChange(from: before, to: wanted))
    #expect(preview == report)
    #expect(report.node?.settings == [.lease])
    let again = try await node.apply(NodeConfiguration(settings: wanted, routers: []))
    #expect(again == ChangeReport())
    await node.shutdown()
  }

  @Test func `routers that leave do not count against those that come`() async throws {
    let node = try Node(on: machine)
    let interval = try interval(100)
    func many(_ name: String, _ vrid: Int, _ net: Int) throws -> RouterConfiguration {
      try settings(
        (0..<400).map { "198.\(net).\($0 / 200).\($0 % 200 + 1)/16" }, vrid: vrid, name: name,
        interval: interval)
    }
    let lease = try #require(LeasePolicy(lifetime: .seconds(2)))
    let first = try many("first", 51, 20)
    let second = try many("second", 52, 21)
    try await node.apply(
      NodeConfiguration(settings: NodeSettings(lease: lease), routers: [first]))
    try await node.waitUntilRunning("first", timeout: .seconds(600))
    while try await node.status().routers.first?.state != .active {
      try await Task.sleep(for: .milliseconds(5))
    }
    // 2 s are enough for 400 addresses, but not for 800.
    try await node.apply(
      NodeConfiguration(settings: NodeSettings(lease: lease), routers: [second]))
    #expect(await node.routerNames == ["second"])
    await node.shutdown()
  }
}
