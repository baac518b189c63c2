import Glibc
import Netlink
import Synchronization
import TestSupport
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// A node as a program sees it that embeds one: its lifetime, its waits, its parts.
@Suite(.timeLimit(.minutes(10))) struct NodeTests {
  private let machine = MachineInMemory()
  private var log: [String] { machine.deeds.map(\.description) }

  /// How long a wait may go on after it was cancelled.
  private static let promptness = Bound(machine: .seconds(5))

  private func interval(_ milliseconds: UInt16) throws -> AdvertisementInterval {
    try #require(AdvertisementInterval(centiseconds: milliseconds / 10))
  }

  /// A node that holds the addresses of a router, as soon as it can be had.
  private func activeNode(interval milliseconds: UInt16) async throws -> Node {
    let node = try Node(on: machine)
    try await node.up(try settings(interval: try interval(milliseconds)))
    try await node.waitUntilRunning("web", timeout: .seconds(600))
    machine.hear(50)
    while try await node.status().routers.first?.activeRouter == nil {
      try await Task.sleep(for: .milliseconds(1))
    }
    try await node.promote("web")
    return node
  }

  /// Expects that something which would wait for long ends soon after its task was cancelled, once
  /// it has begun to wait, or has had a moment to.
  private func expectCancellation(
    once hasBegun: (() async throws -> Bool)? = nil,
    of body: @escaping @Sendable () async throws -> Void
  ) async throws {
    Pace.start()
    let task = Task { try await body() }
    if let hasBegun {
      while try await !hasBegun() { try await Task.sleep(for: .milliseconds(1)) }
    }
    try await Task.sleep(for: .milliseconds(100))
    let start = Moment.now
    task.cancel()
    let error = await #expect(throws: NodeError.self) { try await task.value }
    #expect(error?.kind == .cancelled, "\(error?.description ?? "")")
    #expect(Self.promptness.objection(from: start) == nil)
  }

  /// Whether the router of a node is on its way out of Active.
  private func isLeaving(_ node: Node) -> () async throws -> Bool {
    { try await node.status().routers.first?.state != .active }
  }

  // MARK: Parts of one's own

  @Test func `a node works with an address installer and an announcer of one's own`() async throws {
    let node = try Node(on: machine)
    try await node.up(try settings(interval: try interval(10)))
    try await node.waitUntilRunning("web", timeout: .seconds(600))
    while try await node.status().routers.first?.state != .active {
      try await Task.sleep(for: .milliseconds(10))
    }
    try await node.down("web")
    let log = self.log
    let installed = try #require(log.firstIndex(of: "install 198.18.0.100/24"))
    let announced = try #require(log.firstIndex(of: "announce 198.18.0.100"))
    let removed = try #require(log.lastIndex(of: "remove 198.18.0.100/24"))
    #expect(log.firstIndex(of: "advertise 100") ?? .max < installed)
    #expect(installed < announced && announced < removed)
    #expect(log.contains("advertise 0"), "it says farewell")
    await node.shutdown()
  }

  // MARK: Cancellation

  @Test func `a cancelled wait for a router to run ends at once`() async throws {
    let node = try Node(on: MachineInMemory.down())
    try await node.up(try settings())
    try await expectCancellation { try await node.waitUntilRunning("web", timeout: .seconds(600)) }
    await node.shutdown()
  }

  @Test func `a wait ends when its time is over`() async throws {
    let node = try Node(on: MachineInMemory.down())
    try await node.up(try settings())
    let start = Moment.now
    let error = await #expect(throws: NodeError.self) {
      try await node.waitUntilRunning("web", timeout: .milliseconds(50))
    }
    #expect(error?.kind == .notRunningYet)
    #expect(Moment.now - start >= .milliseconds(50))
    #expect(Self.promptness.objection(from: start) == nil)
    await node.shutdown()
  }

  @Test func `a cancelled down returns at once, and the router goes on leaving`() async throws {
    let node = try await activeNode(interval: 8000)
    try await expectCancellation(once: isLeaving(node)) { try await node.down("web") }
    #expect(await node.routerNames == ["web"])
    machine.hear(150)
    while await !node.routerNames.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
    #expect(log.last == "remove 198.18.0.100/24")
  }

  @Test func `a router that is taken down while it is being replaced stays down`() async throws {
    let node = try Node(on: machine)
    let interval = try #require(AdvertisementInterval(centiseconds: 50))
    try await node.up(try settings(vrid: 51, interval: interval))
    while try await node.status("web").routers.first?.state != .active {
      try await Task.sleep(for: .milliseconds(5))
    }
    let change = Task { try await node.up(try settings(vrid: 52, interval: interval)) }
    while try await node.status("web").routers.first?.state == .active {
      try await Task.sleep(for: .milliseconds(1))
    }
    try await node.down("web")
    try await change.value
    #expect(await node.routerNames.isEmpty)
    await node.shutdown()
  }

  @Test func `a cancelled up that waits for a router to leave changes nothing`() async throws {
    let node = try await activeNode(interval: 8000)
    let leaving = Task { try await node.down("web") }
    while try await node.status().routers.first?.state == .active {
      try await Task.sleep(for: .milliseconds(1))
    }
    let router = try settings(interval: try interval(40_950))
    try await expectCancellation { try await node.up(router) }
    machine.hear(150)
    try await leaving.value
    #expect(await node.routerNames.isEmpty)
  }

  @Test func `a change that has begun is carried through although it is cancelled`() async throws {
    let node = try await activeNode(interval: 8000)
    let other = try settings(
      ["198.18.0.101/24"], vrid: 52, name: "mail", interval: try interval(40_950))
    // It is waited for the router that goes, which hands over.
    try await expectCancellation(once: isLeaving(node)) {
      try await node.apply([other], removing: ["web"])
    }
    #expect(await Set(node.routerNames) == ["mail", "web"])
    machine.hear(150)
    while await node.routerNames != ["mail"] { try await Task.sleep(for: .milliseconds(10)) }
  }

  /// A node whose router is Backup and would need half a minute to put its addresses up.
  private func slowNode() async throws -> Node {
    let node = try Node(on: machine)
    machine.withKernel { kernel in
      kernel.failure = { request in
        if case .install = request { usleep(1300) }
        return nil
      }
    }
    let addresses = (0..<20_000).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/16" }
    try await node.up(try settings(addresses, interval: try interval(40_950)))
    try await node.waitUntilRunning("web", timeout: .seconds(600))
    machine.hear(50)
    while try await node.status().routers.first?.activeRouter == nil {
      try await Task.sleep(for: .milliseconds(1))
    }
    return node
  }

  @Test func `a cancelled promotion returns at once`() async throws {
    let node = try await slowNode()
    let hasBegun = { machine.deeds.contains { $0.description.hasPrefix("install") } }
    try await expectCancellation(once: hasBegun) { try await node.promote("web") }
  }

  @Test func `a promotion that another machine takes back ends with the reason`() async throws {
    let node = try await slowNode()
    let promotion = Task { try await node.promote("web") }
    while try await node.status().routers.first?.state != .active {
      try await Task.sleep(for: .milliseconds(1))
    }
    machine.hear(254)
    let error = await #expect(throws: NodeError.self) { try await promotion.value }
    #expect(
      error?.description
        == "web: IPv4 has lost the role again at once: 198.18.0.9 has higher priority 254")
  }

  @Test func `a promotion or resignation of a router that is removed meanwhile says so`()
    async throws
  {
    let node = try await slowNode()
    let promotion = Task { try await node.promote("web") }
    while try await node.status().routers.first?.state != .active {
      try await Task.sleep(for: .milliseconds(1))
    }
    let end = Task { try await node.down("web") }
    let error = await #expect(throws: NodeError.self) { try await promotion.value }
    #expect(error?.description == "web: it was removed meanwhile")
    machine.withKernel { $0.failure = nil }
    try await end.value

    let other = try await activeNode(interval: 8000)
    let resignation = Task { try await other.resign("web") }
    while try await other.status().routers.first?.state != .backup {
      try await Task.sleep(for: .milliseconds(1))
    }
    let removal = Task { try await other.down("web") }
    let refusal = await #expect(throws: NodeError.self) { try await resignation.value }
    #expect(refusal?.description == "web: it was removed meanwhile")
    machine.hear(150)
    try await removal.value
  }

  @Test func `a cancelled resignation returns at once`() async throws {
    let node = try await activeNode(interval: 8000)
    try await expectCancellation(once: isLeaving(node)) { try await node.resign("web") }
    #expect(try await node.status("web").routers.first?.state == .backup)
  }

  @Test func `a cancelled run returns when everything is handed over`() async throws {
    let node = try await activeNode(interval: 1000)
    let events = node.events()
    let life = Task { await node.run() }
    try await Task.sleep(for: .milliseconds(50))
    #expect(await node.routerNames == ["web"], "it runs")
    life.cancel()
    await life.value
    #expect(log.last { !$0.hasPrefix("announce") } == "remove 198.18.0.100/24")
    #expect(await node.routerNames.isEmpty)
    var last: NodeEvent?
    for await event in events { last = event }
    #expect(last == .removed(router: "web"), "and the events have ended")
  }

  @Test func `a run ends with a shutdown that another task asks for`() async throws {
    let node = try Node(on: machine)
    let life = Task { await node.run() }
    await node.shutdown()
    await life.value
    // A node that has ended has nothing more to tell.
    for await _ in node.events() {}
  }

  @Test func `a node that is dropped ends its thread`() async throws {
    weak var dropped: Node?
    do {
      let node = try await activeNode(interval: 1000)
      dropped = node
    }
    while dropped != nil { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test func `changes that come at once are made one after the other`() async throws {
    let node = try Node(on: machine)
    let interval = try interval(10)
    try await withThrowingTaskGroup { group in
      for number in 0..<40 {
        let router = try settings(
          ["198.18.0.\(100 + number % 8)/24"], vrid: 51 + number % 4, name: "r\(number % 4)",
          interval: interval)
        group.addTask {
          // Routers that others have changed meanwhile may stand in the way; nothing else may.
          do throws(NodeError) {
            try await node.up(router)
          } catch {
            guard case .configuration = error.kind else { throw error }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(Set(await node.routerNames) == ["r0", "r1", "r2", "r3"])
    await node.shutdown()
  }

  @Test func `a whole set is applied: what is not in it goes`() async throws {
    let node = try Node(on: machine)
    let interval = try interval(10)
    let routers = try (1...3).map { number in
      try settings(
        ["198.18.0.10\(number)/24"], vrid: 50 + number, name: "r\(number)", interval: interval)
    }
    try await node.apply(NodeConfiguration(routers: Array(routers.prefix(2))))
    let preview = try await node.preview(NodeConfiguration(routers: Array(routers.suffix(2))))
    let report = try await node.apply(NodeConfiguration(routers: Array(routers.suffix(2))))
    #expect(preview == report)
    #expect(report.added == ["r3"] && report.unchanged == ["r2"] && report.removed == ["r1"])
    #expect(await node.routerNames.sorted() == ["r2", "r3"])
    await node.shutdown()
  }

  @Test func `of a whole configuration what can run runs, and the rest waits unless it is refused`()
    async throws
  {
    let node = try Node(on: machine)
    let interval = try interval(10)
    var configuration = NodeConfiguration(routers: [
      try settings(interval: interval),
      try settings(["198.18.0.101/24"], vrid: 52, name: "late", interface: "late0"),
    ])
    configuration.unready = .refuse
    await #expect(throws: NodeError.self) { try await node.apply(configuration) }
    #expect(await node.routerNames == [])
    configuration.unready = .wait
    #expect(try await node.preview(configuration).added == ["web", "late"])
    #expect(try await node.apply(configuration).added == ["web", "late"])
    try await node.waitUntilRunning("web", timeout: .seconds(60))
    let error = await #expect(throws: NodeError.self) {
      try await node.waitUntilRunning("late", timeout: .zero)
    }
    #expect(error?.description == "late: interface late0 does not exist")
    // A user who asks for one router is told at once.
    await #expect(throws: NodeError.self) {
      try await node.up(try settings(["198.18.0.102/24"], vrid: 53, name: "x", interface: "x0"))
    }
    try await node.up(
      try settings(["198.18.0.102/24"], vrid: 53, name: "x", interface: "x0"), unready: .wait)
    #expect(await node.routerNames == ["web", "late", "x"])
    await node.shutdown()
  }

  @Test func `a node does without a list of addresses that can't be believed, and says so`()
    async throws
  {
    let folder = try TemporaryDirectory()
    let path = folder["addresses"]
    #expect(mkfifo(path, 0o600) == 0)
    #expect(throws: NodeError.self) {
      _ = try Node(Node.Options(addressesPath: path), on: MachineInMemory())
    }
    let node = try Node(
      Node.Options(addressesPath: path, unready: .wait), on: MachineInMemory())
    let problem = try #require(
      try await node.status().node.problems.first { $0.kind == .addressFile })
    #expect(problem.text.hasSuffix("; what an earlier node has left behind is not removed"))
    try await node.up(try settings(interval: interval(10)))
    #expect(await node.pastEvents.first?.event == .nodeWarning(problem))
    // From now on the list is this node's.
    #expect(try await node.status().node.problems.allSatisfy { $0.kind != .addressFile })
    #expect(readText(path) == "eth0 198.18.0.100/24\n")
    await node.shutdown()
  }

  @Test func `that addresses can't be noted is told, and that they can be again`() async throws {
    let folder = try TemporaryDirectory()
    let node = try Node(Node.Options(addressesPath: folder["later/addresses"]), on: machine)
    try await node.up(try settings())
    let problem = try #require(
      try await node.status().node.problems.first { $0.kind == .addressFile })
    #expect(problem.text.hasSuffix("; after a crash addresses may be left behind"))
    #expect(mkdir(folder["later"], 0o755) == 0)
    try await node.up(try settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    #expect(try await node.status().node.problems.allSatisfy { $0.kind != .addressFile })
    let told = await node.pastEvents.map(\.event).filter { event in
      switch event {
      case .nodeWarning(let problem), .nodeCleared(let problem): problem.kind == .addressFile
      default: false
      }
    }
    #expect(told == [.nodeWarning(problem), .nodeCleared(problem)])
    await node.shutdown()
  }

  @Test func `in a directory that is another node's by now nothing is noted or removed`()
    async throws
  {
    let folder = try TemporaryDirectory()
    let path = folder["addresses"]
    let isHeld = Mutex(true)
    let holding: @Sendable () -> Bool = { isHeld.withLock { $0 } }
    let node = try Node(Node.Options(addressesPath: path), on: machine)
    node.keepAddressFile(onlyWhile: holding)
    try await node.up(try settings())
    #expect(readText(path) == "eth0 198.18.0.100/24\n")
    isHeld.withLock { $0 = false }
    try folder.write("eth0 203.0.113.1/24\n", to: "addresses")
    try await node.up(try settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    #expect(readText(path) == "eth0 203.0.113.1/24\n")
    let problem = try #require(
      try await node.status().node.problems.first { $0.kind == .addressFile })
    #expect(problem.text.contains("is in a directory that this node has lost; after a crash"))
    isHeld.withLock { $0 = true }
    await node.rewriteAddressFile()
    #expect(readText(path) == "eth0 198.18.0.100/24\neth0 198.18.0.101/24\n")
    #expect(try await node.status().node.problems.allSatisfy { $0.kind != .addressFile })
    isHeld.withLock { $0 = false }
    await node.shutdown()
    #expect(!readText(path).isEmpty, "it may be another node's")
  }

  // MARK: What no event tells of

  @Test func `a resignation is over when the next holder is heard`() async throws {
    let node = try await activeNode(interval: 1000)
    let resignation = Task { try await node.resign("web") }
    while try await node.status().routers.first?.state == .active {
      try await Task.sleep(for: .milliseconds(1))
    }
    machine.hear(90)
    try await resignation.value
    #expect(try await node.status().routers.first?.state == .backup)
  }

  // MARK: List and watch

  @Test func `a snapshot has its place among the events, also while routers change`() async throws {
    let node = try Node(on: machine)
    let everything = node.stampedEvents()
    let changes = Task {
      for round in 0..<60 {
        let router = try settings(
          ["198.18.0.\(100 + round % 5)/24"], vrid: 51 + round % 5, name: "r\(round % 5)",
          interval: try interval(10))
        try await node.up(router)
        try await Task.sleep(for: .milliseconds(round % 7 * 5))
        if round % 3 == 2 { try await node.down("r\(round % 5)") }
      }
    }
    var followed: [(NodeSnapshot, [StampedEvent])] = []
    for _ in 0..<40 {
      let snapshot = await node.snapshot()
      var next: [StampedEvent] = []
      let stream = await node.stampedEvents(after: snapshot.sequence)
      let reader = Task {
        var events: [StampedEvent] = []
        for await event in stream {
          events.append(event)
          if events.count == 3 { break }
        }
        return events
      }
      try await Task.sleep(for: .milliseconds(5))
      reader.cancel()
      next = await reader.value
      followed.append((snapshot, next))
    }
    try await changes.value
    await node.shutdown()

    var all: [StampedEvent] = []
    for await event in everything { all.append(event) }
    #expect(all.map(\.sequence) == Array(1...UInt64(all.count)))
    for (snapshot, next) in followed {
      var states: [String: VirtualRouter.State] = [:]
      for stamped in all.prefix(Int(snapshot.sequence)) {
        switch stamped.event {
        case .transition(let router, _, let change): states[router] = change.to
        case .removed(let router): states[router] = nil
        default: break
        }
      }
      let told = snapshot.status.routers.map { ($0.name, $0.state) }
      #expect(Dictionary(uniqueKeysWithValues: told) == states, "at \(snapshot.sequence)")
      #expect(next == Array(all.dropFirst(Int(snapshot.sequence)).prefix(next.count)))
    }
    #expect(followed.contains { !$0.1.isEmpty }, "there was something to follow")
    #expect(Set(followed.map(\.0.sequence)).count > 5, "it was taken in many moments")
  }
}

extension MachineInMemory {
  /// A machine whose only interface is down.
  static func down() -> MachineInMemory {
    var link = eth0
    link.flags.remove(.up)
    return MachineInMemory(links: [link])
  }

  /// Lets another machine advertise VRID 51.
  func hear(_ priority: Priority) {
    guard let source = IPAddress("198.18.0.9"), let address = IPAddress("198.18.0.100") else {
      return
    }
    hear(priority, 51, [address], from: source)
  }
}
