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
  }

  /// Applies the whole set.
  ///
  /// What one router can't have keeps no other from what it is to have.
  func apply(_ wanted: [RouterConfiguration]) async -> Outcome {
    var outcome = Outcome()
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
        if let problem = try await apply(router) { outcome.problems[router.name] = problem }
      }
    } catch {
      outcome.isDone = false
    }
    return outcome
  }

  /// Applies one router; says what is wrong.
  private func apply(_ wanted: RouterConfiguration) async throws(NodeError) -> String? {
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
    return try await add(added[...], to: wanted.name) ?? problem.description
  }

  /// Adds addresses, by halves where some of them can't be had; says what is wrong with the first of those.
  private func add(
    _ addresses: ArraySlice<InterfaceAddress>, to name: String
  ) async throws(NodeError) -> String? {
    guard let first = addresses.first else { return nil }
    do throws(NodeError) {
      try await node.add(Array(addresses), to: name)
      return nil
    } catch {
      guard Self.isAboutRouters(error) else { throw error }
      guard addresses.count > 1 else { return "\(first.address): \(error)" }
    }
    let middle = addresses.startIndex + addresses.count / 2
    let left = try await add(addresses[..<middle], to: name)
    let right = try await add(addresses[middle...], to: name)
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
