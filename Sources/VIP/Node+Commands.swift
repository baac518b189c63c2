/// Moving a router's addresses by hand.
extension Node {
  /// Leaves the Active role of a router to others and waits for what comes of it.
  ///
  /// The addresses are served here until another machine has announced them, without a gap if none
  /// does.
  ///
  /// - Parameters:
  ///   - name: the router.
  ///   - duration: for how long; `nil` until ``promote(_:)`` or the end of the node.
  /// - Throws: ``NodeError/Kind/refused`` if the router does not take part, or if no other machine
  ///   took over, in which case this node is still serving the addresses.
  ///   ``NodeError/Kind/cancelled`` if the task is cancelled; the role has been given up then.
  public func resign(_ name: String, for duration: Duration? = nil) async throws(NodeError) {
    guard engine.contains(name) else { throw unknownRouter(name) }
    let wasActive = engine.outcomes(of: name).contains(.here)
    try engine.resign(name, for: duration)
    guard wasActive else { return }
    // The last backup moves within one interval, and we take it back after two.
    let patience = engine.longestInterval(of: name) * 3 + .seconds(1)
    let end = await wait(atMost: patience) { [engine] in
      !engine.outcomes(of: name).contains(.open) || engine.lapse(of: name) != nil
    }
    if end == .cancelled { throw .cancelled }
    if let reason = engine.lapse(of: name) { throw NodeError(.refused, "\(name): \(reason)") }
    guard engine.outcomes(of: name) == [.elsewhere] else {
      throw NodeError(
        .refused,
        "\(name): no other router took over; this machine is still serving the addresses; see "
          + "whether another machine runs the group")
    }
  }

  /// Takes the Active role of a router and waits until it holds the addresses.
  ///
  /// - Throws: ``NodeError/Kind/refused`` if the protocol does not allow it.
  ///   ``NodeError/Kind/cancelled`` if the task is cancelled; the role has been taken then.
  public func promote(_ name: String) async throws(NodeError) {
    guard engine.contains(name) else { throw unknownRouter(name) }
    try engine.promote(name)
    let end = await wait(atMost: .seconds(5)) { [engine] in
      engine.outcomes(of: name) == [.here] || engine.loss(of: name) != nil
    }
    if end == .cancelled { throw .cancelled }
    if let reason = engine.loss(of: name) { throw NodeError(.refused, "\(name): \(reason)") }
    guard engine.outcomes(of: name) == [.here] else {
      throw NodeError(
        .refused,
        "\(name): it is Active, and not all of its addresses are up yet; see its status")
    }
  }

  /// Shortens the first wait of a router of which the caller knows that no other machine is Active.
  ///
  /// For those that make a router and know its group from another place than the segment. A router
  /// that has just come up listens for one interval and Skew_Time then instead of
  /// Active_Down_Interval. It still yields to an Active that it hears, and still probes the segment
  /// for its addresses, which takes 400 ms. One that is Active already, or has heard another
  /// machine, goes on as it was.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func assumeVacancy(of name: String) throws(NodeError) {
    guard engine.contains(name) else { throw unknownRouter(name) }
    engine.assumeVacancy(of: name)
  }
}
