public import KubernetesClient
import Synchronization
import VIPCore
import VIPKubernetes

/// Writes what a node has to say into the status of routers: server-side apply, with a field
/// manager of the node's own.
///
/// What the node says no more goes with the next write; what others say stays. The server has to
/// know `nodes`, `conflicts` and `conditions` as maps, by `node`, `address` and `type`.
final class StatusWriter: Sendable {
  private let client: KubernetesClient
  private let book: Mutex<StatusBook>
  private let bell = Bell()

  /// The time for a write; the next one says the same, and more.
  private static let timeout: Duration = .seconds(10)

  init(_ client: KubernetesClient, node: String) {
    self.client = client
    book = Mutex(StatusBook(node: node))
  }

  /// The number of routers about which something is still to be written.
  var openCount: Int {
    let now = client.clock.now
    return book.withLock { $0.openCount(at: now) }
  }

  /// Takes what the server has, and what there is to say about it.
  func take(_ facts: SpeakerStore, _ reports: [String: NodeReport]) {
    let now = client.clock.now
    let objects = facts.objects
    book.withLock { book in
      book.noteRestorations(facts.restorations)
      book.keep(only: Set(objects.map(\.metadata.name)))
      for object in objects { book.observe(object) }
      for (name, report) in reports { book.want(report, of: name, at: now) }
    }
    bell.ring()
  }

  /// Writes until the task is cancelled.
  func run(
    wrote: @escaping @Sendable (StatusBook.StatusWrite, ObjectReference) async -> Void,
    failed: @escaping @Sendable (String, APIError) async -> Void
  ) async {
    while !Task.isCancelled {
      let now = client.clock.now
      switch book.withLock({ $0.next(at: now) }) {
      case .nothing: await bell.wait(until: nil, by: client.clock)
      case .wait(let end): await bell.wait(until: end, by: client.clock)
      case .write(let write):
        do throws(APIError) {
          let reference = try await client.patch(
            .virtualRouters, ObjectName(write.name), .apply(Self.body(write), force: true),
            subresource: .status, options: RequestOptions(timeout: Self.timeout, repetition: .never)
          )
          book.withLock { $0.wrote(write, version: reference.resourceVersion) }
          await wrote(write, reference)
        } catch {
          guard error != .cancelled else { return }
          let now = client.clock.now
          book.withLock {
            $0.failed(write, error, at: now, jitter: { Double.random(in: 0..<1) })
          }
          await failed(write.name, error)
        }
      }
    }
  }

  /// The part of the status that is the node's own, and nothing else.
  static func body(_ write: StatusBook.StatusWrite) -> JSONValue {
    let report = write.report
    var status: [String: JSONValue] = [:]
    if let entry = report.entry {
      var fields: [String: JSONValue] = [
        "node": .string(entry.node), "generation": .integer(entry.generation),
      ]
      if let problem = entry.problem { fields["problem"] = .string(problem) }
      if !entry.unserved.isEmpty {
        fields["unserved"] = .array(entry.unserved.map { .string($0.description) })
      }
      status["nodes"] = .array([.object(fields)])
    }
    let active = report.active.map { family, active -> (String, JSONValue) in
      (
        family == .ipv4 ? "ipv4" : "ipv6",
        ["node": .string(active.node), "since": .string(active.since)]
      )
    }
    if !active.isEmpty {
      status["active"] = .object(Dictionary(uniqueKeysWithValues: active))
    }
    if !report.conflicts.isEmpty {
      status["conflicts"] = .array(
        report.conflicts.map { conflict in
          [
            "address": .string(conflict.address.description),
            "mac": .string(conflict.mac.description),
          ]
        })
    }
    if !report.conditions.isEmpty {
      status["conditions"] = .array(report.conditions.map { body(of: $0) })
    }
    return [
      "apiVersion": .string(API.groupVersion), "kind": "VirtualRouter",
      "metadata": ["name": .string(write.name), "uid": .string(write.uid)],
      "status": .object(status),
    ]
  }

  private static func body(of timed: NodeReport.TimedCondition) -> JSONValue {
    let condition = timed.condition
    return [
      "type": .string(condition.type), "status": .string(condition.status),
      "reason": .string(condition.reason), "message": .string(condition.message),
      "lastTransitionTime": .string(timed.since),
    ]
  }
}

extension ClientConfiguration {
  /// The same for a speaker: what it has said in an earlier life is still known as its own, and
  /// taken away with the first write that says it no more.
  public func forSpeaker(on node: String) -> ClientConfiguration {
    var configuration = self
    configuration.fieldManager = Self.fieldManager(ofSpeakerOn: node)
    return configuration
  }

  /// The longest name of a field manager that the API takes.
  private static let fieldManagerByteCountMax = 128

  /// A name that is the same in each life of a node, and another one for each node.
  static func fieldManager(ofSpeakerOn node: String) -> String {
    let name = "vipctl-speaker-\(node)"
    guard name.utf8.count > fieldManagerByteCountMax else { return name }
    // Two long names that begin alike must not be one.
    let suffix = "-" + node.stableHash
    return String(name.prefix(fieldManagerByteCountMax - suffix.utf8.count)) + suffix
  }
}
