/// The states of the routers as far as their addresses are concerned: those in which these have
/// settled, and those to which they are still to follow.
///
/// Of several changes in a row only the last is told, once the addresses have followed.
struct Settlements {
  /// The state of each router by slot, or the one it will be in when its addresses have followed.
  private var states: [Int: Settlement.State] = [:]
  /// The changes by slot that are to be told when the addresses have followed.
  private var pending: [Int: Settlement] = [:]

  /// Whether all addresses have followed.
  var areTold: Bool { pending.isEmpty }

  /// The state of a router, now or when its addresses have followed.
  func state(of slot: Int) -> Settlement.State { states[slot] ?? .stop }

  /// The state of a router whose addresses have followed; `nil` if they have not.
  func settledState(of slot: Int) -> Settlement.State? {
    pending[slot] == nil ? states[slot] : nil
  }

  /// A router does something else now; its addresses are still to follow.
  mutating func begin(_ settlement: Settlement, of slot: Int) {
    var settlement = settlement
    if let earlier = pending[slot] { settlement.skipped = earlier.skipped + 1 }
    states[slot] = settlement.state
    pending[slot] = settlement
  }

  /// A router comes in the place of another one, in whose state it is until it has one of its own.
  mutating func succeed(_ former: Int, by slot: Int) { states[slot] = states[former] }

  /// Withdraws what was to be told of a router, since it leaves.
  mutating func cancel(_ slot: Int) { pending[slot] = nil }

  /// A router is gone.
  mutating func forget(_ slot: Int) {
    states[slot] = nil
    pending[slot] = nil
  }

  /// Takes what is to be told of routers whose addresses have followed, in the order of the slots.
  mutating func takeSettled(
    where hasSettled: (_ slot: Int) -> Bool
  ) -> [(slot: Int, settlement: Settlement)] {
    let settled = pending.filter { hasSettled($0.key) }.sorted { $0.key < $1.key }
    for (slot, _) in settled { pending[slot] = nil }
    return settled.map { ($0.key, $0.value) }
  }
}
