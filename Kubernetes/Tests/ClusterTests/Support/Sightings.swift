import VIPCore

/// Which machines had an address when, and which machine others took for its holder, as a value.
///
/// A sample takes a moment, and something may have changed within it. What is said here is only
/// what is certain: a machine held an address from the end of the first sample with it to the
/// beginning of the last one.
struct Sightings: Sendable {
  /// A time for which a machine held an address.
  struct Holding: Sendable, Hashable {
    /// The address.
    let address: IPAddress
    /// The machine's name.
    let machine: String
    /// The end of the first sample with the address.
    let from: Moment
    /// The beginning of the last one.
    fileprivate(set) var to: Moment
    /// The end of the first sample without it; `nil` as long as it is held.
    fileprivate(set) var gone: Moment?
  }

  /// A time in which something was the case that should not have been.
  struct Finding: Sendable, Hashable {
    /// The address that it is about.
    let address: IPAddress
    /// The machines that are too many, or whom each machine took for the holder.
    let between: Set<String>
    /// When it began.
    let from: Moment
    /// When it ended, or the last time it was seen.
    let to: Moment
  }

  /// An entry of a neighbour cache that has changed.
  private struct Change: Sendable {
    let address: IPAddress
    let machine: String
    let mac: MACAddress?
    let at: Moment
  }

  private struct Key: Hashable {
    let address: IPAddress
    let machine: String
  }

  /// All holdings, by the time of their beginning.
  private(set) var holdings: [Holding] = []
  private var open: [Key: Int] = [:]
  private var caches: [Key: MACAddress] = [:]
  private var changes: [Change] = []
  private var end: Moment?

  /// Notes the addresses of a machine, from a sample that was taken between two moments.
  mutating func note(_ addresses: Set<IPAddress>, of machine: String, from: Moment, to: Moment) {
    end = to
    for (key, index) in open where key.machine == machine && !addresses.contains(key.address) {
      holdings[index].gone = to
      open[key] = nil
    }
    for address in addresses {
      let key = Key(address: address, machine: machine)
      if let index = open[key] {
        holdings[index].to = from
      } else {
        open[key] = holdings.count
        holdings.append(Holding(address: address, machine: machine, from: to, to: to))
      }
    }
  }

  /// Notes the neighbour cache of a machine.
  mutating func note(_ neighbours: [IPAddress: MACAddress], in machine: String, at moment: Moment) {
    end = moment
    for (key, _) in caches where key.machine == machine && neighbours[key.address] == nil {
      caches[key] = nil
      changes.append(Change(address: key.address, machine: machine, mac: nil, at: moment))
    }
    for (address, mac) in neighbours {
      let key = Key(address: address, machine: machine)
      if caches.updateValue(mac, forKey: key) != mac {
        changes.append(Change(address: address, machine: machine, mac: mac, at: moment))
      }
    }
  }

  /// Whenever two machines certainly held the same address.
  var doubles: [Finding] {
    var findings: [Finding] = []
    for (index, one) in holdings.enumerated() {
      for other in holdings[..<index]
      where other.address == one.address && other.machine != one.machine {
        let (from, to) = (max(one.from, other.from), min(one.to, other.to))
        if from < to {
          findings.append(
            Finding(
              address: one.address, between: [one.machine, other.machine], from: from, to: to))
        }
      }
    }
    return findings
  }

  /// Whenever neighbour caches named different machines for an address that a node held; those of
  /// some machines don't count.
  ///
  /// Nor does that of a holder: it does not hear its own announcements, and does not ask its cache
  /// for an address of its own. Of an address without a holder nothing can be announced.
  func disagreements(without machines: Set<String> = []) -> [Finding] {
    var findings: [Finding] = []
    var opinions: [IPAddress: Opinions] = [:]
    for event in events where !(event.isOfCache && machines.contains(event.machine)) {
      if let finding = opinions[event.address, default: Opinions()].note(event) {
        findings.append(finding)
      }
    }
    if let end {
      for (address, opinions) in opinions {
        if let finding = opinions.open(address, until: end) { findings.append(finding) }
      }
    }
    return findings
  }

  /// What has changed in caches, and which machine held what, in the order of time.
  private var events: [Event] {
    var events = changes.map {
      Event(address: $0.address, machine: $0.machine, at: $0.at, what: .cache($0.mac))
    }
    for holding in holdings {
      let (address, machine) = (holding.address, holding.machine)
      events.append(Event(address: address, machine: machine, at: holding.from, what: .held))
      if let gone = holding.gone {
        events.append(Event(address: address, machine: machine, at: gone, what: .gone))
      }
    }
    return events.sorted { $0.at < $1.at }
  }
}

extension Sightings {
  /// A change that ``Sightings/disagreements(without:)`` looks at.
  fileprivate struct Event {
    enum What {
      case cache(MACAddress?)
      case held
      case gone
    }

    let address: IPAddress
    let machine: String
    let at: Moment
    let what: What

    var isOfCache: Bool { if case .cache = what { true } else { false } }
  }

  /// What the machines take for the holder of one address.
  fileprivate struct Opinions {
    private var holders: Set<String> = []
    private var caches: [String: MACAddress] = [:]
    private var since: (from: Moment, between: Set<String>)?

    /// Notes a change; returns the disagreement that it has ended.
    mutating func note(_ event: Event) -> Finding? {
      switch event.what {
      case .cache(let mac): caches[event.machine] = mac
      case .held: holders.insert(event.machine)
      case .gone: holders.remove(event.machine)
      }
      let counted = holders.isEmpty ? [:] : caches.filter { !holders.contains($0.key) }
      guard Set(counted.values).count >= 2 else {
        defer { since = nil }
        return open(event.address, until: event.at)
      }
      let between = counted.map { "\($0.value) in \($0.key)" }
      since = (since?.from ?? event.at, (since?.between ?? []).union(between))
      return nil
    }

    /// The disagreement that lasts.
    func open(_ address: IPAddress, until moment: Moment) -> Finding? {
      since.map { Finding(address: address, between: $0.between, from: $0.from, to: moment) }
    }
  }
}

extension [Sightings.Finding] {
  /// Those that took longer than a bound allows, and why they did.
  func over(_ bound: Bound) -> [String] {
    compactMap { finding in
      bound.objection(from: finding.from, to: finding.to).map {
        "\(finding.address): \(finding.between.sorted().joined(separator: " and ")): \($0)"
      }
    }
  }
}
