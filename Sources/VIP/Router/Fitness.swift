import VIPCore

/// The causes that speak against or for a router's part in the election, and the verdict.
///
/// Each cause has at most one fault. Faults of the router's own interface, of what it tracks, and
/// of what a program says are all set here; ``verdict(for:)`` is the only judge of them.
struct Fitness {
  /// The origin of a fault.
  enum Cause: Hashable {
    /// The router's own interface.
    case interface
    /// The address that advertisements of a family are sent from.
    case source(AddressFamily)
    /// The host's own addresses of a family, among which may be a virtual one.
    case host(AddressFamily)
    /// An interface that is tracked.
    case track(String)
    /// A further interface on which it has addresses or routes.
    case further(String)
    /// A cause that the program that runs the node has named.
    case external(String)
    /// The probe for the addresses of a family.
    case address(AddressFamily)
    /// The opening of what a family needs.
    case attachment(AddressFamily)
    /// The other routers with which that of a family moves.
    case group(AddressFamily)

    /// The family that it concerns; `nil` if all.
    var family: AddressFamily? {
      switch self {
      case .interface, .track, .further, .external: nil
      case .source(let family), .host(let family), .address(let family), .attachment(let family),
        .group(let family):
        family
      }
    }

    /// Whether a router can hand over on its account: its interface still serves.
    var handsOver: Bool {
      switch self {
      case .source, .host, .track, .further, .external, .group: true
      case .interface, .address, .attachment: false
      }
    }

    /// Its place among others: the first fault of a router is the one that is told.
    fileprivate var rank: Int {
      switch self {
      case .interface: 0
      case .source: 1
      case .host: 2
      case .track, .further: 3
      case .external: 4
      case .address: 5
      case .attachment: 6
      case .group: 7
      }
    }
  }

  /// A fault or, where it raises the priority, a merit; and its effect on the router.
  struct Fault: Hashable {
    let reason: WaitingReason
    /// The amount that is added to the priority; `nil` if the router leaves the election.
    let weight: Int?

    static func unfit(_ reason: WaitingReason) -> Fault { Fault(reason: reason, weight: nil) }
    static func weaker(by decrement: UInt8, _ reason: WaitingReason) -> Fault {
      Fault(reason: reason, weight: -Int(decrement))
    }
    static func stronger(by increment: UInt8, _ reason: WaitingReason) -> Fault {
      Fault(reason: reason, weight: Int(increment))
    }

    /// The effect on the priority; `nil` if it keeps the router out instead.
    var effect: NodeEvent.PriorityEffect? {
      weight.map { NodeEvent.PriorityEffect(reason, weight: $0) }
    }
  }

  enum Verdict: Hashable {
    /// The router takes part, if with a lower priority.
    case fit
    /// The router leaves the election, handing over if its interface still serves.
    case unfit(WaitingReason, handsOver: Bool)
  }

  private struct Entry {
    let cause: Cause
    var fault: Fault

    func concerns(_ family: AddressFamily) -> Bool { cause.family ?? family == family }
  }

  /// The faults by rank; those of one rank in the order in which they were set.
  private var entries: [Entry] = []

  /// Sets or removes the fault of a cause.
  ///
  /// - Returns: whether it was another one before.
  @discardableResult
  mutating func set(_ fault: Fault?, for cause: Cause) -> Bool {
    let place = entries.firstIndex { $0.cause == cause }
    guard let fault else {
      guard let place else { return false }
      entries.remove(at: place)
      return true
    }
    if let place {
      guard entries[place].fault != fault else { return false }
      entries[place].fault = fault
      return true
    }
    let end = entries.firstIndex { $0.cause.rank > cause.rank } ?? entries.count
    entries.insert(Entry(cause: cause, fault: fault), at: end)
    return true
  }

  /// Sets the faults of all tracked interfaces at once, in their order.
  mutating func setTracks(_ faults: [(interface: String, fault: Fault)]) {
    entries.removeAll { if case .track = $0.cause { true } else { false } }
    for (interface, fault) in faults { set(fault, for: .track(interface)) }
  }

  /// Sets the faults of all further interfaces at once, in their order.
  mutating func setFurther(_ faults: [InterfaceFault]) {
    entries.removeAll { if case .further = $0.cause { true } else { false } }
    for fault in faults { set(.unfit(.interface(fault)), for: .further(fault.interface)) }
  }

  /// The verdict for the virtual router of a family.
  func verdict(for family: AddressFamily) -> Verdict {
    var reason: WaitingReason?
    var handsOver = true
    for entry in entries where entry.concerns(family) && entry.fault.weight == nil {
      reason = reason ?? entry.fault.reason
      handsOver = handsOver && entry.cause.handsOver
    }
    return reason.map { .unfit($0, handsOver: handsOver) } ?? .fit
  }

  /// The reason of its own that keeps the virtual router of a family out of the election, whatever
  /// holds for the others of its group; `nil` if there is none.
  func ownObstacle(for family: AddressFamily) -> WaitingReason? {
    entries.first { entry in
      if case .group = entry.cause { return false }
      return entry.concerns(family) && entry.fault.weight == nil
    }?.fault.reason
  }

  /// The amount that is added to the priority of the virtual router of a family: below zero if it
  /// is lower.
  func weight(for family: AddressFamily) -> Int {
    entries.reduce(0) { sum, entry in
      entry.concerns(family) ? sum + (entry.fault.weight ?? 0) : sum
    }
  }

  /// The causes that only lower or raise the priority.
  var priorityEffects: [NodeEvent.PriorityEffect] { entries.compactMap(\.fault.effect) }

  /// The program's statements, by the names that it has given to the causes.
  var external: [String: RouterFitness] {
    var said: [String: RouterFitness] = [:]
    for entry in entries {
      guard case .external(let cause, let text) = entry.fault.reason else { continue }
      said[cause] =
        switch entry.fault.weight {
        case nil: .unfit(because: text)
        case let weight? where weight > 0: .stronger(by: UInt8(clamping: weight), because: text)
        case let weight?: .weaker(by: UInt8(clamping: -weight), because: text)
        }
    }
    return said
  }
}

extension RouterFitness {
  /// The fault to set for a cause of the program; `nil` if nothing speaks against the router.
  func fault(of cause: String) -> Fitness.Fault? {
    switch self {
    case .fit: nil
    case .weaker(let decrement, let text):
      .weaker(by: decrement, .external(cause: cause, text: text))
    case .stronger(let increment, let text):
      .stronger(by: increment, .external(cause: cause, text: text))
    case .unfit(let text): .unfit(.external(cause: cause, text: text))
    }
  }
}
