import VIP
import VIPCore

/// Brings a node to the routers that it is to run: as a whole, or as far as the machine lets it.
struct RouterApplication: Sendable {
  let node: Node
  let settings: NodeSettings

  /// What has become of a router.
  struct Verdict: Sendable, Hashable {
    /// Why it is not as it is to be.
    var problem: String?
    /// The addresses that it can't have.
    var refused: Set<InterfaceAddress> = []
  }

  /// What can be applied at once, and what the segment has to be asked for before.
  struct Division: Sendable, Hashable {
    /// Routers that are new, and what others have already of what they are to have.
    var now: [RouterConfiguration] = []
    /// Routers that are to get addresses which no router of the node has.
    var later: [RouterConfiguration] = []

    /// Divides what is to become of some routers of a node.
    init(_ wanted: [RouterConfiguration], present: [RouterConfiguration]) {
      let byName = Dictionary(present.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
      // What goes from one router to another is there all the time.
      let held = Set(present.flatMap(\.addresses))
      for router in wanted {
        guard let before = byName[router.name] else {
          now.append(router)
          continue
        }
        var kept = router
        kept.addresses.removeAll { !held.contains($0) }
        if kept == router || !kept.addresses.isEmpty && kept != before { now.append(kept) }
        if kept != router { later.append(router) }
      }
    }
  }

  /// Removes routers, and applies others for which nothing has to be asked.
  ///
  /// What one router can't have keeps no other from what it is to have.
  ///
  /// - Returns: what has become of them, by name; `nil` if the node ends or the task is cancelled.
  func apply(_ wanted: [RouterConfiguration], removing: [String]) async -> [String: Verdict]? {
    do throws(NodeError) {
      try await node.apply(
        NodeConfiguration(settings: settings, routers: wanted), replacing: removing)
      return Dictionary(
        wanted.map { ($0.name, Verdict()) }, uniquingKeysWith: { $1 })
    } catch {
      guard Self.isAboutRouters(error) else { return nil }
    }
    // One after the other: first what makes room.
    var verdicts: [String: Verdict] = [:]
    do throws(NodeError) {
      try await node.apply([], removing: removing, unready: .wait)
      for router in wanted { verdicts[router.name] = try await applyAlone(router) }
      return verdicts
    } catch {
      return nil
    }
  }

  /// Applies routers that are to get addresses for which the segment has to be asked, and tells
  /// what has become of each; nothing more once the node ends or the task is cancelled.
  func add(_ wanted: [RouterConfiguration], tell: (String, Verdict) -> Void) async {
    do throws(NodeError) {
      try await node.apply(wanted, unready: .wait)
      for router in wanted { tell(router.name, Verdict()) }
      return
    } catch {
      guard Self.isAboutRouters(error) else { return }
    }
    do throws(NodeError) {
      for router in wanted { tell(router.name, try await applyAlone(router)) }
    } catch {
      return
    }
  }

  /// A router without some addresses, unless it has no others.
  static func without(
    _ refused: Set<InterfaceAddress>, _ router: RouterConfiguration
  ) -> RouterConfiguration {
    var reduced = router
    reduced.addresses.removeAll(where: refused.contains)
    return reduced.addresses.isEmpty ? router : reduced
  }

  private func applyAlone(_ wanted: RouterConfiguration) async throws(NodeError) -> Verdict {
    var verdict = Verdict()
    verdict.problem = try await apply(wanted, &verdict.refused)
    return verdict
  }

  /// Applies one router; says what is wrong, and which addresses it can't have.
  private func apply(
    _ wanted: RouterConfiguration, _ refused: inout Set<InterfaceAddress>
  ) async throws(NodeError) -> String? {
    let problem: NodeError
    do throws(NodeError) {
      try await node.apply([wanted], unready: .wait)
      return nil
    } catch {
      guard Self.isAboutRouters(error) else { throw error }
      problem = error
    }
    guard let present = await node.configurations.first(where: { $0.name == wanted.name }) else {
      return problem.description
    }
    // What it is to lose goes in any case; what it is to get comes as far as it can be had.
    let (held, all) = (Set(present.addresses), Set(wanted.addresses))
    let outdated = present.addresses.filter { !all.contains($0) }
    var kept = wanted
    kept.addresses = wanted.addresses.filter(held.contains)
    guard !kept.addresses.isEmpty else {
      try await node.apply([], removing: [wanted.name], unready: .wait)
      return problem.description
    }
    do throws(NodeError) {
      if !outdated.isEmpty {
        try await node.remove(outdated.map(\.address), from: wanted.name)
      }
    } catch {
      guard Self.isAboutRouters(error) else { throw error }
      return error.description
    }
    let added = wanted.addresses.filter { !held.contains($0) }
    guard !added.isEmpty else { return problem.description }
    do throws(NodeError) {
      try await node.apply([kept], unready: .wait)
    } catch {
      guard Self.isAboutRouters(error) else { throw error }
      return error.description
    }
    return try await add(added[...], to: wanted.name, &refused)
  }

  /// Adds addresses, by halves where some of them can't be had; says what is wrong with the first
  /// of those.
  private func add(
    _ addresses: ArraySlice<InterfaceAddress>, to name: String,
    _ refused: inout Set<InterfaceAddress>
  ) async throws(NodeError) -> String? {
    guard let first = addresses.first else { return nil }
    do throws(NodeError) {
      try await node.add(Array(addresses), to: name)
      return nil
    } catch {
      guard Self.isAboutRouters(error) else { throw error }
      guard addresses.count > 1 else {
        refused.insert(first)
        return "\(first.address): \(error)"
      }
    }
    let middle = addresses.startIndex + addresses.count / 2
    let left = try await add(addresses[..<middle], to: name, &refused)
    let right = try await add(addresses[middle...], to: name, &refused)
    return left ?? right
  }

  /// Whether an error is about what was wanted, and not about the node or the one that waits for
  /// it.
  private static func isAboutRouters(_ error: NodeError) -> Bool {
    switch error.kind {
    case .shuttingDown, .cancelled: false
    case .configuration, .unknownInterface, .unknownRouter, .notPermitted, .alreadyRunning,
      .notRunningYet, .addressInUse, .refused, .system:
      true
    }
  }
}
