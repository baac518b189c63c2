import KubernetesClient

/// Says again and again that a node has a speaker: by a Lease of the node's own, in the namespace
/// of the program.
///
/// That the kubelet says that a machine is ready says nothing about the pod on it.
struct SpeakerPresence: Sendable {
  let client: KubernetesClient
  let node: String
  let namespace: String

  /// The time between two renewals.
  static let period: Duration = .seconds(20)
  /// The time after which a failed one is made again.
  static let retryPeriod: Duration = .seconds(2)
  /// The time without a renewal after which a speaker may be taken for silent.
  static let patience: Duration = .seconds(60)
  /// The label that tells the Leases of speakers from others, and its value.
  static let label = (name: "vipctl.io/part", value: "speaker")
  /// How often, and how long after each other, it is looked whether the Node has been read.
  private static let ownerLooks = 30
  private static let ownerPeriod: Duration = .milliseconds(100)
  /// The time for a request.
  private static let timeout: Duration = .seconds(10)

  /// All Leases of speakers.
  static func selection(in namespace: String) -> Selection {
    Selection(namespace: namespace, labels: "\(label.name)=\(label.value)")
  }

  /// The name of a node's Lease, which has 253 bytes at most, as that of a node.
  static func leaseName(of node: String) -> String {
    let name = "vipctl-speaker-\(node)"
    guard name.utf8.count > 253 else { return name }
    return "vipctl-speaker-\(node.prefix(200)).\(node.stableHash)"
  }

  /// The Node with which the Lease goes.
  enum Owner: Sendable, Hashable {
    /// It has not been read yet, or the cluster does not know it.
    case unknown
    /// The Node, by its uid.
    case node(uid: String)
    /// It has been removed.
    case gone

    /// The `ownerReferences` of the Lease; `nil` to leave them as they are.
    fileprivate func references(to node: String) -> JSONValue? {
      guard case .node(let uid) = self else { return nil }
      return [["apiVersion": "v1", "kind": "Node", "name": .string(node), "uid": .string(uid)]]
    }
  }

  /// Works until the task is cancelled.
  ///
  /// - Parameters:
  ///   - bell: what is rung when the Node is another one.
  ///   - owner: the Node.
  func run(bell: Bell, owner: @Sendable () -> Owner) async {
    let clock = client.clock
    while !Task.isCancelled {
      let last = owner()
      let delay: Duration
      do throws(APIError) {
        try await renew(owner)
        delay = Self.period
      } catch {
        // What is wrong with the API server is told of the watches.
        delay = Self.retryPeriod
      }
      let end = clock.now + delay
      while !Task.isCancelled, clock.now < end, owner() == last {
        await bell.wait(until: end, by: clock)
      }
    }
  }

  private func renew(_ owner: @Sendable () -> Owner) async throws(APIError) {
    let name = ObjectName(Self.leaseName(of: node), in: namespace)
    let options = RequestOptions(timeout: Self.timeout, isUrgent: true, repetition: .never)
    let spec: JSONValue = [
      "holderIdentity": .string(node),
      "leaseDurationSeconds": .integer(Self.patience.components.seconds),
      "renewTime": .string(MicroTime.now()),
    ]
    do throws(APIError) {
      var patch: [String: JSONValue] = ["spec": spec]
      // A Node that registers again is another one; the Lease must not go with the one before.
      if let references = owner().references(to: node) {
        patch["metadata"] = ["ownerReferences": references]
      }
      try await client.patch(.leases, name, .merge(.object(patch)), options: options)
    } catch {
      guard error.isNotFound else { throw error }
      // A cluster that does not know the node has nothing with which the Lease could go.
      for _ in 0..<Self.ownerLooks where owner() == .unknown {
        guard await client.clock.isOver(Self.ownerPeriod) else { throw .cancelled }
      }
      // It has gone with its Node. The next one would be left over if that does not come back.
      guard owner() != .gone else { return }
      var metadata: [String: JSONValue] = [
        "name": .string(name.name), "namespace": .string(namespace),
        "labels": .object([Self.label.name: .string(Self.label.value)]),
      ]
      if let references = owner().references(to: node) {
        metadata["ownerReferences"] = references
      }
      try await client.create(
        .leases, in: namespace,
        [
          "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
          "metadata": .object(metadata), "spec": spec,
        ], options: options)
    }
  }
}

extension ClientClock {
  /// Waits for a time; `false` if the task is cancelled.
  func isOver(_ time: Duration) async -> Bool {
    do throws(CancellationError) {
      try await sleep(until: now + time)
      return true
    } catch {
      return false
    }
  }
}

extension String {
  /// A number of the text that is the same in each process (FNV-1a), in base 16.
  var stableHash: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
