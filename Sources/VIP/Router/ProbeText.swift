import VIPCore

extension AddressProbing {
  /// The reason why a router is not called up meanwhile, in words; `nil` if there is none.
  func obstacle(_ vrid: VRID, _ wording: Wording = Wording()) -> String? {
    switch outcome {
    case .refused(let refusal): refusal.text(vrid, wording)
    case .taken(let holder) where isOver:
      "\(holder.address) is used by the machine with Ethernet address \(holder.mac); waiting to "
        + "hear whether that is the group's Active"
    case .open, .taken: isUnderWay ? "probing the segment for its addresses" : nil
    case .free: nil
    }
  }

  /// Looks for a sign that a machine which is taken for a stranger belongs to the group although no
  /// advertisement of it was accepted.
  ///
  /// - Parameters:
  ///   - refusal: why addresses must not be used.
  ///   - vrid: the group.
  ///   - family: the router's family.
  ///   - count: how many addresses the router has.
  /// - Returns: the sign, and what to do; `nil` if there is none.
  func signOfGroup(
    _ refusal: Refusal, _ vrid: VRID, _ family: AddressFamily, addresses count: Int
  ) -> String? {
    guard !refusal.isGroupHeard else { return nil }
    return refusal.holder.signOfGroup(
      vrid, family, hasAll: answersForAll(refusal.holder.mac, of: count))
  }
}

extension AddressProbing.Holder {
  /// Looks for a sign that a machine which is taken for a stranger belongs to the group although no
  /// advertisement of it was accepted.
  ///
  /// - Parameters:
  ///   - vrid: the group.
  ///   - family: the router's family.
  ///   - hasAll: whether it uses all addresses of the router.
  /// - Returns: the sign, and what to do; `nil` if there is none.
  func signOfGroup(_ vrid: VRID, _ family: AddressFamily, hasAll: Bool) -> String? {
    let advice =
      "let its advertisements get here: see whether it runs, its VRID and its firewall, and "
      + "multicast (IGMP or MLD snooping) on the switch"
    if mac == .virtualRouter(vrid, family) {
      return "this is the virtual MAC address of VRID \(vrid), so a router of the group serves it; "
        + advice
    }
    guard hasAll else { return nil }
    return "it has all addresses of the router, so it probably is the group's Active; " + advice
  }

  /// The sign that a machine of the group has an address which it does not list.
  ///
  /// - Parameters:
  ///   - member: the address from which it advertises.
  ///   - vrid: the group.
  /// - Returns: the sign, and what to do.
  func signOfMember(at member: IPAddress, _ vrid: VRID) -> String {
    "it advertises for VRID \(vrid) from \(member) and does not list that address, which it has as "
      + "its own or in another router; remove it there first"
  }

  /// The reason why a change can't be made, and what to do.
  ///
  /// Where the answer is probably the group's, the probe is not spoken of: without it two machines
  /// would hold the address.
  func text(_ cause: String?, _ wording: Wording) -> String {
    "\(address) is used by the machine with Ethernet address \(mac)"
      + (cause.map { ": \($0)" } ?? "; \(wording.addressInUse)")
  }
}

extension AddressProbing.Refusal {
  /// The reason why a router can't take part, and what to do.
  ///
  /// Where the answer is probably the group's, the probe is not spoken of: without it two machines
  /// would hold the address.
  func text(_ vrid: VRID, _ wording: Wording = Wording()) -> String {
    // It may advertise for all that is known: with another password, or in another version.
    let stranger =
      isGroupHeard
      ? "which is not the Active of VRID \(vrid)"
      : "from which no advertisement for VRID \(vrid) was accepted"
    return "\(holder.address) is used by the machine with Ethernet address \(holder.mac), "
      + stranger + (cause.map { ": \($0)" } ?? "; \(wording.addressInUse)")
  }
}
