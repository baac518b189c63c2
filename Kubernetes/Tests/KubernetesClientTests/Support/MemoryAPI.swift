import FoundationEssentials
import KubernetesClient
import Synchronization
import Testing

/// An API server that keeps objects in memory, as far as the allocator can tell it from a real one.
///
/// It refuses what the rights that are shipped don't allow.
final class MemoryAPI: Sendable {
  private struct Change {
    var version: Int
    var collection: String
    var type: String
    var object: JSONValue
  }

  private struct State {
    var version = 0
    var collections: [String: [String: JSONValue]] = [:]
    var changes: [Change] = []
    /// Changes up to this version are forgotten.
    var compacted = 0
    var chance: Chance?
    var writes = 0
    var managed: [String: ManagedStatus] = [:]
    /// How often all watches have been cut.
    var cuts = 0
  }
  private let state = Mutex(State())

  /// How many requests have changed something, or tried to.
  var writeCount: Int { state.withLock { $0.writes } }

  /// Has requests fail by chance, some of them after they have been carried out; none without a
  /// seed.
  func fail(seed: UInt64?) { state.withLock { $0.chance = seed.map { Chance(seed: $0) } } }

  /// Forgets the changes so far, so that watches have to begin with a list.
  func compact() { state.withLock { $0.compacted = $0.version } }

  /// Cuts all watches, as a server that goes away.
  func cutWatches() { state.withLock { $0.cuts += 1 } }

  /// All objects of a kind.
  func all<Object: Decodable>(_ plural: String, as type: Object.Type) throws -> [Object] {
    let objects = state.withLock { state in
      state.collections.first { $0.key.hasSuffix("/\(plural)") }?.value ?? [:]
    }
    return try objects.sorted { $0.key < $1.key }.map { _, object in
      try JSONDecoder().decode(Object.self, from: Data(object.encoded()))
    }
  }

  /// Makes or replaces an object, as a user does.
  func put(_ path: String, _ object: JSONValue) {
    let target = Target(path)
    state.withLock { state in
      let before = state.collections[target.collection]?[target.name]
      var object = object
      object["status"] = object["status"] ?? before?["status"]
      _ = Self.store(object, before, target, &state)
    }
  }

  func remove(_ path: String) {
    let target = Target(path)
    state.withLock { Self.remove(target, &$0) }
  }

  // MARK: Requests

  func answer(_ request: FakeRequest, _ reply: FakeReply) async throws {
    let target = Target(request.path)
    guard Shipped.allow(request) else {
      Issue.record("\(request.method) \(request.path) is not allowed")
      return try await reply.failure(403, "Forbidden")
    }
    if request.isWatch { return try await watch(request, target, reply) }
    let luck = state.withLock { state in
      if request.method != "GET" { state.writes += 1 }
      return state.chance?.next(of: 20) ?? 9
    }
    if luck == 0 { return try await reply.failure(500, "InternalError") }
    if luck == 1 { return try await reply.failure(409, "Conflict") }
    let (code, body) = try carryOut(request, target)
    // Carried out, but the client doesn't know.
    if luck == 2 { throw FakeReply.Cut() }
    try await reply.json(code, body)
  }

  private func carryOut(_ request: FakeRequest, _ target: Target) throws -> (Int, String) {
    let body =
      request.body.isEmpty
      ? JSONValue.null : try JSONDecoder().decode(JSONValue.self, from: Data(request.body.utf8))
    return try state.withLock { state in
      let before = state.collections[target.collection]?[target.name]
      switch request.method {
      case "GET" where target.isCollection:
        let items = (state.collections[target.collection] ?? [:]).sorted { $0.key < $1.key }
        let list: JSONValue = [
          "metadata": ["resourceVersion": .string("\(state.version)")],
          "items": .array(items.map(\.value)),
        ]
        return (200, try list.text)
      case "POST":
        let name = body["metadata"]?["name"]?.string ?? ""
        var target = target
        target.name = target.namespace.isEmpty ? name : "\(target.namespace)/\(name)"
        guard state.collections[target.collection]?[target.name] == nil else {
          return (409, FakeReply.status(409, "AlreadyExists"))
        }
        return (201, try Self.store(body, nil, target, &state).text)
      default:
        guard let before else { return (404, FakeReply.status(404, "NotFound")) }
        if request.method == "GET" { return (200, try before.text) }
        let isDelete = request.method == "DELETE"
        let wanted = isDelete ? body["preconditions"] : body["metadata"]
        for field in ["uid", "resourceVersion"] {
          guard let value = wanted?[field], value != before["metadata"]?[field] else { continue }
          return (409, FakeReply.status(409, "Conflict"))
        }
        if isDelete {
          Self.remove(target, &state)
          return (200, #"{"kind":"Status"}"#)
        }
        let isApply = request.header("Content-Type")?.contains("apply") == true
        if isApply, target.isStatus, target.collection.hasSuffix("/virtualrouters") {
          let uid = before["metadata"]?["uid"]?.string ?? ""
          var after = before
          after["status"] = state.managed[uid, default: ManagedStatus()].apply(
            body["status"] ?? [:], by: request.query["fieldManager"] ?? "",
            to: before["status"] ?? [:])
          return (200, try Self.store(after, before, target, &state).text)
        }
        guard let patched = Self.patch(before, body, request) else {
          return (
            422,
            FakeReply.status(
              422, "Invalid", "the server rejected our request due to an error in our request")
          )
        }
        var after = before
        let part = target.isStatus ? "status" : "spec"
        after[part] = patched[part]
        return (200, try Self.store(after, before, target, &state).text)
      }
    }
  }

  private static func patch(
    _ before: JSONValue, _ body: JSONValue, _ request: FakeRequest
  ) -> JSONValue? {
    guard case .array(let steps) = body else {
      return before.merging(
        body, isApply: request.header("Content-Type")?.contains("apply") == true)
    }
    var after = before
    for step in steps {
      let path = (step["path"]?.string ?? "").split(separator: "/").map(String.init)
      switch step["op"]?.string {
      case "test":
        guard path.reduce(after, { $0?[$1] }) == step["value"] else { return nil }
      case "replace" where path.count == 1: after[path[0]] = step["value"]
      default: return nil
      }
    }
    return after
  }

  private static func store(
    _ object: JSONValue, _ before: JSONValue?, _ target: Target, _ state: inout State
  ) -> JSONValue {
    var object = object
    var metadata = object["metadata"] ?? [:]
    metadata["uid"] = before?["metadata"]?["uid"] ?? .string("uid-\(state.version + 1)")
    metadata["creationTimestamp"] =
      before?["metadata"]?["creationTimestamp"] ?? .string("2026-01-01T\(100_000 + state.version)Z")
    var generation = before?["metadata"]?["generation"] ?? 1
    if let before, before["spec"] != object["spec"], case .integer(let count) = generation {
      generation = .integer(count + 1)
    }
    metadata["generation"] = generation
    object["metadata"] = metadata
    // As the API server does: what is the same makes no version.
    if let before {
      metadata["resourceVersion"] = before["metadata"]?["resourceVersion"]
      object["metadata"] = metadata
      if object == before { return before }
    }
    for problem in Shipped.problems(of: object, in: target.collection) {
      Issue.record("\(problem)")
    }
    state.version += 1
    metadata["resourceVersion"] = .string("\(state.version)")
    object["metadata"] = metadata
    state.collections[target.collection, default: [:]][target.name] = object
    state.changes.append(
      Change(
        version: state.version, collection: target.collection,
        type: before == nil ? "ADDED" : "MODIFIED", object: object))
    return object
  }

  private static func remove(_ target: Target, _ state: inout State) {
    guard var object = state.collections[target.collection]?.removeValue(forKey: target.name) else {
      return
    }
    state.version += 1
    var metadata = object["metadata"] ?? [:]
    metadata["resourceVersion"] = .string("\(state.version)")
    object["metadata"] = metadata
    state.changes.append(
      Change(
        version: state.version, collection: target.collection, type: "DELETED", object: object))
  }

  private func watch(_ request: FakeRequest, _ target: Target, _ reply: FakeReply) async throws {
    var version = Int(request.query["resourceVersion"] ?? "") ?? 0
    let cuts = state.withLock { $0.cuts }
    try await reply.head()
    while true {
      if state.withLock({ $0.cuts != cuts }) { throw FakeReply.Cut() }
      let news: [Change]? = state.withLock { state in
        if version < state.compacted { return nil }
        let from = version
        return state.changes.filter { $0.version > from && $0.collection == target.collection }
      }
      guard let news else {
        try await reply.send(Text.event("ERROR", FakeReply.status(410, "Expired")))
        return try await reply.end()
      }
      for change in news {
        try await reply.send(Text.event(change.type, change.object.text))
        version = change.version
      }
      if state.withLock({ ($0.chance?.next(of: 200) ?? 9) == 0 }) { throw FakeReply.Cut() }
      await shortPause()
      if !reply.isOpen { return }
    }
  }
}

/// What a path means.
private struct Target {
  var collection: String
  var namespace = ""
  /// `NAMESPACE/NAME`, or the name; empty for the collection.
  var name = ""
  var isStatus = false

  var isCollection: Bool { name.isEmpty }

  init(_ path: String) {
    var parts = path.split(separator: "/").map(String.init)
    let head = parts.first == "api" ? 2 : 3
    let group = parts.prefix(head).joined(separator: "/")
    parts.removeFirst(min(head, parts.count))
    if parts.first == "namespaces", parts.count > 2 {
      namespace = parts[1]
      parts.removeFirst(2)
    }
    collection = "\(group)/\(parts.first ?? "")"
    if parts.count > 1 { name = namespace.isEmpty ? parts[1] : "\(namespace)/\(parts[1])" }
    isStatus = parts.count > 2 && parts[2] == "status"
  }
}

extension JSONValue {
  var string: String? { if case .string(let text) = self { text } else { nil } }
  fileprivate var text: String {
    get throws { String(decoding: try encoded(), as: UTF8.self) }
  }

  subscript(key: String) -> JSONValue? {
    get { if case .object(let fields) = self { fields[key] } else { nil } }
    set {
      guard case .object(var fields) = self else { return }
      fields[key] = newValue
      self = .object(fields)
    }
  }

  /// A merge patch; as an apply, conditions are one for each type.
  fileprivate func merging(_ patch: JSONValue, isApply: Bool) -> JSONValue {
    guard case .object(let changes) = patch else { return patch }
    var result: JSONValue = if case .object = self { self } else { [:] }
    for (key, value) in changes {
      if value == .null {
        result[key] = nil
      } else if isApply, key == "conditions", case .array(let new) = value {
        var all: [JSONValue] = []
        if case .array(let old)? = result[key] {
          all = old.filter { condition in !new.contains { $0["type"] == condition["type"] } }
        }
        result[key] = .array(all + new)
      } else {
        result[key] = (result[key] ?? .null).merging(value, isApply: isApply)
      }
    }
    return result
  }
}
