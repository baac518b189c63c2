internal import CPCAP
import Glibc
import VIPCore

/// Ethernet frames on a real interface, by libpcap.
///
/// Open it long before it is needed and keep it: opening takes the kernel some 8 ms and closing 24
/// (it waits until all processors have noticed), while sending takes 2 to 3 µs. The interface must
/// be up when it is opened. From then on the transport stays usable when the link goes down and
/// comes up again. It belongs to the interface (and the network namespace) it was opened on, not to
/// the name: if that interface is removed, each call fails with
/// ``FrameError/Cause/interfaceGone``.
///
/// Not `Sendable`: one thread uses it. Needs CAP_NET_RAW.
public final class PcapTransport: FrameTransport, FrameReceiver {
  /// The interface's name when the transport was opened.
  public let interface: String
  private let handle: OpaquePointer

  /// Opens an interface that is up.
  ///
  /// - Parameters:
  ///   - interface: the name of an Ethernet interface, such as `eth0`.
  ///   - filter: which frames to receive. The kernel drops all others before they cost anything.
  /// - Throws: ``FrameError`` of ``FrameError/Cause/interfaceGone`` if there is no such interface,
  ///   ``FrameError/Cause/interfaceDown`` if it is down, ``FrameError/Cause/unsuitable`` if it is
  ///   no Ethernet or its name can't be one, ``FrameError/Cause/permission`` without CAP_NET_RAW.
  public init(interface: String, receiving filter: FrameFilter = .nothing) throws(FrameError) {
    try Self.checkName(interface)
    let handle = try Self.create(interface)
    do throws(FrameError) {
      try Self.activate(handle, interface: interface, filter: filter)
      try Self.install(filter, on: handle, interface: interface)
    } catch {
      pcap_close(handle)
      throw error
    }
    self.interface = interface
    self.handle = handle
  }

  deinit {
    pcap_close(handle)
  }

  /// Changes which frames to receive from now on.
  ///
  /// A transport that was opened with ``FrameFilter/nothing`` has no room for messages with
  /// options: one that is to receive at times is opened with ``FrameFilter/announcements``.
  public func setFilter(_ filter: FrameFilter) throws(FrameError) {
    try Self.install(filter, on: handle, interface: interface)
  }

  /// Becomes readable when frames arrived or the interface went away.
  public var fileDescriptor: Int32 { pcap_get_selectable_fd(handle) }

  /// Sends one complete frame; doesn't wait.
  ///
  /// Equivalent to: `tcpreplay -i IF` with a capture of this one frame.
  public func send(_ frame: Span<UInt8>) throws(FrameError) {
    var number = inject(frame)
    // The socket keeps one ENETDOWN from the moment the link went down, for the next call to
    // collect. Only a second one says that the link is down now.
    if number == ENETDOWN { number = inject(frame) }
    guard number != 0 else { return }
    throw FrameError(
      interface: interface, operation: "send", errorNumber: number, message: Self.text(of: handle))
  }

  /// Sends once and returns the system's error number, 0 on success.
  private func inject(_ frame: Span<UInt8>) -> Int32 {
    frame.withUnsafeBufferPointer { bytes in
      errno = 0
      guard pcap_inject(handle, bytes.baseAddress, bytes.count) < 0 else { return 0 }
      // A failure inside libpcap that set no number is still a failure.
      return errno == 0 ? EIO : errno
    }
  }

  /// Hands each waiting frame to a function, the oldest first; doesn't wait.
  ///
  /// A link that goes down is no error here: its frames just stop.
  @discardableResult
  public func drain(limit: Int, handler: (Span<UInt8>) -> Void) throws(FrameError) -> Int {
    var count = 0
    while count < limit {
      var header: UnsafeMutablePointer<pcap_pkthdr>?
      var bytes: UnsafePointer<UInt8>?
      let status = pcap_next_ex(handle, &header, &bytes)
      guard status >= 0 else { throw receiveError() }
      guard status == 1, let header, let bytes else { break }
      // The captured length, which the snapshot length bounds, not the length on the wire.
      let frame = UnsafeBufferPointer(start: bytes, count: Int(header.pointee.caplen))
      handler(frame.span)
      count += 1
    }
    if count == 0 { collectPendingError() }
    return count
  }

  /// Clears what the kernel notes when the link goes down, which would keep the descriptor readable
  /// for as long as it is not collected.
  private func collectPendingError() {
    var number: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    _ = getsockopt(pcap_fileno(handle), SOL_SOCKET, SO_ERROR, &number, &length)
  }

  private func receiveError() -> FrameError {
    let cause: FrameError.Cause = isInterfaceGone ? .interfaceGone : .other
    return FrameError(
      interface: interface, operation: "receive", cause: cause, message: Self.text(of: handle))
  }

  /// Whether the interface was removed: the kernel then unbinds the socket from it.
  private var isInterfaceGone: Bool {
    // `struct sockaddr_ll`: family (2 bytes), protocol (2), interface index (4), …
    var address = [Int32](repeating: 0, count: MemoryLayout<sockaddr_storage>.size / 4)
    var length = socklen_t(address.count * 4)
    let status = address.withUnsafeMutableBytes { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { address in
        getsockname(pcap_fileno(handle), address.baseAddress, &length)
      }
    }
    return status == 0 && address[1] <= 0
  }
}

/// Opening, step by step.
extension PcapTransport {
  /// The system's limit (`IFNAMSIZ` without the zero at the end).
  private static let maximumNameByteCount = 15

  /// Refuses what can't be an interface before libpcap sees it, which knows special names of its
  /// own (`any`, `nflog`, `usbmon1`) and reads a name only up to the first zero byte.
  private static func checkName(_ name: String) throws(FrameError) {
    let problem: String? =
      switch name.utf8.count {
      case 0: "the name of an interface can't be empty"
      case 1...maximumNameByteCount:
        name.utf8.contains(0) ? "the name of an interface can't contain a zero byte" : nil
      default: "the name of an interface has at most \(maximumNameByteCount) bytes"
      }
    if let problem {
      throw FrameError(
        interface: name, operation: "open", cause: .unsuitable, errorNumber: EINVAL,
        message: problem)
    }
    guard if_nametoindex(name) != 0 else {
      let code = reasonForNoIndex(errno)
      let isGone = code == ENODEV || code == ENXIO
      throw FrameError(
        interface: name, operation: "open", cause: isGone ? .interfaceGone : .other,
        errorNumber: code, message: isGone ? "no such interface" : String(cString: strerror(code)))
    }
  }

  /// The reason why a name could not be looked up.
  ///
  /// The C library asks by a socket. If there is no descriptor for it, it tries others, and leaves
  /// the error number of whatever it tried last.
  private static func reasonForNoIndex(_ code: Int32) -> Int32 {
    guard code != ENODEV, code != ENXIO else { return code }
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    close(descriptor)
    return code
  }

  private static func create(_ interface: String) throws(FrameError) -> OpaquePointer {
    var text = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    if let handle = pcap_create(interface, &text) { return handle }
    throw FrameError(
      interface: interface, operation: "open", cause: .other, message: string(text))
  }

  private static func activate(
    _ handle: OpaquePointer, interface: String, filter: FrameFilter
  ) throws(FrameError) {
    // These only fail on an active handle.
    pcap_set_snaplen(handle, filter.snapshotLength)
    pcap_set_buffer_size(handle, filter.bufferByteCount)
    pcap_set_immediate_mode(handle, 1)
    pcap_set_promisc(handle, filter == .segment ? 1 : 0)

    let status = pcap_activate(handle)
    guard status >= 0 else {
      throw openError(handle, interface, status: status)
    }
    guard pcap_datalink(handle) == DLT_EN10MB else {
      throw FrameError(
        interface: interface, operation: "open", cause: .unsuitable,
        message: "not an Ethernet interface")
    }
    var text = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard pcap_setnonblock(handle, 1, &text) == 0 else {
      throw FrameError(
        interface: interface, operation: "open", cause: .other, message: string(text))
    }
    // libpcap doesn't: else a hook would inherit the socket and keep it open.
    _ = fcntl(pcap_fileno(handle), F_SETFD, FD_CLOEXEC)
    if filter != .segment { ignoreOutgoing(handle) }
  }

  /// Keeps frames that this machine sends out of the socket, our own announcements first of all.
  private static func ignoreOutgoing(_ handle: OpaquePointer) {
    // The kernel's flag spares it a copy of each packet sent on the interface. Where it isn't
    // known (before Linux 4.20), libpcap's own check does the same later.
    let solPacket: Int32 = 263
    let packetIgnoreOutgoing: Int32 = 23
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = setsockopt(pcap_fileno(handle), solPacket, packetIgnoreOutgoing, &on, size)
    pcap_setdirection(handle, PCAP_D_IN)
  }

  private static func install(
    _ filter: FrameFilter, on handle: OpaquePointer, interface: String
  ) throws(FrameError) {
    var status: Int32
    if let expression = filter.expression {
      var program = bpf_program()
      status = pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN)
      if status == 0 {
        status = pcap_setfilter(handle, &program)
        pcap_freecode(&program)
      }
    } else {
      // One instruction, "return 0": accept no byte of any packet.
      var reject = bpf_insn(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0)
      status = withUnsafeMutablePointer(to: &reject) { reject in
        var program = bpf_program(bf_len: 1, bf_insns: reject)
        return pcap_setfilter(handle, &program)
      }
    }
    guard status == 0 else {
      throw FrameError(
        interface: interface, operation: "open", cause: .other, message: text(of: handle))
    }
  }

  private static func openError(
    _ handle: OpaquePointer, _ interface: String, status: Int32
  ) -> FrameError {
    let number: Int32 =
      switch status {
      case PCAP_ERROR_IFACE_NOT_UP: ENETDOWN
      case PCAP_ERROR_NO_SUCH_DEVICE: ENODEV
      case PCAP_ERROR_PERM_DENIED: EPERM
      default: 0
      }
    let detail = text(of: handle)
    let message = String(cString: pcap_statustostr(status))
    return FrameError(
      interface: interface, operation: "open", errorNumber: number,
      message: detail.isEmpty || detail == message ? message : "\(message): \(detail)")
  }

  private static func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// libpcap's account of the last failure on a handle.
  private static func text(of handle: OpaquePointer) -> String {
    String(cString: pcap_geterr(handle))
  }
}

extension FrameFilter {
  /// The expression for libpcap's compiler; `ip6[40]` is the ICMPv6 type.
  fileprivate var expression: String? {
    switch self {
    case .nothing: nil
    case .announcements(let groups):
      Self.any([
        "arp or (icmp6 and (ip6[40] == 136 or (ip6[40] == 135 and ip6 src host ::)))",
        Self.expression(forGroups: groups),
      ])
    case .uses(let addresses, let groups):
      Self.any([Self.expression(forUsesOf: addresses), Self.expression(forGroups: groups)])
    case .segment:
      // Old VRRP stands behind an Authentication Header.
      "arp or \(Self.isVRRP) or (icmp6 and (ip6[40] == 136 or ip6[40] == 135))"
    }
  }

  private static let isVRRP = [IPProtocolNumber.vrrp, IPProtocolNumber.authenticationHeader]
    .flatMap { ["ip proto \($0)", "ip6 proto \($0)"] }.joined(separator: " or ")

  private static func any(_ parts: [String?]) -> String? {
    let parts = parts.compactMap { $0 }
    return parts.isEmpty ? nil : parts.joined(separator: " or ")
  }

  /// The second byte of a VRRP message is the VRID; advertisements have no IP options.
  private static func expression(forGroups groups: Set<VRID>) -> String? {
    guard !groups.isEmpty else { return nil }
    // The kernel's programs have a limited size.
    let isFew = groups.count <= 16
    let vrids = groups.map(\.rawValue).sorted()
    func test(_ place: String) -> String {
      isFew ? " and (" + vrids.map { "\(place) == \($0)" }.joined(separator: " or ") + ")" : ""
    }
    let vrrp = IPProtocolNumber.vrrp
    return "(ip proto \(vrrp)\(test("ip[21]"))) or (ip6 proto \(vrrp)\(test("ip6[41]")))"
  }

  /// `arp[14:4]` is the sender's address in ARP, `ip6[60:4]` the end of the target's in an NA.
  private static func expression(forUsesOf addresses: [IPAddress]) -> String? {
    var senders: [String] = []
    var targets: [String] = []
    for address in addresses {
      switch address {
      case .v4(let address): senders.append("arp[14:4] == \(address.rawValue)")
      case .v6(let address): targets.append("ip6[60:4] == \(address.low & 0xFFFF_FFFF)")
      }
    }
    var parts: [String] = []
    if !senders.isEmpty { parts.append("(arp and (\(senders.joined(separator: " or "))))") }
    if !targets.isEmpty {
      parts.append(
        "(icmp6 and ip6[40] == 136 and (\(targets.joined(separator: " or "))))")
    }
    return any(parts)
  }

  /// Long enough for the messages wanted, options included; an advertisement has any length.
  fileprivate var snapshotLength: Int32 {
    switch self {
    case .nothing: 64
    case .announcements, .uses: 256
    case .segment: 9216
    }
  }

  /// Room for the frames that arrive between two turns of the event loop, in bytes.
  fileprivate var bufferByteCount: Int32 {
    switch self {
    case .nothing: 4096
    case .announcements, .uses: 512 * 1024
    case .segment: 4 << 20
    }
  }
}
