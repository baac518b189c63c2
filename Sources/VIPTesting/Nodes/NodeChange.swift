import VIP

/// A change of a simulated node on its way: what `Node.apply` does, with its waits in between.
///
/// What is to be done, and in which order, is decided by `ChangeTarget`, `ChangePlan` and
/// `ChangeSteps`, as in a real node.
final class NodeChange {
  private enum Phase {
    case waiting
    case asking([Int])
    case checked
    case releasing(ChangeSteps)
    case withdrawing(ChangeSteps)
    case over
  }

  private let target: ChangeTarget
  private var phase = Phase.waiting
  /// The lease as it was before, once it is another.
  private var formerLease: LeasePolicy?

  init(_ target: ChangeTarget) { self.target = target }

  var isOver: Bool {
    if case .over = phase { true } else { false }
  }

  /// Whether it has begun to change something.
  var isUnderWay: Bool {
    switch phase {
    case .releasing, .withdrawing: true
    case .waiting, .asking, .checked, .over: false
    }
  }

  /// Takes one step if it can.
  ///
  /// - Returns: whether it could.
  func proceed(on process: NodeProcess) -> Bool {
    do throws(NodeError) {
      return try takeStep(process)
    } catch {
      refuse(error, process)
      return true
    }
  }

  private func takeStep(_ process: NodeProcess) throws(NodeError) -> Bool {
    let engine = process.engine
    switch phase {
    case .waiting:
      guard try isTurn(process) else { return false }
      try check(process)
      let probes = engine.startProbes(for: try target.routers(on: engine))
      phase = probes.isEmpty ? .checked : .asking(probes)
    case .asking(let probes):
      guard !engine.isProbing(probes) || process.isStopping else { return false }
      if let refusal = engine.endProbes(probes) { throw NodeError(.addressInUse, refusal) }
      phase = .checked
    case .checked:
      guard try isTurn(process) else { return false }
      try check(process)
      try begin(process)
    case .releasing(var steps):
      guard steps.isReleased(on: engine) else { return false }
      if steps.hasMore {
        try refuseIfStopping(process)
        try steps.finish(on: engine)
      }
      process.writeAddressFile()
      phase = .over
    case .withdrawing(let steps):
      guard process.isStopping || steps.isWithdrawn(on: engine) else { return false }
      if !process.isStopping {
        steps.putBack(on: engine)
        process.writeAddressFile()
      }
      phase = .over
    case .over: return false
    }
    return true
  }

  private func isTurn(_ process: NodeProcess) throws(NodeError) -> Bool {
    guard !process.isStopping else { return true }
    let routers = try target.routers(on: process.engine)
    return !process.isApplying(besides: self)
      && !target.waitsForLeaving(routers, on: process.engine)
  }

  private func check(_ process: NodeProcess) throws(NodeError) {
    try refuseIfStopping(process)
    try target.check(on: process.engine)
  }

  private func refuseIfStopping(_ process: NodeProcess) throws(NodeError) {
    guard process.isStopping else { return }
    throw NodeError(.shuttingDown, "the node is shutting down")
  }

  private func begin(_ process: NodeProcess) throws(NodeError) {
    let engine = process.engine
    process.writeAddressFile(adding: try target.routers(on: engine))
    var steps = ChangeSteps(try target.plan(on: engine), on: engine)
    if let settings = target.settings {
      formerLease = engine.lease
      engine.setLease(settings.lease)
    }
    phase = .withdrawing(steps)
    try steps.begin(on: engine)
    phase = .releasing(steps)
  }

  /// Takes back what it has begun.
  private func refuse(_ error: NodeError, _ process: NodeProcess) {
    process.machine.refusals.append("\(process.machine.name): \(error)")
    process.machine.log.append(.remark("refused: \(error)"))
    switch phase {
    case .releasing(let steps), .withdrawing(let steps):
      if let formerLease { process.engine.setLease(formerLease) }
      steps.withdraw(on: process.engine)
      phase = .withdrawing(steps)
    case .waiting, .asking, .checked, .over: phase = .over
    }
  }
}
