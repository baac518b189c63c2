/// What is known of the speaker of a node: the program that serves addresses there.
public enum SpeakerLife: Sendable, Hashable {
  /// A speaker that says again and again that it is there.
  case alive
  /// A speaker that has said so before, and not for a while: it has ended, or can't reach the API
  /// server.
  case silent
}

// Nodes without a speaker serve nothing, whatever their kubelets say.
//
// A node whose speaker has never been there is no candidate. One whose speaker is silent keeps its
// places, since it comes back as a rule, but nothing waits for it: whether it uses an address still
// is found by asking the segment before the address's first use elsewhere, as with nodes that are
// not ready.
extension Allocator {
  /// Takes note of what is known of a node's speaker; `nil` for nothing.
  mutating func setSpeaker(_ life: SpeakerLife?, of node: String) {
    guard speakers[node] != life else { return }
    speakers[node] = life
    speakerChanged(of: node)
    entriesChanged(of: node)
  }

  /// Takes note of which nodes have an entry in a router's status.
  ///
  /// Only a speaker makes one, so it says as much as a Lease.
  mutating func countEntries(_ before: some Collection<String>, _ after: some Collection<String>) {
    for node in before {
      let count = entryCounts[node, default: 1] - 1
      entryCounts[node] = count > 0 ? count : nil
    }
    for node in after { entryCounts[node, default: 0] += 1 }
    guard options.watchesSpeakers else { return }
    for node in Set(before).symmetricDifference(Set(after)) where speakers[node] == nil {
      speakerChanged(of: node)
    }
  }

  private mutating func speakerChanged(of node: String) {
    dirtyRouters.formUnion(routersWithLeaving)
    lingeringChanged(of: node)
    for pool in poolOrder {
      let wasEligible = pools[pool]?.eligible.contains(node) == true
      updateEligibility(of: node, in: pool)
      if wasEligible, pools[pool]?.eligible.contains(node) == true { nodesChanged(of: pool) }
    }
    for (pool, names) in routersOfPool where pools[pool] == nil {
      dirtyRouters.formUnion(names)
      dirtyCandidates.formUnion(names)
    }
  }

  /// Whether a speaker is or has been on a node, as far as that is looked at.
  func hasSpeaker(_ node: String) -> Bool {
    !options.watchesSpeakers || speakers[node] != nil || entryCounts[node] != nil
  }

  /// Whether a node can be expected to do what it is told.
  func hears(_ node: String) -> Bool {
    nodes[node]?.isReady == true && speakers[node] != .silent
  }

  /// Whether a node keeps what it has and is given nothing for the time being.
  func isResting(_ node: String) -> Bool {
    nodes[node]?.isResting != false || speakers[node] == .silent
  }

  /// The nodes of a pool that are well, but for their speaker, which has never been there.
  func mute(in pool: PoolState) -> [String] {
    pool.mute.filter { nodes[$0]?.isReady == true }.sorted()
  }

  /// A sentence about nodes without a speaker, with the remedy; `nil` if there are none.
  func remark(onMute nodes: [String]) -> String? {
    guard !nodes.isEmpty else { return nil }
    return "no vipctl runs on \(Self.list(nodes)); let the DaemonSet have a pod there, or leave "
      + "them out by the pool's nodeSelector"
  }

  /// A sentence about nodes whose speaker is silent, with the remedy; `nil` if there are none.
  private func remark(onSilent nodes: [String]) -> String? {
    guard !nodes.isEmpty else { return nil }
    return "vipctl has stopped or can't reach the API server on \(Self.list(nodes)); see the pods "
      + "of the DaemonSet there"
  }

  /// Some nodes by name, the first five of them.
  static func list(_ nodes: [String]) -> String {
    let names = nodes.prefix(5).joined(separator: ", ") + (nodes.count > 5 ? ", …" : "")
    return "\(nodes.count == 1 ? "node" : "\(nodes.count) nodes") \(names)"
  }

  /// The reason of the condition of a pool one of whose nodes has a silent speaker.
  static let silentReason = "NodesSilent"

  /// Finds out what the status of a pool is to say about the speakers of its nodes.
  ///
  /// Not for each status: that is written with each address, and the nodes are many.
  mutating func reviewSpeakers(of name: String) {
    guard options.watchesSpeakers, let pool = pools[name], pool.areSpeakersNews else { return }
    let silent = remark(onSilent: pool.eligible.filter { speakers[$0] == .silent }.sorted())
    let mute = remark(onMute: mute(in: pool))
    let remarks = [silent, mute].compactMap { $0 }
    pools[name]?.speakers = Condition(
      type: ConditionType.speakers, isTrue: remarks.isEmpty,
      reason: silent != nil ? Self.silentReason : mute != nil ? "NodesWithout" : "OnAllNodes",
      message: remarks.joined(separator: "; "))
    pools[name]?.areSpeakersNews = false
  }
}
