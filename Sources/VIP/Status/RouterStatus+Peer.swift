public import VIPCore
public import VRRP

extension RouterStatus {
  /// Another machine that was heard speaking for one of our virtual routers.
  public struct Peer: Sendable, Hashable {
    /// The source address of its advertisements.
    public var address: IPAddress
    /// The priority it last advertised; 0 if it said that it leaves.
    public var priority: Priority
    /// The time since it was last heard.
    public var silence: Duration
    /// The VRRP version it speaks.
    public var version: ProtocolVersion
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

    /// Describes a peer at a moment.
    init(_ peer: VRRP.Peer, at now: Instant) {
      address = peer.address
      priority = peer.priority
      silence = .nanoseconds(Int64(clamping: now.nanoseconds(since: peer.lastHeard)))
      version = peer.version
      interval = peer.interval
      checksumForm = peer.checksumForm
      addresses = peer.addresses
      addressCount = peer.addressCount
      advertisements = UInt64(peer.advertisementCount)
      isActive = peer.actsAsActive(at: now)
    }
  }
}
