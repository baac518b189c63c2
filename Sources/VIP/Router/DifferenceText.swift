package import VIPCore
package import VRRP

/// The sentences about what differs on two machines that advertise one VRID.
///
/// The same for what a node hears, what a check finds before it runs, and what a monitor sees.
package struct DifferenceText {
  /// One of the two machines.
  package struct Side {
    var name: String
    var traits: AdvertisementTraits
    /// The addresses of the family in question, in their order.
    var addresses: [IPAddress]
    package var addressCount: Int { addresses.count }

    /// Describes a machine.
    package init(_ name: String, _ traits: AdvertisementTraits, addresses: [IPAddress]) {
      self.name = name
      self.traits = traits
      self.addresses = addresses
    }
  }

  let vrid: VRID
  /// The one that the sentences are about.
  let theirs: Side
  /// The one that it is compared with.
  let ours: Side

  /// Compares a machine with another one.
  package init(_ theirs: Side, with ours: Side, vrid: VRID) {
    self.theirs = theirs
    self.ours = ours
    self.vrid = vrid
  }

  /// The differences.
  package var findings: Findings {
    theirs.traits.differences(
      from: ours.traits, addresses: AddressListMatch(theirs.addresses, ours.addresses))
  }

  /// Differences that are told, one by one, in the order in which they are; others are left out.
  package static let all: [Findings] = [
    .foreignGroup, .addressListDiffers, .versionDiffers, .authenticationDiffers, .intervalDiffers,
    .checksumFormDiffers,
  ]

  /// The sentence about one difference, and what to do about it; `nil` if it is none.
  package func sentence(_ difference: Findings) -> String? {
    let (they, we) = (theirs.name, ours.name)
    let (their, our) = (theirs.traits, ours.traits)
    switch difference {
    case .foreignGroup:
      return "\(they) advertises other addresses on VRID \(vrid) than \(we) "
        + "(\(Self.list(theirs.addresses))); two groups use this VRID, choose one that is free for "
        + "one of them"
    case .addressListDiffers:
      return "\(they) \(addressDifference), unlike \(we); give all machines of the group the same "
        + "addresses"
    case .versionDiffers:
      return
        "\(they) speaks \(their.version), \(we) \(our.version); they don't hear each other, set "
        + "the same version on all"
    case .authenticationDiffers:
      return "\(they) authenticates itself otherwise than \(we); they ignore each other, set the "
        + "same password on all, or none"
    case .intervalDiffers:
      let effect = our.version == .v2 ? "they ignore each other, " : ""
      return
        "\(they) advertises every \(their.interval), \(we) every \(our.interval); \(effect)set "
        + "the same interval on all"
    case .checksumFormDiffers:
      let forms = [their, our].map { $0.checksumForm?.rawValue ?? "any" }
      return
        "\(they) sends checksums of the form \(forms[0]), \(we) \(forms[1]); some programs accept "
        + "only one, set the same form on all"
    default: return nil
    }
  }

  /// The addresses that only one of the two advertises.
  private var addressDifference: String {
    let (theirSet, ourSet) = (Set(theirs.addresses), Set(ours.addresses))
    let extra = theirs.addresses.filter { !ourSet.contains($0) }
    let missing = ours.addresses.filter { !theirSet.contains($0) }
    return switch (extra.isEmpty, missing.isEmpty) {
    case (false, false):
      "advertises \(Self.list(extra)) on VRID \(vrid) and not \(Self.list(missing))"
    case (false, true): "advertises \(Self.list(extra)) too on VRID \(vrid)"
    case (true, false): "does not advertise \(Self.list(missing)) on VRID \(vrid)"
    case (true, true): "advertises an address more than once on VRID \(vrid)"
    }
  }

  private static func list(_ addresses: [IPAddress]) -> String {
    guard !addresses.isEmpty else { return "none" }
    let first = addresses.prefix(3).map(\.description).joined(separator: ", ")
    return addresses.count > 3 ? "\(first) and \(addresses.count - 3) more" : first
  }
}
