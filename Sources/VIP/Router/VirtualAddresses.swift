import VIPCore

/// The virtual addresses of one router on one interface: those that belong to it, and retired ones
/// that are only here until they are removed.
///
/// As a collection it has the current addresses in the order of the settings, then the retired
/// ones. A position is valid until ``revision`` changes. Addresses change by the events below only;
/// with each of them this type keeps what can be asked without looking at all addresses.
struct VirtualAddresses {
  /// The addresses that belong to the router, in the order of its settings.
  private(set) var current: [VirtualAddress]
  /// The addresses that belonged to it and are still on the interface.
  private(set) var retired: [VirtualAddress] = []
  /// Counts the changes of the list.
  private(set) var revision = 0
  /// Number of addresses that this node has put on the interface, retired ones included.
  private(set) var installedCount = 0
  /// Number of addresses that a takeover still waits for.
  private(set) var awaitedCount = 0
  /// No later than the next attempt that is put off; `nil` if none is.
  private(set) var deadline: Instant?
  private var places: [IPAddress: Int] = [:]
  private var retiredPlaces: [InterfaceAddress: Int] = [:]

  /// Makes the addresses of a router.
  ///
  /// - Parameters:
  ///   - addresses: the addresses, in the order of the settings; each is there once.
  ///   - place: where each is.
  init(
    _ addresses: [InterfaceAddress],
    place: (InterfaceAddress) -> VirtualAddress.Place = { _ in .absent }
  ) {
    current = addresses.map { VirtualAddress($0, place($0)) }
    makeIndex()
  }

  // MARK: Finding

  /// The position of the current address that equals an IP address.
  func position(of address: IPAddress) -> Int? { places[address] }

  /// The position of an address with its prefix length, current or retired.
  func position(of address: InterfaceAddress) -> Int? {
    if let place = places[address.address], current[place].address == address { return place }
    return retiredPlaces[address].map { current.count + $0 }
  }

  /// Whether an address at a position no longer belongs to the router.
  func isRetired(_ position: Int) -> Bool { position >= current.count }

  /// The time when the address that was not refreshed for longest was; `nil` if none has an end.
  var oldestRefresh: Instant? { lazy.compactMap(\.refreshedAt).min() }

  /// The positions of a slice of those on which a kind of work is to be done.
  ///
  /// Addresses are removed from the last to the first: the others of a subnet may depend on the
  /// first.
  ///
  /// - Parameters:
  ///   - kind: the kind of work.
  ///   - start: how many addresses of the pass have been looked at.
  ///   - count: how many to return at most.
  ///   - circumstances: what the router does.
  /// - Returns: the positions, and how many addresses of the pass have been looked at now; `nil` if
  ///   all have.
  func due(
    for kind: AddressWork.Kind, from start: Int, atMost count: Int,
    _ circumstances: VirtualAddress.Circumstances
  ) -> (positions: [Int], next: Int?) {
    let range =
      switch kind {
      case .install, .refresh, .load: 0..<current.count
      case .retire: current.count..<self.count
      case .remove: 0..<self.count
      }
    var positions: [Int] = []
    var next = start
    while next < range.count {
      guard positions.count < count else { return (positions, next) }
      let goes = kind == .remove || kind == .retire
      let position = goes ? range.upperBound - 1 - next : range.lowerBound + next
      if isDue(position, for: kind, circumstances) { positions.append(position) }
      next += 1
    }
    return (positions, nil)
  }

  private func isDue(
    _ position: Int, for kind: AddressWork.Kind, _ circumstances: VirtualAddress.Circumstances
  ) -> Bool {
    let place = position - current.count
    if place < 0 { return current[position].isDue(for: kind, circumstances) }
    guard kind == .remove else { return retired[place].isDue(for: kind, circumstances) }
    // A retired address is not handed over.
    return !circumstances.isHolding && retired[place].isInstalled
  }

  // MARK: Answers of the kernel

  /// The kernel has put one on the interface, or refreshed it.
  ///
  /// - Returns: whether that ends what another program has done.
  mutating func installed(_ position: Int, _ lease: VirtualAddress.Lease) -> Bool {
    change(position) { $0.installed(lease) }
  }

  /// The kernel has refused a request about one, for a reason.
  ///
  /// - Returns: whether that reason is new.
  mutating func refused(_ position: Int, _ reason: String, retryAt: Instant) -> Bool {
    change(position) { $0.refused(reason, retryAt: retryAt) }
  }

  /// One is no longer on the interface: this node removed it, or left it to another router.
  mutating func removed(_ position: Int) { change(position) { $0.removed() } }

  /// One on the interface has been another router's until now.
  mutating func inherited(_ position: Int, _ address: VirtualAddress) {
    change(position) { $0.passed(on: address) }
  }

  /// The kernel will report a removal by this node.
  mutating func expectRemoval(_ position: Int) { change(position) { $0.expectRemoval() } }

  /// Linux does not use one, and this node has removed it for that.
  mutating func rejected(_ position: Int) { change(position) { $0.rejected() } }

  /// The kernel has reported the removal of one.
  mutating func reportedGone(
    _ position: Int, at now: Instant, _ circumstances: VirtualAddress.Circumstances
  ) -> VirtualAddress.Loss {
    let isRetired = isRetired(position)
    return change(position) { $0.reportedGone(at: now, circumstances, isRetired: isRetired) }
  }

  /// Events of the kernel were lost.
  mutating func eventsWereLost() { changeAll { $0.eventsWereLost() } }

  // MARK: The interface

  /// The host turns out to have some of an owner's addresses, or to have them no longer.
  ///
  /// - Returns: whether the host has taken one away.
  mutating func followHost(_ isThere: (IPAddress) -> Bool) -> Bool {
    var isAnyGone = false
    for position in current.indices {
      let hostHasIt = isThere(current[position].address.address)
      if change(position, { $0.follow(hostHasIt: hostHasIt) }) { isAnyGone = true }
    }
    return isAnyGone
  }

  /// The interface was switched on.
  mutating func interfaceCameUp() { changeAll { $0.interfaceCameUp() } }

  /// The interface was switched off.
  mutating func interfaceWentDown() {
    changeAll { $0.interfaceWentDown() }
    installedCount = count(where: \.isInstalled)
  }

  /// The interface is gone, with all that was on it.
  mutating func interfaceVanished() {
    changeAll { $0.interfaceVanished() }
    installedCount = 0
  }

  // MARK: The router

  /// The router holds them no longer: nothing is put back, while what is retired is still removed.
  mutating func letGo() {
    for position in current.indices { current[position].letGo() }
    deadline = retired.lazy.compactMap(\.retryAt).min()
  }

  /// A takeover begins, which is over when all current ones are announced.
  mutating func takeoverBegan() {
    for position in current.indices { current[position].expectAnnouncement(true) }
    awaitedCount = current.count
  }

  /// No takeover is under way any more.
  mutating func takeoverEnded() {
    changeAll { $0.expectAnnouncement(false) }
    awaitedCount = 0
  }

  /// One has been announced.
  ///
  /// - Returns: whether a takeover has waited for it.
  mutating func announced(_ position: Int) -> Bool {
    change(position) { address in
      defer { address.expectAnnouncement(false) }
      return address.isAwaited
    }
  }

  /// Takes the attempts whose time has come.
  ///
  /// - Returns: whether there are any among the current ones, and among the retired ones.
  mutating func takeRetries(by now: Instant) -> (current: Bool, retired: Bool) {
    guard let deadline, deadline <= now else { return (false, false) }
    var due = (current: false, retired: false)
    self.deadline = nil
    for position in indices {
      guard change(position, { $0.takeRetry(by: now) }) else { continue }
      if isRetired(position) { due.retired = true } else { due.current = true }
    }
    return due
  }

  // MARK: The list

  /// Retires the addresses that are not among those to be kept; what is not on the interface goes.
  ///
  /// - Returns: whether there are any.
  mutating func retire(keeping kept: Set<InterfaceAddress>) -> Bool {
    guard current.contains(where: { !kept.contains($0.address) }) else { return false }
    var staying: [VirtualAddress] = []
    for var address in current {
      if kept.contains(address.address) {
        staying.append(address)
      } else if address.isInstalled {
        address.retire()
        retired.append(address)
      }
    }
    replace(by: staying)
    return true
  }

  /// Puts the current addresses into an order, and adds those that are missing; one that is retired
  /// belongs to the router again.
  ///
  /// - Parameters:
  ///   - wanted: the addresses that the router has from now on; all current ones are among them.
  ///   - place: where a new one is.
  /// - Returns: the new addresses; `nil` if the list is right already.
  mutating func arrange(
    _ wanted: [InterfaceAddress], place: (InterfaceAddress) -> VirtualAddress.Place
  ) -> [InterfaceAddress]? {
    guard !current.lazy.map(\.address).elementsEqual(wanted) else { return nil }
    var new: [InterfaceAddress] = []
    let before = self
    let list = wanted.map { address in
      guard let position = before.position(of: address) else {
        new.append(address)
        return VirtualAddress(address, place(address))
      }
      if before.isRetired(position) { new.append(address) }
      return before[position]
    }
    let present = Set(wanted)
    retired.removeAll { present.contains($0.address) }
    replace(by: list)
    return new
  }

  /// Takes an address over that another router of this node has on the same interface.
  ///
  /// - Parameters:
  ///   - address: the address.
  ///   - former: the addresses of that router.
  /// - Returns: whether it was there, and not yet this router's.
  mutating func takeOver(
    _ address: InterfaceAddress, from former: inout VirtualAddresses
  ) -> Bool {
    guard let position = former.position(of: address), former[position].isInstalled,
      let place = self.position(of: address), !isRetired(place), !self[place].isInstalled
    else { return false }
    inherited(place, former[position])
    former.removed(position)
    return true
  }

  /// Forgets the retired addresses that are gone.
  ///
  /// - Returns: whether there are any.
  mutating func dropRetired() -> Bool {
    guard retired.contains(where: { !$0.isInstalled }) else { return false }
    retired.removeAll { !$0.isInstalled }
    replace(by: current)
    return true
  }

  /// Forgets all retired addresses.
  mutating func dropAllRetired() {
    guard !retired.isEmpty else { return }
    retired = []
    replace(by: current)
  }

  private mutating func replace(by list: [VirtualAddress]) {
    current = list
    revision += 1
    makeIndex()
  }

  // MARK: Keeping count

  private mutating func makeIndex() {
    places.removeAll(keepingCapacity: true)
    for (place, address) in current.enumerated() { places[address.address.address] = place }
    retiredPlaces.removeAll()
    for (place, address) in retired.enumerated() { retiredPlaces[address.address] = place }
    installedCount = count(where: \.isInstalled)
    awaitedCount = count(where: \.isAwaited)
    deadline = lazy.compactMap(\.retryAt).min()
  }

  /// Changes one, and what depends on it.
  private mutating func change<Result>(
    _ position: Int, _ body: (inout VirtualAddress) -> Result
  ) -> Result {
    let place = position - current.count
    let outcome: (result: Result, change: Change)
    if place < 0 {
      outcome = Self.observe(&current[position], body)
    } else {
      outcome = Self.observe(&retired[place], body)
    }
    installedCount += outcome.change.installed
    awaitedCount += outcome.change.awaited
    deadline = earliest(deadline, outcome.change.retryAt)
    return outcome.result
  }

  /// The parts of a change that the counts have to know.
  private struct Change {
    var installed: Int
    var awaited: Int
    var retryAt: Instant?
  }

  private static func observe<Result>(
    _ address: inout VirtualAddress, _ body: (inout VirtualAddress) -> Result
  ) -> (result: Result, change: Change) {
    let (wasInstalled, wasAwaited) = (address.isInstalled, address.isAwaited)
    let result = body(&address)
    let change = Change(
      installed: (address.isInstalled ? 1 : 0) - (wasInstalled ? 1 : 0),
      awaited: (address.isAwaited ? 1 : 0) - (wasAwaited ? 1 : 0), retryAt: address.retryAt)
    return (result, change)
  }

  /// Changes all; the caller sees to what depends on it.
  private mutating func changeAll(_ body: (inout VirtualAddress) -> Void) {
    for position in current.indices { body(&current[position]) }
    for position in retired.indices { body(&retired[position]) }
  }
}

extension VirtualAddresses: RandomAccessCollection {
  var startIndex: Int { 0 }
  var endIndex: Int { current.count + retired.count }

  subscript(position: Int) -> VirtualAddress {
    position < current.count ? current[position] : retired[position - current.count]
  }
}
