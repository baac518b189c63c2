import FoundationEssentials
import KubernetesClient
import Synchronization
import Testing
import VIPCore
import VIPKubernetes

@testable import VIPKubernetesRuntime

/// The allocator, with a Service that has an address, while the API server does one thing wrong.
///
/// What the client makes of each fault is tested with it; here it is that nothing is withdrawn and
/// that what comes later is served.
@Suite(.timeLimit(.minutes(3))) struct FaultTests {
  /// What stands between the allocator and the server.
  private final class Fault: Sendable {
    let api = MemoryAPI()
    /// How many lists of Services are empty from now on.
    let emptyLists = Mutex(0)
    let emptyListsServed = Counter()
    /// Whether each write is refused for the first time.
    let isBusy = Mutex(false)
    private let refused = Mutex<Set<String>>([])
    let refusals = Counter()
    /// Whether watches that begin say nothing.
    let isHalfOpen = Mutex(false)
    let halfOpenWatches = Counter()
    /// Whether replies take a while.
    let isSlow = Mutex(false)
    /// The only token that is accepted.
    let token = Mutex<String?>(nil)
    let unauthorized = Counter()

    init() { AllocatorLoopTests.addCluster(to: api) }

    func answer(_ request: FakeRequest, _ reply: FakeReply) async throws {
      if let token = token.withLock({ $0 }), request.header("Authorization") != "Bearer \(token)" {
        unauthorized.increase()
        return try await reply.failure(401, "Unauthorized")
      }
      if isSlow.withLock({ $0 }) { for _ in 0..<30 { await shortPause() } }
      if request.isWatch, isHalfOpen.withLock({ $0 }) {
        halfOpenWatches.increase()
        try await reply.head()
        return try await reply.hang()
      }
      if request.method != "GET", isBusy.withLock({ $0 }) {
        let isFirst = refused.withLock { $0.insert("\(request.path) \(request.body)").inserted }
        guard !isFirst else {
          refusals.increase()
          return try await reply.failure(429, "TooManyRequests", "", ["Retry-After": "7"])
        }
      }
      if request.method == "GET", !request.isWatch, request.path == "/api/v1/services" {
        let isEmpty = emptyLists.withLock { count in
          guard count > 0 else { return false }
          count -= 1
          return true
        }
        if isEmpty {
          emptyListsServed.increase()
          return try await reply.json(200, Text.list(1_000_000, []))
        }
      }
      try await api.answer(request, reply)
    }
  }

  /// Has an allocator give a Service an address, and goes on from there.
  private static func run(
    token: TokenSource? = nil,
    _ test: @escaping @Sendable (Lab, Fault) async throws -> Void
  ) async throws {
    let fault = Fault()
    AllocatorLoopTests.addService("web", to: fault.api)
    try await Lab.run(
      skips: true,
      configure: { configuration in
        (configuration.requestRate, configuration.requestBurst) = (1000, 1000)
        if let token { configuration.token = token }
      },
      script: { request, reply in try await fault.answer(request, reply) }
    ) { lab in
      let task = Task { await AllocatorLoop(lab.client, instance: "test").run(nil) }
      await eventually("all is settled") { AllocatorLoopTests.isSettled(fault.api) }
      let result: Result<Void, any Error>
      do { result = .success(try await test(lab, fault)) } catch { result = .failure(error) }
      task.cancel()
      await task.value
      try result.get()
      try AllocatorLoopTests.check(fault.api)
      let web = try fault.api.all("services", as: Service.self)
        .first { $0.metadata.name == "web" }
      #expect(web?.status.ingress.map(\.description) == ["192.0.2.100"])
    }
  }

  private static func hasAddress(_ name: String, _ fault: Fault) -> Bool {
    let services = (try? fault.api.all("services", as: Service.self)) ?? []
    return services.contains { $0.metadata.name == name && !$0.status.ingress.isEmpty }
  }

  private static func serviceWatchCount(_ lab: Lab) -> Int {
    lab.server.watches.count { $0.path == "/api/v1/services" }
  }

  @Test func anEmptyListOfServicesTakesNothingAway() async throws {
    try await Self.run { lab, fault in
      // One fewer than would be believed.
      fault.emptyLists.withLock { $0 = 3 }
      fault.api.compact()
      AllocatorLoopTests.addService("later", to: fault.api)
      await eventually("the lists were empty") { fault.emptyListsServed.value == 3 }
      await eventually("it goes on") { Self.hasAddress("later", fault) }
      // Nothing was taken from a router, and none was removed.
      #expect(
        !lab.server.requests.contains {
          $0.method == "DELETE" || $0.body.contains(#""leaving""#)
        })
    }
  }

  @Test func aBusyServerGetsItsWritesLater() async throws {
    try await Self.run { lab, fault in
      fault.isBusy.withLock { $0 = true }
      let before = lab.clock.now
      AllocatorLoopTests.addService("later", to: fault.api)
      await eventually("it goes on") {
        Self.hasAddress("later", fault) && AllocatorLoopTests.isSettled(fault.api)
      }
      #expect(fault.refusals.value >= 2)
      #expect(lab.clock.now >= before + .seconds(14))
    }
  }

  @Test func watchesThatSayNothingAreGivenUp() async throws {
    try await Self.run { lab, fault in
      fault.isHalfOpen.withLock { $0 = true }
      fault.api.cutWatches()
      await eventually("all watches are half open") { fault.halfOpenWatches.value >= 6 }
      AllocatorLoopTests.addService("later", to: fault.api)
      fault.isHalfOpen.withLock { $0 = false }
      let count = Self.serviceWatchCount(lab)
      await eventually("that of Services is made again") {
        if Self.serviceWatchCount(lab) > count { return true }
        lab.clock.advance(.seconds(1))
        return false
      }
      await eventually("it goes on") { Self.hasAddress("later", fault) }
    }
  }

  @Test func aSlowServerIsWaitedFor() async throws {
    try await Self.run { _, fault in
      fault.isSlow.withLock { $0 = true }
      fault.api.cutWatches()
      AllocatorLoopTests.addService("later", to: fault.api)
      await eventually("it goes on") { Self.hasAddress("later", fault) }
    }
  }

  @Test func aTokenThatIsReplacedIsReadAgain() async throws {
    let path = FileManager.default.temporaryDirectory.path + "/vipctl-token-\(UUID().uuidString)"
    #expect(FileManager.default.createFile(atPath: path, contents: Data("old".utf8)))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await Self.run(token: .file(path)) { _, fault in
      // The file is replaced before the old token is refused, as the kubelet does it.
      #expect(FileManager.default.createFile(atPath: path, contents: Data("new".utf8)))
      fault.token.withLock { $0 = "new" }
      AllocatorLoopTests.addService("later", to: fault.api)
      await eventually("it goes on") { Self.hasAddress("later", fault) }
      fault.api.cutWatches()
      AllocatorLoopTests.addService("last", to: fault.api)
      await eventually("it watches again") { Self.hasAddress("last", fault) }
      #expect(fault.unauthorized.value >= 1)
    }
  }
}
