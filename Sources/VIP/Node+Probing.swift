/// Routers whose addresses turn out to be used by others.
extension Node {
  /// Waits until it is known whether routers may have their addresses.
  ///
  /// A router that waits for its interface is not waited for: it probes once it takes part.
  ///
  /// - Throws: ``NodeError/Kind/addressInUse``; the router is gone then.
  ///   ``NodeError/Kind/cancelled`` if the task is cancelled; the probing goes on then.
  public func waitUntilProbed(_ names: [String]) async throws(NodeError) {
    for name in names {
      guard await wait(until: { [engine] in !engine.isProbing(name) }) == .met else {
        throw .cancelled
      }
      if let error = await dropRefused(name) { throw error }
    }
  }

  /// Makes sure that addresses which routers are to get that serve already are free.
  ///
  /// - Returns: whether that took time, in which anything may have happened.
  /// - Throws: ``NodeError/Kind/addressInUse`` with the Ethernet address of the machine that has
  ///   one.
  func areFree(_ wanted: [RouterConfiguration]) async throws(NodeError) -> Bool {
    let probes = engine.startProbes(for: wanted)
    guard !probes.isEmpty else { return false }
    let end = await wait { [self] in !engine.isProbing(probes) || isShuttingDown }
    let refusal = engine.endProbes(probes)
    if end == .cancelled { throw .cancelled }
    if let refusal { throw NodeError(.addressInUse, refusal) }
    return true
  }

  /// Takes a router down that a machine outside the group leaves no address for.
  ///
  /// - Returns: what to tell, if that was so.
  func dropRefused(_ name: String) async -> NodeError? {
    guard let refusal = engine.refusal(of: name) else { return nil }
    try? await down(name)
    return NodeError(.addressInUse, "\(name): \(refusal)")
  }
}
