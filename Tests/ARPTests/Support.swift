import ARP
import Testing
import VIPCore

/// Frames of VRID 51 that two independent decoders (tcpdump and tshark) agree on.
enum Vector {
  /// ARP announcement: a request without a target's Ethernet address.
  static let a1 = bytes(
    "ffffffffffff00005e0001330806000108000604000100005e000133c0000264000000000000c0000264")
  /// Gratuitous ARP reply.
  static let a2 = bytes(
    "ffffffffffff00005e0001330806000108000604000200005e000133c000026400005e000133c0000264")
  /// ARP probe.
  static let a3 = bytes(
    "ffffffffffff00005e0001330806000108000604000100005e00013300000000000000000000c0000264")
  /// Gratuitous ARP request as keepalived sends it, with ones for the target's Ethernet address.
  static let a4 = bytes(
    "ffffffffffff00005e0001330806000108000604000100005e000133c0000264ffffffffffffc0000264")
  /// Unsolicited Neighbor Advertisement of a router, override flag set.
  static let n1 = bytes(
    "33330000000100005e00023386dd6000000000203aff20010db8000000000000000000000100ff0200000000"
      + "00000000000000000001880018faa000000020010db8000000000000000000000100020100005e000233")
  /// The same of a host, for a link-local address.
  static let n2 = bytes(
    "33330000000100005e00023386dd6000000000203afffe80000000000000000000005e000251ff0200000000"
      + "00000000000000000001880038c820000000fe80000000000000000000005e000251020100005e000233")
  /// Probe for a duplicate IPv6 address.
  static let n3 = bytes(
    "3333ff00010000005e00023386dd6000000000183aff00000000000000000000000000000000ff0200000000"
      + "000000000001ff00010087004aef0000000020010db8000000000000000000000100")
  static let all = [a1, a2, a3, a4, n1, n2, n3]

  private static func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue).map(UInt8.init)
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}

let vmac4 = MACAddress(0, 0, 0x5E, 0, 1, 51)
let vmac6 = MACAddress(0, 0, 0x5E, 0, 2, 51)
let vip4 = IPv4Address(192, 0, 2, 100)
let vip6 = IPv6Address(high: 0x2001_0DB8 << 32, low: 0x100)

/// What is written into memory full of 0xa5, so that a byte left out shows.
func encoded(_ count: Int, _ encode: (inout OutputSpan<UInt8>) -> Void) -> [UInt8] {
  var memory = [UInt8](repeating: 0xA5, count: count + 8)
  let written = memory.withUnsafeMutableBufferPointer { buffer in
    var output = OutputSpan(buffer: buffer, initializedCount: 0)
    encode(&output)
    return output.finalize(for: buffer)
  }
  #expect(written == count, "\(written) bytes written where \(count) were announced")
  #expect(memory[count...].allSatisfy { $0 == 0xA5 })
  return Array(memory[..<count])
}

/// The payload of an untagged frame.
func payload(_ frame: [UInt8]) -> [UInt8] { Array(frame[EthernetFrame.headerByteCount...]) }

/// Makes the checksum of an IPv6 packet with an ICMPv6 message right again.
func withChecksum(_ packet: [UInt8]) -> [UInt8] {
  var packet = packet
  (packet[42], packet[43]) = (0, 0)
  let value = checksum(packet)
  (packet[42], packet[43]) = (UInt8(value >> 8), UInt8(value & 0xFF))
  return packet
}

private func checksum(_ packet: [UInt8]) -> UInt16 {
  let span = packet.span
  let length = Int(span.uint16(at: 4))
  var sum = InternetChecksum()
  sum.addPseudoHeader(
    source: span.ipAddress(.ipv6, at: 8), destination: span.ipAddress(.ipv6, at: 24),
    length: length, protocolNumber: 58)
  sum.add(span.extracting(40..<min(40 + length, span.count)))
  return sum.value
}

/// The error that parsing throws; `nil` if it succeeds.
func wireError(_ parse: () throws -> Void) -> WireError? {
  do {
    try parse()
    return nil
  } catch let error as WireError {
    return error
  } catch {
    Issue.record("\(error) is no WireError")
    return nil
  }
}

// The parsers take spans, which can't leave the expression they are made in; tests have arrays.
extension EthernetFrame {
  init(_ bytes: [UInt8]) throws(WireError) { try self.init(parsing: bytes.span) }
}
extension ARPPacket {
  init(_ bytes: [UInt8]) throws(WireError) { try self.init(parsing: bytes.span) }
}
extension NeighborAdvertisement {
  init(_ bytes: [UInt8]) throws(WireError) { try self.init(parsing: bytes.span) }
}
extension NeighborSolicitation {
  init(_ bytes: [UInt8]) throws(WireError) { try self.init(parsing: bytes.span) }
}
extension AddressClaim {
  init?(_ bytes: [UInt8]) throws(WireError) { try self.init(parsing: bytes.span) }
}
