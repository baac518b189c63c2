import Netlink
package import VIPCore

/// Something that comes and goes with a router's addresses.
package enum Extra: Sendable, Hashable {
  /// An address on another interface, or one of the other family on the router's own.
  case address(InterfaceAddress, interface: String)
  /// A route.
  case route(VirtualRoute)
  /// A rule for a family.
  case rule(VirtualRule, AddressFamily)

  /// Whether it is a route or a rule, of which the kernel tells nothing by itself.
  var isRouting: Bool { if case .address = self { false } else { true } }

  /// The entry in words.
  package var description: String {
    switch self {
    case .address(let address, let interface): "\(address) on \(interface)"
    case .route(let route): "route \(route)"
    case .rule(let rule, let family):
      rule.family == nil ? "rule \(rule) of \(family)" : "rule \(rule)"
    }
  }
}

/// The entries that a router puts up beside the addresses on its interface, and their state.
///
/// All of it is put up after the addresses and stays for as long as the router holds them or hands
/// them over. Each entry keeps the state of a ``VirtualAddress``: what is removed by another
/// program is put back at once, later and later if it goes again.
struct Extras {
  /// One of them.
  struct Entry: Equatable {
    let extra: Extra
    fileprivate(set) var state: VirtualAddress
    /// The terms in which the kernel was asked for it last.
    fileprivate var latestPlace: ExtraPlace?

    init(_ extra: Extra) {
      self.extra = extra
      // The state needs the place of an address, not which one it is.
      state = VirtualAddress(InterfaceAddress(host: .v4(.any)))
    }

    /// Whether this node has put it up.
    var isInstalled: Bool { state.isInstalled }

    /// The place where this node has put it up; `nil` if it has not.
    var place: ExtraPlace? { isInstalled ? latestPlace : nil }

    /// Whether it goes by itself unless it is refreshed.
    var hasLease: Bool { state.refreshedAt != nil }

    /// The reason why the kernel refused it; `nil` if it did not.
    var failure: String? { state.failure }

    /// Whether another program keeps removing it.
    func isContested(at now: Instant) -> Bool { state.isContested(at: now) }
  }

  /// The first number of a pass over them, behind those of all addresses.
  static let passStart = 1 << 40
  /// The time between two looks at routes and rules, of which the kernel does not tell.
  static let period = Duration.seconds(1)

  /// Those that belong to the router, in the order in which they are put up.
  private(set) var current: [Entry]
  /// Those that belonged to it and are still there.
  private(set) var retired: [Entry] = []
  /// Counts the changes of the list.
  private(set) var revision = 0
  /// The time of the next look at routes and rules; `nil` if there is none to come.
  private var lookAt: Instant?

  init(_ wanted: [Extra] = []) { current = wanted.map(Entry.init) }

  // MARK: Questions

  /// Whether there is nothing, and nothing is left.
  var isEmpty: Bool { current.isEmpty && retired.isEmpty }

  /// Whether any of them is there by this node's doing.
  var isAnyInstalled: Bool { all.contains(where: \.isInstalled) }

  /// All of them, those that are retired last.
  var all: [Entry] { current + retired }

  /// Number of addresses among them.
  var addressCount: Int { current.count { !$0.extra.isRouting } }

  /// The time when something of them is due; `nil` if nothing is.
  var deadline: Instant? {
    guard !isEmpty else { return nil }
    return earliest(lookAt, all.lazy.compactMap(\.state.retryAt).min())
  }

  /// The positions of a slice of those on which a kind of work is to be done.
  ///
  /// - Parameters:
  ///   - kind: the kind of work.
  ///   - isKept: whether the router holds its addresses, or hands them over.
  ///   - isHolding: whether it holds them.
  ///   - start: how many of the pass have been looked at.
  ///   - count: how many to return at most.
  /// - Returns: the positions, and how many have been looked at now; `nil` if all have.
  func due(
    for kind: AddressWork.Kind, isKept: Bool, isHolding: Bool, from start: Int, atMost count: Int
  ) -> (positions: [Int], next: Int?) {
    let entries = all
    var positions: [Int] = []
    var next = start
    while next < entries.count {
      guard positions.count < count else { return (positions, next) }
      // What was put up last goes first.
      let goes = kind == .remove || kind == .retire
      let position = goes ? entries.count - 1 - next : next
      let state = entries[position].state
      let isRetired = position >= current.count
      let isDue =
        switch kind {
        case .install: !isRetired && isHolding && state.retryAt == nil && !state.isInstalled
        case .refresh: !isRetired && isKept && state.isInstalled
        case .remove: state.isInstalled && (isRetired || !isKept) && state.retryAt == nil
        case .retire: isRetired && state.isInstalled && state.retryAt == nil
        case .load: false
        }
      if isDue { positions.append(position) }
      next += 1
    }
    return (positions, nil)
  }

  /// The position of an address that this node has put on an interface, or would put there.
  ///
  /// What has been put up is where it was, whatever the name of its interface is by now.
  func position(of address: IPAddress, on link: Link) -> Int? {
    all.firstIndex { entry in
      guard case .address(let own, let interface) = entry.extra, own.address == address else {
        return false
      }
      if entry.latestPlace?.interfaceIndex == link.index { return true }
      return !entry.isInstalled && link.isCalled(interface)
    }
  }

  /// The positions of routes and rules to look at now.
  mutating func takeLook(at now: Instant) -> [Int] {
    guard let lookAt, lookAt <= now else { return [] }
    self.lookAt = nil
    return current.indices.filter { current[$0].extra.isRouting && current[$0].isInstalled }
  }

  /// Sees to it that routes and rules are looked at again.
  mutating func scheduleLook(after now: Instant) {
    guard current.contains(where: { $0.extra.isRouting && $0.isInstalled }) else { return }
    lookAt = lookAt ?? now + Self.period
  }

  // MARK: Answers of the kernel

  /// One has been put up at a place, or refreshed there.
  ///
  /// - Returns: whether that ends what another program has done.
  mutating func installed(
    _ position: Int, _ lease: VirtualAddress.Lease, at place: ExtraPlace? = nil
  ) -> Bool {
    if position < current.count {
      current[position].latestPlace = place
    } else {
      retired[position - current.count].latestPlace = place
    }
    return change(position) { $0.installed(lease) }
  }

  /// A request about one was refused, for a reason.
  ///
  /// - Returns: whether that reason is new.
  mutating func refused(_ position: Int, _ reason: String, retryAt: Instant) -> Bool {
    change(position) { $0.refused(reason, retryAt: retryAt) }
  }

  /// One was removed by this node; `isReported` if the kernel will tell of it.
  mutating func removed(_ position: Int, isReported: Bool = false) {
    change(position) {
      $0.removed()
      if isReported { $0.expectRemoval() }
    }
  }

  /// One is gone, as the kernel says.
  mutating func reportedGone(
    _ position: Int, at now: Instant, isHolding: Bool
  ) -> VirtualAddress.Loss {
    let circumstances = VirtualAddress.Circumstances(
      isHolding: isHolding, hasOwnInterface: false, isReachable: true, isAttached: true,
      handover: Handover())
    let isRetired = position >= current.count
    return change(position) {
      $0.reportedGone(at: now, circumstances, isRetired: isRetired)
    }
  }

  /// Events of the kernel were lost.
  mutating func eventsWereLost() { changeAll { $0.eventsWereLost() } }

  /// An interface is gone, with the addresses that were on it; routes go with it too.
  mutating func interfaceVanished(_ index: Int32, _ isCalled: (String) -> Bool) {
    changeAll(where: { entry in
      if let own = entry.place?.interfaceIndex { return own == index }
      return switch entry.extra {
      case .address(_, let interface): isCalled(interface)
      case .route(let route): route.interface.map(isCalled) ?? false
      case .rule: false
      }
    }) { $0.interfaceVanished() }
  }

  // MARK: The router

  /// The router holds its addresses no longer: nothing is put back.
  mutating func letGo() {
    lookAt = nil
    for position in current.indices { current[position].state.letGo() }
  }

  /// Takes the attempts whose time has come.
  ///
  /// - Returns: whether there are any among the current ones, and among the retired ones.
  mutating func takeRetries(by now: Instant) -> (current: Bool, retired: Bool) {
    var due = (current: false, retired: false)
    for position in current.indices where current[position].state.takeRetry(by: now) {
      due.current = true
    }
    for position in retired.indices where retired[position].state.takeRetry(by: now) {
      due.retired = true
    }
    return due
  }

  /// Takes another list: what is not in it is retired.
  ///
  /// - Returns: whether it is another one.
  mutating func arrange(_ wanted: [Extra]) -> Bool {
    guard wanted != current.map(\.extra) else { return false }
    let before = all
    current = wanted.map { extra in before.first { $0.extra == extra } ?? Entry(extra) }
    let kept = Set(wanted)
    retired = before.filter { !kept.contains($0.extra) && $0.isInstalled }
    for position in retired.indices { retired[position].state.retire() }
    revision += 1
    return true
  }

  /// Passes one on to another router of this node, which goes on with all that is known of it.
  mutating func pass(_ position: Int, to heir: inout Extras) {
    let entry = all[position]
    guard let place = heir.current.firstIndex(where: { $0.extra == entry.extra }) else { return }
    heir.current[place].state.passed(on: entry.state)
    heir.current[place].latestPlace = entry.latestPlace
    removed(position)
  }

  /// Forgets the retired ones that are gone.
  mutating func dropRetired() {
    guard retired.contains(where: { !$0.isInstalled }) else { return }
    retired.removeAll { !$0.isInstalled }
    revision += 1
  }

  @discardableResult
  private mutating func change<Result>(
    _ position: Int, _ body: (inout VirtualAddress) -> Result
  ) -> Result {
    position < current.count
      ? body(&current[position].state) : body(&retired[position - current.count].state)
  }

  private mutating func changeAll(
    where isMeant: (Entry) -> Bool = { _ in true }, _ body: (inout VirtualAddress) -> Void
  ) {
    for position in current.indices where isMeant(current[position]) {
      body(&current[position].state)
    }
    for position in retired.indices where isMeant(retired[position]) {
      body(&retired[position].state)
    }
  }
}
