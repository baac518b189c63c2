import VIPCore
import VRRP

/// Telling people what is wrong on the segment: once when it begins, once when it is over.
extension Engine {
  /// For how many of the router's intervals a trouble is remembered, and for how long at least, so
  /// that one which comes and goes does not fill the log.
  private static let memoryInIntervals: UInt64 = 4
  private static let memoryMin = Duration.seconds(10)

  /// Takes in what an advertisement told beside who is Active.
  ///
  /// Costs nothing while nothing is wrong.
  func note(
    _ findings: Findings, _ advertisement: Advertisement, from source: IPAddress,
    of instance: RouterInstance
  ) {
    guard !findings.isEmpty else { return }
    var rest = findings.rawValue
    while rest != 0 {
      let finding = Findings(rawValue: 1 << UInt16(rest.trailingZeroBitCount))
      rest &= rest - 1
      tell(.finding(finding), from: source, of: instance) {
        Self.sentence(finding, advertisement, from: source, to: instance)
      }
    }
  }

  /// Takes in that advertisements for a router can't be acted upon.
  func tellUnusable(
    _ error: AdvertisementError, from source: IPAddress, of instance: RouterInstance
  ) {
    tell(.unusable, from: source, of: instance) {
      "what \(source) sends for VRID \(instance.settings.vrid) is ignored: \(error)"
    }
  }

  /// Reports a trouble if it is news.
  func tell(
    _ kind: Trouble.Kind, from source: IPAddress, of instance: RouterInstance,
    _ sentence: () -> String
  ) {
    guard instance.troubles.note(kind, from: source, at: now, sentence),
      let text = instance.troubles.list.last?.text
    else { return }
    report(.warning(router: instance.settings.name, family: instance.family, text: text))
    if timers.deadline(of: .trouble) == nil {
      timers.schedule(.trouble, at: now + Self.memoryMin)
    }
  }

  /// Says of what has not been seen for a while that it is over.
  func endTroubles() {
    var isAnyLeft = false
    for case let instance? in instances where !instance.troubles.list.isEmpty {
      // A peer with a longer interval shows its trouble less often.
      var interval = instance.settings.interval.nanoseconds
      for peer in instance.election.peers where peer.actsAsActive(at: now) {
        interval = max(interval, peer.interval.nanoseconds)
      }
      let memory = max(Self.memoryInIntervals * interval, Self.memoryMin.inNanoseconds)
      let since = Instant(nanoseconds: now.nanoseconds - min(memory, now.nanoseconds))
      for trouble in instance.troubles.removeAll(notSeenSince: since) {
        report(
          .cleared(router: instance.settings.name, family: instance.family, text: trouble.text))
      }
      if !instance.troubles.list.isEmpty { isAnyLeft = true }
    }
    if isAnyLeft { timers.schedule(.trouble, at: now + .seconds(1)) }
  }

  /// What is wrong, with whom, and what to do about it.
  private static func sentence(
    _ finding: Findings, _ advertisement: Advertisement, from source: IPAddress,
    to instance: RouterInstance
  ) -> String {
    let settings = instance.settings
    switch finding {
    case .ownAddress:
      return "an advertisement came in from \(source), which is this machine's own address; "
        + "another machine has it too, or the network has a loop"
    case .twoActives:
      let rival = instance.isHolding ? "this machine does" : "another machine does"
      return "\(source) acts as Active of VRID \(settings.vrid) while \(rival); "
        + "see whether all machines hear each other"
    case .foreignGroup:
      return "\(source) advertises other addresses on VRID \(settings.vrid); another group uses "
        + "this VRID, choose one that is free"
    case .addressListDiffers:
      return "\(source) advertises \(addressCountText(advertisement.addressCount)) on VRID "
        + "\(settings.vrid), not the \(instance.advertisedAddresses.count) given here; "
        + "give all machines of the group the same"
    case .intervalDiffers:
      let effect = settings.version == .v2 ? "; it is ignored" : ""
      return "\(source) advertises every \(advertisement.interval), this machine is set to "
        + "\(settings.interval)\(effect); set the same interval on all"
    case .versionDiffers:
      return "\(source) speaks \(advertisement.version), this machine "
        + "\(settings.version); they don't hear each other, set the same version on all"
    case .authenticationDiffers:
      return "\(source) authenticates itself otherwise than set here and is ignored; set the same "
        + "password on all, or none"
    case .checksumFormDiffers:
      return "\(source) sends checksums of the form \(advertisement.checksumForm.rawValue), this "
        + "machine \(instance.election.checksumFormToSend.rawValue); it may not hear this machine"
    case .peerTableFull:
      return "\(source) is one of more than \(Peers.capacity) machines that advertise VRID "
        + "\(settings.vrid)"
    default:
      return finding.descriptions.joined(separator: ", ")
    }
  }
}
