/// Knowledge of the program that runs a node about its routers.
extension Node {
  /// Makes a router unfit, weaker or fit again, for a cause that the caller knows: a health check,
  /// a readiness gate, a group of routers that fail together.
  ///
  /// An unfit router leaves the election and hands its addresses over, as it does for a tracked
  /// interface without decrement; it comes back as Backup once no cause keeps it out. Each cause
  /// has one say, which replaces what it said before, and causes are independent of one another: a
  /// router is unfit as long as any of them says so. It may be said at any time, also before the
  /// router's interface is up; it holds through changes of the settings, a replacement included,
  /// and until the router is removed. ``events()`` tells of it
  /// (``NodeEvent/waiting(router:family:reason:)``, ``NodeEvent/changed(router:_:)``) and
  /// ``status(_:)`` shows it as the reason or a warning.
  ///
  /// - Parameters:
  ///   - fitness: how fit the router is; ``RouterFitness/fit`` takes back what the cause said
  ///     before.
  ///   - name: the router.
  ///   - cause: a name for the cause, such as "health"; shown before the text.
  /// - Throws: ``NodeError/Kind/unknownRouter``; ``NodeError/Kind/refused`` for a priority that
  ///   can't be lowered so; ``NodeError/Kind/cancelled``. Nothing has changed then.
  public func setFitness(
    _ fitness: RouterFitness, of name: String, for cause: String
  ) async throws(NodeError) {
    // A router that is just being added or replaced is there in a moment.
    let end = await wait { [self] in
      !isApplying || isShuttingDown || engine.isStaying(name)
    }
    if end == .cancelled { throw .cancelled }
    try engine.setFitness(fitness, of: name, for: cause)
  }
  /// Says the same of several routers at once, as far as they are there.
  ///
  /// - Parameter statements: the statements.
  /// - Returns: the routers that are just being added or are leaving.
  package func setFitness(_ statements: [FitnessStatement]) -> Set<String> {
    engine.setFitness(statements)
    return Set(statements.map(\.router).filter { !engine.isStaying($0) })
  }

  /// Whether a router is Active, in any family.
  package func isActive(_ name: String) -> Bool { engine.isActive(name) }
}
