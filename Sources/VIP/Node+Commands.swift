/// Moving a router's addresses by hand.
extension Node {
  /// Leaves the Active role of a router to others and waits for what comes of it.
  ///
  /// The addresses are served here until another machine has announced them, without a gap if none
  /// does; with ``HandoverPolicy/strict`` they are not served from the farewell on until a machine
  /// takes over, or this one takes them back.
  ///
  /// - Parameters:
  ///   - name: the router.
  ///   - duration: for how long; `nil` until ``resume(_:)``, ``promote(_:)`` or the end of the
  ///     node.
  /// - Throws: ``NodeError/Kind/refused`` if the router does not take part, or if no other machine
  ///   took over, in which case this node is serving the addresses.
  ///   ``NodeError/Kind/cancelled`` if the task is cancelled; the role has been given up then.
  public func resign(_ name: String, for duration: Duration? = nil) async throws(NodeError) {
    try await resign([name], for: duration)
  }

  /// Leaves the role of routers at the same time.
  package func resign(
    _ names: [String], for duration: Duration?, by requester: Requester? = nil
  ) async throws(NodeError) {
    for name in names where !engine.contains(name) { throw unknownRouter(name) }
    let holders = names.filter { engine.outcomes(of: $0).contains(.here) }
    let families = holders.map { engine.runningFamilies(of: $0) }
    try engine.resign(names, for: duration, by: requester)
    let interrupted = holders.filter { !engine.stillServes($0) }
    // The last backup moves within one interval, and we take it back after two.
    let patience = (holders.map(engine.longestInterval).max() ?? .zero) * 3 + .seconds(1)
    let end = await wait(atMost: patience) { [engine] in
      zip(holders, families).allSatisfy { name, families in
        !engine.outcomes(of: name).contains(.open)
          || engine.lapse(of: name, in: families) != nil
      }
    }
    if end == .cancelled { throw .cancelled }
    var failures: [String] = []
    var alone: [String] = []
    for (name, families) in zip(holders, families) {
      if let reason = engine.lapse(of: name, in: families) {
        failures.append("\(name): \(reason)")
      } else if engine.outcomes(of: name) != [.elsewhere] {
        alone.append(name)
      }
    }
    let gap = alone.filter(interrupted.contains)
    failures += [
      Self.aloneText(alone.filter { !gap.contains($0) }, hasGap: false),
      Self.aloneText(gap, hasGap: true),
    ].compactMap(\.self)
    guard failures.isEmpty else {
      throw NodeError(.refused, failures.joined(separator: "; "))
    }
  }

  /// The routers that take part in an election, and so have a role to leave.
  package var runningRouterNames: [String] {
    routerNames.filter { !engine.runningFamilies(of: $0).isEmpty }
  }

  /// The outcome of a resignation without a successor, in words.
  private static func aloneText(_ names: [String], hasGap: Bool) -> String? {
    guard !names.isEmpty else { return nil }
    let service =
      hasGap
      ? "this machine serves the addresses again, after a gap of two intervals"
      : "this machine is still serving the addresses"
    return "\(names.joined(separator: ", ")): no other router took over; \(service), with the "
      + "lowest priority until it is resumed; see whether another machine runs the group"
  }

  /// Takes the Active role of a router and waits until it holds the addresses.
  ///
  /// - Throws: ``NodeError/Kind/refused`` if the protocol does not allow it.
  ///   ``NodeError/Kind/cancelled`` if the task is cancelled; the role has been taken then.
  public func promote(_ name: String) async throws(NodeError) {
    try await promote(name, by: nil)
  }

  /// Takes the role of a router for a process that has asked for it.
  package func promote(_ name: String, by requester: Requester?) async throws(NodeError) {
    guard engine.contains(name) else { throw unknownRouter(name) }
    try engine.promote(name, by: requester)
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

  /// Ends the resignation or promotion of a router: its configured priority counts again.
  ///
  /// The role is taken from no other machine by that alone; a router that preempts takes it from
  /// one of lower priority as at any other time. Nothing happens if there is neither.
  ///
  /// - Throws: ``NodeError/Kind/unknownRouter``.
  public func resume(_ name: String) throws(NodeError) {
    try resume([name], by: nil)
  }

  /// Ends the resignations and promotions of routers.
  package func resume(_ names: [String], by requester: Requester?) throws(NodeError) {
    for name in names where !engine.contains(name) { throw unknownRouter(name) }
    engine.resume(names, by: requester)
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
