import KubernetesClient
import NIOSSL
import Synchronization
import Testing

/// What the tests read: an object with one field of its own.
struct Thing: Codable, Sendable, Hashable {
  struct Metadata: Codable, Sendable, Hashable { var name: String }
  struct Spec: Codable, Sendable, Hashable { var color: String }
  var metadata: Metadata
  var spec: Spec
}

extension Resource where Object == Thing {
  static var things: Resource<Thing> {
    Resource(group: "example.com", version: "v1", plural: "things")
  }
}

enum Text {
  static func thing(_ name: String, _ version: Int, _ color: String = "red") -> String {
    #"{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"\#(name)","#
      + #""uid":"uid-\#(name)","resourceVersion":"\#(version)"},"spec":{"color":"\#(color)"}}"#
  }

  /// A thing whose field has another type.
  static func badThing(_ name: String, _ version: Int) -> String {
    #"{"metadata":{"name":"\#(name)","uid":"uid-\#(name)","resourceVersion":"\#(version)"},"#
      + #""spec":{"color":7}}"#
  }

  static func list(_ version: Int, _ items: [String], rest: String? = nil) -> String {
    let rest = rest.map { #","continue":"\#($0)""# } ?? ""
    return #"{"kind":"ThingList","metadata":{"resourceVersion":"\#(version)"\#(rest)},"#
      + #""items":[\#(items.joined(separator: ","))]}"#
  }

  static func event(_ type: String, _ object: String) -> String {
    #"{"type":"\#(type)","object":\#(object)}"# + "\n"
  }

  static func bookmark(_ version: Int) -> String {
    event("BOOKMARK", #"{"kind":"Thing","metadata":{"resourceVersion":"\#(version)"}}"#)
  }
}

/// A server, a client and a clock.
struct Lab: Sendable {
  let server: FakeServer
  let client: KubernetesClient
  let clock: ManualClock

  /// Runs a test with them; its waits are skipped if it `skips` them.
  static func run(
    skips: Bool = false, jitter: @escaping Jitter = { 0 },
    tls: NIOSSLContext? = nil, configure: (inout ClientConfiguration) -> Void = { _ in },
    script: @escaping FakeServer.Script, _ test: @escaping @Sendable (Lab) async throws -> Void
  ) async throws {
    let server = try await FakeServer(tls: tls, script)
    var configuration = ClientConfiguration(
      server: "http\(tls == nil ? "" : "s")://127.0.0.1:\(server.port)")
    configure(&configuration)
    let clock = ManualClock()
    let client = KubernetesClient(configuration, clock: clock, jitter: jitter)
    let lab = Lab(server: server, client: client, clock: clock)
    try await withThrowingTaskGroup(of: Void.self) { group in
      if skips { group.addTask { await clock.skipWaits() } }
      // Whatever happens, nothing is left over.
      let result: Result<Void, any Error>
      do { result = .success(try await test(lab)) } catch { result = .failure(error) }
      group.cancelAll()
      await client.shutdown()
      await server.stop()
      try result.get()
    }
  }

  /// Runs a reflector beside a test.
  func reflect(
    _ options: ReflectorOptions = ReflectorOptions(), known: [ObjectReference] = [],
    _ test: @escaping @Sendable (Reflection) async throws -> Void
  ) async throws {
    let reflection = Reflection()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await Reflector(client, .things, known: known, options: options).run { event in
          reflection.take(event)
        }
      }
      defer { group.cancelAll() }
      try await test(reflection)
    }
  }
}

/// What a reflector has said, as lines.
final class Reflection: Sendable {
  private let state = Mutex<[String]>([])

  var lines: [String] { state.withLock { $0 } }

  /// The lines about objects.
  var objects: [String] { lines.filter { !$0.hasPrefix("(") } }

  func take(_ event: ReflectorEvent<Thing>) {
    let line =
      switch event {
      case .listed(let list): Self.text(list)
      case .changed(let reference, let thing): "changed \(reference.name) \(thing.spec.color)"
      case .gone(let reference): "gone \(reference.name)"
      case .skipped(let reference, _): "skipped \(reference.map { "\($0.name)" } ?? "?")"
      case .watching: "(watching)"
      case .interrupted(let error, _): "(interrupted: \(error))"
      case .doubted: "(doubted)"
      }
    state.withLock { $0.append(line) }
  }

  private static func text(_ list: ReflectedList<Thing>) -> String {
    var line = "listed"
    for (reference, thing) in list.objects { line += " \(reference.name)=\(thing.spec.color)" }
    for reference in list.gone { line += " -\(reference.name)" }
    for reference in list.unreadable { line += " ?\(reference.name)" }
    return line
  }
}

/// Something that happens once.
final class Gate: Sendable {
  private let state = Mutex(false)
  var isOpen: Bool { state.withLock { $0 } }
  func open() { state.withLock { $0 = true } }
}

/// A number that grows.
final class Counter: Sendable {
  private let state = Mutex(0)
  var value: Int { state.withLock { $0 } }
  func increase() { state.withLock { $0 += 1 } }
}
