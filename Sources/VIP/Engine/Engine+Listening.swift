import ARP
import Netlink
import VIPCore

/// What is heard of an interface's announcements, and what keeps that cheap.
struct Listening {
  /// Beyond so many addresses the kernel passes on all that is said about any address.
  static let filteredAddressCount = 32
  /// Frames taken in one turn; reading one costs a microsecond or two.
  static let framesPerTurn = 256
  /// So many full turns in a row are a flood.
  ///
  /// Then there is a pause after each full turn, which bounds what a storm of broadcasts costs to
  /// 256 frames in 10 ms. What does not fit into the kernel's buffer meanwhile is lost, as if the
  /// segment had lost it.
  static let fullTurnsMax = 16
  static let pause = Duration.milliseconds(10)

  /// The filter that is in force.
  var filter = FrameFilter.nothing
  /// Whether the loop waits for the descriptor.
  var isWatched = false
  /// Whether who listens to what may have changed.
  var isStale = false
  var fullTurns = 0
  /// When to listen again after too much was said.
  var resumesAt: Instant?
}

/// Hearing what others say about the addresses of this node.
///
/// A node listens while it holds addresses (somebody else may claim them), while it hands them over
/// (the new holder's announcement ends that) and while it asks whether they are free. With a few
/// addresses the kernel's filter drops all frames about others.
extension Engine {
  /// Notes that an instance may need to hear more or less than before.
  func changeListening(for instance: RouterInstance) {
    wire(of: instance)?.listening.isStale = true
  }

  /// Listens as is needed from now on.
  ///
  /// At the end of a turn: the kernel takes tens of microseconds to change a filter, which a takeover
  /// has better use for.
  func updateListening() {
    for (index, wire) in wires where wire.listening.isStale {
      wire.listening.isStale = false
      let filter = neededFilter(onInterface: index)
      guard filter != wire.listening.filter else { continue }
      guard (try? wire.transport.setFilter(filter)) != nil else { continue }
      wire.listening.filter = filter
      watch(wire, filter != .nothing && wire.listening.resumesAt == nil)
    }
  }

  /// Makes sure that a wire is listened to now.
  ///
  /// - Returns: whether it is.
  func listen(on wire: Wire) -> Bool {
    if wire.listening.filter != .nothing { return true }
    guard (try? wire.transport.setFilter(.announcements)) != nil else { return false }
    wire.listening.filter = .announcements
    watch(wire, true)
    return true
  }

  private func watch(_ wire: Wire, _ isWanted: Bool) {
    guard isWanted != wire.listening.isWatched else { return }
    wire.listening.isWatched = isWanted
    if isWanted {
      readiness.watch(wire.transport.fileDescriptor, .wire(wire.interfaceIndex))
    } else {
      readiness.unwatch(wire.transport.fileDescriptor)
    }
  }

  /// The narrowest filter that passes what is of interest.
  private func neededFilter(onInterface index: Int32) -> FrameFilter {
    var addresses: [IPAddress] = []
    for case let instance? in instances where instance.link?.index == index {
      guard
        instance.isHolding || instance.handoverDeadline != nil
          || instance.probe?.startedAt != nil
      else { continue }
      guard addresses.count + instance.addresses.count <= Listening.filteredAddressCount else {
        return .announcements
      }
      addresses += instance.addresses.map(\.address.address)
    }
    for inquiry in inquiries.values where inquiry.interfaceIndex == index {
      addresses += inquiry.addresses
    }
    guard addresses.count <= Listening.filteredAddressCount else { return .announcements }
    return addresses.isEmpty ? .nothing : .uses(of: addresses)
  }

  /// Takes in what others say: an address that is announced elsewhere need not linger here, and one
  /// that is held here should not be in use elsewhere.
  func drainClaims(on interfaceIndex: Int32) {
    guard let wire = wires[interfaceIndex] else { return }
    var relieved: Set<Int> = []
    let limit = Listening.framesPerTurn
    let count = try? wire.transport.drain(limit: limit) { frame in
      guard let claim = try? AddressClaim(parsing: frame), claim.isInUse,
        claim.mac != wire.macAddress
      else { return }
      if !inquiries.isEmpty { noteAnswer(claim, onInterface: interfaceIndex) }
      guard let owner = owners[OwnerKey(interfaceIndex: interfaceIndex, address: claim.address)],
        let instance = instances[owner.slot]
      else { return }
      if instance.addresses[owner.index].isLingering {
        instance.addresses[owner.index].isLingering = false
        relieved.insert(owner.slot)
      } else if instance.probe != nil {
        noteAnswer(claim, to: instance)
      } else if instance.isHolding, instance.addresses[owner.index].isPresent,
        !instance.addresses[owner.index].isRetired
      {
        noteForeignClaim(claim, of: instance)
      }
    }
    for slot in relieved {
      guard let instance = instances[slot] else { continue }
      work.add(.remove, instance)
      if !instance.addresses.contains(where: \.isLingering) { endHandover(instance) }
    }
    // What can't be read at all would call again at once and for ever.
    bound(wire, isFull: (count ?? limit) == limit, isBroken: count == nil)
  }

  private func bound(_ wire: Wire, isFull: Bool, isBroken: Bool) {
    guard isFull else {
      wire.listening.fullTurns = 0
      return
    }
    wire.listening.fullTurns += 1
    guard isBroken || wire.listening.fullTurns > Listening.fullTurnsMax else { return }
    watch(wire, false)
    let end = now + Listening.pause
    wire.listening.resumesAt = end
    timers.schedule(.listening, noLaterThan: end)
  }

  /// Listens again to what was silenced for a moment.
  func resumeListening() {
    var next: Instant?
    for wire in wires.values {
      guard let end = wire.listening.resumesAt else { continue }
      guard end <= now else {
        next = min(next ?? end, end)
        continue
      }
      wire.listening.resumesAt = nil
      watch(wire, wire.listening.filter != .nothing)
    }
    if let next { timers.schedule(.listening, at: next) }
  }
}
