import CLinux
import Glibc
package import Netlink
package import VIPCore
import VRRP

/// A raw socket for the VRRP messages of one interface and family.
///
/// One socket for each, since the kernel limits the groups of one socket (igmp_max_memberships) and
/// would otherwise deliver what other sockets of the host have joined.
package final class AdvertisementSocket: AdvertisementTransport {
  /// Number of messages that one system call moves.
  private static let batchCount = 64
  /// Room for one incoming packet: an IP header and the 255 IPv6 addresses of a jumbo frame.
  private static let packetByteCount = 4352
  /// Outgoing messages of one batch, together.
  private static let outgoingByteCount = 64 * 1100

  private let socket: Descriptor
  /// Takes what the socket refuses.
  private let frames: FrameSocket
  private let family: AddressFamily
  private let interfaceIndex: Int32
  private let interface: String
  /// Whether the socket itself is in the group: what others have joined is not delivered to it.
  private var hasJoined = false
  /// The groups that it is in beside that of VRRP.
  private var furtherGroups: Set<IPAddress> = []
  private let incoming: MessageSlab
  private let outgoing: MessageSlab
  private var outgoingUsed = 0
  /// The messages that could not be sent since ``flush(_:)``, and how many messages have left in
  /// parts since then.
  private var failures: [(place: Int, errorNumber: Int32)] = []
  private var partsCount = 0
  private var outgoingCount = 0
  /// The source of what goes to the group.
  private var source: IPAddress?
  /// The sources and destinations of those messages of the batch that go to single machines.
  private var routes = [Route?](repeating: nil, count: batchCount)

  private struct Route {
    let source: IPAddress
    let destination: IPAddress
  }

  package var descriptor: Int32 { socket.raw }

  /// Opens the socket of an interface and joins the multicast group there.
  package init(_ link: Link, _ family: AddressFamily) throws(NodeError) {
    self.family = family
    interfaceIndex = link.index
    interface = link.name
    let domain = family == .ipv4 ? AF_INET : AF_INET6
    let type =
      Int32(SOCK_RAW.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    socket = try Descriptor(
      Glibc.socket(domain, type, Int32(Advertisement.protocolNumber)),
      "open a VRRP socket for \(family) on \(link.name)")
    frames = try FrameSocket(link)
    incoming = MessageSlab(
      count: Self.batchCount, byteCount: Self.batchCount * Self.packetByteCount)
    // One place more for what all multicast messages share.
    outgoing = MessageSlab(count: Self.batchCount + 1, byteCount: Self.outgoingByteCount)
    try configure(link)
    prepareIncoming()
    prepareOutgoing()
  }

  private func configure(_ link: Link) throws(NodeError) {
    let name = Array(link.name.utf8)
    guard
      setsockopt(socket.raw, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) == 0
    else { throw .system(errno, "bind to \(link.name)") }
    // A burst of 255 routers must fit; the forced form needs CAP_NET_ADMIN, which we have.
    if (try? socket.set(SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)) == nil {
      try socket.set(SOL_SOCKET, SO_RCVBUF, 4 << 20)
    }
    let trafficClass: Int32 = 0xC0  // network control
    if family == .ipv4 {
      try socket.set(Int32(IPPROTO_IP), IP_MULTICAST_ALL, 0)
      try socket.set(Int32(IPPROTO_IP), IP_MULTICAST_LOOP, 0)
      try socket.set(Int32(IPPROTO_IP), IP_MULTICAST_TTL, Int32(Advertisement.hopLimit))
      try socket.set(Int32(IPPROTO_IP), IP_TTL, Int32(Advertisement.hopLimit))
      try socket.set(Int32(IPPROTO_IP), IP_TOS, trafficClass)
      var group = ip_mreqn(.vrrpGroup, on: link.index)
      guard
        setsockopt(
          socket.raw, Int32(IPPROTO_IP), IP_MULTICAST_IF, &group,
          socklen_t(MemoryLayout<ip_mreqn>.size)) == 0
      else { throw .system(errno, "send multicast on \(link.name)") }
    } else {
      let level = Int32(IPPROTO_IPV6)
      try socket.set(level, IPV6_MULTICAST_ALL, 0)
      try socket.set(level, IPV6_MULTICAST_LOOP, 0)
      try socket.set(level, IPV6_MULTICAST_HOPS, Int32(Advertisement.hopLimit))
      try socket.set(level, IPV6_UNICAST_HOPS, Int32(Advertisement.hopLimit))
      try socket.set(level, IPV6_MULTICAST_IF, link.index)
      try socket.set(level, IPV6_TCLASS, trafficClass)
      try socket.set(level, IPV6_RECVHOPLIMIT, 1)
      try socket.set(level, IPV6_RECVPKTINFO, 1)
    }
    try join()
  }

  // MARK: The group

  /// All groups that the socket is to be in.
  private var groups: [IPAddress] { [.vrrpGroup(family)] + furtherGroups.sorted() }

  /// Whether the interface is in the groups by this socket's doing, or another one's that came
  /// later.
  package var isInGroup: Bool? {
    guard hasJoined else { return false }
    for group in groups {
      guard let isMember = GroupMembership.has(interfaceIndex, group) else { return nil }
      if !isMember { return false }
    }
    return true
  }

  /// Joins the groups once more if the interface is in one no longer, which the socket is not told.
  package func renewMembership() throws(NodeError) {
    guard isInGroup == false else { return }
    for group in groups { _ = change(group, isMember: false) }
    hasJoined = false
    try join()
  }

  package func join(_ group: IPAddress) throws(NodeError) {
    guard group != .vrrpGroup(family), furtherGroups.insert(group).inserted else { return }
    guard change(group, isMember: true) == 0 else {
      let code = errno
      furtherGroups.remove(group)
      throw .system(code, "join \(group) on \(interface)")
    }
  }

  package func leave(_ group: IPAddress) {
    if furtherGroups.remove(group) != nil { _ = change(group, isMember: false) }
  }

  private func join() throws(NodeError) {
    for group in groups {
      guard change(group, isMember: true) == 0 else {
        throw .system(errno, "join \(group) on \(interface)")
      }
    }
    hasJoined = true
  }

  private func change(_ group: IPAddress, isMember: Bool) -> Int32 {
    switch group {
    case .v4(let address):
      var group = ip_mreqn(address, on: interfaceIndex)
      return setsockopt(
        socket.raw, Int32(IPPROTO_IP), isMember ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &group,
        socklen_t(MemoryLayout<ip_mreqn>.size))
    case .v6(let address):
      var group = ipv6_mreq()
      group.ipv6mr_multiaddr = in6_addr(address)
      group.ipv6mr_interface = UInt32(interfaceIndex)
      return setsockopt(
        socket.raw, Int32(IPPROTO_IPV6), isMember ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP,
        &group, socklen_t(MemoryLayout<ipv6_mreq>.size))
    }
  }

  private func prepareIncoming() {
    for index in 0..<Self.batchCount {
      incoming.vectors[index].iov_base =
        incoming.bytes.baseAddress?.advanced(by: index * Self.packetByteCount)
      incoming.vectors[index].iov_len = Self.packetByteCount
      incoming.headers[index].header.msg_name = UnsafeMutableRawPointer(
        incoming.names.baseAddress?.advanced(by: index))
    }
  }

  private func prepareOutgoing() {
    // All multicast messages share the destination and the control message (their source).
    setDestination(.vrrpGroup(family), ofMessage: Self.batchCount)
  }

  private func setDestination(_ destination: IPAddress, ofMessage index: Int) {
    switch destination {
    case .v4(let address):
      outgoing.setName(
        sockaddr_in(
          sin_family: sa_family_t(AF_INET), sin_port: 0,
          sin_addr: in_addr(s_addr: address.rawValue.bigEndian),
          sin_zero: (0, 0, 0, 0, 0, 0, 0, 0)), ofMessage: index)
    case .v6(let address):
      outgoing.setName(
        sockaddr_in6(
          sin6_family: sa_family_t(AF_INET6), sin6_port: 0, sin6_flowinfo: 0,
          sin6_addr: in6_addr(address), sin6_scope_id: UInt32(interfaceIndex)), ofMessage: index)
    }
  }

  // MARK: Sending

  package func setSource(_ source: IPAddress) {
    self.source = source
    setSource(source, ofMessage: Self.batchCount)
  }

  private func setSource(_ source: IPAddress, ofMessage index: Int) {
    let control = outgoing.controlOfMessage(index)
    switch source {
    case .v4(let address):
      outgoing.controlLength = vip_write_pktinfo4(
        control, address.rawValue.bigEndian, interfaceIndex)
    case .v6(let address):
      var raw = in6_addr(address)
      outgoing.controlLength = vip_write_pktinfo6(control, &raw, UInt32(interfaceIndex))
    }
  }

  package func enqueue(_ message: [UInt8]) { enqueue(message, describedBy: Self.batchCount) }

  package func enqueue(_ message: [UInt8], from source: IPAddress, to destination: IPAddress) {
    makeRoom(for: message)
    setSource(source, ofMessage: outgoingCount)
    setDestination(destination, ofMessage: outgoingCount)
    routes[outgoingCount] = Route(source: source, destination: destination)
    enqueue(message, describedBy: outgoingCount)
  }

  private func makeRoom(for message: [UInt8]) {
    if outgoingCount == Self.batchCount || outgoingUsed + message.count > Self.outgoingByteCount {
      // A batch that is full leaves in parts.
      sendBatch()
    }
  }

  /// Puts a message into the batch whose addresses stand at some place.
  private func enqueue(_ message: [UInt8], describedBy place: Int) {
    makeRoom(for: message)
    guard message.count <= Self.outgoingByteCount, let base = outgoing.bytes.baseAddress else {
      return
    }
    let start = base.advanced(by: outgoingUsed)
    message.withUnsafeBytes { bytes in
      guard let address = bytes.baseAddress else { return }
      start.copyMemory(from: address, byteCount: bytes.count)
    }
    outgoing.vectors[outgoingCount].iov_base = start
    outgoing.vectors[outgoingCount].iov_len = message.count
    outgoing.headers[outgoingCount].header.msg_name = outgoing.nameOfMessage(place)
    outgoing.headers[outgoingCount].header.msg_namelen = outgoing.nameLength
    outgoing.headers[outgoingCount].header.msg_control = outgoing.controlOfMessage(place)
    outgoing.headers[outgoingCount].header.msg_controllen = outgoing.controlLength
    outgoingUsed += message.count
    outgoingCount += 1
  }

  package func flush(_ failed: (_ place: Int, _ errorNumber: Int32) -> Void) {
    sendBatch()
    for (place, code) in failures { failed(place, code) }
    failures.removeAll(keepingCapacity: true)
    partsCount = 0
  }

  private func sendBatch() {
    guard outgoingCount > 0 else { return }
    var sent = 0
    // Otherwise IPv4 counts as sent what the interface's queue or the table of neighbours had no
    // room for. Only for now: it also keeps what other machines say about earlier messages.
    if family == .ipv4 { vip_tell_drops(socket.raw, true) }
    defer { if family == .ipv4 { vip_tell_drops(socket.raw, false) } }
    while sent < outgoingCount {
      let result = vip_sendmmsg(
        socket.raw, outgoing.headers.baseAddress?.advanced(by: sent), UInt32(outgoingCount - sent),
        0)
      if result > 0 {
        sent += Int(result)
      } else if errno != EINTR {
        // The first of the rest can't be sent so: leave it out and go on.
        let code = sendInFrame(sent, refusedWith: errno)
        if code != 0 { failures.append((partsCount + sent, code)) }
        sent += 1
      }
    }
    for index in 0..<outgoingCount { routes[index] = nil }
    partsCount += outgoingCount
    outgoingCount = 0
    outgoingUsed = 0
  }

  /// Sends a message of the batch that the socket has refused.
  ///
  /// - Returns: 0, or the error number.
  private func sendInFrame(_ index: Int, refusedWith code: Int32) -> Int32 {
    let route =
      routes[index] ?? source.map { Route(source: $0, destination: .vrrpGroup(family)) }
    guard FrameSocket.helps(against: code), let route else { return code }
    let vector = outgoing.vectors[index]
    let message = [UInt8](UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len))
    return frames.send(message, from: route.source, to: route.destination)
  }

  // MARK: Receiving

  package var droppedCount: UInt32 {
    // Numbers (SO_MEMINFO), of which the ninth counts what found no room.
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 9) { numbers in
      let size = socklen_t(numbers.count * MemoryLayout<UInt32>.size)
      var length = size
      let code = getsockopt(socket.raw, SOL_SOCKET, SO_MEMINFO, numbers.baseAddress, &length)
      return code == 0 && length == size ? numbers[8] : 0
    }
  }

  package func drain(limit: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) -> Bool {
    var taken = 0
    while taken < limit {
      for index in 0..<Self.batchCount {
        incoming.headers[index].header.msg_namelen = socklen_t(MemoryLayout<sockaddr_in6>.size)
        incoming.headers[index].header.msg_control = incoming.controlOfMessage(index)
        incoming.headers[index].header.msg_controllen = vip_control_capacity
      }
      let count = Int(
        vip_recvmmsg(
          socket.raw, incoming.headers.baseAddress, UInt32(Self.batchCount),
          Int32(MSG_DONTWAIT), nil))
      if count < 0 {
        // A pending error (ENETDOWN) is cleared by reading it; there may be packets behind it.
        if errno == EINTR || errno == ENETDOWN { taken += 1; continue }
        return false
      }
      for index in 0..<count { deliver(index, handler) }
      taken += count
      if count < Self.batchCount { return false }
    }
    return true
  }

  private func deliver(_ index: Int, _ handler: (PacketHeader, Span<UInt8>) -> Void) {
    let length = min(Int(incoming.headers[index].length), Self.packetByteCount)
    let start = index * Self.packetByteCount
    let bytes = UnsafeRawBufferPointer(rebasing: incoming.bytes[start..<start + length])
    let packet = Span<UInt8>(_unsafeBytes: bytes)
    if family == .ipv4 {
      guard let (header, range) = PacketHeader.parseIPv4(packet) else { return }
      handler(header, packet.extracting(range))
      return
    }
    var hopLimit: Int32 = 0
    var destination = in6_addr()
    guard vip_read_ipv6_control(&incoming.headers[index].header, &hopLimit, &destination) else {
      return
    }
    let source = IPv6Address(incoming.names[index].sin6_addr)
    handler(
      PacketHeader(
        source: .v6(source), destination: .v6(IPv6Address(destination)),
        hopLimit: UInt8(clamping: hopLimit)),
      packet)
  }
}

extension ip_mreqn {
  fileprivate init(_ group: IPv4Address, on index: Int32) {
    self.init()
    imr_multiaddr.s_addr = group.rawValue.bigEndian
    imr_ifindex = index
  }
}

extension in6_addr {
  init(_ address: IPv6Address) {
    self.init()
    withUnsafeMutableBytes(of: &self) { bytes in
      bytes.storeBytes(of: address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
      bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
  }
}

extension IPv6Address {
  init(_ raw: in6_addr) {
    self = withUnsafeBytes(of: raw) { bytes in
      IPv6Address(
        high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }
}
