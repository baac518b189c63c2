public import VIPCore
public import VRRP

// What can be done to a segment from outside. All of it counts as a disturbance: the promises about
// a settled segment start again.

extension Simulation {
  /// Starts a virtual router; nothing happens if it runs.
  public mutating func start(_ station: Int) {
    disturb()
    let local = nodes[stations[station].node].clock.localTime(at: now)
    perform(stations[station].router.start(at: local, from: stations[station].address), by: station)
  }

  /// Stops a virtual router the graceful way.
  public mutating func stop(_ station: Int) {
    disturb()
    let local = nodes[stations[station].node].clock.localTime(at: now)
    perform(stations[station].router.stop(at: local), by: station)
  }

  /// Asks a router to become Active; see ``VirtualRouter/promote(at:)``.
  public mutating func promote(_ station: Int) throws(CommandError) {
    disturb()
    let local = nodes[stations[station].node].clock.localTime(at: now)
    perform(try stations[station].router.promote(at: local), by: station)
  }

  /// Asks a router to leave the role to others; see ``VirtualRouter/resign(at:for:)``.
  public mutating func resign(_ station: Int, for duration: Duration?) throws(CommandError) {
    disturb()
    let local = nodes[stations[station].node].clock.localTime(at: now)
    perform(try stations[station].router.resign(at: local, for: duration), by: station)
    // Its end is one more thing that happens to the segment.
    guard let duration else { return }
    let end = nodes[stations[station].node].clock.trueTime(of: local + duration)
    if supervisor.quietFrom < end { supervisor.quietFrom = end }
  }

  /// Kills a node: its routers forget everything and send no farewell, its addresses vanish.
  ///
  /// ``start(_:)`` brings a router back.
  public mutating func crash(_ node: Int) {
    disturb()
    for delivery in nodes[node].inbox { packets.release(delivery.packet) }
    nodes[node].inbox = []
    nodes[node].pausedUntil = nil
    wakes.cancel(node)
    for station in nodes[node].stations {
      stations[station].router = VirtualRouter(stations[station].router.configuration)
      stations[station].holdsAddresses = false
      stations[station].findings = []
      // Counts from the counters of the router that is gone.
      stations[station].sending = SendingRate()
      records.append(Record(time: now, station: station, event: .crashed))
      schedule(station)
      stateChanged(of: station)
    }
  }

  /// Freezes a node for a while: no packet, no timer, no farewell; its clock runs on.
  public mutating func pause(_ node: Int, for duration: Duration) {
    disturb()
    let end = now + duration
    nodes[node].pausedUntil = end
    wakes.schedule(node, at: end)
    for station in nodes[node].stations {
      timers.cancel(station)
      records.append(Record(time: now, station: station, event: .paused))
    }
  }

  /// Wakes a paused node: it drains its socket before any timer fires.
  mutating func resume(_ node: Int) {
    disturb()
    nodes[node].pausedUntil = nil
    for station in nodes[node].stations {
      records.append(Record(time: now, station: station, event: .resumed))
    }
    let waiting = nodes[node].inbox
    nodes[node].inbox = []
    for delivery in waiting { receive(delivery) }
    for station in nodes[node].stations { schedule(station) }
  }

  /// Cuts a node's cable or plugs it in again; the node does not notice.
  public mutating func setCut(_ isCut: Bool, node: Int) {
    disturb()
    guard nodes[node].isCut != isCut else { return }
    nodes[node].isCut = isCut
    for station in nodes[node].stations {
      records.append(Record(time: now, station: station, event: isCut ? .cut : .plugged))
    }
  }

  /// Blocks or opens the way from one node to another, that direction only.
  public mutating func setBlocked(_ isBlocked: Bool, from sender: Int, to receiver: Int) {
    disturb()
    if isBlocked {
      blocked[sender] |= 1 << UInt64(receiver)
    } else {
      blocked[sender] &= ~(1 << UInt64(receiver))
    }
  }

  /// Opens all ways and plugs all cables in.
  public mutating func healAll() {
    disturb()
    for node in nodes.indices {
      blocked[node] = 0
      setCut(false, node: node)
    }
  }

  /// Changes how the segment treats packets sent from now on.
  public mutating func setConditions(_ conditions: LinkConditions) {
    disturb()
    self.conditions = conditions
  }

  /// Lets a node's clock run faster (or slower, if negative) from now on, in parts per million.
  public mutating func setDrift(_ partsPerMillion: Int64, node: Int) {
    disturb()
    nodes[node].clock.setDrift(partsPerMillion, at: now)
    for station in nodes[node].stations { schedule(station) }
  }

  /// Puts bytes on the segment as if a stranger had sent them; all members of a group get them.
  public mutating func inject(_ message: [UInt8], from source: IPAddress, group: Int) {
    disturb()
    capture?.append(message, from: source, to: .vrrpGroup(source.family), at: now)
    let slot = packets.store(message, from: source)
    for receiver in groups[group] {
      packets.retain(slot)
      let time = now.advanced(byNanoseconds: conditions.latencyNanoseconds)
      if supervisor.lastArrival < time { supervisor.lastArrival = time }
      deliveries.insert(Delivery(station: receiver, packet: slot), arrivingAt: time)
    }
    packets.release(slot)
  }
}

// MARK: Looking at it

extension Simulation {
  /// Whether a client on the segment would reach the virtual addresses at a station.
  public func serves(_ station: Int) -> Bool {
    let node = nodes[stations[station].node]
    return stations[station].holdsAddresses && !node.isCut && node.pausedUntil == nil
  }

  /// Whether both nodes hear each other.
  func areConnected(_ one: Int, _ other: Int) -> Bool {
    one == other
      || (!nodes[one].isCut && !nodes[other].isCut
        && blocked[one] & 1 << UInt64(other) == 0 && blocked[other] & 1 << UInt64(one) == 0)
  }

  /// Whether neither node hears the other.
  func areSeparate(_ one: Int, _ other: Int) -> Bool {
    nodes[one].isCut || nodes[other].isCut
      || (blocked[one] & 1 << UInt64(other) != 0 && blocked[other] & 1 << UInt64(one) != 0)
  }
}
