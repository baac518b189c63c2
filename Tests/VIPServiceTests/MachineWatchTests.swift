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
        remark("3 ranges", .unclaimedAddresses, router: nil),
        remark("no carrier", nil),
        remark("no program", .unusableProgram(path: "/bin/up")),
        remark("no program either", .unusableProgram(path: "/bin/up")),
        remark("no program", .unusableProgram(path: "/bin/down")),
        remark("of a router that has gone", .openFiles, router: "gone"),
      ], of: [router])
    #expect(node.map(\.fault) == [.openFiles, .processes, .unclaimedAddresses])
    #expect(node.map(\.text) == ["1 file", "2 processes", "3 ranges"])
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
      (.addressOnOtherInterface(virtual[0].address, interface: "eth1"), [.ipv4]),
      (.addressOnOtherInterface(virtual[1].address, interface: "eth1"), [.ipv6]),
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

  /// What is wrong with the machine as far as it concerns the node as a whole.
  private func kinds(_ node: Node) async throws -> [NodeProblem.Kind] {
    try await node.status().node.problems.map(\.kind).filter {
      if case .machine = $0 { true } else { false }
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `a program that does not answer is told of, and hides nothing but itself`() async throws {
    // Until this ends, as a mount whose server is gone.
    let (silence, end) = AsyncStream.makeStream(of: Void.self)
    let node = try Node(on: MachineInMemory())
    let watch = MachineWatch(node, period: .seconds(100_000), patience: .milliseconds(50)) { file in
      let hasProgram = file.routers.contains { !$0.hooks.isEmpty }
      if hasProgram { for await _ in silence {} }
      return [MachineCheck.Remark(kind: .warning, text: "1 file", router: nil, fault: .openFiles)]
    }
    var router = try settings()
    router.hooks = Hooks(active: ["/mnt/up"])
    try await node.up(router)
    var events = node.stampedEvents().makeAsyncIterator()
    let running = Task { await watch.run() }
    defer { running.cancel() }

    var told: [NodeProblem] = []
    while !told.contains(where: { $0.kind == .machine(.noAnswer) })
      || !told.contains(where: { $0.kind == .machine(.openFiles) })
    {
      guard case .nodeWarning(let problem) = await events.next()?.event else { continue }
      told.append(problem)
    }
    // On a busy machine the rest is late at first, too.
    let text = told.last { $0.kind == .machine(.noAnswer) }?.text ?? ""
    #expect(
      text.hasPrefix("the program '/mnt/up' can't be looked at within")
        || text.hasPrefix("this machine can't be looked at within"), "\(text)")
    end.finish()
    while let event = await events.next()?.event {
      if case .nodeCleared(let problem) = event, problem.kind == .machine(.noAnswer) { break }
    }
    #expect(try await kinds(node) == [.machine(.openFiles)])
    await node.shutdown()
  }

  /// A machine whose file system stops answering, until the test ends.
  private final class Machine: Sendable {
    let isSilent = Mutex(false)
    let silence: AsyncStream<Void>
    let end: AsyncStream<Void>.Continuation
    init() { (silence, end) = AsyncStream.makeStream() }
  }

  @Test(.timeLimit(.minutes(5)))
  func `a fault of a program goes on while the program can't be looked at`() async throws {
    let machine = Machine()
    let node = try Node(on: MachineInMemory())
    var router = try settings()
    router.hooks = Hooks(active: ["/mnt/up"])
    let name = router.name
    let watch = MachineWatch(node, period: .seconds(100_000), patience: .milliseconds(50)) { file in
      guard file.routers.contains(where: { !$0.hooks.isEmpty }) else { return [] }
      if machine.isSilent.withLock({ $0 }) { for await _ in machine.silence {} }
      return [
        MachineCheck.Remark(
          kind: .warning, text: "no program", router: name,
          fault: .unusableProgram(path: "/mnt/up"))
      ]
    }
    try await node.up(router)
    func problems() async throws -> [Problem] {
      let routers = try await node.status().routers
      var status = try #require(routers.first)
      status.problems = []
      watch.complete(&status)
      return status.problems
    }
    while try await problems().isEmpty { await watch.look() }
    machine.isSilent.withLock { $0 = true }
    while try await kinds(node) != [.machine(.noAnswer)] { await watch.look() }
    #expect(try await problems().map(\.text) == ["no program"])
    machine.end.finish()
    await node.shutdown()
  }
}
