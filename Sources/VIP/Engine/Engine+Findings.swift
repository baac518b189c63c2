import VIPCore
import VRRP

/// Telling people what is wrong on the segment: once when it begins, once when it is over.
extension Engine {
  /// For how many of the router's intervals a trouble is remembered.
  private static let memoryInIntervals = 4

  /// Takes in what an advertisement told beside who is Active.
  ///
  /// Costs nothing while nothing is wrong.
  func handleFindings(
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
    _ kind: Troubles.Kind, from source: IPAddress, of instance: RouterInstance,
    _ sentence: () -> String
  ) {
    guard let text = instance.troubles.record(kind, from: source, at: now, sentence) else {
      return
    }
    report(.warning(router: instance.settings.name, family: instance.family, text: text))
    arm(instance, by: instance.troubles.deadline)
  }

  /// Tells of what has not been seen for a while that it is over.
  func reviewTroubles(of instance: RouterInstance) {
    let memory = instance.longestInterval * Self.memoryInIntervals
    for text in instance.troubles.review(at: now, memory: memory) {
      report(.cleared(router: instance.settings.name, family: instance.family, text: text))
    }
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
