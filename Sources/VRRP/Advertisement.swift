public import VIPCore

/// A VRRP advertisement, the only message of the protocol.
///
/// Version 3 (RFC 9568 §5.2):
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Reserve| Max Advertise Interval|          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       IPvX Address(es)                        |
/// ```
/// Version 2 (RFC 3768 §5.3) differs in the second word and has eight bytes behind the addresses:
/// ```
/// |   Auth Type   |   Adver Int   |          Checksum             |
/// |                       IP Address(es)                          |
/// |                     Authentication Data                       |
/// ```
///
/// The value holds what the election needs. The addresses stay in the message, so that receiving
/// an advertisement allocates nothing; ``addresses(in:)`` reads them.
public struct Advertisement: Sendable, Hashable {
  /// Which virtual router this speaks for.
  public let vrid: VRID
  /// The sender's priority.
  public let priority: Priority
  /// The sender's time between advertisements.
  public let interval: AdvertisementInterval
  /// How many addresses the message lists.
  public let addressCount: Int
  /// The family of the IP header that carried the message, and so of the addresses.
  public let family: AddressFamily
  /// The form the checksum was correct in; always ``ChecksumForm/message`` in version 2.
  public let checksumForm: ChecksumForm
  /// The version of the message.
  public let version: ProtocolVersion
  /// How the message authenticates itself; always ``Authentication/none`` in version 3.
  public let authentication: Authentication

  /// The IP protocol number of VRRP (RFC 9568 §5.1.1.4).
  public static let protocolNumber = IPProtocolNumber.vrrp
  /// The TTL or hop limit of every advertisement (RFC 9568 §5.1.1.3).
  public static let hopLimit: UInt8 = 255
  /// Bytes before the first address.
  public static let headerByteCount = 8
  /// The most addresses one advertisement can list.
  public static let addressCountMax = 255

  enum Offset {
    static let versionAndType = 0
    static let vrid = 1
    static let priority = 2
    static let addressCount = 3
    static let reserveAndInterval = 4
    static let authenticationType = 4
    static let intervalSeconds = 5
    static let checksum = 6
  }
  /// Bytes behind the last address in version 2.
  static let authenticationByteCount = 8

  /// The length of a message with a number of addresses.
  public static func byteCount(
    addresses count: Int, family: AddressFamily, version: ProtocolVersion = .v3
  ) -> Int {
    headerByteCount + count * family.addressByteCount
      + (version == .v2 ? authenticationByteCount : 0)
  }

  /// The most addresses that fit into one packet on a link (RFC 9568 §5.2.5 forbids fragments
  /// nowhere, but receivers don't expect them).
  public static func addressCountMax(
    mtu: Int, family: AddressFamily, version: ProtocolVersion = .v3
  ) -> Int {
    let ipHeader = family == .ipv4 ? 20 : 40
    let fixed = byteCount(addresses: 0, family: family, version: version)
    let room = (mtu - ipHeader - fixed) / family.addressByteCount
    return min(max(room, 1), addressCountMax)
  }

  /// Makes an advertisement to send.
  public init(
    vrid: VRID, priority: Priority, interval: AdvertisementInterval, addressCount: Int,
    family: AddressFamily, checksumForm: ChecksumForm, version: ProtocolVersion = .v3,
    authentication: Authentication = .none
  ) {
    self.vrid = vrid
    self.priority = priority
    self.interval = interval
    self.addressCount = addressCount
    self.family = family
    self.checksumForm = checksumForm
    self.version = version
    self.authentication = authentication
  }
}
