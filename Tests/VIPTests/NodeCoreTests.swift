import ARP
import Glibc
import Netlink
import TestSupport
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// A core that a program drives from its own loop: turns, deadlines, events and commands.
@Suite struct NodeCoreTests {
  private let machine = MachineInMemory(time: .virtual)
  private let core: NodeCore

  init() throws { core = try NodeCore(on: machine) }

  private func isReadable(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1
  }

  private func refusal(_ body: () throws -> Void) -> NodeError? {
    do {
      try body()
      return nil
    } catch {
      return error as? NodeError
    }
  }

  private func states(_ events: [NodeEvent]) -> [Settlement.State] {
    events.compactMap { if case .settled(_, _, let now) = $0 { now.state } else { nil } }
  }

  @Test func `a core without routers waits for nothing`() {
    core.turn()
    #expect(core.deadline == nil && !core.hasPendingWork && core.takeEvents().isEmpty)
    #expect(core.routerNames.isEmpty && core.status().isEmpty)
    #expect(!isReadable(core.descriptor))
  }

  @Test func `turns at the deadlines lead from Backup to settled Active`() throws {
    let router = try settings()
    try core.up(router)
    #expect(states(core.takeEvents()) == [.backup])
    let deadline = try #require(core.deadline)
    #expect(deadline > machine.now() && deadline <= machine.now() + .seconds(4))
    #expect(states(machine.pass(deadline - machine.now() - .milliseconds(1), for: core)) == [])
    #expect(machine.heldAddresses.isEmpty, "a turn before the deadline does nothing")
    #expect(states(machine.pass(.milliseconds(1), for: core)) == [.active])
    #expect(machine.heldAddresses == router.addresses)
    let order = machine.deeds.map(\.description).prefix(3)
    #expect(order == ["advertise 100", "install 198.18.0.100/24", "announce 198.18.0.100"])
    #expect(core.takeEvents().isEmpty, "each event is told once")
  }

  @Test func `the descriptor says when a turn is due`() throws {
    // By the clock of this computer: the descriptor waits by no other.
    let machine = MachineInMemory()
    let core = try NodeCore(on: machine)
    core.turn()
    core.turn()
    #expect(!isReadable(core.descriptor))
    machine.withKernel { $0.setFlags([.broadcast, .multicast], onInterface: 2) }
    #expect(isReadable(core.descriptor), "an interface went down")
    core.turn()
    try core.up(try settings(priority: 254))
    #expect(core.status().first?.state == .initialize)
    machine.withKernel { $0.setLink(MachineInMemory.eth0) }
    while core.status().first?.state != .active {
      var entry = pollfd(fd: core.descriptor, events: Int16(POLLIN), revents: 0)
      #expect(poll(&entry, 1, 60_000) == 1, "a deadline makes it readable, too")
      core.turn()
    }
  }

  @Test func `what other machines say arrives in the next turn`() throws {
    try core.up(try settings())
    let source = try #require(IPAddress("198.18.0.9"))
    machine.hear(200)
    #expect(core.status().first?.activeRouter == nil)
    core.turn()
    #expect(core.status().first?.activeRouter == source)
    machine.pass(.seconds(3), for: core)
    #expect(core.status("web").first?.state == .backup)
  }

  @Test func `a router that is up takes over what it can and refuses the rest`() throws {
    try core.up(try settings())
    machine.pass(.seconds(5), for: core)
    let more = try settings(["198.18.0.100/24", "198.18.0.101/24"], priority: 120)
    try core.up(more)
    machine.pass(.zero, for: core)
    #expect(machine.heldAddresses.count == 2)
    #expect(core.status().first?.priority == 120)
    let error = refusal { try core.up(try settings(vrid: 52)) }
    #expect(error?.kind == .refused && error?.description.hasSuffix("take it down first") == true)
    let invalid = refusal { try core.up(try settings([], name: "other")) }
    #expect(invalid?.description.contains("no addresses are given") == true)
    #expect(core.routerNames == ["web"])
    #expect(machine.pass(.seconds(3), for: core).isEmpty, "nothing has changed")
  }

  @Test func `a router that is taken down is there until its addresses are gone`() throws {
    try core.up(try settings())
    machine.pass(.seconds(5), for: core)
    try core.down("web")
    #expect(core.routerNames == ["web"] && machine.heldAddresses.count == 1)
    let events = machine.pass(.seconds(10), for: core)
    #expect(events.last == .removed(router: "web") && states(events) == [.stop])
    #expect(core.routerNames.isEmpty && machine.heldAddresses.isEmpty)
    #expect(machine.deeds.last?.description == "remove 198.18.0.100/24")
  }

  @Test func `the role is given away, taken back, and kept from a router that is unfit`() throws {
    try core.up(try settings())
    machine.pass(.seconds(5), for: core)
    machine.hear(50)
    machine.pass(.zero, for: core)
    try core.resign("web")
    machine.pass(.zero, for: core)
    #expect(core.status().first?.state == .backup)
    machine.hear(50)
    machine.pass(.zero, for: core)
    try core.promote("web")
    #expect(core.status().first?.state == .active)
    try core.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    let reason = core.status().first?.reason
    #expect(reason == .waiting(.external(cause: "health", text: "no answer")))
    #expect(reason?.description == "health: no answer")
    try core.setFitness(.fit, of: "web", for: "health")
    #expect(core.status().first?.state == .backup)
  }

  @Test func `commands for a router that is not there are refused`() {
    for command in [
      { try core.down("wbe") }, { try core.promote("wbe") }, { try core.resign("wbe") },
      { try core.setFitness(.fit, of: "wbe", for: "health") },
    ] as [() throws -> Void] {
      let error = refusal(command)
      #expect(error?.kind == .unknownRouter)
      #expect(error?.description == "no router is called 'wbe'; there are none")
    }
  }
}

/// The machine in memory as an embedder's tests use it.
@Suite struct MachineInMemoryTests {
  private let machine = MachineInMemory(time: .virtual)

  @Test func `time that passes ends the leases of a core whose turns have ended`() throws {
    let core = try NodeCore(on: machine)
    try core.up(try settings())
    machine.pass(.seconds(5), for: core)
    #expect(machine.heldAddresses.count == 1)
    let other = try NodeCore(on: machine)
    machine.pass(.seconds(10), for: other)
    #expect(machine.heldAddresses.isEmpty)
  }

  @Test func `a stranger's claim reaches a node that listens, and is answered`() throws {
    let core = try NodeCore(on: machine)
    try core.up(try settings())
    machine.pass(.seconds(5), for: core)
    machine.forgetDeeds()
    let vip = try #require(IPAddress("198.18.0.100"))
    let claim = AddressClaim(address: vip, mac: MACAddress(2, 0, 0, 0, 0, 9), form: .request)
    machine.hear(claim)
    let events = machine.pass(.seconds(4), for: core)
    #expect(events.contains(.conflict(router: "web", address: vip, mac: claim.mac)))
    #expect(machine.deeds.contains { $0.description == "announce 198.18.0.100" })
  }

  @Test func `what fails is told, and what failed is no deed`() throws {
    let core = try NodeCore(on: machine)
    try core.up(try settings())
    machine.sendFailure = 100
    machine.frameFailure = FrameError(interface: "eth0", operation: "send", errorNumber: 100)
    machine.pass(.seconds(5), for: core)
    let kinds = core.status().first?.problems.map(\.kind)
    #expect(kinds == [.advertising, .announcing])
    #expect(machine.deeds.allSatisfy { $0.description.hasPrefix("install") })
    machine.sendFailure = 0
    machine.frameFailure = nil
    machine.pass(.seconds(3), for: core)
    #expect(core.status().first?.problems == [])
  }

  @Test func `addresses under a virtual MAC address are held, and announced with it`() throws {
    let core = try NodeCore(on: machine)
    try core.up(try settings(virtualMAC: true))
    machine.pass(.seconds(5), for: core)
    #expect(machine.heldAddresses.map(\.description) == ["198.18.0.100/24"])
    let macs = machine.deeds.compactMap { deed in
      if case .announce(let claim) = deed { claim.mac } else { nil }
    }
    #expect(macs.first == .virtualRouter(51, .ipv4) && Set(macs).count == 1)
    #expect(machine.deeds.contains { $0.description == "advertise 100" })
  }

  @Test(.enabled(if: BuiltSnippet.areAll, "the snippets are not beside the tests"))
  func `the snippet that shows a test keeps what it promises`() throws {
    let result = try run([BuiltSnippet.path("TestFailover")])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    #expect(result.output.hasSuffix("the failover works\n"), "\(result.output)")
  }
}
