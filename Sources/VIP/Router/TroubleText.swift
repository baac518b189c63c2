import VIPCore
import VRRP

/// The sentences that describe the troubles of a router: what is wrong, with which machine, and what
/// to do about it.
struct TroubleText {
  let settings: RouterConfiguration
  /// Whether the router is Active.
  let isActive: Bool
  /// How many addresses its own advertisements list.
  let addressCount: Int
  /// The checksum form of its own advertisements.
  let checksumForm: ChecksumForm

  /// What a finding of the election says of an advertisement.
  func sentence(
    _ finding: Findings, _ advertisement: Advertisement, from source: IPAddress
  ) -> String {
    switch finding {
    case .ownAddress:
      return "an advertisement came in from \(source), which is this machine's own address; "
        + "another machine has it too, or the network has a loop"
    case .twoActives:
      let rival = isActive ? "this machine does" : "another machine does"
      return "\(source) acts as Active of VRID \(settings.vrid) while \(rival); "
        + "see whether all machines hear each other"
    case .foreignGroup:
      return "\(source) advertises other addresses on VRID \(settings.vrid); another group uses "
        + "this VRID, choose one that is free"
    case .addressListDiffers:
      return "\(source) advertises \(addressCountText(advertisement.addressCount)) on VRID "
        + "\(settings.vrid), not the \(addressCount) given here; "
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
        + "machine \(checksumForm.rawValue); it may not hear this machine"
    case .peerTableFull:
      return "\(source) is one of more than \(Peers.capacity) machines that advertise VRID "
        + "\(settings.vrid)"
    default:
      return finding.descriptions.joined(separator: ", ")
    }
  }

  /// A machine advertises that is not among a unicast router's peers.
  func unlistedPeer(_ source: IPAddress) -> String {
    "\(source) advertises VRID \(settings.vrid) and is not among the peers; it is ignored"
  }

  /// What comes in is no advertisement that can be acted upon.
  func unusable(_ error: AdvertisementError, from source: IPAddress) -> String {
    "what \(source) sends for VRID \(settings.vrid) is ignored: \(error)"
  }
}
