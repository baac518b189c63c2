import AsyncHTTPClient
import Glibc
import KubernetesClient
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import VIP
import VIPControl
import VIPCore
import VIPKubernetes
import VIPReports
import VIPService
import VIPTesting

@testable import VIPKubernetesRuntime

/// The program around a speaker: its pages, its control socket and its end.
@Suite(.timeLimit(.minutes(5))) struct ProgramTests {
  private static func get(_ port: Int, _ path: String) async throws -> (status: Int, text: String) {
    let response = try await HTTPClient.shared.execute(
      HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)"), timeout: .seconds(60))
    let body = try await response.body.collect(upTo: 1 << 20)
    return (Int(response.status.code), String(buffer: body))
  }

  @Test func `a web server answers what it has and refuses the rest`() async throws {
    let server = try await WebServer(address: "127.0.0.1", port: 0) { path in
      path == "/page" ? WebPage("text\n") : nil
    }
    let page = try await Self.get(server.port, "/page?query")
    #expect(page.status == 200 && page.text == "text\n")
    #expect(try await Self.get(server.port, "/other").status == 404)
    var request = HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/page")
    request.method = .POST
    request.body = .bytes(ByteBuffer(string: "body"))
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
    #expect(response.status.code == 405)
    await #expect(throws: WebServerError.self) {
      try await WebServer(address: "127.0.0.1", port: server.port) { _ in nil }
    }
    await server.close()
  }

  @Test func `what would change a node's routers is refused on its socket`() async throws {
    let node = try Node(on: MachineInMemory())
    let requests: [ControlRequest] = [
      .up([], timeout: .zero), .down(["web"]), .downAll, .add(router: "web", addresses: []),
      .remove(router: "web", addresses: []), .reload, .dryRun(.downAll),
    ]
    for request in requests {
      let bytes = await NodeDoor.answer(JSONCoding.line(request), node)
      guard case .failed(let failure) = JSONCoding.decode(ControlReply.self, from: bytes) else {
        Issue.record("\(request) is not refused")
        continue
      }
      #expect(failure.kind == .refused)
    }
    let bytes = await NodeDoor.answer(JSONCoding.line(ControlRequest.status(nil)), node)
    guard case .done = JSONCoding.decode(ControlReply.self, from: bytes) else {
      Issue.record("the status is refused")
      return
    }
    let answer = await NodeDoor.answer(Array("nonsense".utf8), node)
    guard case .failed(let failure) = JSONCoding.decode(ControlReply.self, from: answer) else {
      Issue.record("nonsense is understood")
      return
    }
    #expect(failure.kind == .invalid)
    await node.shutdown()
  }

  /// The lines of a log.
  private final class Lines: Sendable {
    private let state = Mutex<[LogLine]>([])
    var all: [LogLine] { state.withLock { $0 } }
    func add(_ line: LogLine) { state.withLock { $0.append(line) } }
  }

  @Test func `a log says the same once a minute, and how often that was`() {
    let (clock, lines) = (ManualClock(), Lines())
    let log = ClusterLog(clock: clock) { line, _ in lines.add(line) }
    for _ in 0..<5 { log.add(SpeakerNews.interrupted(kind: "nodes", .late)) }
    log.add(SpeakerNews.interrupted(kind: "virtualrouters", .late))
    #expect(lines.all.count == 2)
    clock.advance(.seconds(60))
    log.add(SpeakerNews.interrupted(kind: "nodes", .late))
    #expect(lines.all.count == 3)
    #expect(lines.all.last?.fields.last?.key == "suppressed")
    #expect(lines.all.last?.fields.last?.value == "4")
  }

  @Test func `the allocator alone tells how many speakers are silent`() {
    func text(_ allocator: AllocatorGauges) -> String {
      ClusterMetrics.render(nil, SpeakerGauges(), openWrites: 0, allocator, [], at: .zero)
    }
    #expect(!text(AllocatorGauges()).contains("silent_speakers"))
    #expect(
      text(AllocatorGauges(isLeading: true, silentCount: 2))
        .contains("\nvipctl_kubernetes_silent_speakers 2\n"))
  }

  @Test func `a program serves, tells how it is and hands over at its end`() async throws {
    let api = MemoryAPI()
    api.put("/api/v1/nodes/node-a", ["metadata": ["name": "node-a"]])
    api.put(
      SpeakerLab.routerPath,
      [
        "metadata": ["name": "lan-1"],
        "spec": [
          "pool": "lan", "vrid": 31, "interval": "100ms", "addresses": ["192.0.2.100"],
          "candidates": [["node": "node-a", "priority": 200]],
        ],
      ])
    let server = try await FakeServer { request, reply in try await api.answer(request, reply) }
    let directory = try temporaryDirectory()
    let machine = MachineInMemory(
      addresses: ["192.0.2.1/24", "fe80::1/64"].compactMap { InterfaceAddress($0) })
    var options = ClusterOptions(
      api: ClientConfiguration(server: "http://127.0.0.1:\(server.port)"), node: "node-a",
      namespace: "vipctl-system", leaseName: nil, instance: "pod-a")
    options.settings = NodeSettings()
    options.runtimeDirectory = directory
    options.stateDirectory = directory
    let lines = Lines()
    let program = try ClusterProgram(
      options, on: machine, seenBy: SeenMachine(machine: machine),
      log: ClusterLog { line, _ in lines.add(line) })
    let stops = Stops()
    #expect(await program.page("/readyz")?.status == 503)
    let run = Task { await program.run(until: stops) }
    await eventually("it is ready") { await program.page("/readyz")?.status == 200 }
    await eventually("it serves") { !machine.heldAddresses.isEmpty }
    #expect(await program.page("/healthz")?.status == 200)
    #expect(await program.page("/nothing") == nil)
    await eventually("it counts the router that it runs") {
      await program.page("/metrics")?.text.contains("vipctl_kubernetes_speaker_routers 1\n") == true
    }
    let metrics = await program.page("/metrics")?.text ?? ""
    for line in [
      "vipctl_kubernetes_speaker_ready 1\n",
      "vipctl_kubernetes_allocator_leading 0\n",
      "vipctl_kubernetes_unfit{cause=\"maintenance\"} 0\n",
      "vipctl_router_state{router=\"lan-1\"",
    ] { #expect(metrics.contains(line), "\(line)") }
    let requests = "vipctl_kubernetes_api_requests_total{role=\"speaker\",result=\"ok\"} "
    #expect(metrics.contains(requests))
    #expect(throws: NodeError.self) {
      try ClusterProgram(options, on: MachineInMemory(), log: ClusterLog { _, _ in })
    }
    stops.tell(.signal(SIGTERM))
    await run.value
    #expect(machine.heldAddresses.isEmpty)
    #expect(lines.all.map(\.message).contains("stopped"))
    #expect(access("\(directory)/vipctl.sock", F_OK) != 0)
    await server.stop()
    removeDirectory(directory)
  }
}
