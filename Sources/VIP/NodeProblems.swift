/// Problems around a node, beside its engine.
struct NodeProblems {
  /// The problems that last, in the order in which they began.
  private(set) var present: [NodeProblem]

  /// Begins with what is wrong at the start.
  init(_ present: [NodeProblem] = []) { self.present = present }

  /// Notes what is wrong now in the words given, or that it is over.
  ///
  /// - Returns: what is to be told: something begins, or is there in other words, or is over.
  mutating func set(_ kind: NodeProblem.Kind, _ text: String?) -> [NodeEvent] {
    let problem = text.map { NodeProblem(kind, $0) }
    let place = present.firstIndex { $0.id == kind }
    guard problem != place.map({ present[$0] }) else { return [] }
    guard let problem else { return place.map { [.nodeCleared(present.remove(at: $0))] } ?? [] }
    if let place { present[place] = problem } else { present.append(problem) }
    return [.nodeWarning(problem)]
  }

  /// Notes all that is wrong with the machine now.
  ///
  /// - Returns: what is over, then what begins. Other words for what goes on are not told, since
  ///   the numbers in them change from look to look.
  mutating func setMachine(_ found: [(fault: MachineFault, text: String)]) -> [NodeEvent] {
    let faults = Set(found.map(\.fault))
    var events: [NodeEvent] = []
    for problem in present {
      guard case .machine(let fault) = problem.kind, !faults.contains(fault) else { continue }
      events += set(problem.kind, nil)
    }
    for (fault, text) in found {
      let isKnown = present.contains { $0.id == .machine(fault) }
      let told = set(.machine(fault), text)
      if !isKnown { events += told }
    }
    return events
  }
}
