import VIPCore
import VRRP

/// The sentences that describe the troubles of a router: what is wrong, with which machine, and
/// what to do about it.
struct TroubleText {
  let settings: RouterConfiguration
  /// Whether the router is Active.
  let isActive: Bool
  /// The addresses that its own advertisements list.
  let addresses: [IPAddress]
  /// The checksum form of its own advertisements.
  let checksumForm: ChecksumForm

  /// The sentence about a finding of the election in an advertisement, which lists these addresses.
  func sentence(
    _ finding: Findings, _ advertisement: Advertisement, listing listed: [IPAddress],
    from source: IPAddress
  ) -> String {
    let theirs = DifferenceText.Side(
      "\(source)", AdvertisementTraits(advertisement), addresses: listed)
    if let text = DifferenceText(theirs, with: ours, vrid: settings.vrid).sentence(finding) {
      return text
    }
    switch finding {
    case .ownAddress:
      return "an advertisement came in from \(source), which is this machine's own address; "
        + "another machine has it too, or the network has a loop"
    case .twoActives:
      let rival = isActive ? "this machine does" : "another machine does"
      return "\(source) acts as Active of VRID \(settings.vrid) while \(rival); "
        + "see whether all machines hear each other"
    case .peerTableFull:
      return "\(source) is one of more than \(Peers.capacity) machines that advertise VRID "
        + "\(settings.vrid)"
    default:
      return finding.descriptions.joined(separator: ", ")
    }
  }

  private var ours: DifferenceText.Side {
    DifferenceText.Side(
      "this machine",
      AdvertisementTraits(
        version: settings.version, interval: settings.interval,
        authentication: settings.authentication, checksumForm: checksumForm),
      addresses: addresses)
  }

  /// A machine advertises that is not among a unicast router's peers.
  func unlistedPeer(_ source: IPAddress) -> String {
    "\(source) advertises VRID \(settings.vrid) and is not among the peers; it is ignored"
  }

  /// The sentence about a message that is no advertisement that can be acted upon.
  func unusable(_ error: AdvertisementError, from source: IPAddress) -> String {
    "what \(source) sends for VRID \(settings.vrid) is ignored: \(error)"
  }
}
