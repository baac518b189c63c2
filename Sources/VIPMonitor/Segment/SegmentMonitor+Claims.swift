import ARP
import VIPCore
import VRRP

extension SegmentMonitor {
  /// The time within which an address that goes back and forth is a conflict (RFC 5227 §2.4 (c)).
  private static let conflictWindow: UInt64 = 10_000_000_000

  /// Judges what a frame says about the holder of an address, or about a machine that wants it.
  mutating func judge(
    _ claim: AddressClaim, _ text: String, _ ethernet: EthernetFrame, at now: Instant
  ) -> Observation? {
    let key = AddressKey(vlan: ethernet.vlanID, address: claim.address)
    let group = groupOfAddress[key].flatMap { groups[$0] }
    var judgements: [Judgement]
    switch claim.form {
    case .probe:
      counts.probes += 1
      judgements = judgeProbe(claim, key, group, at: now)
    case .announcement, .request, .reply:
      if claim.form == .announcement { counts.announcements += 1 }
      judgements = judgeUse(claim, key, group, at: now)
    }
    for judgement in judgements where judgement.level >= .warning { tally(judgement, key) }
    // Questions and answers are most of what a segment hears; only trouble in them is news.
    let isNews = claim.form == .announcement || claim.form == .probe
    guard isNews || judgements.contains(where: { $0.level >= .warning }) else { return nil }
    return Observation(
      time: Timestamp(nanosecondsSince1970: now.nanoseconds),
      kind: claim.address.family == .ipv4 ? .arp : .neighbor,
      sender: ethernet.source, vlan: ethernet.visibleVLAN, text: text, advertisement: nil,
      judgements: judgements)
  }

  private func judgeProbe(
    _ claim: AddressClaim, _ key: AddressKey, _ group: MonitoredGroup?, at now: Instant
  ) -> [Judgement] {
    if let group {
      let isOwn = group.speakers.contains { $0.mac == claim.mac } || group.isVirtualMAC(claim.mac)
      return isOwn
        ? []
        : [
          Judgement(
            .warning, .probe,
            "\(claim.mac) wants \(claim.address), a virtual address of VRID \(group.key.vrid)")
        ]
    }
    if let holder = holders[key], holder.mac != claim.mac {
      return [Judgement(.warning, .probe, "\(claim.address) is in use by \(holder.mac)")]
    }
    return []
  }

  private mutating func judgeUse(
    _ claim: AddressClaim, _ key: AddressKey, _ group: MonitoredGroup?, at now: Instant
  ) -> [Judgement] {
    let before = holders[key]
    remember(claim, key, at: now)
    if let group {
      let virtual = "a virtual address of VRID \(group.key.vrid)"
      if group.isVirtualMAC(claim.mac) {
        return [Judgement(.fine, .announced, "\(virtual), at its virtual MAC")]
      }
      guard let speaker = group.speakers.last(where: { $0.mac == claim.mac }) else {
        return [
          Judgement(
            .warning, .stranger, "\(virtual), but \(claim.mac) is none of its routers")
        ]
      }
      if let active = group.activeSpeaker, active.mac != claim.mac {
        return [
          Judgement(
            .warning, .conflict,
            "\(virtual), whose Active is \(active.address), not "
              + "\(speaker.address)")
        ]
      }
      return [Judgement(.fine, .announced, "\(virtual), at its Active")]
    }
    guard let before, before.mac != claim.mac else { return [] }
    if before.previous == claim.mac,
      now.nanoseconds(since: before.previousClaim) <= Self.conflictWindow
    {
      return [
        Judgement(
          .warning, .conflict, "two machines use \(claim.address): \(before.mac) and \(claim.mac)")
      ]
    }
    return [Judgement(.note, .moved, "moved from \(before.mac)")]
  }

  private mutating func remember(_ claim: AddressClaim, _ key: AddressKey, at now: Instant) {
    guard var holder = holders[key] else {
      guard holders.count < Self.holderCountMax else { return }
      holders[key] = Holder(mac: claim.mac, lastClaim: now)
      return
    }
    if holder.mac != claim.mac {
      (holder.previous, holder.previousClaim) = (holder.mac, holder.lastClaim)
      holder.mac = claim.mac
    }
    holder.lastClaim = now
    holders[key] = holder
  }

  private mutating func tally(_ judgement: Judgement, _ key: AddressKey) {
    counts.conflicts += 1
    guard claimTallies[key] != nil || claimTallies.count < Self.groupCountMax else { return }
    let count = claimTallies[key]?.count ?? 0
    claimTallies[key] = MonitoredGroup.Tally(judgement: judgement, count: count + 1)
  }
}

extension MonitoredGroup {
  /// The router that is Active, as far as can be told.
  var activeSpeaker: Speaker? { active.map { speakers[$0] } }

  /// Whether an Ethernet address is this virtual router's own.
  func isVirtualMAC(_ mac: MACAddress) -> Bool {
    mac == .virtualRouter(key.vrid, key.family)
  }
}
