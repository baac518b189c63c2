import Glibc
public import VIPCore

/// Something that puts Ethernet frames on a segment.
///
/// ``PcapTransport`` is the real one, the `FakeWire` of `VIPTesting` the one for tests.
public protocol FrameTransport: AnyObject {
  /// Sends one complete frame, starting with its Ethernet header; doesn't wait.
  func send(_ frame: Span<UInt8>) throws(FrameError)
}

/// Something that hands out the frames that arrived.
public protocol FrameReceiver: AnyObject {
  /// Changes which frames to receive from now on.
  func setFilter(_ filter: FrameFilter) throws(FrameError)

  /// Becomes readable when frames arrived or the interface went away; for `epoll`.
  var fileDescriptor: Int32 { get }

  /// Hands each waiting frame to a function, the oldest first; doesn't wait.
  ///
  /// - Parameters:
  ///   - limit: the most frames to take in one go, so that a flood can't hold up the caller.
  ///   - handler: gets the frame from its Ethernet header on. The bytes are gone afterwards.
  /// - Returns: how many frames were handed out; less than `limit` if no more are waiting.
  /// - Throws: ``FrameError``, mostly because the interface was removed.
  @discardableResult
  func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int
}

/// The frames to receive.
public enum FrameFilter: Sendable, Hashable {
  /// None: the transport only sends.
  case nothing
  /// Claims of others to addresses: ARP, Neighbor Advertisements, IPv6 probes. The link-layer
  /// addresses in them are for ``AddressClaim`` to judge. Beside these the VRRP messages for some
  /// virtual routers.
  case announcements(groups: Set<VRID> = [])
  /// Only what says that one of these addresses is in use: a few dozen at most, since the kernel
  /// compares them one after the other. Of IPv6 addresses it compares the last four bytes. Beside
  /// these the VRRP messages for some virtual routers.
  case uses(of: [IPAddress], groups: Set<VRID> = [])
  /// All that tells which machine holds which address, whatever its sender and receiver: ARP,
  /// Neighbor Discovery and VRRP of all versions, also what this machine sends. For looking on; it
  /// makes the interface promiscuous.
  case segment
}

/// The reason why a frame could not be sent or received.
public struct FrameError: Error, Sendable, Hashable {
  /// Kind of failure, by the remedy.
  public enum Cause: String, Sendable, Hashable {
    /// A queue is full (ENOBUFS, EAGAIN, ENOMEM): try again a little later.
    case busy
    /// The interface is down (ENETDOWN): it works again once the interface is up.
    case interfaceDown
    /// The interface doesn't exist or no longer (ENXIO, ENODEV): open another transport.
    case interfaceGone
    /// The process lacks CAP_NET_RAW (EPERM, EACCES).
    case permission
    /// The interface exists but is no Ethernet, or the name can't be one.
    case unsuitable
    /// Anything else; the message says what.
    case other
  }

  /// The interface's name.
  public let interface: String
  /// The operation that was attempted: `open`, `send`, `receive`.
  public let operation: String
  /// The kind of failure, by the remedy.
  public let cause: Cause
  /// The system's error number; 0 if there was none.
  public let errorNumber: Int32
  /// The words of the system or of libpcap.
  public let message: String

  /// Makes an error with a given cause.
  public init(
    interface: String, operation: String, cause: Cause, errorNumber: Int32 = 0, message: String
  ) {
    self.interface = interface
    self.operation = operation
    self.cause = cause
    self.errorNumber = errorNumber
    self.message = message
  }

  /// Makes an error whose cause follows from the system's error number.
  ///
  /// - Parameters:
  ///   - interface: the interface's name.
  ///   - operation: what was attempted.
  ///   - errorNumber: `errno`.
  ///   - message: what libpcap said; the system's text for the number if that is `nil`.
  public init(interface: String, operation: String, errorNumber: Int32, message: String? = nil) {
    let cause: Cause =
      switch errorNumber {
      case ENOBUFS, EAGAIN, ENOMEM, EINTR: .busy
      case ENETDOWN: .interfaceDown
      case ENXIO, ENODEV: .interfaceGone
      case EPERM, EACCES: .permission
      default: .other
      }
    self.init(
      interface: interface, operation: operation, cause: cause, errorNumber: errorNumber,
      message: message ?? Self.text(of: errorNumber))
  }

  /// Whether sending the same frame a little later may work.
  public var isTransient: Bool { cause == .busy }

  private static func text(of errorNumber: Int32) -> String {
    // glibc's strerror is safe between threads: it returns constant or thread-local text.
    String(cString: strerror(errorNumber))
  }
}

extension FrameError: CustomStringConvertible {
  /// The failure in one line: what, where and why.
  public var description: String { "\(interface): \(operation): \(message)" }
}
