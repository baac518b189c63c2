import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Looking at the addresses whenever something has changed, also while machines are away.
extension NodeSimulation {
  /// Whether a segment is whole and nothing is refused or forged on it: what nodes promise then
  /// they promise without conditions.
  func isCalm(_ segment: Int) -> Bool { isPlain(segment) && machines.allSatisfy(\.isPresent) }

  /// Whether nothing is lost, refused or forged on a segment, and all machines that are there hear
  /// each other: what a client is promised then holds without those that are cut off, frozen or
  /// asleep.
  private func isPlain(_ segment: Int) -> Bool {
    hasPlainMachines && isPlainWithoutMachines(segment)
  }

  private func isPlainWithoutMachines(_ segment: Int) -> Bool {
    conditions.isLossless && segments[segment].strangers.isEmpty
      && (foreigners.isEmpty || !foreigners.contains { $0.segment == segment })
  }

  /// Whether no machine refuses anything, and all that are there hear each other.
  private var hasPlainMachines: Bool {
    for machine in machines {
      guard blocked[machine.number] == 0 else { return false }
      if machine.refusedUntil.isEmpty { continue }
      guard machine.refusedUntil.values.allSatisfy({ $0 <= now }) else { return false }
    }
    return true
  }

  /// The sources of a look now.
  private func presentLook() -> NodeSupervisor.Look {
    var look = NodeSupervisor.Look()
    look.revision = machines.count
    look.cacheRevision = supervisor.cacheRevision
    for machine in machines {
      look.revision += machine.revision
      let bit = UInt64(1) << UInt64(machine.number)
      if machine.isCut { look.cut |= bit }
      switch machine.standstill?.kind {
      case .frozen: look.frozen |= bit
      case .asleep: look.asleep |= bit
      case nil: break
      }
    }
    if hasPlainMachines { look.isPlain = (isPlainWithoutMachines(0), isPlainWithoutMachines(1)) }
    return look
  }

  /// Follows which machine holds and which one serves each address.
  func followAddresses() {
    let look = presentLook()
    if look != supervisor.lookedAt || !supervisor.moved.isEmpty {
      follow(look)
      supervisor.lookedAt = look
      supervisor.moved = []
    }
    for index in supervisor.troubled { judge(index, areAllPresent: look.areAllPresent) }
  }

  /// Follows all addresses, or only those that may be served otherwise than before.
  private func follow(_ look: NodeSupervisor.Look) {
    if let before = supervisor.lookedAt, before.isCalm, look.isCalm,
      look.cacheRevision == before.cacheRevision, let places = changedPlaces()
    {
      for index in places {
        let isTroubled = follow(index)
        let place = supervisor.troubled.firstIndex { $0 >= index } ?? supervisor.troubled.endIndex
        let wasTroubled =
          place < supervisor.troubled.endIndex && supervisor.troubled[place] == index
        if isTroubled, !wasTroubled { supervisor.troubled.insert(index, at: place) }
        if !isTroubled, wasTroubled { supervisor.troubled.remove(at: place) }
      }
      return
    }
    for machine in machines { machine.forgetChanges() }
    supervisor.troubled = []
    for index in supervisor.watched.indices {
      let isPlain = supervisor.watched[index].segment == 0 ? look.isPlain.0 : look.isPlain.1
      let isTroubled =
        switch (isPlain, look.areAllPresent) {
        case (false, _): followTrouble(index)
        case (true, true): follow(index)
        case (true, false): followAbsence(index)
        }
      if isTroubled { supervisor.troubled.append(index) }
    }
  }

  /// The places of the addresses that machines or clients' caches have changed since the last look,
  /// in order; `nil` if it may be any.
  private func changedPlaces() -> [Int]? {
    var places = Set(supervisor.moved)
    for machine in machines {
      guard let addresses = machine.takeChanges() else { return nil }
      for address in addresses {
        for segment in segments.indices {
          if let place = supervisor.places[segment][address] { places.insert(place) }
        }
      }
    }
    return places.sorted()
  }

  /// Follows an address on a segment about which nothing is promised now.
  ///
  /// - Returns: whether it is to be judged.
  private func followTrouble(_ index: Int) -> Bool {
    let watch = supervisor.watched[index]
    supervisor.watched[index].unservedSince = nil
    supervisor.watched[index].doubleSince = nil
    if measureHolders(watch) > 1 { supervisor.watched[index].wasSplit = true }
    return false
  }

  /// Follows an address while machines are cut off, frozen or asleep: a client is to be served by
  /// the others, and until its lease ends by a frozen one.
  ///
  /// - Returns: whether it is to be judged.
  private func followAbsence(_ index: Int) -> Bool {
    let watch = supervisor.watched[index]
    let holders = measureHolders(watch)
    let wasSplit = watch.wasSplit || holders > 1
    let isServed = isServed(watch.address, onSegment: watch.segment)
    supervisor.watched[index].wasSplit = wasSplit
    supervisor.watched[index].doubleSince = nil
    supervisor.watched[index].unservedSince = isServed ? nil : watch.unservedSince ?? now
    guard !isServed else { return false }
    let reachable = machines.count {
      $0.isReachable && $0.holdsCached(watch.address, onSegment: watch.segment)
    }
    // Its packets come to nothing, since the machine that it takes for the holder is none any more.
    if wasSplit, reachable == 1, findsOutByItself(watch) { askAgain(about: watch) }
    return true
  }

  /// Follows an address in a whole segment.
  ///
  /// - Returns: whether it is to be judged.
  private func follow(_ index: Int) -> Bool {
    let watch = supervisor.watched[index]
    let holders = measureHolders(watch)
    if watch.wasSplit, holders < 2 {
      supervisor.watched[index].wasSplit = false
      if findsOutByItself(watch) { askAgain(about: watch) }
    }
    let isServed = isServed(watch.address, onSegment: watch.segment)
    supervisor.watched[index].doubleSince = holders > 1 ? watch.doubleSince ?? now : nil
    if isServed, let since = watch.unservedSince { judgeGap(watch, from: since) }
    let isMisled = segments[watch.segment].client.misled.contains(watch.address)
    supervisor.watched[index].isMisled = !isServed && (watch.isMisled || isMisled)
    supervisor.watched[index].unservedSince = isServed ? nil : watch.unservedSince ?? now
    return !isServed || holders > 1
  }

  private func measureHolders(_ watch: WatchedAddress) -> Int {
    let holders = machines.count { $0.holdsCached(watch.address, onSegment: watch.segment) }
    measure(watch, holders: holders)
    return holders
  }

  private func askAgain(about watch: WatchedAddress) {
    let question = segments[watch.segment].client.question(about: watch.address)
    transmit(frame: question, onSegment: watch.segment)
  }

  /// Whether a client finds out only when its packets come to nothing that the machine which it
  /// takes for an address's has lost it to another one.
  ///
  /// A loser of a split makes the winner announce again if it can speak (Docs/Handover.md). One
  /// that is dead, frozen or cut off can't, one that was frozen has not handed over, and a strict
  /// one does not.
  private func findsOutByItself(_ watch: WatchedAddress) -> Bool {
    if watch.members.contains(where: { $0.settings.handover == .strict }) { return true }
    guard let mac = segments[watch.segment].client.cache[watch.address],
      let machine = machines.first(where: { machine in
        machine.kernel.currentLinks.contains { $0.macAddress == mac }
      })
    else { return true }
    guard !machine.isCut, machine.standstill == nil,
      machine.lastWake.map({ now - $0 > .seconds(10) }) ?? true
    else { return true }
    // A full table of neighbours mutes one whose frames are refused too.
    let muting: [Machine.Refusal] = [.send, .permission, .neighbours, .open]
    let ends = muting.compactMap { machine.refusedUntil[$0] }
    guard ends.allSatisfy({ now - $0 > .seconds(10) }) else { return true }
    return !running(watch).contains { $0.machine == machine.number }
  }

  /// Whether a packet of the client to an address reaches a machine that has it.
  func isServed(_ address: IPAddress, onSegment segment: Int) -> Bool {
    guard let mac = segments[segment].client.cache[address] else { return false }
    let behind = segments[segment].ports[mac]
    return machines.contains { machine in
      if let behind, machine.number != behind { return false }
      return machine.serves(address, at: mac, onSegment: segment)
    }
  }
}
