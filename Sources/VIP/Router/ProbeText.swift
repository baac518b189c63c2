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
}

extension AddressProbing.Holder {
  /// The reason why a change can't be made, and what to do.
  func text(_ wording: Wording) -> String {
    "\(address) is used by the machine with Ethernet address \(mac); \(wording.newAddressInUse)"
  }
}

extension AddressProbing.Refusal {
  /// The reason why a router can't take part, and what to do.
  ///
  /// Where the answer is probably the group's, the probe is not spoken of: without it two machines would
  /// hold the address.
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
