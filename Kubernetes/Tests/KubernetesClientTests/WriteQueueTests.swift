import KubernetesClient
import Testing
import VIPCore
import VIPKubernetes
import VRRP

@testable import VIPKubernetesRuntime

/// The order of writes, and what becomes of those that depend on one that has failed.
@Suite struct WriteQueueTests {
  private typealias Router = VIPKubernetes.VirtualRouter

  private var queue = WriteQueue()
  private let writer: PlanWriter

  init() async throws {
    let client = KubernetesClient(ClientConfiguration(server: "http://127.0.0.1:1"))
    await client.shutdown()
    var writer = PlanWriter(client, leadership: nil, instance: "test")
    for (name, address) in [("a", 1), ("b", nil), ("c", nil)] as [(String, Int?)] {
      _ = writer.observe(.service(Self.service(name, address)))
    }
    for (name, vrid, addresses) in [("r1", 31, [1, 2]), ("r2", 32, [3])] as [(String, Int, [Int])] {
      _ = writer.observe(.router(Self.router(name, vrid, addresses)))
    }
    self.writer = writer
  }

  private static func ip(_ number: Int) -> IPAddress {
    guard let address = IPAddress("192.0.2.\(number)") else { preconditionFailure("no address") }
    return address
  }

  private static func key(_ name: String) -> ObjectKey { ObjectKey("default", name) }

  private static func service(_ name: String, _ address: Int?) -> Service {
    Service(
      metadata: ObjectMeta(name: name, namespace: "default", uid: name, resourceVersion: "5"),
      status: .init(ingress: address.map { [ip($0)] } ?? []))
  }

  private static func router(_ name: String, _ vrid: Int, _ addresses: [Int]) -> Router {
    Router(
      metadata: ObjectMeta(name: name, uid: name, resourceVersion: "5", generation: 1),
      spec: Router.Spec(
        pool: "lan", vrid: VRID(exactly: vrid) ?? 1, addresses: addresses.map { ip($0) }))
  }

  /// A write that gives a Service its addresses.
  private static func give(
    _ name: String, _ addresses: Int..., version: String? = "5",
    says message: String = ""
  ) -> Write {
    .service(
      key(name), basedOn: ServiceVersion(uid: name, resourceVersion: version),
      ServiceUpdate(
        ingress: addresses.map { ip($0) },
        condition: Condition(
          type: ConditionType.address, isTrue: true, reason: "R", message: message)))
  }

  private static func change(
    _ name: String, added: [Int] = [], gone: [Int] = [], candidates: [String]? = nil,
    generation: Int64 = 1
  ) -> Write {
    var change = RouterChange()
    change.added = added.map { ip($0) }
    change.gone = gone.map { ip($0) }
    change.candidates = candidates?.map { .init($0, 200) }
    return .changeRouter(name, basedOn: generation, change)
  }

  private static func event(_ name: String, _ reason: String) -> Write {
    .event(Event(.service(key(name)), reason: reason, message: ""))
  }

  private mutating func add(_ plan: Write...) -> [Write] { queue.add(plan, to: writer).dropped }

  /// Takes all writes that are there.
  private mutating func takeAll() -> [Write] {
    var writes: [Write] = []
    while let entry = queue.next() { writes.append(entry.write) }
    return writes
  }

  private mutating func fail(_ error: APIError, at now: Duration = .zero) -> [Write] {
    guard let entry = queue.next() else { return [] }
    return queue.failed(entry, error, at: now, jitter: { 0 })
  }

  private static let refusal = APIError.status(APIStatus(code: 403, reason: "Forbidden"))
  private static let conflict = APIError.status(APIStatus(code: 409, reason: "Conflict"))

  @Test mutating func `what is given and taken comes in its order, and words come last`() {
    let condition = Condition(type: "Planned", isTrue: true, reason: "R", message: "")
    let plan = [
      Self.give("a", 1, says: "only the condition"), Self.give("b", 7),
      .routerCondition("r1", condition), .poolStatus("lan", .init()),
      .createRouter("r3", Self.router("r3", 33, [7]).spec), Self.change("r1", added: [8]),
    ]
    let dropped = queue.add(plan, to: writer).dropped
    #expect(dropped.isEmpty)
    #expect(takeAll() == [plan[1], plan[4], plan[5], plan[0], plan[2], plan[3]])
    #expect(queue.isEmpty)
  }

  @Test mutating func `candidates wait for no address of another router`() {
    let candidates = Self.change("r2", candidates: ["n"])
    _ = add(Self.give("b", 7), Self.change("r1", added: [7]), candidates)
    #expect(takeAll().first == candidates)
    // Unless the same router has something before.
    let (first, second) = (
      Self.change("r2", added: [8]), Self.change("r2", candidates: ["m"], generation: 2)
    )
    _ = add(first, Self.change("r1", added: [9]), second)
    let writes = takeAll()
    #expect(writes.first == first && writes.last == second)
  }

  @Test mutating func `the latest word counts, and is based on what the first one was`() {
    _ = add(Self.give("a", 1, says: "old"), Self.give("b", 7))
    _ = add(Self.give("a", 1, version: nil, says: "new"))
    #expect(takeAll() == [Self.give("b", 7), Self.give("a", 1, version: "5", says: "new")])
    // Addresses come at once, and say the word as well.
    _ = add(Self.give("a", 1, says: "old"))
    _ = add(Self.give("c", 8), Self.give("a", version: nil, says: "none"))
    #expect(takeAll() == [Self.give("c", 8), Self.give("a", version: "5", says: "none")])
  }

  @Test mutating func `what is said of a router outlives its next change, as do nodes to forget`() {
    let planned = Write.routerCondition(
      "r1", Condition(type: "Planned", isTrue: false, reason: "R", message: ""))
    let forgotten = [Write.forgetNode("r1", node: "n"), .forgetNode("r1", node: "m")]
    _ = add(planned)
    _ = queue.add([Self.change("r1", added: [8])] + forgotten, to: writer)
    #expect(takeAll() == [Self.change("r1", added: [8])] + forgotten + [planned])
    // Nothing is said of one that goes.
    _ = add(planned)
    _ = add(.deleteRouter("r1", basedOn: 1))
    #expect(takeAll() == [.deleteRouter("r1", basedOn: 1)])
  }

  @Test mutating func `a write that fails takes along what depends on it and nothing else`() {
    let plan = [
      Self.give("a"), Self.give("b", 1), Self.give("c", 7), Self.change("r1", gone: [1]),
      Self.change("r2", added: [7]), Self.give("a", 9, version: nil),
    ]
    _ = queue.add(plan, to: writer)
    // B gets what A has still.
    let dropped = fail(Self.conflict)
    #expect(Set(dropped) == [plan[0], plan[1], plan[5]])
    #expect(takeAll() == [plan[2], plan[3], plan[4]])
  }

  @Test mutating func `an address or VRID that a router has still is not given to another`() {
    let plan = [
      Self.change("r1", gone: [1]), Self.change("r2", added: [1, 9], gone: [3]),
      .createRouter("r3", Self.router("r3", 33, [3]).spec),
      .createRouter("r4", Self.router("r4", 34, [8]).spec),
    ]
    _ = queue.add(plan, to: writer)
    let dropped = fail(Self.conflict)
    #expect(dropped == Array(plan[..<3]))
    #expect(takeAll() == [plan[3]])
    let others: [Write] = [
      .deleteRouter("r1", basedOn: 1), .createRouter("r5", Self.router("r5", 31, [20]).spec),
      .createRouter("r6", Self.router("r6", 36, [2]).spec),
      .createRouter("r7", Self.router("r7", 37, [21]).spec),
    ]
    queue = WriteQueue()
    _ = queue.add(others, to: writer)
    let dropped2 = fail(Self.conflict)
    #expect(dropped2 == Array(others[..<3]))
  }

  @Test mutating func `an object that is left alone keeps only what it has`() {
    _ = add(Self.give("a"))
    _ = fail(Self.refusal)
    #expect(queue.subjectToRead(at: .zero) == nil)
    // Nothing about it, and nothing that it may have still.
    let plan = [
      Self.give("a", 1, says: "word"), Self.give("b", 1), Self.give("c", 7),
      Self.change("r1", added: [9]),
    ]
    let dropped = queue.add(plan, to: writer).dropped
    #expect(dropped == Array(plan[..<2]))
    #expect(takeAll() == Array(plan[2...]))
    // Once it has been read again all is as before.
    let due = queue.nextRead ?? .zero
    #expect(queue.subjectToRead(at: due) != nil)
    for name in ["a", "b"] { queue.read(.service(Self.key(name)), isGone: false) }
    #expect(queue.nextRead == nil)
    let dropped2 = queue.add(plan, to: writer).dropped
    #expect(dropped2.isEmpty)
  }

  @Test mutating func `what is refused again and again is left alone for longer each time`() {
    var now = Duration.zero
    var delays: [Duration] = []
    for attempt in 1...14 {
      _ = add(Self.give("b", 7))
      _ = fail(Self.refusal, at: now)
      #expect(queue.isRefused(.service(Self.key("b"))) == (attempt >= 3))
      guard let due = queue.nextRead else { return #expect(Bool(false)) }
      delays.append(due - now)
      now = due
      queue.read(.service(Self.key("b")), isGone: false)
    }
    #expect(delays == delays.sorted() && delays.last == .seconds(150))
    _ = add(Self.give("b", 7))
    if let entry = queue.next() { queue.made(entry) }
    _ = add(Self.give("b", 8))
    _ = fail(Self.refusal, at: now)
    #expect(queue.nextRead == now + .milliseconds(50))
    #expect(queue.refusedCount == 0)
  }

  @Test mutating func `an event is told with the write that it is about`() {
    let told = Event(.pool("lan"), reason: "Told", message: "")
    let plan = [
      Self.give("b", 7), Self.event("b", "Assigned"), .event(told),
      Self.give("a", 1, says: "word"), Self.event("a", "Word"),
    ]
    let (_, events) = queue.add(plan, to: writer)
    #expect(events == [told])
    #expect(queue.next()?.events.map(\.reason) == ["Assigned"])
    #expect(queue.next()?.events.map(\.reason) == ["Word"])
    // Not with one that is not made.
    _ = add(Self.give("a"))
    _ = fail(Self.refusal)
    let (dropped, others) = queue.add([Self.give("b", 1), Self.event("b", "Assigned")], to: writer)
    #expect(dropped.count == 1 && others.isEmpty && queue.isEmpty)
  }
}
