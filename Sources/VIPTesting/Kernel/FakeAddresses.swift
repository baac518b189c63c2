import Glibc
import Netlink
import VIPCore

/// Linux's part in requests about addresses.
extension FakeKernel {
  func perform(install request: AddressRequest) -> NetlinkError? {
    let index = request.interfaceIndex
    let family = request.address.family
    func refused(_ code: Int32, _ message: String) -> NetlinkError {
      .adding(request, code: code, message: "\(family == .ipv4 ? "ipv4" : "ipv6"): \(message)")
    }
    // In the order Linux looks at a request.
    guard request.validSeconds > 0 else { return refused(EINVAL, "address lifetime invalid") }
    // Linux says yes to 0.0.0.0 and does nothing.
    if request.address.address == .any(.ipv4) { return nil }
    guard let link = currentLinks.first(where: { $0.index == index }) else {
      return refused(
        ENODEV, family == .ipv4 ? "Device not found" : "Unable to find the interface")
    }
    if let position = position(of: request.address, onInterface: index) {
      refresh(position, as: request)
      return nil
    }

    let address = request.address.address
    var flags = request.flags
    if request.lifetime == nil { flags.insert(.permanent) }
    var record = AddressRecord(
      interfaceIndex: index, address: request.address, flags: flags,
      protocolTag: request.protocolTag, scope: request.scope)
    switch family {
    case .ipv4:
      record.label = request.label ?? link.name
      if let first = primary(ofSubnet: request.address, onInterface: index) {
        guard first.scope == record.scope else { return refused(EINVAL, "Invalid scope value") }
        record.flags.insert(.secondary)
      }
    case .ipv6:
      guard !withoutIPv6.contains(index) else {
        return refused(EACCES, "IPv6 is disabled on this device")
      }
      if let reason = unusable(address, on: link) { return refused(EADDRNOTAVAIL, reason) }
      record.flags.insert(.deprecated)
      record.scope = address.isLinkLocal ? 253 : address.isLoopback ? 254 : 0
    }
    var entry = Entry(record: record)
    entry.isLocal = !(request.isDormant && !link.isUp)
    if family == .ipv6, !entry.isLocal { entry.record.flags.insert(.tentative) }
    setLifetime(of: &entry, from: request)
    entries.append(entry)
    report(.address(described(entry)))
    return nil
  }

  /// The reason why an IPv6 address cannot be put on an interface.
  private func unusable(_ address: IPAddress, on link: Link) -> String? {
    if address.isUnspecified { return "Invalid address" }
    if address.isMulticast {
      return "Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag"
    }
    if address.isLoopback, !link.isLoopback {
      return "Cannot assign loopback address on this device"
    }
    return nil
  }

  /// The entry that Linux takes for the same address.
  private func position(of address: InterfaceAddress, onInterface index: Int32) -> Int? {
    if let position = position(ofExactly: address, onInterface: index) { return position }
    guard address.family == .ipv6 else { return nil }
    return entries.firstIndex { entry in
      entry.record.interfaceIndex == index && entry.record.address.address == address.address
    }
  }

  /// The entry of an address with its prefix length.
  func position(ofExactly address: InterfaceAddress, onInterface index: Int32) -> Int? {
    func isHere(_ position: Int) -> Bool {
      entries[position].record.interfaceIndex == index
        && entries[position].record.address == address
    }
    // Requests mostly come in the order of the entries.
    let start = min(lastPosition, entries.count)
    let position =
      (start..<min(start + 2, entries.count)).first(where: isHere)
      ?? entries.indices.first(where: isHere)
    if let position { lastPosition = position }
    return position
  }

  /// The address that made the others of its subnet secondary.
  private func primary(
    ofSubnet address: InterfaceAddress, onInterface index: Int32
  ) -> AddressRecord? {
    entries.first { entry in
      entry.record.interfaceIndex == index
        && !entry.record.flags.contains(.secondary)
        && entry.record.address.prefixLength == address.prefixLength
        && entry.record.address.contains(address.address)
    }?.record
  }

  /// Replacing changes lifetime, tag and state; label, scope and prefix length stay.
  private func refresh(_ position: Int, as request: AddressRequest) {
    let changeable: AddressFlags = [.noDAD, .noPrefixRoute, .permanent, .deprecated]
    entries[position].record.protocolTag = request.protocolTag
    var flags = entries[position].record.flags
    if request.address.family == .ipv6 {
      flags = flags.subtracting(changeable).union(request.flags).union(.deprecated)
    } else {
      flags.subtract([.permanent, .deprecated])
    }
    if request.lifetime == nil { flags.insert(.permanent) }
    if request.isDormant, request.address.family == .ipv4 { entries[position].isLocal = false }
    entries[position].record.flags = flags
    setLifetime(of: &entries[position], from: request)
    report(.address(described(entries[position])))
  }

  private func setLifetime(of entry: inout Entry, from request: AddressRequest) {
    entry.validUntil =
      request.lifetime == nil ? nil : now + .seconds(Int64(request.validSeconds))
    entry.preferredUntil =
      request.preferredSeconds == .max ? nil : now + .seconds(Int64(request.preferredSeconds))
  }

  /// Linux's description of an entry now: remaining times are rounded up to seconds.
  func described(_ entry: Entry) -> AddressRecord {
    func remaining(_ end: Duration?) -> Duration? {
      guard let end else { return nil }
      let (seconds, attoseconds) = max(.zero, end - now).components
      return .seconds(seconds + (attoseconds > 0 ? 1 : 0))
    }
    var record = entry.record
    record.validLifetime = remaining(entry.validUntil)
    record.preferredLifetime = remaining(entry.preferredUntil)
    return record
  }

  /// Removes exactly this address and prefix length, and what depends on it.
  func removeEntry(_ address: InterfaceAddress, onInterface index: Int32) {
    guard let position = position(ofExactly: address, onInterface: index) else { return }
    let removed = entries.remove(at: position)
    let isSubnet = { (entry: Entry) in
      entry.record.interfaceIndex == index && entry.record.flags.contains(.secondary)
        && entry.record.address.prefixLength == address.prefixLength
        && entry.record.address.contains(address.address)
    }
    guard address.family == .ipv4, !removed.record.flags.contains(.secondary) else {
      return report(.addressRemoved(described(removed)))
    }
    let promotes =
      promotesSecondaries
      || currentLinks.first { $0.index == index }?.ipv4[.promotesSecondaries] == 1
    if promotes {
      report(.addressRemoved(described(removed)))
      guard let next = entries.firstIndex(where: isSubnet) else { return }
      entries[next].record.flags.remove(.secondary)
      report(.address(described(entries[next])))
    } else {
      // The first address of a subnet takes the others along; they go before it.
      for entry in entries where isSubnet(entry) { report(.addressRemoved(described(entry))) }
      entries.removeAll(where: isSubnet)
      report(.addressRemoved(described(removed)))
    }
  }
}
