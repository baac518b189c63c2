public import Netlink
public import VIPCore

/// Events on a machine that are not asked for through `Kernel`.
extension FakeKernel {
  /// Adds an interface, or changes the one with the same index, and reports it.
  ///
  /// Switching it off removes its IPv6 addresses, as Linux does.
  ///
  /// Equivalent to: `ip link add`, `ip link set`
  public func setLink(_ link: Link) {
    var wasUp = false
    if let position = currentLinks.firstIndex(where: { $0.index == link.index }) {
      wasUp = currentLinks[position].isUp
      currentLinks[position] = link
    } else {
      let position = currentLinks.firstIndex { $0.index > link.index } ?? currentLinks.endIndex
      currentLinks.insert(link, at: position)
    }
    report(.link(link))
    if !wasUp, link.isUp {
      resumeAddresses(onInterface: link.index)
      for position in entries.indices where entries[position].record.interfaceIndex == link.index {
        entries[position].isLocal = true
        entries[position].record.flags.remove(.tentative)
      }
    }
    guard wasUp, !link.isUp else { return }
    routes.removeAll { $0.interfaceIndex == link.index }
    removeEntries { entry in
      let record = entry.record
      guard record.interfaceIndex == link.index, record.address.family == .ipv6 else {
        return false
      }
      // Also with the setting, only what has no end is kept: a lease is not.
      let isKept = record.flags.contains(.permanent) && !record.address.address.isLinkLocal
      let keeps = self.keepsIPv6AddressesOnDown || self.keepingIPv6.contains(link.index)
      return !(keeps && isKept)
    }
    for position in entries.indices
    where entries[position].record.interfaceIndex == link.index
      && entries[position].record.address.family == .ipv6
    {
      entries[position].isSuspended = true
      entries[position].isLocal = false
    }
  }

  /// Changes settings of an interface, which is not reported.
  ///
  /// Equivalent to: `sysctl -w net.ipv4.conf.IF.NAME=VALUE`
  package func setIPv4(_ settings: [IPv4Setting: Int32], onInterface index: Int32) {
    guard let position = currentLinks.firstIndex(where: { $0.index == index }) else { return }
    currentLinks[position].ipv4.merge(settings) { _, new in new }
  }

  /// Whether the machine takes an address for its own, so that it sends nothing there and answers
  /// for it.
  ///
  /// Equivalent to: `ip route get ADDRESS`
  public func isLocal(_ address: IPAddress) -> Bool {
    entries.contains { $0.record.address.address == address && $0.isLocal }
  }

  /// IPv6 addresses that outlived the time their link was off start again, and are reported.
  private func resumeAddresses(onInterface index: Int32) {
    for position in entries.indices
    where entries[position].isSuspended && entries[position].record.interfaceIndex == index {
      entries[position].isSuspended = false
      // One that got a lease meanwhile stays as it is, silently.
      guard entries[position].record.flags.contains(.permanent) else { continue }
      report(.address(described(entries[position])))
    }
  }

  /// Changes the state bits of an interface, and reports it; does nothing if there is none.
  ///
  /// Equivalent to: `ip link set IF up`, `ip link set IF down`, or a cable that is pulled
  public func setFlags(_ flags: LinkFlags, onInterface index: Int32) {
    guard var link = currentLinks.first(where: { $0.index == index }) else { return }
    link.flags = flags
    setLink(link)
  }

  /// Removes an interface with all its addresses and what is stacked on it, and reports that.
  ///
  /// Equivalent to: `ip link delete IF`
  public func removeLink(index: Int32) {
    for macvlan in currentLinks where macvlan.parentIndex == index && macvlan.kind == "macvlan" {
      removeLink(index: macvlan.index)
    }
    guard let position = currentLinks.firstIndex(where: { $0.index == index }) else { return }
    let link = currentLinks.remove(at: position)
    withoutIPv6.remove(index)
    keepingIPv6.remove(index)
    routes.removeAll { $0.interfaceIndex == index }
    removeEntries { $0.record.interfaceIndex == index }
    report(.linkRemoved(index: index, name: link.name))
  }

  /// Switches IPv6 on or off on an interface; switching it off removes its IPv6 addresses.
  ///
  /// Equivalent to: `sysctl net.ipv6.conf.IF.disable_ipv6=1`
  public func setIPv6(enabled: Bool, onInterface index: Int32) {
    guard !enabled else {
      withoutIPv6.remove(index)
      return
    }
    withoutIPv6.insert(index)
    routes.removeAll { $0.interfaceIndex == index && $0.subnet.family == .ipv6 }
    removeEntries {
      $0.record.interfaceIndex == index && $0.record.address.family == .ipv6
    }
  }

  /// Changes the MTU of an interface as another program would, and reports it.
  ///
  /// Linux lowers the macvlans above it too and does not raise them again; below 1,280 bytes an
  /// interface is without IPv6.
  ///
  /// Equivalent to: `ip link set IF mtu BYTES`
  package func setMTU(_ mtu: Int, onInterface index: Int32) {
    let affected = currentLinks.filter {
      $0.index == index || ($0.kind == "macvlan" && $0.parentIndex == index && $0.mtu > mtu)
    }
    for var link in affected {
      let hadIPv6 = link.mtu >= Self.ipv6MTUMin
      link.mtu = mtu
      setLink(link)
      guard hadIPv6 != (mtu >= Self.ipv6MTUMin) else { continue }
      setIPv6(enabled: !hadIPv6, onInterface: link.index)
    }
  }

  /// Puts an address on an interface as another program would, and reports it.
  ///
  /// Takes the record as it is, in place of the same address.
  ///
  /// Equivalent to: `ip address add`
  public func add(_ record: AddressRecord) {
    let entry = Entry(
      record: record, validUntil: record.validLifetime.map { now + $0 },
      preferredUntil: record.preferredLifetime.map { now + $0 })
    if let position = entries.firstIndex(where: {
      $0.record.interfaceIndex == record.interfaceIndex && $0.record.address == record.address
    }) {
      entries[position] = entry
    } else {
      entries.append(entry)
    }
    report(.address(described(entry)))
  }

  /// Takes an address from an interface as another program would, and reports it.
  ///
  /// Equivalent to: `ip address delete ADDRESS dev IF`
  public func remove(_ address: InterfaceAddress, onInterface index: Int32) {
    removeEntry(address, onInterface: index)
  }

  /// Lets time pass: lifetimes end, and that is reported.
  ///
  /// Linux is up to a second late with this; here it happens at once.
  public func advance(by duration: Duration) {
    let end = now + duration
    while let next = nextDeadline(), next <= end {
      now = max(now, next)
      expire()
    }
    now = end
  }

  /// The time when the next lifetime ends, as `now` counts.
  package func nextDeadline() -> Duration? {
    if let knownDeadline { return knownDeadline }
    var earliest: Duration?
    for entry in entries {
      let isDeprecated = entry.record.flags.contains(.deprecated)
      for end in [entry.validUntil, isDeprecated ? nil : entry.preferredUntil] {
        if let end { earliest = min(earliest ?? end, end) }
      }
    }
    for case let end? in routes.lazy.map(\.validUntil) { earliest = min(earliest ?? end, end) }
    knownDeadline = .some(earliest)
    return earliest
  }

  private func expire() {
    routes.removeAll { $0.validUntil.map { $0 <= now } ?? false }
    for entry in entries {
      if let end = entry.validUntil, end <= now {
        // May be gone already, with the first address of its subnet.
        removeEntry(entry.record.address, onInterface: entry.record.interfaceIndex)
      }
    }
    for position in entries.indices {
      guard let end = entries[position].preferredUntil, end <= now,
        !entries[position].record.flags.contains(.deprecated)
      else { continue }
      entries[position].record.flags.insert(.deprecated)
      report(.address(described(entries[position])))
    }
  }

  private func removeEntries(where isGone: (Entry) -> Bool) {
    let gone = entries.filter(isGone)
    entries.removeAll(where: isGone)
    for entry in gone { report(.addressRemoved(described(entry))) }
  }
}
