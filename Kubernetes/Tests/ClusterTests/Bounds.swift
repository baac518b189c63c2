import VIPCore

/// What the protocol allows, and what an idle machine may add to it.
enum Bounds {
  /// The interval of pools that don't say one.
  static let interval = Duration.milliseconds(250)
  /// What scheduling may add to a bound, with a control plane on the same machine.
  static let margin = Bound(machine: .milliseconds(400))
  /// From a change of an object to its effect on the wire, as a median.
  static let change = Bound(machine: .seconds(1))
  /// The longest pause of a client while a router moves as planned.
  static let plannedMove = Bound(machine: .milliseconds(150))
  /// The longest time for which two machines may both have an address while a router moves.
  static let overlap = interval + margin
  /// The longest time for which neighbour caches may name two machines.
  static let announcement = Bound(machine: .milliseconds(400))

  /// RFC 9568 §6.1, and the margin: the longest outage when the next router has this priority.
  static func outage(_ next: Succession) -> Bound {
    next.interval * 3 + next.interval * (256 - next.priority) / 256 + margin
  }

  /// How long addresses outlive a node that died together with its guard: the lease, the second by
  /// which the kernel may be late, and the margin.
  static func lease(_ family: AddressFamily) -> Bound {
    .seconds(family == .ipv4 ? 4 : 10) + margin
  }
}
