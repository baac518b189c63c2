import Glibc
import TestSupport
import Testing
import VIP
import VIPChecks
import VIPCore
import VIPTesting
import VRRP

/// Checks as a customer of a node.
@Suite(.timeLimit(.minutes(10))) struct CheckServiceTests {
  private let machine = MachineInMemory()
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  private func router(_ name: String, vrid: Int, _ uses: [CheckUse]) throws -> RouterConfiguration {
    RouterConfiguration(
      name: name, interface: "eth0", vrid: try #require(VRID(exactly: vrid)),
      // Long enough that a busy machine does not make it step down for being late.
      interval: try #require(AdvertisementInterval(centiseconds: 50)),
      addresses: [try #require(InterfaceAddress("198.18.0.\(vrid)/24"))], probes: false,
      checks: uses)
  }

  private func status(_ node: Node, _ service: CheckService) async throws -> NodeStatus {
    var status = try await node.status()
    service.complete(&status, await node.configurations)
    return status
  }

  private func wait(
    _ node: Node, _ service: CheckService, until condition: (NodeStatus) -> Bool
  ) async throws {
    while !condition(try await status(node, service)) {
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  @Test func `a router is out, weaker and stronger as its checks say`() async throws {
    let node = try Node(on: machine)
    let service = try CheckService(for: node)
    let events = node.events()
    try await service.use([
      Check(name: "gate", .file(path: folder["gate"]), interval: .milliseconds(100)),
      Check(name: "load", .file(path: folder["load"]), interval: .milliseconds(100)),
      Check(name: "unused", .command(["/no/such/program"], user: nil)),
    ])
    try folder.write("true", to: "gate")
    try folder.write("true", to: "load")
    _ = try await node.apply([
      router("a", vrid: 10, [CheckUse("gate")]),
      router("b", vrid: 11, [CheckUse("load", weight: -40), CheckUse("gate", weight: 20)]),
    ])
    try await wait(node, service) { status in
      status.routers.map(\.effectivePriority.rawValue) == [100, 120]
    }
    try folder.write("false", to: "load")
    try await wait(node, service) { $0.routers[1].effectivePriority.rawValue == 80 }
    try folder.write("false", to: "gate")
    try await wait(node, service) { $0.routers[0].state == .initialize }
    var status = try await status(node, service)
    #expect(
      status.routers[0].reason.description
        == "check gate: \(folder["gate"]) says false")
    #expect(status.routers[0].checks?.map(\.isOut) == [true])
    #expect(status.routers[1].checks?.map(\.weight) == [-40, 0])
    #expect(status.routers[1].effectivePriority.rawValue == 60)
    #expect(status.checks.map(\.name) == ["gate", "load"], "what is not used is not run")
    #expect(status.checks.map(\.standing) == [.failing, .failing])
    // What a router does not use any more is taken back.
    try await node.up(router("a", vrid: 10, []))
    try await wait(node, service) { $0.routers[0].state != .initialize }
    status = try await self.status(node, service)
    #expect(status.routers[0].checks == nil)
    await node.retire()
    await service.finish()
    await node.shutdown()
    var told: [String] = []
    for await event in events {
      if case .check(let name, let standing, _) = event { told.append("\(name) \(standing)") }
    }
    #expect(Set(told.prefix(2)) == ["gate passing", "load passing"])
    #expect(told.dropFirst(2) == ["load failing", "gate failing"])
  }

  @Test func `a check that is not defined keeps its router out`() async throws {
    let node = try Node(on: machine)
    let service = try CheckService(for: node)
    try await node.up(router("a", vrid: 10, [CheckUse("nosuch")]))
    try await wait(node, service) { $0.routers[0].state == .initialize }
    let status = try await status(node, service)
    #expect(
      status.routers[0].reason.description == "check nosuch: there is no check of this name")
    await node.shutdown()
    await service.finish()
  }

  @Test func `a check that is expected keeps no router out before it has been run`() async throws {
    let node = try Node(on: machine)
    let service = try CheckService(for: node)
    let check = Check(name: "late", .file(path: folder["late"]), interval: .milliseconds(100))
    try folder.write("true", to: "late")
    service.expect([check])
    service.expect([Check(name: "late", .interface("nosuch"))])
    #expect(service.checks == [check], "what is known stays as it is")
    let events = node.events()
    try await node.up(router("a", vrid: 10, [CheckUse("late")]))
    try await wait(node, service) { $0.checks.map(\.standing) == [.passing] }
    await node.shutdown()
    await service.finish()
    for await event in events {
      if case .transition(_, _, let transition) = event {
        #expect(transition.to != .initialize || transition.reason == .shutdown)
      }
    }
  }

  @Test func `what makes no sense is refused`() async throws {
    let node = try Node(on: machine)
    let service = try CheckService(for: node)
    let twice = [Check(name: "a", .interface("lo")), Check(name: "a", .interface("lo"))]
    await #expect(throws: CheckError.self) { try await service.use(twice) }
    await #expect(throws: CheckError.self) {
      try await service.use([Check(name: "a", .command(["pgrep"], user: nil))])
    }
    for user in ["4294967295", "4294967295:65534", "65534:4294967295", "65534:04294967295"] {
      await #expect(throws: CheckError.self, "it would run as the node's user") {
        try await service.use([Check(name: "a", .command(["/bin/true"], user: user))])
      }
    }
    #expect(service.checks.isEmpty)
    await node.shutdown()
  }
}
