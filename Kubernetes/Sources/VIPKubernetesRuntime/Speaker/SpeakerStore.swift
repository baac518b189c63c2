import KubernetesClient
import VIPCore
import VIPKubernetes

/// What a speaker knows of the cluster, and where it has it from: a value without clock and
/// network.
struct SpeakerStore: Sendable {
  /// Where the routers are from.
  enum Source: Sendable, Hashable {
    /// Nothing is known yet.
    case nowhere
    /// An earlier life of the speaker.
    case file
    /// The API server.
    case server
  }

  private struct Known: Sendable {
    var reference: ObjectReference
    var object: RouterObject
  }

  /// The node's own entry in a router's status, as the server has confirmed it.
  private struct OwnEntry: Sendable {
    var uid: String
    var version: String
    var entry: RouterObject.Acknowledgement?
  }

  let node: String
  private let memory: SpeakerMemory?
  private var routers: [String: Known] = [:]
  private var entries: [String: OwnEntry] = [:]
  private(set) var source = Source.nowhere
  /// Whether the node is to hand everything over.
  private(set) var isInMaintenance: Bool
  /// Counts the changes that matter.
  private(set) var revision = 0
  /// Counts how often the server has gone back to a version of before.
  private(set) var restorations = 0

  /// Begins with what an earlier life has left behind, which is used when the server can't be had.
  init(node: String, memory: SpeakerMemory?) {
    self.node = node
    self.memory = memory
    isInMaintenance = memory?.isInMaintenance ?? false
  }

  /// What names the routers of an earlier life.
  var remembered: [ObjectReference] {
    memory?.routers.map { Self.reference(to: $0) } ?? []
  }

  private static func reference(to object: RouterObject) -> ObjectReference {
    let metadata = object.metadata
    return ObjectReference(
      ObjectName(metadata.name), uid: metadata.uid,
      resourceVersion: metadata.resourceVersion, generation: metadata.generation)
  }

  /// The routers in the order of their names, each with the node's own entry as it is now.
  var objects: [RouterObject] {
    routers.sorted { $0.key < $1.key }.map { name, known in
      var object = known.object
      guard let own = entries[name] else { return object }
      object.status.nodes.removeAll { $0.node == node }
      if let entry = own.entry { object.status.nodes.append(entry) }
      return object
    }
  }

  /// What a later life needs: the routers in which the node has a part.
  var remains: SpeakerMemory {
    SpeakerMemory(
      node: node, isInMaintenance: isInMaintenance,
      routers: objects.compactMap { object in
        let isCandidate = object.spec.candidates.contains { $0.node == node }
        let entry = object.status.nodes.first { $0.node == node }
        guard isCandidate || entry != nil else { return nil }
        // Without what changes all the time and is not needed, so that it is written seldom.
        let metadata = object.metadata
        return RouterObject(
          metadata: ObjectMeta(
            name: metadata.name, uid: metadata.uid, generation: metadata.generation),
          spec: object.spec, status: RouterObject.Status(nodes: entry.map { [$0] } ?? []))
      })
  }

  // MARK: What comes in

  /// Goes on from what an earlier life has left behind, unless the server has said something
  /// already.
  ///
  /// - Returns: whether it does.
  mutating func useMemory() -> Bool {
    guard source == .nowhere, let memory else { return false }
    for object in memory.routers {
      routers[object.metadata.name] = Known(
        reference: Self.reference(to: object), object: object)
    }
    source = .file
    revision += 1
    return true
  }

  /// Takes what is said about routers.
  mutating func take(_ event: ReflectorEvent<RouterObject>) {
    switch event {
    case .listed(let list):
      let before = routers
      routers = [:]
      for (reference, object) in list.objects {
        routers[reference.name.name] = Known(reference: reference, object: object)
      }
      for reference in list.unreadable {
        let last = before[reference.name.name] ?? rememberedRouter(reference.name.name)
        guard let last, last.reference.uid == reference.uid else { continue }
        routers[reference.name.name] = last
      }
      source = .server
      if list.hasGoneBack {
        // What the server has confirmed since is lost.
        restorations += 1
        entries = [:]
      }
      entries = entries.filter { routers[$0.key] != nil }
      for name in routers.keys { forgetEntry(of: name) }
    case .changed(let reference, let object):
      routers[reference.name.name] = Known(reference: reference, object: object)
      forgetEntry(of: reference.name.name)
    case .gone(let reference):
      routers[reference.name.name] = nil
      entries[reference.name.name] = nil
    case .skipped, .watching, .interrupted, .doubted: return
    }
    revision += 1
  }

  private func rememberedRouter(_ name: String) -> Known? {
    memory?.routers.first { $0.metadata.name == name }.map {
      Known(reference: Self.reference(to: $0), object: $0)
    }
  }

  /// Drops an own entry that the object is newer than.
  private mutating func forgetEntry(of name: String) {
    guard let own = entries[name], let known = routers[name] else { return }
    let isOlder = ResourceVersion.isOlder(known.reference.resourceVersion, than: own.version)
    if known.reference.uid != own.uid || !isOlder { entries[name] = nil }
  }

  /// Takes what is said about the node.
  mutating func take(_ event: ReflectorEvent<ClusterNode>) {
    let object: ClusterNode? =
      switch event {
      case .listed(let list): list.objects.first { $0.reference.name.name == node }?.object
      case .changed(let reference, let object): reference.name.name == node ? object : nil
      // A node that has been taken from the cluster is no candidate before long.
      case .gone, .skipped, .watching, .interrupted, .doubted: nil
      }
    guard let object, object.isInMaintenance != isInMaintenance else { return }
    isInMaintenance = object.isInMaintenance
    revision += 1
  }

  /// Takes note of an entry that the server has confirmed.
  mutating func confirm(_ write: StatusBook.StatusWrite, _ reference: ObjectReference) {
    guard let known = routers[write.name], known.reference.uid == write.uid else { return }
    let version = reference.resourceVersion
    guard ResourceVersion.isOlder(known.reference.resourceVersion, than: version) else { return }
    let before = objects.first { $0.metadata.name == write.name }?.status.nodes
      .first { $0.node == node }
    entries[write.name] = OwnEntry(uid: write.uid, version: version, entry: write.report.entry)
    if before != write.report.entry { revision += 1 }
  }
}
