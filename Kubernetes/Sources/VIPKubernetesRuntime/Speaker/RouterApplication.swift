import VIP
import VIPCore

/// Brings a node to the routers that it is to run: as a whole, or as far as the machine lets it.
struct RouterApplication: Sendable {
  let node: Node
  let settings: NodeSettings

  /// What has become of it.
  struct Outcome: Sendable, Hashable {
    /// Whether the node has done what it could; not if it ends or the task is cancelled.
    var isDone = true
    /// Why a router is not as it is to be, by its name.
    var problems: [String: String] = [:]
    /// The addresses that a router can't have, by its name.
    var refused: [String: Set<InterfaceAddress>] = [:]
  }

  /// Applies the whole set.
  ///
  /// What one router can't have keeps no other from what it is to have. Addresses that were refused
  /// before are left out if told so, since the segment is asked for each of them again.
  func apply(_ wanted: [RouterConfiguration], withoutRefusedOf last: Outcome?) async -> Outcome {
    var outcome = Outcome()
    for router in wanted {
      let refused = (last?.refused[router.name] ?? []).intersection(router.addresses)
      guard !refused.isEmpty else { continue }
      outcome.refused[router.name] = refused
      outcome.problems[router.name] = last?.problems[router.name]
    }
    let wanted = wanted.map { Self.without(outcome.refused[$0.name] ?? [], $0) }
    do throws(NodeError) {
      try await node.apply(NodeConfiguration(settings: settings, routers: wanted))
      return outcome
    } catch {
      guard Self.isAboutRouters(error) else { return Outcome(isDone: false) }
    }
    // One after the other: first what makes room.
    do throws(NodeError) {
      let names = Set(wanted.map(\.name))
      let leaving = await node.routerNames.filter { !names.contains($0) }
      try await node.apply([], removing: leaving, unready: .wait)
      for router in wanted {
        var refused: Set<InterfaceAddress> = []
        guard let problem = try await apply(router, &refused) else { continue }
        outcome.problems[router.name] = problem
        if !refused.isEmpty { outcome.refused[router.name, default: []].formUnion(refused) }
      }
    } catch {
      outcome.isDone = false
    }
    return outcome
  }

  /// A router without some addresses, unless it has no others.
  private static func without(
    _ refused: Set<InterfaceAddress>, _ router: RouterConfiguration
  ) -> RouterConfiguration {
    var reduced = router
    reduced.addresses.removeAll(where: refused.contains)
    return reduced.addresses.isEmpty ? router : reduced
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

  /// Adds addresses, by halves where some of them can't be had; says what is wrong with the first of those.
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

  /// Whether an error is about what was wanted, and not about the node or the one that waits for it.
  private static func isAboutRouters(_ error: NodeError) -> Bool {
    switch error.kind {
    case .shuttingDown, .cancelled: false
    case .configuration, .unknownInterface, .unknownRouter, .notPermitted, .alreadyRunning,
      .notRunningYet, .addressInUse, .refused, .system:
      true
    }
  }
}
