import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// Looking at the addresses whenever something has changed, also while machines are away.
extension NodeSimulation {
  /// Whether a segment is whole and nothing is refused or forged on it: what nodes promise then they
  /// promise without conditions.
  func isCalm(_ segment: Int) -> Bool { isPlain(segment) && machines.allSatisfy(\.isPresent) }

  /// Whether nothing is lost, refused or forged on a segment, and all machines that are there hear each
  /// other: what a client is promised then holds without those that are cut off, frozen or asleep.
  private func isPlain(_ segment: Int) -> Bool {
    guard conditions.isLossless, segments[segment].strangers.isEmpty else { return false }
    for machine in machines {
      guard blocked[machine.number] == 0, machine.refusedUntil.values.allSatisfy({ $0 <= now })
      else { return false }
    }
    return foreigners.isEmpty || !foreigners.contains { $0.segment == segment }
  }

  /// Follows which machine holds and which one serves each address.
  func look() {
    var state = NodeSupervisor.Look(
      revision: machines.count + supervisor.cacheRevision, plain: [isPlain(0), isPlain(1)])
    for machine in machines {
      state.revision += machine.revision
      state.absences.append(machine.absence)
    }
    if state != supervisor.lookedAt {
      supervisor.lookedAt = state
      supervisor.troubled = []
      let areAllPresent = machines.allSatisfy(\.isPresent)
      for index in supervisor.watched.indices {
        guard state.plain[supervisor.watched[index].segment] else {
          followTrouble(index)
          continue
        }
        if areAllPresent { follow(index) } else { followAbsence(index) }
      }
    }
    guard !supervisor.troubled.isEmpty else { return }
    let areAllPresent = machines.allSatisfy(\.isPresent)
    for index in supervisor.troubled { judge(index, areAllPresent: areAllPresent) }
  }

  /// Follows an address on a segment about which nothing is promised now.
  private func followTrouble(_ index: Int) {
    let watch = supervisor.watched[index]
    supervisor.watched[index].unservedSince = nil
    supervisor.watched[index].doubleSince = nil
    if measureHolders(watch) > 1 { supervisor.watched[index].wasSplit = true }
  }

  /// Follows an address while machines are cut off, frozen or asleep: a client is to be served by the
  /// others, and until its lease ends by a frozen one.
  private func followAbsence(_ index: Int) {
    let watch = supervisor.watched[index]
    let holders = measureHolders(watch)
    let wasSplit = watch.wasSplit || holders > 1
    let isServed = isServed(watch.address, onSegment: watch.segment)
    supervisor.watched[index].wasSplit = wasSplit
    supervisor.watched[index].doubleSince = nil
    supervisor.watched[index].unservedSince = isServed ? nil : watch.unservedSince ?? now
    guard !isServed else { return }
    supervisor.troubled.append(index)
    let reachable = machines.count {
      $0.isReachable && $0.holdsCached(watch.address, onSegment: watch.segment)
    }
    // Its packets come to nothing, since the machine that it takes for the holder is none any more.
    if wasSplit, reachable == 1, findsOutByItself(watch) { askAgain(about: watch) }
  }

  private func follow(_ index: Int) {
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
    if !isServed || holders > 1 { supervisor.troubled.append(index) }
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

  /// Whether a client finds out only when its packets come to nothing that the machine which it takes
  /// for an address's has lost it to another one.
  ///
  /// A loser of a split makes the winner announce again if it can speak (Docs/Handover.md). One that is
  /// dead, frozen or cut off can't, one that was frozen has not handed over, and a strict one does not.
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
