import VIPCore

/// Addresses that wait to be installed, removed or refreshed, in the order in which it was decided.
///
/// An entry covers all addresses of one router and remembers how far it has come, so that a router
/// with thousands of addresses is worked off slice by slice. Entries are only hints: what is done
/// depends on the state of the router when its turn comes.
struct AddressWork {
  enum Kind {
    case install
    case remove
    case refresh
    /// Removes addresses that no longer belong to a router that goes on.
    case retire
    /// Puts addresses on a macvlan that is switched off.
    case load
  }

  struct Entry {
    let kind: Kind
    let slot: Int
    var next = 0
  }

  private var urgent: [Entry] = []
  private var refreshes: [Entry] = []
  private var loads: [Entry] = []

  /// Whether nothing waits.
  var isEmpty: Bool { urgent.isEmpty && refreshes.isEmpty && loads.isEmpty }

  /// Adds a pass over the addresses of the router in a slot.
  mutating func add(_ kind: Kind, _ slot: Int) {
    if kind == .refresh {
      guard !refreshes.contains(where: { $0.slot == slot }) else { return }
      refreshes.append(Entry(kind: kind, slot: slot))
      return
    }
    if kind == .load {
      loads.removeAll { $0.slot == slot }
      loads.append(Entry(kind: kind, slot: slot))
      return
    }
    if kind != .retire { loads.removeAll { $0.slot == slot } }
    // A newer decision replaces what is left of an older one.
    urgent.removeAll { $0.slot == slot && ($0.kind == .retire) == (kind == .retire) }
    urgent.append(Entry(kind: kind, slot: slot))
  }

  /// The entry to work on now: takeovers and releases before refreshes, and those before what may
  /// never be needed.
  var first: Entry? { urgent.first ?? refreshes.first ?? loads.first }

  /// Whether a router's addresses are still to be put up or removed.
  func isUnfinished(_ slot: Int) -> Bool {
    urgent.contains { $0.slot == slot }
  }

  /// Notes how far the first entry has come; `nil` if it is done.
  mutating func advanceFirst(to next: Int?) {
    func advance(_ list: inout [Entry]) {
      if let next { list[0].next = next } else { list.removeFirst() }
    }
    if !urgent.isEmpty {
      advance(&urgent)
    } else if !refreshes.isEmpty {
      advance(&refreshes)
    } else {
      advance(&loads)
    }
  }

  /// Starts the passes over a router's addresses again from the first one.
  mutating func restart(_ slot: Int) {
    for index in urgent.indices where urgent[index].slot == slot {
      urgent[index].next = 0
    }
    for index in refreshes.indices where refreshes[index].slot == slot {
      refreshes[index].next = 0
    }
    for index in loads.indices where loads[index].slot == slot { loads[index].next = 0 }
  }

  /// Drops all work of a router.
  mutating func forget(_ slot: Int) {
    urgent.removeAll { $0.slot == slot }
    refreshes.removeAll { $0.slot == slot }
    loads.removeAll { $0.slot == slot }
  }
}
