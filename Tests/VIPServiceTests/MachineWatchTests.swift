import Synchronization
import Testing
import VIP
import VIPConfiguration
import VIPCore
import VIPTesting

@testable import VIPService

/// What a process tells of the machine while its node runs.
@Suite struct MachineWatchTests {
  @Test func `each fault is told once, and nothing that the node tells itself`() throws {
    let router = RouterConfiguration(
      interface: "eth0", vrid: 1, addresses: [try #require(InterfaceAddress("2001:db8::9/64"))])
    func remark(
      _ text: String, _ fault: MachineFault?, router: String? = router.name
    ) -> MachineCheck.Remark {
      MachineCheck.Remark(kind: .warning, text: text, router: router, fault: fault)
    }
    let (node, routers) = MachineWatch.faults(
      [
        remark("2 processes", .processes, router: nil),
        remark("1 file", .openFiles, router: nil),
        remark("no carrier", nil),
        remark("no program", .unusableProgram(path: "/bin/up")),
        remark("no program either", .unusableProgram(path: "/bin/up")),
        remark("no program", .unusableProgram(path: "/bin/down")),
        remark("of a router that has gone", .openFiles, router: "gone"),
      ], of: [router])
    #expect(node.map(\.fault) == [.openFiles, .processes])
    #expect(node.map(\.text) == ["1 file", "2 processes"])
    #expect(
      routers == [
        Problem(
          .machine(.unusableProgram(path: "/bin/up")), router: router.name, family: .ipv6,
          "no program"),
        Problem(
          .machine(.unusableProgram(path: "/bin/down")), router: router.name, family: .ipv6,
          "no program"),
      ])
  }

  @Test func `a fault is told of the families that it concerns`() throws {
    let (four, six) = (IPAddress("192.0.2.9"), IPAddress("2001:db8::9"))
    let virtual = try ["192.0.2.10/24", "2001:db8::10/64"].map {
      try #require(InterfaceAddress($0))
    }
    let router = RouterConfiguration(interface: "eth0", vrid: 1, addresses: virtual)
    let cases: [(MachineFault, [AddressFamily])] = [
      (.notOwned(virtual[0].address), [.ipv4]), (.notOwned(virtual[1].address), [.ipv6]),
      (.peerElsewhere(try #require(four)), [.ipv4]), (.peerElsewhere(try #require(six)), [.ipv6]),
      (.addressElsewhere(virtual[1]), [.ipv6]), (.prefixLengthDiffers(virtual[1]), [.ipv6]),
      (.setting("net.ipv4.conf.eth0.arp_ignore"), [.ipv4]),
      (.setting("net.ipv6.conf.eth0.max_addresses"), [.ipv6]),
      (.noARP(interface: "eth0"), [.ipv4]), (.vrf(interface: "eth0"), [.ipv6]),
      (.noMulticast(interface: "eth0"), [.ipv4, .ipv6]),
      (.unusableProgram(path: "/bin/up"), [.ipv4, .ipv6]),
    ]
    for (fault, families) in cases {
      let remark = MachineCheck.Remark(
        kind: .warning, text: "wrong", router: router.name, fault: fault)
      let told = MachineWatch.faults([remark, remark], of: [router]).routers
      #expect(told.map(\.family) == families, "\(fault)")
      #expect(told.allSatisfy { $0.kind == .machine(fault) })
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `it looks again when a router begins to wait and when it takes part again`() async throws {
    final class Machine: Sendable {
      let isWrong = Mutex(false)
    }
    let machine = Machine()
    let fault = MachineFault.openFiles
    let node = try Node(on: MachineInMemory())
    let watch = MachineWatch(node, period: .seconds(100_000)) { _ in
      guard machine.isWrong.withLock({ $0 }) else { return [] }
      return [MachineCheck.Remark(kind: .warning, text: "wrong", router: nil, fault: fault)]
    }
    var events = node.stampedEvents().makeAsyncIterator()
    let running = Task { await watch.run() }
    defer { running.cancel() }
    let router = try settings()
    try await node.up(router)

    machine.isWrong.withLock { $0 = true }
    try await node.setFitness(.unfit(because: "no answer"), of: router.name, for: "health")
    let problem = NodeProblem(.machine(fault), "wrong")
    while let event = await events.next()?.event, event != .nodeWarning(problem) {}
    machine.isWrong.withLock { $0 = false }
    try await node.setFitness(.fit, of: router.name, for: "health")
    while let event = await events.next()?.event, event != .nodeCleared(problem) {}
    await node.shutdown()
  }
}
