public import ARP
import Glibc
public import Netlink
public import VIPCore

/// This Linux machine, with parts of your own in place of some of its parts.
///
/// ```swift
/// let platform = try LinuxPlatform(kernel: CloudInstaller(NetlinkKernel()))
/// let node = try Node(Node.Options(), on: platform)
/// ```
///
/// Not `Sendable`: it goes to one node, whose thread uses it.
public final class LinuxPlatform: Platform {
  /// Addresses and links.
  public let kernel: any Kernel
  private let transports: any TransportFactory
  private let settings: any KernelSettings
  private let names: any NameRegistry

  /// Opens the parts that are left out: netlink, raw sockets and libpcap, `/proc/sys/net`, and
  /// abstract Unix sockets as names.
  ///
  /// - Throws: ``NodeError/Kind/notPermitted`` without the capabilities that these need.
  public init(
    kernel: (any Kernel)? = nil, transports: (any TransportFactory)? = nil,
    settings: (any KernelSettings)? = nil, names: (any NameRegistry)? = nil
  ) throws(NodeError) {
    self.kernel = if let kernel { kernel } else { try Self.openKernel() }
    self.transports = transports ?? LinuxTransports()
    self.settings = settings ?? LinuxKernelSettings()
    self.names = names ?? LinuxNameRegistry()
  }

  private static func openKernel() throws(NodeError) -> NetlinkKernel {
    do throws(NetlinkError) {
      return try NetlinkKernel()
    } catch {
      throw NodeError(error)
    }
  }

  /// Opens a VRRP socket, see ``TransportFactory``.
  public func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    try transports.openAdvertisements(link, family)
  }

  /// Opens a wire, see ``TransportFactory``.
  public func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    try transports.openWire(link)
  }

  /// Closes a wire, see ``TransportFactory``.
  public func close(_ wire: consuming any FrameTransport & FrameReceiver) {
    transports.close(wire)
  }

  /// Reads a setting, see ``KernelSettings``.
  public func setting(_ path: String) -> Int? { settings.setting(path) }

  /// Tells why a setting can't be changed, see ``KernelSettings``.
  public func obstacle(toSetting path: String) -> Int32 { settings.obstacle(toSetting: path) }

  /// Changes a setting, see ``KernelSettings``.
  public func changeSetting(_ path: String, to value: Int) -> Int32 {
    settings.changeSetting(path, to: value)
  }

  /// Tells whether the host forwards packets, see ``KernelSettings``.
  public func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool {
    settings.isForwarding(link, family)
  }

  /// Claims a name, see ``NameRegistry``.
  public func claimName(_ name: String) throws(NodeError) -> Bool { try names.claimName(name) }
  /// Tells which process has a name, see ``NameRegistry``.
  public func nameHolder(_ name: String) -> NameHolder? { names.nameHolder(name) }
  /// Gives a name up, see ``NameRegistry``.
  public func releaseName(_ name: String) { names.releaseName(name) }

  /// Claims addresses, see ``NameRegistry``.
  public func claimAddresses(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)? {
    names.claimAddresses(addresses, onInterface: index)
  }

  /// Gives addresses up, see ``NameRegistry``.
  public func releaseAddresses(_ addresses: [IPAddress], onInterface index: Int32) {
    names.releaseAddresses(addresses, onInterface: index)
  }
}

/// Raw sockets for VRRP, and libpcap for what is announced.
public final class LinuxTransports: TransportFactory {
  /// Makes a factory; nothing is opened yet.
  public init() {}

  /// Opens a raw socket for VRRP.
  public func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    try AdvertisementSocket(link, family)
  }

  /// Opens an interface with libpcap; nothing is received until a filter is set.
  public func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    do throws(FrameError) {
      let transport = try PcapTransport(interface: link.name, receiving: .announcements())
      try transport.setFilter(.nothing)
      return transport
    } catch {
      throw NodeError(
        error.cause == .permission ? .notPermitted : .system(errno: error.errorNumber),
        "\(error)")
    }
  }

  /// Closes a wire on another thread.
  public func close(_ wire: consuming any FrameTransport & FrameReceiver) {
    // The kernel takes some 25 ms to close a packet socket, in which fast routers would be late.
    let last = Leftover(wire)
    Task.detached { _ = consume last }
  }

  /// A wire on its way out, which nothing else uses any more.
  private final class Leftover: @unchecked Sendable {
    private let wire: any FrameTransport & FrameReceiver
    init(_ wire: any FrameTransport & FrameReceiver) { self.wire = wire }
  }
}

/// The settings in `/proc/sys/net`.
final class LinuxKernelSettings: KernelSettings {
  func setting(_ path: String) -> Int? {
    guard let bytes = readSmallFile("/proc/sys/net/\(path)") else { return nil }
    let digits = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\t") }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  func obstacle(toSetting path: String) -> Int32 {
    let file = open("/proc/sys/net/\(path)", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return errno }
    close(file)
    return 0
  }

  func changeSetting(_ path: String, to value: Int) -> Int32 {
    let file = open("/proc/sys/net/\(path)", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return errno }
    defer { close(file) }
    let text = Array("\(value)".utf8)
    return write(file, text, text.count) == text.count ? 0 : errno
  }
}

/// The first bytes of a small file; `nil` if it can't be read.
///
/// Never waits (for the other end of a FIFO), and reads no device and nothing that a symbolic link
/// in the file's place leads to.
package func readSmallFile(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
  var bytes = [UInt8](repeating: 0, count: 4096)
  let count = read(descriptor, &bytes, bytes.count)
  guard count >= 0 else { return nil }
  return Array(bytes.prefix(count))
}
