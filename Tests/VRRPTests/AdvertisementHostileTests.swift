import Testing
import VIPCore
import VRRP

/// Messages that must be refused, messages that look odd and must be accepted, and noise.
@Suite struct AdvertisementHostileTests {
  /// T4: version 3 over IPv4 with pseudo-header, one address.
  static let good = bytes("3133640100640571c0000264")

  /// The good message with one byte replaced and the sum repaired.
  private func changed(_ offset: Int, _ value: UInt8) -> [UInt8] {
    var message = Self.good
    message[offset] = value
    return summed(message, form: .pseudoHeader)
  }

  @Test(
    "RFC 9568 §7.1: the TTL or hop limit MUST be 255", arguments: [0, 1, 64, 254] as [UInt8])
  func hopLimit(_ value: UInt8) {
    #expect(refusal(Self.good, hopLimit: value) == .hopLimit(value))
  }

  @Test("RFC 9568 §7.1: the version MUST be one we speak", arguments: [0, 1, 4, 15] as [UInt8])
  func version(_ value: UInt8) {
    #expect(refusal(changed(0, value << 4 | 1)) == .version(value))
  }

  @Test("RFC 9568 §7.1: the type MUST be 1 (ADVERTISEMENT)", arguments: [0, 2, 15] as [UInt8])
  func type(_ value: UInt8) {
    #expect(refusal(changed(0, 0x30 | value)) == .type(value))
  }

  @Test("RFC 9568 §7.1: a packet must be complete; every shorter length is refused")
  func truncation() throws {
    for vector in AdvertisementVectorTests.frames {
      let frame = Frame(vector.frame)
      for length in 0..<frame.message.count {
        let message = Array(frame.message.prefix(length))
        #expect(
          refusal(message, from: frame.source, to: frame.destination) == .length(length),
          "\(vector.name) cut to \(length)")
      }
    }
  }

  @Test("RFC 9568 §7.1: the checksum must be right in one of the forms")
  func checksum() {
    var message = Self.good
    message[7] ^= 1
    #expect(refusal(message) == .checksum)
    // Over IPv6 there is one form only: T5's bytes summed without a pseudo-header.
    let frame = Frame(AdvertisementVectorTests.frames[2].frame)
    let plain = summed(frame.message, form: .message)
    #expect(refusal(plain, from: frame.source, to: frame.destination) == .checksum)
  }

  @Test("RFC 9568 §5.2.3: VRID 0 names no virtual router")
  func vridZero() {
    #expect(refusal(changed(1, 0)) == .vridZero)
  }

  @Test("Erratum 8299: an advertisement without addresses is ignored")
  func noAddresses() {
    let message = summed(bytes("3133640000640000"), form: .message)
    #expect(refusal(message) == .noAddresses)
  }

  @Test("RFC 9568 §7.1: a count that promises more addresses than there are is refused")
  func missingAddresses() {
    #expect(refusal(changed(3, 2)) == .length(12))
    #expect(refusal(changed(3, 255)) == .length(12))
  }

  @Test("Erratum 8301: interval 0 is discarded, reserved bits do not hide it")
  func intervalZero() {
    #expect(refusal(changed(5, 0)) == .intervalZero)
    var message = changed(5, 0)
    message[4] = 0xF0
    #expect(refusal(summed(message, form: .message)) == .intervalZero)
  }

  @Test("RFC 9568 §5.2.6: reserved bits MUST be ignored on reception")
  func reservedBits() throws {
    let advertisement = try parse(changed(4, 0xF0))
    #expect(advertisement.interval == .default)
  }

  @Test("The checks come in the order of RFC 9568 §7.1: the first failure is the one counted")
  func order() {
    // Each message has the fault of its line and all those below.
    let worst = bytes("42000000")
    #expect(refusal(worst, hopLimit: 1) == .hopLimit(1))
    #expect(refusal(worst) == .length(4))
    #expect(refusal(bytes("4200000200000000")) == .version(4))
    #expect(refusal(bytes("3200000200000000")) == .type(2))
    #expect(refusal(bytes("3100000200000000")) == .length(8))
    #expect(refusal(bytes("3100000000000000")) == .checksum)
    #expect(refusal(summed(bytes("3100000000000000"), form: .message)) == .vridZero)
    #expect(refusal(summed(bytes("3101000000000000"), form: .message)) == .noAddresses)
  }

  @Test("Bytes behind the last address are no part of an IPv4 checksum and are ignored")
  func trailingBytes() throws {
    for count in 1...9 {
      let message = Self.good + [UInt8](repeating: 0xA5, count: count)
      let advertisement = try parse(message)
      #expect(advertisement.addresses(in: message) == [Fixture.vip])
    }
  }

  @Test("Over IPv6 bytes behind the last address are part of the checksum")
  func trailingBytesIPv6() throws {
    let frame = Frame(AdvertisementVectorTests.frames[2].frame)
    let trailer: [UInt8] = [0xDE, 0xAD, 0xBE, 0xEF, 0x01]
    var message = frame.message + trailer
    #expect(refusal(message, from: frame.source, to: frame.destination) == .checksum)
    message[6] = 0
    message[7] = 0
    var sum = InternetChecksum()
    sum.add(message.span)
    sum.addPseudoHeader(
      source: frame.source, destination: frame.destination, length: message.count,
      protocolNumber: 112)
    message[6] = UInt8(sum.value >> 8)
    message[7] = UInt8(sum.value & 0xFF)
    let advertisement = try parse(message, from: frame.source, to: frame.destination)
    #expect(advertisement.addressCount == 2)
  }

  @Test("An IPv4-sized address list over IPv6 is refused as too short")
  func familyMismatch() {
    #expect(
      refusal(Self.good, from: Fixture.source6, to: Fixture.group6) == .length(12))
  }

  @Test("Random bytes never trap, and what is accepted survives encoding and parsing again")
  func noise() throws {
    var random = SplitMix(seed: 0x5EED)
    var accepted = 0
    for round in 0..<60_000 {
      let length = Int(random.next() % 48)
      var message = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // Pure noise almost never passes the checks; three of four are helped along.
      if length >= 8, round % 4 > 0 {
        message[0] = 0x31
        message[3] = UInt8(random.next() % 3)
        let covered = min(length, 8 + Int(message[3]) * 4)
        let form: ChecksumForm = round % 2 == 0 ? .message : .pseudoHeader
        message = summed(message, covering: covered, form: form)
      }
      guard let advertisement = try? parse(message) else { continue }
      accepted += 1
      let addresses = advertisement.addresses(in: message)
      let encoded = advertisement.encoded(addresses, from: Fixture.source, to: Fixture.group)
      #expect(try parse(encoded) == advertisement)
    }
    #expect(accepted > 10_000)
  }

  @Test("Every field value survives encode and parse")
  func fieldsRoundTrip() throws {
    for field in stride(from: UInt16(1), through: 4095, by: 7) {
      guard let interval = AdvertisementInterval(centiseconds: field) else {
        Issue.record("\(field) cs is a legal interval")
        continue
      }
      for form in ChecksumForm.allCases {
        let advertisement = Advertisement(
          vrid: vrid(Int(field % 255) + 1), priority: Priority(rawValue: UInt8(field % 256)),
          interval: interval, addressCount: 1, family: .ipv4, checksumForm: form)
        let encoded = advertisement.encoded([Fixture.vip], from: Fixture.source, to: Fixture.group)
        let parsed = try parse(encoded)
        #expect(parsed == advertisement)
      }
    }
  }

  @Test("Encoding writes every byte it claims, over whatever the buffer held")
  func encodesIntoUsedBuffer() {
    let advertisement = Advertisement(
      vrid: vrid(51), priority: .default, interval: .default, addressCount: 1, family: .ipv4,
      checksumForm: .pseudoHeader)
    var buffer = [UInt8](repeating: 0xA5, count: 16)
    buffer.withUnsafeMutableBufferPointer { pointer in
      var output = OutputSpan(buffer: pointer, initializedCount: 0)
      advertisement.encode([Fixture.vip], from: Fixture.source, to: Fixture.group, into: &output)
      #expect(output.finalize(for: pointer) == 12)
    }
    #expect(Array(buffer.prefix(12)) == Self.good)
    #expect(buffer.suffix(4).allSatisfy { $0 == 0xA5 })
  }

  @Test("How many addresses fit: 90 IPv6 and all 255 IPv4 addresses into 1500 bytes")
  func addressRoom() {
    #expect(Advertisement.addressCountMax(mtu: 1500, family: .ipv6) == 90)
    #expect(Advertisement.addressCountMax(mtu: 1500, family: .ipv4) == 255)
    #expect(Advertisement.addressCountMax(mtu: 68, family: .ipv4) == 10)
  }

  @Test("255 addresses, the most there can be, survive encode and parse")
  func fullList() throws {
    let addresses = (1...255).map { IPAddress.v4(IPv4Address(198, 51, 100, UInt8($0))) }
    let advertisement = Advertisement(
      vrid: vrid(1), priority: .default, interval: .default, addressCount: 255, family: .ipv4,
      checksumForm: .message)
    let message = advertisement.encoded(addresses, from: Fixture.source, to: Fixture.group)
    #expect(message.count == 1028)
    #expect(try parse(message).addresses(in: message) == addresses)
  }
}

/// A small generator of its own, so that a seed means the same everywhere and always.
struct SplitMix {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
