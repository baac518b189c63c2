import VIPCore

/// Which machines had an address when, and which machine others took for its holder, as a value.
///
/// A sample takes a moment, and something may have changed within it. What is said here is only what is
/// certain: a machine held an address from the end of the first sample with it to the beginning of the
/// last one.
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

  /// Whenever neighbour caches named different machines for an address; those of some machines don't
  /// count.
  func disagreements(without machines: Set<String> = []) -> [Finding] {
    var findings: [Finding] = []
    var now: [IPAddress: [String: MACAddress]] = [:]
    var since: [IPAddress: (from: Moment, between: Set<String>)] = [:]
    func close(_ address: IPAddress, at moment: Moment) {
      guard let (from, between) = since.removeValue(forKey: address) else { return }
      findings.append(Finding(address: address, between: between, from: from, to: moment))
    }
    for change in changes where !machines.contains(change.machine) {
      now[change.address, default: [:]][change.machine] = change.mac
      let caches = now[change.address] ?? [:]
      if Set(caches.values).count < 2 {
        close(change.address, at: change.at)
      } else {
        let (from, before) = since[change.address] ?? (change.at, [])
        let between = caches.map { "\($0.value) in \($0.key)" }
        since[change.address] = (from, before.union(between))
      }
    }
    if let end { for address in Array(since.keys) { close(address, at: end) } }
    return findings
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
