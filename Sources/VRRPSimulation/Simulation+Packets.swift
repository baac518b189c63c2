import VIPCore
import VRRP

extension Simulation {
  /// Does what a router asked for, in order, and sets its timer.
  mutating func perform(_ actions: Actions, by station: Int) {
    for action in actions {
      switch action {
      case .advertise(let priority):
        send(priority, from: station)
      case .installAddresses:
        stations[station].holdsAddresses = true
      case .announceAddresses:
        break
      case .removeAddresses:
        stations[station].holdsAddresses = false
      case .transition(let transition):
        records.append(Record(time: now, station: station, event: .transition(transition)))
        stateChanged(of: station)
      }
    }
    schedule(station)
    if checksPromises { checkStation(station) }
  }

  private mutating func send(_ priority: Priority, from index: Int) {
    // Field by field: a copy of the whole station would cost more than all the rest.
    let addresses = stations[index].addresses
    let source = stations[index].address
    let message = stations[index].router.advertisement(priority, addressCount: addresses.count)
      .encoded(addresses, from: source, to: .vrrpGroup(source.family))
    if recordsPackets { records.append(Record(time: now, station: index, event: .sent(priority))) }
    if checksPromises { checkSent(message, priority, by: index) }
    transmit(
      message, from: source, node: stations[index].node, group: stations[index].group)
  }

  /// Puts bytes on the segment: every reachable member of the group gets its own copy and luck.
  mutating func transmit(_ message: [UInt8], from source: IPAddress, node: Int, group: Int) {
    capture?.append(message, from: source, to: .vrrpGroup(source.family), at: now)
    guard !nodes[node].isCut else { return }
    let slot = packets.store(message, from: source)
    for receiver in groups[group] where stations[receiver].node != node {
      let target = stations[receiver].node
      guard !nodes[target].isCut, blocked[node] & 1 << UInt64(target) == 0 else { continue }
      guard !random.chance(conditions.loss) else { continue }
      dispatch(slot, to: receiver)
      if random.chance(conditions.duplication) { dispatch(slot, to: receiver) }
    }
    packets.release(slot)
  }

  private mutating func dispatch(_ slot: Int, to receiver: Int) {
    var slot = slot
    if random.chance(conditions.corruption) {
      let packet = packets.packets[slot]
      var bytes = packet.bytes
      bytes[Int(random.below(UInt64(bytes.count)))] ^= 1 << UInt8(random.below(8))
      slot = packets.store(bytes, from: packet.source)
    } else {
      packets.retain(slot)
    }
    var delay = conditions.latencyNanoseconds
    let jitter = conditions.jitterNanoseconds
    if jitter > 0 { delay += random.below(jitter + 1) }
    if random.chance(conditions.reordering) { delay += conditions.reorderingNanoseconds }
    let time = now.advanced(byNanoseconds: delay)
    if supervisor.lastArrival < time { supervisor.lastArrival = time }
    deliveries.insert(Delivery(station: receiver, packet: slot), arrivingAt: time)
  }

  /// Records what a station has not noticed before.
  private mutating func note(_ findings: Findings, at index: Int) {
    guard !findings.isEmpty else { return }
    let news = findings.subtracting(stations[index].findings)
    guard !news.isEmpty else { return }
    stations[index].findings.formUnion(news)
    records.append(Record(time: now, station: index, event: .noticed(news)))
  }

  /// A packet arrives at a node.
  mutating func deliver(_ delivery: Delivery) {
    let index = stations[delivery.station].node
    if nodes[index].pausedUntil != nil {
      if nodes[index].inbox.count < Self.inboxCapacity {
        nodes[index].inbox.append(delivery)
      } else {
        packets.release(delivery.packet)
      }
      return
    }
    receive(delivery)
  }

  /// The receipt of a packet: checks as in the engine, then the machine.
  mutating func receive(_ delivery: Delivery) {
    defer { packets.release(delivery.packet) }
    let index = delivery.station
    guard stations[index].router.state != .initialize || stations[index].router.isLeaving else {
      return
    }
    let family = stations[index].router.configuration.family
    let source = packets.packets[delivery.packet].source
    let bytes = packets.packets[delivery.packet].bytes
    let message = bytes.span
    do throws(AdvertisementError) {
      let advertisement = try Advertisement(
        parsing: message, from: source, to: .vrrpGroup(family), hopLimit: Advertisement.hopLimit)
      guard advertisement.vrid == stations[index].router.configuration.vrid else {
        stations[index].segmentStatistics.vridErrors += 1
        return
      }
      let match = advertisement.match(stations[index].addresses, in: message)
      let local = nodes[stations[index].node].clock.localTime(at: now)
      let actions = stations[index].router.receive(
        advertisement, from: source, addresses: match, at: local)
      note(actions.findings, at: index)
      perform(actions, by: index)
    } catch {
      _ = stations[index].segmentStatistics.count(error)
    }
  }
}
