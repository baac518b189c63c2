import VIP
public import VIPCore
public import VRRP

/// Another machine that was heard speaking for one of our virtual routers.
public struct PeerRecord: Sendable, Hashable, Codable {
  /// The source address of its advertisements.
  public var address: IPAddress
  /// The priority it last advertised; 0 if it said that it leaves.
  public var priority: Int
  /// The time since it was last heard.
  public var secondsSinceHeard: Double
  /// The VRRP version it speaks.
  public var version: Int
  /// The interval it last advertised.
  public var interval: AdvertisementInterval
  /// The checksum form it uses.
  public var checksumForm: ChecksumForm
  /// The relation of the addresses it lists to those of this router.
  public var addresses: AddressListMatch
  /// Number of addresses that it lists.
  public var addressCount: Int
  /// Number of its advertisements that were heard.
  public var advertisements: UInt64
  /// Whether it acts as Active as far as can be told.
  public var isActive: Bool

  /// Takes a peer's status down.
  init(_ status: RouterStatus.Peer) {
    address = status.address
    priority = Int(status.priority.rawValue)
    secondsSinceHeard = status.silence.inSeconds
    version = Int(status.version.rawValue)
    interval = status.interval
    checksumForm = status.checksumForm
    addresses = status.addresses
    addressCount = status.addressCount
    advertisements = status.advertisements
    isActive = status.isActive
  }
}
