import Testing
import VIPCore
import VRRP

/// Frames and messages made by other programs: scapy's frames, and bytes captured from keepalived
/// and FRR.
@Suite struct AdvertisementVectorTests {
  struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let frame: String
    let vrid: Int
    let priority: UInt8
    let centiseconds: UInt16
    let form: ChecksumForm
    let addresses: [String]
    var testDescription: String { name }
  }

  private static let ethernet4 =
    "01005e00001200005e000133080045c0002000000000ff701899c0000202e0000012"

  static let frames: [Vector] = [
    Vector(
      name: "T3 message form", frame: ethernet4 + "313364010064a802c0000264", vrid: 51,
      priority: 100, centiseconds: 100, form: .message, addresses: ["192.0.2.100"]),
    Vector(
      name: "T4 pseudo-header form", frame: ethernet4 + "3133640100640571c0000264", vrid: 51,
      priority: 100, centiseconds: 100, form: .pseudoHeader, addresses: ["192.0.2.100"]),
    Vector(
      name: "T5 IPv6, two addresses",
      frame: """
        33330000001200005e00023386dd6c000000002870fffe80000000000000000000fffe00000a
        ff020000000000000000000000000012313364020064dfa2
        fe80000000000000000000005e00025120010db8000000000000000000000100
        """, vrid: 51, priority: 100, centiseconds: 100, form: .pseudoHeader,
      addresses: ["fe80::5e00:251", "2001:db8::100"]),
    Vector(
      name: "T6 priority 0, longest interval", frame: ethernet4 + "313300010ffffc67c0000264",
      vrid: 51, priority: 0, centiseconds: 4095, form: .message, addresses: ["192.0.2.100"]),
    Vector(
      name: "T7 owner", frame: ethernet4 + "3133ff0100646ad2c0000202", vrid: 51, priority: 255,
      centiseconds: 100, form: .pseudoHeader, addresses: ["192.0.2.2"]),
    Vector(
      name: "T8 twenty addresses",
      frame: """
        01005e00001200005e0001ff080045c0006c00000000ff70184dc0000202e0000012
        31fffe14000a9f44
        c0000264c0000265c0000266c0000267c0000268c0000269c000026ac000026bc000026cc000026d
        c000026ec000026fc0000270c0000271c0000272c0000273c0000274c0000275c0000276c0000277
        """, vrid: 255, priority: 254, centiseconds: 10, form: .message,
      addresses: (100...119).map { "192.0.2.\($0)" }),
  ]

  @Test("Frames of independent authors", arguments: frames)
  func frame(_ vector: Vector) throws {
    let frame = Frame(vector.frame)
    let advertisement = try frame.parsed()
    #expect(advertisement.vrid == vrid(vector.vrid))
    #expect(advertisement.priority.rawValue == vector.priority)
    #expect(advertisement.interval.centiseconds == vector.centiseconds)
    #expect(advertisement.checksumForm == vector.form)
    #expect(advertisement.addresses(in: frame.message) == vector.addresses.map(address))
    #expect(advertisement.family == frame.source.family)

    // And back: the same bytes, so that others accept what we write.
    let again = advertisement.encoded(
      advertisement.addresses(in: frame.message), from: frame.source, to: frame.destination)
    #expect(again == frame.message)
  }

  @Test("One flipped bit anywhere is noticed", arguments: frames)
  func flippedBit(_ vector: Vector) {
    let frame = Frame(vector.frame)
    for bit in 0..<(frame.message.count * 8) {
      var message = frame.message
      message[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(
        refusal(message, from: frame.source, to: frame.destination) != nil, "bit \(bit) flipped")
    }
  }

  struct Capture: Sendable, CustomTestStringConvertible {
    let name: String
    let message: String
    var source = "192.0.2.2"
    let vrid: Int
    let priority: UInt8
    let form: ChecksumForm
    let addresses: [String]
    var testDescription: String { name }
  }

  static let captures: [Capture] = [
    Capture(
      name: "keepalived v3", message: "3133c8010064a170c0000264", vrid: 51, priority: 200,
      form: .pseudoHeader, addresses: ["192.0.2.100"]),
    Capture(
      name: "keepalived v3 leaving", message: "3133000100646971c0000264", vrid: 51, priority: 0,
      form: .pseudoHeader, addresses: ["192.0.2.100"]),
    Capture(
      name: "keepalived v3_checksum_as_v2", message: "3133c80100644402c0000264", vrid: 51,
      priority: 200, form: .message, addresses: ["192.0.2.100"]),
    Capture(
      name: "keepalived v3_checksum_as_v2 leaving", message: "3133000100640c03c0000264", vrid: 51,
      priority: 0, form: .message, addresses: ["192.0.2.100"]),
    Capture(
      name: "keepalived with its authentication trailer",
      message: """
        3133c8010064a170c0000264
        010100006b033754313e0000dd61f61249267f2dccfc59c293602072
        """, vrid: 51, priority: 200, form: .pseudoHeader, addresses: ["192.0.2.100"]),
    Capture(
      name: "keepalived v3 IPv6",
      message: """
        3133c80200647ba2fe80000000000000000000005e000251
        20010db8000000000000000000000100
        """, source: "fe80::ff:fe00:a", vrid: 51, priority: 200, form: .pseudoHeader,
      addresses: ["fe80::5e00:251", "2001:db8::100"]),
    Capture(
      name: "FRR v3", message: "3105c8010064a194c000026e", vrid: 5, priority: 200,
      form: .pseudoHeader, addresses: ["192.0.2.110"]),
    Capture(
      name: "FRR v3 IPv6 without a link-local address",
      message: "3105c8010064031420010db8000000000000000003707334",
      source: "fe80::200:5eff:fe00:205", vrid: 5, priority: 200, form: .pseudoHeader,
      addresses: ["2001:db8::370:7334"]),
  ]

  @Test("Messages captured from keepalived and FRR", arguments: captures)
  func capture(_ vector: Capture) throws {
    let source = address(vector.source)
    let message = bytes(vector.message)
    let advertisement = try parse(message, from: source, to: .vrrpGroup(source.family))
    #expect(advertisement.vrid == vrid(vector.vrid))
    #expect(advertisement.priority.rawValue == vector.priority)
    #expect(advertisement.interval == .default)
    #expect(advertisement.checksumForm == vector.form)
    let addresses = advertisement.addresses(in: message)
    #expect(addresses == vector.addresses.map(address))
    #expect(advertisement.lists(vector.addresses.map(address), in: message))
    let again = advertisement.encoded(addresses, from: source, to: .vrrpGroup(source.family))
    #expect(again == Array(message.prefix(again.count)))
  }

  @Test("keepalived's second unicast peer gets a sum of neither form: refused")
  func keepalivedUnicastChecksum() {
    let message = bytes("3133c80100644401c0000264")
    #expect(refusal(message, to: address("192.0.2.4")) == .checksum)
  }

  @Test("Address lists are compared without regard to order")
  func addressLists() throws {
    let frame = Frame(Self.frames[2].frame)
    let advertisement = try frame.parsed()
    let listed = advertisement.addresses(in: frame.message)
    #expect(advertisement.lists(listed, in: frame.message))
    #expect(advertisement.lists(listed.reversed(), in: frame.message))
    #expect(!advertisement.lists([listed[0]], in: frame.message))
    #expect(!advertisement.lists([listed[0], listed[0]], in: frame.message))
    #expect(!advertisement.lists([], in: frame.message))
  }
}
