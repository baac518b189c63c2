import VIPCore

extension AddressProbing {
  /// What keeps a router from being called up meanwhile, in words; `nil` if nothing does.
  func obstacle(_ vrid: VRID) -> String? {
    switch outcome {
    case .refused(let refusal): refusal.text(vrid)
    case .taken(let holder) where isOver:
      "\(holder.address) is used by the machine with Ethernet address \(holder.mac); waiting to "
        + "hear whether that is the group's Active"
    case .open, .taken: isUnderWay ? "asking the segment whether its addresses are free" : nil
    case .free: nil
    }
  }
}

extension AddressProbing.Holder {
  /// Why a change can't be made, and what to do.
  var text: String {
    "\(address) is used by the machine with Ethernet address \(mac); take another address, or "
      + "switch the question off (--no-probe, or 'probe: false' in the file)"
  }
}

extension AddressProbing.Refusal {
  /// Why a router can't take part, and what to do.
  func text(_ vrid: VRID) -> String {
    let stranger =
      isGroupHeard ? "is not the Active of VRID \(vrid)" : "speaks no VRRP for VRID \(vrid)"
    return "\(holder.address) is used by the machine with Ethernet address \(holder.mac), which "
      + "\(stranger); take another address, or switch the question off with --no-probe"
  }
}
