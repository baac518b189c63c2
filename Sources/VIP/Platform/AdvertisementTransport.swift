public import VIPCore
import VRRP

/// Sends and receives the VRRP messages of one interface and family.
public protocol AdvertisementTransport: AnyObject {
  /// The descriptor to wait on for incoming messages; negative if there is none.
  var descriptor: Int32 { get }

  /// Sets the source address of everything sent from now on.
  func setSource(_ source: IPAddress)

  /// Puts a message to the multicast group into the batch that ``flush()`` sends.
  func enqueue(_ message: [UInt8])

  /// Puts a message to one machine into the batch.
  func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress)

  /// Sends the batch; a message that can't be sent does not hold up the others.
  ///
  /// - Parameter failed: called for each message that could not be sent, with its place among those
  ///   that were put into the batch since it was last sent, and the error number.
  func flush(_ failed: (_ place: Int, _ errorNumber: Int32) -> Void)

  /// Whether what is sent to the multicast group is received; `nil` if that can't be learned; has a
  /// default, which can't.
  var isInGroup: Bool? { get }

  /// Sees to it that what is sent to the multicast group is received, after something may have
  /// ended that; has a default, which does nothing.
  ///
  /// - Throws: why it can't be; to be called again then.
  func renewMembership() throws(NodeError)

  /// Receives what is sent to another multicast group from now on too; has a default, which does
  /// nothing.
  ///
  /// - Throws: why it can't be.
  func join(_ group: IPAddress) throws(NodeError)

  /// Receives no longer what is sent to another group; has a default, which does nothing.
  func leave(_ group: IPAddress)

  /// Number of messages that were lost because they were not read in time, modulo 2³²; has a
  /// default, which knows of none.
  var droppedCount: UInt32 { get }

  /// Reads what has arrived, up to a number of messages.
  ///
  /// - Returns: whether there may be more.
  func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool
}

extension AdvertisementTransport {
  /// Unknown: `nil`.
  public var isInGroup: Bool? { nil }

  /// Does nothing.
  public func renewMembership() throws(NodeError) {}

  /// Does nothing.
  public func join(_ group: IPAddress) throws(NodeError) {}

  /// Does nothing.
  public func leave(_ group: IPAddress) {}

  /// None: 0.
  public var droppedCount: UInt32 { 0 }
}

/// The part that an election needs of the IP header that carried a message.
public struct PacketHeader: Sendable, Hashable {
  /// The sender's primary address.
  public var source: IPAddress
  /// The address that the message was sent to.
  public var destination: IPAddress
  /// The TTL or hop limit on arrival.
  public var hopLimit: UInt8

  /// Makes a header.
  public init(source: IPAddress, destination: IPAddress, hopLimit: UInt8) {
    self.source = source
    self.destination = destination
    self.hopLimit = hopLimit
  }

  /// Reads an IPv4 header as a raw socket delivers it.
  ///
  /// - Returns: the header and where the message stands in the packet; `nil` if the packet is cut
  ///   off or not VRRP.
  static func parseIPv4(_ packet: Span<UInt8>) -> (PacketHeader, Range<Int>)? {
    guard let header = IPHeader(parsing: packet), header.source.family == .ipv4,
      header.protocolNumber == Advertisement.protocolNumber,
      let message = header.payload(in: packet)
    else { return nil }
    return (
      PacketHeader(
        source: header.source, destination: header.destination, hopLimit: header.hopLimit),
      message
    )
  }
}
