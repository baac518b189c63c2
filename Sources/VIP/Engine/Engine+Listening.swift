import ARP
import Netlink
import VIPCore
import VRRP

/// Hearing what others say about the addresses of this node.
///
/// A node listens while it holds addresses (another machine may claim them), while it hands them
/// over (the new holder's announcement ends that) and while it probes whether they are free. With a
/// few addresses the kernel's filter drops all frames about others. A router that holds or probes
/// also looks for advertisements of its group that the kernel does not deliver to its socket.
extension Engine {
  /// Records that an instance may need to hear more or less than before.
  func changeListening(for instance: RouterInstance) {
    wire(of: instance)?.listening.interestChanged()
  }

  /// Listens as is needed from now on; at the end of a turn.
  func updateListening() {
    for (index, wire) in wires where wire.listening.isStale {
      guard let filter = wire.listening.filter(for: neededFilter(onInterface: index)) else {
        continue
      }
      set(filter, on: wire)
    }
  }

  /// Makes sure that a wire is listened to now.
  ///
  /// - Returns: whether it is.
  func listen(on wire: Wire) -> Bool {
    wire.listening.isListening || set(.announcements(), on: wire)
  }

  /// Sets a filter.
  ///
  /// - Returns: whether the kernel has taken it.
  @discardableResult
  private func set(_ filter: FrameFilter, on wire: Wire) -> Bool {
    do throws(FrameError) {
      try wire.transport.setFilter(filter)
    } catch {
      wire.listening.filterWasRefused(at: now)
      armListening(on: wire)
      return false
    }
    perform(wire.listening.filterWasSet(filter), on: wire)
    return true
  }

  /// Does what a wire's ``Listening`` has decided.
  func perform(_ deed: Listening.Deed?, on wire: Wire) {
    switch deed {
    case .watch: readiness.watch(wire.transport.fileDescriptor, .wire(wire.interfaceIndex))
    case .unwatch: readiness.unwatch(wire.transport.fileDescriptor)
    case nil: break
    }
  }

  /// The narrowest filter that passes what is of interest.
  private func neededFilter(onInterface index: Int32) -> FrameFilter {
    var addresses: [IPAddress] = []
    var groups: Set<VRID> = []
    var count = 0
    for case let instance? in instances where instance.link?.index == index {
      let seeksGroup = instance.isHolding || instance.probing.isUnderWay
      guard seeksGroup || instance.handover.isUnderWay else { continue }
      if seeksGroup { groups.insert(instance.settings.vrid) }
      count += instance.addresses.count
      guard count <= Listening.filteredAddressCount else { continue }
      addresses += instance.addresses.map(\.address.address)
    }
    let probed = changeProbes.addresses(onInterface: index)
    guard count + probed.count <= Listening.filteredAddressCount else {
      return .announcements(groups: groups)
    }
    addresses += probed
    return addresses.isEmpty ? .nothing : .uses(of: addresses, groups: groups)
  }

  /// Takes in what others say: an address that is announced elsewhere need not linger here, and one
  /// that is held here should not be in use elsewhere.
  ///
  /// A machine advertises before it announces. So what the frames mean is decided once the
  /// advertisements are heard that have come before them: they wait in another socket, and this
  /// process may have been kept waiting between the two.
  ///
  /// - Returns: whether advertisements may be left to hear.
  func drainClaims(on interfaceIndex: Int32) -> Bool {
    guard let wire = wires[interfaceIndex] else { return false }
    let ownMAC = wire.macAddress
    let count = try? wire.transport.drain(limit: Listening.framesPerTurn) { frame in
      if let claim = try? AddressClaim(parsing: frame) {
        if claim.isInUse, claim.mac != ownMAC { heardFrames.append(.claim(claim)) }
      } else if let sighting = AdvertisementSighting(parsing: frame) {
        heardFrames.append(.sighting(sighting))
      }
    }
    var mayHaveMore = false
    if !heardFrames.isEmpty {
      for family in AddressFamily.allCases
      where drain(SegmentKey(interfaceIndex: interfaceIndex, family: family)) {
        mayHaveMore = true
      }
    }
    for frame in heardFrames {
      switch frame {
      case .claim(let claim): handleClaim(claim, onInterface: interfaceIndex)
      case .sighting(let sighting): handleSighting(sighting, onInterface: interfaceIndex)
      }
    }
    heardFrames.removeAll(keepingCapacity: true)
    perform(wire.listening.drained(count, at: now), on: wire)
    armListening(on: wire)
    return mayHaveMore
  }

  /// A frame of the interface that says something about the group or its addresses.
  enum HeardFrame {
    case claim(AddressClaim)
    case sighting(AdvertisementSighting)
  }

  private func handleClaim(_ claim: AddressClaim, onInterface interfaceIndex: Int32) {
    handleAnswer(claim, onInterface: interfaceIndex)
    if successions.isAnyLingering {
      handleClaimOfLingering(claim, onInterface: interfaceIndex)
    }
    guard let slot = owners.slot(of: claim.address, on: interfaceIndex),
      let instance = instances[slot],
      let position = instance.addresses.position(of: claim.address)
    else { return }
    if instance.handover.keeps(claim.address) {
      guard instance.addresses[position].isInstalled else { return }
      handle(instance.handover.announced(claim.address), of: instance)
    } else if !instance.probing.hasEnded {
      handleAnswer(claim, to: instance)
    } else if instance.isHolding, instance.addresses[position].isPresent {
      handleForeignClaim(claim, of: instance)
    }
  }

  /// Listens again to what was silenced for a moment.
  func resumeListening() {
    for wire in wires.values {
      perform(wire.listening.resume(at: now), on: wire)
      armListening(on: wire)
    }
  }

  private func armListening(on wire: Wire) {
    guard let deadline = wire.listening.deadline else { return }
    timers.schedule(.listening, noLaterThan: deadline)
  }
}
