import TestSupport
import Testing
import VIPCore

@Suite struct InternetChecksumTests {
  private func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum = InternetChecksum()
    sum.add(bytes.span)
    return sum.value
  }

  /// The example of RFC 1071 §3: the words sum to 2ddf0, which folds to ddf2.
  @Test func matchesTheExampleOfRFC1071() {
    #expect(checksum([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]) == ~0xDDF2)
  }

  @Test func padsAnOddByte() {
    #expect(checksum([0x12]) == ~0x1200)
    #expect(checksum([0x00, 0x01, 0x80]) == checksum([0x00, 0x01, 0x80, 0x00]))
    #expect(checksum([]) == 0xFFFF)
  }

  @Test func foldsCarriesOfCarries() {
    #expect(checksum([UInt8](repeating: 0xFF, count: 65_536)) == 0)
    #expect(checksum([0xFF, 0xFF, 0x00, 0x01]) == ~0x0001)
  }

  @Test func numbersCountAsTheirBytes() {
    let bytes: [UInt8] = [0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0]
    var sum = InternetChecksum()
    sum.add(0x1234_5678_9ABC_DEF0 as UInt64)
    #expect(sum.value == checksum(bytes))
    sum = InternetChecksum()
    sum.add(IPAddress.v4(IPv4Address(0x12, 0x34, 0x56, 0x78)))
    sum.add(0x9ABC_DEF0 as UInt32)
    #expect(sum.value == checksum(bytes))
  }

  /// RFC 8200 §8.1: addresses, the length in 32 bits, three zero bytes, the next header.
  @Test func addsThePseudoHeader() {
    let source = IPv6Address(high: 0xFE80 << 48, low: 0xA)
    var sum = InternetChecksum()
    sum.addPseudoHeader(
      source: .v6(source), destination: .v6(.allNodes), length: 0x1_0020, protocolNumber: 58)
    let written = [UInt8](capacity: 40) { span in
      span.append(IPAddress.v6(source))
      span.append(IPAddress.v6(.allNodes))
      span.append(bigEndian: 0x1_0020 as UInt32)
      span.append(bigEndian: 58 as UInt32)
    }
    #expect(sum.value == checksum(written))
  }

  @Test func acceptsWhatItFilledInAndNoFlippedBit() {
    var random = SplitMix64(seed: 1071)
    for length in stride(from: 4, through: 64, by: 2) {
      var bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      (bytes[2], bytes[3]) = (0, 0)
      let value = checksum(bytes)
      (bytes[2], bytes[3]) = (UInt8(value >> 8), UInt8(value & 0xFF))
      #expect(checksum(bytes) == 0)
      let bit = Int(random.next() % UInt64(length * 8))
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(checksum(bytes) != 0)
    }
  }

  @Test func readsAndWritesNetworkOrder() {
    let bytes = [UInt8](capacity: 32) { span in
      span.append(bigEndian: 0x0102 as UInt16)
      span.append(bigEndian: 0x0304_0506 as UInt32)
      span.append(bigEndian: 0x0708_090A_0B0C_0D0E as UInt64)
      span.append(MACAddress(0x0F, 0x10, 0x11, 0x12, 0x13, 0x14))
      span.append(IPAddress.v4(IPv4Address(0x15, 0x16, 0x17, 0x18)))
    }
    #expect(bytes == (1...24).map { UInt8($0) })
    #expect(bytes.span.uint16(at: 0) == 0x0102 && bytes.span.uint32(at: 2) == 0x0304_0506)
    #expect(bytes.span.uint64(at: 6) == 0x0708_090A_0B0C_0D0E)
    #expect(bytes.span.macAddress(at: 14).description == "0f:10:11:12:13:14")
    #expect(bytes.span.ipAddress(.ipv4, at: 20).description == "21.22.23.24")
    #expect(
      bytes.span.ipAddress(.ipv6, at: 8).description == "90a:b0c:d0e:f10:1112:1314:1516:1718")
  }
}
