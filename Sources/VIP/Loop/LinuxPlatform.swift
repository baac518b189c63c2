import ARP
import CLinux
import Glibc
import Netlink
import VIPCore

/// The real machine: libmnl, libpcap, raw sockets, and one epoll descriptor to wait on them all.
final class LinuxPlatform: Platform {
  private static let eventCount = 64

  let kernel: any Kernel
  private let poll: Descriptor
  private let timer: Descriptor
  private let wakeUp: WakeUp
  private let names = NameClaims()
  private var sources: [Int32: ReadinessSource] = [:]
  private var events = [epoll_event](repeating: epoll_event(), count: eventCount)
  /// What the timer is armed for; it may be earlier than needed, never later.
  private var armed: Instant?

  init() throws(NodeError) {
    do throws(NetlinkError) {
      kernel = try NetlinkKernel()
    } catch {
      throw NodeError(error)
    }
    poll = try Descriptor(epoll_create1(Int32(EPOLL_CLOEXEC)), "make an epoll descriptor")
    timer = try Descriptor(
      timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK)), "make a timer")
    wakeUp = try WakeUp()
    register(timer.raw)
    register(wakeUp.descriptor)
  }

  func now() -> Instant { bootTime() }

  func wallClock() -> Double {
    Double(VIP.wallClock().nanoseconds) / 1e9
  }

  func openAdvertisements(
    _ link: Link, _ family: AddressFamily
  ) throws(NodeError) -> any AdvertisementTransport {
    try AdvertisementSocket(link, family)
  }

  func openWire(_ link: Link) throws(NodeError) -> any FrameTransport & FrameReceiver {
    do throws(FrameError) {
      let transport = try PcapTransport(interface: link.name, receiving: .announcements)
      try transport.setFilter(.nothing)
      return transport
    } catch {
      throw NodeError(
        error.cause == .permission ? .notPermitted : .system(errno: error.errorNumber),
        "\(error)")
    }
  }

  func close(_ wire: consuming any FrameTransport & FrameReceiver) {
    // The kernel takes some 25 ms to close a packet socket, in which fast routers would be late.
    let last = Leftover(wire)
    Task.detached { _ = consume last }
  }

  /// A wire on its way out: nobody else uses it any more.
  private final class Leftover: @unchecked Sendable {
    private let wire: any FrameTransport & FrameReceiver
    init(_ wire: any FrameTransport & FrameReceiver) { self.wire = wire }
  }

  func isForwarding(_ link: Link, _ family: AddressFamily) -> Bool {
    let name = family == .ipv4 ? "ipv4" : "ipv6"
    return readSmallFile("/proc/sys/net/\(name)/conf/\(link.name)/forwarding")?.first
      == UInt8(ascii: "1")
  }

  func setPromotesSecondaries(_ isOn: Bool, on link: Link) -> Bool {
    let path = "/proc/sys/net/ipv4/conf/\(link.name)/promote_secondaries"
    let wanted = UInt8(ascii: isOn ? "1" : "0")
    guard let present = readSmallFile(path)?.first, present != wanted else { return false }
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { Glibc.close(file) }
    return write(file, [wanted], 1) == 1
  }

  func setting(_ path: String) -> Int? {
    guard let bytes = readSmallFile("/proc/sys/net/\(path)") else { return nil }
    let digits = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\t") }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  func obstacle(toSetting path: String) -> Int32 {
    let file = open("/proc/sys/net/\(path)", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return errno }
    Glibc.close(file)
    return 0
  }

  func changeSetting(_ path: String, to value: Int) -> Int32 {
    let file = open("/proc/sys/net/\(path)", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return errno }
    defer { Glibc.close(file) }
    let text = Array("\(value)".utf8)
    return write(file, text, text.count) == text.count ? 0 : errno
  }

  func claimName(_ name: String) throws(NodeError) -> Bool { try names.claim(name) }
  func nameHolder(_ name: String) -> NameHolder? { names.holder(of: name) }
  func releaseName(_ name: String) { names.release(name) }

  // MARK: Waiting

  func watch(_ descriptor: Int32, _ source: ReadinessSource) {
    guard descriptor >= 0 else { return }
    sources[descriptor] = source
    register(descriptor)
  }

  func unwatch(_ descriptor: Int32) {
    guard sources.removeValue(forKey: descriptor) != nil else { return }
    var event = epoll_event()
    epoll_ctl(poll.raw, EPOLL_CTL_DEL, descriptor, &event)
  }

  private func register(_ descriptor: Int32) {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = descriptor
    epoll_ctl(poll.raw, EPOLL_CTL_ADD, descriptor, &event)
  }

  /// Waits until something is readable or a moment has come.
  ///
  /// - Parameters:
  ///   - deadline: the moment; for ever if `nil`.
  ///   - immediately: whether only to look.
  ///   - ready: filled with what is readable.
  func wait(until deadline: Instant?, immediately: Bool, _ ready: inout [ReadinessSource]) {
    arm(deadline)
    ready.removeAll(keepingCapacity: true)
    let count = epoll_wait(
      poll.raw, &events, Int32(Self.eventCount), immediately ? 0 : -1)
    guard count > 0 else { return }
    for event in events.prefix(Int(count)) {
      switch event.data.fd {
      case timer.raw:
        armed = nil
      case wakeUp.descriptor:
        wakeUp.clear()
      case let descriptor:
        if let source = sources[descriptor] { ready.append(source) }
      }
    }
  }

  /// Arms the timer if it would fire too late.
  ///
  /// Firing early costs one idle turn; arming for every advertisement received would cost a system
  /// call each.
  private func arm(_ deadline: Instant?) {
    if let armed {
      guard let deadline, deadline < armed else { return }
    }
    // Zero would disarm; no deadline is that early.
    vip_timer_arm(timer.raw, deadline.map { max($0.nanoseconds, 1) } ?? 0)
    armed = deadline
  }

  /// Ends a wait.
  ///
  /// May be called from any thread.
  nonisolated func wake() {
    wakeUp.wake()
  }
}

/// The first bytes of a small file; `nil` if it can't be read.
package func readSmallFile(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 4096)
  let count = read(descriptor, &bytes, bytes.count)
  guard count >= 0 else { return nil }
  return Array(bytes.prefix(count))
}

/// A time as ISO 8601 in UTC, in whole seconds or in milliseconds.
package func utcText(_ secondsSince1970: Double, withMilliseconds: Bool = false) -> String {
  var seconds = time_t(max(secondsSince1970, 0))
  var parts = tm()
  gmtime_r(&seconds, &parts)
  func padded(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
  let fraction = max(secondsSince1970, 0) - Double(seconds)
  let milliseconds = withMilliseconds ? ".\(String(Int(fraction * 1000) + 1000).dropFirst())" : ""
  return "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
    + "T\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))\(milliseconds)Z"
}
