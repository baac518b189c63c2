/// A time that something may take: the protocol's own and, on top, what a machine may need for it.
///
/// The protocol's part is the same everywhere. The machine's is that of an idle one, and grows by
/// what a ``Pace`` measured while the time ran: on a machine that has nothing else to do the bound
/// is as strict as it is written.
package struct Bound: Sendable, CustomStringConvertible {
  /// What the protocol says.
  package let ofProtocol: Duration
  /// What an idle machine may add.
  package let ofMachine: Duration

  /// Makes a bound.
  package init(_ ofProtocol: Duration = .zero, machine: Duration) {
    self.ofProtocol = ofProtocol
    ofMachine = machine
  }

  /// Why a time was too long, or `nil` when it was not.
  package func objection(from start: Moment, to end: Moment = .now) -> String? {
    let taken = end - start
    // Most times need no look at the machine; and a question that is asked once is asked once.
    if taken < ofProtocol + ofMachine { return nil }
    if ofProtocol + ofMachine == .zero { return "at once" }
    let pace = Pace.reading(from: start, to: end)
    let allowance = ofProtocol + pace.allowance(for: ofMachine)
    return taken < allowance
      ? nil : "\(taken.report), and \(allowance.report) are allowed (the machine is \(pace))"
  }

  package var description: String { "\(ofProtocol.report) and \(ofMachine.report)" }

  package static func + (left: Duration, right: Bound) -> Bound {
    Bound(left + right.ofProtocol, machine: right.ofMachine)
  }
}
