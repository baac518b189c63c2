import ARP
import Testing
import VIPCore
import VIPMonitor
import VRRP
import VRRPSimulation

/// Bytes from hexadecimal digits; white space counts for nothing.
func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map {
    UInt8(digits[$0] << 4 | digits[$0 + 1])
  }
}

/// Frames that independent programs made.
enum KnownFrame {
  static let multicast4 =
    "01005e00001200005e000133080045c0002000000000ff701899c0000202e0000012"
  static let version2 =
    "01005e00001200005e000133080045c0002800000000ff701891c0000202e0000012"
    + "2133640100 01b865c00002640000000000000000"
  static let password =
    "01005e00001200005e000133080045c0002800000000ff701891c0000202e0000012"
    + "21336401 01017b4bc00002647333637265740000"
  static let message = multicast4 + "313364010064a802c0000264"
  static let pseudoHeader = multicast4 + "3133640100640571c0000264"
  static let farewell = multicast4 + "313300010ffffc67c0000264"
  static let ipv6 =
    "33330000001200005e00023386dd6c000000002870fffe80000000000000000000fffe00000a"
    + "ff020000000000000000000000000012313364020064dfa2"
    + "fe80000000000000000000005e00025120010db8000000000000000000000100"
  static let authenticationHeader =
    "01005e00001202000000000a080045c0004000010000ff3318b5c0000202e0000012"
    + "70040000c0000202000000015053ab5e6ce98dd4368d530f"
    + "2133c80102015265c00002640000000000000000"
  static let arpRequest =
    "ffffffffffff00005e0001330806000108000604000100005e000133c0000264000000000000c0000264"
  static let arpReply =
    "ffffffffffff00005e0001330806000108000604000200005e000133c000026400005e000133c0000264"
  static let arpProbe =
    "ffffffffffff00005e0001330806000108000604000100005e00013300000000000000000000c0000264"
  static let neighborAdvertisement =
    "33330000000100005e00023386dd6000000000203aff20010db8000000000000000000000100"
    + "ff020000000000000000000000000001880018faa0000000"
    + "20010db8000000000000000000000100020100005e000233"
  static let neighborProbe =
    "3333ff00010000005e00023386dd6000000000183aff00000000000000000000000000000000"
    + "ff0200000000000000000001ff00010087004aef00000000"
    + "20010db8000000000000000000000100"

  static let all = [
    version2, password, message, pseudoHeader, farewell, ipv6, authenticationHeader, arpRequest,
    arpReply, arpProbe, neighborAdvertisement, neighborProbe,
  ]
}

/// A monitor with a clock that the test moves.
final class Watching {
  var monitor = SegmentMonitor()
  var now = Instant(nanoseconds: 1_000_000_000_000)

  /// Lets a frame be seen, some milliseconds after the one before.
  @discardableResult
  func see(
    _ frame: [UInt8], after milliseconds: UInt64 = 1000, originalLength: Int? = nil
  ) -> Observation? {
    now = now.advanced(byNanoseconds: milliseconds * 1_000_000)
    return monitor.observe(
      CapturedFrame(time: now, bytes: frame, originalLength: originalLength))
  }

  @discardableResult
  func see(_ hex: String, after milliseconds: UInt64 = 1000) -> Observation? {
    see(bytes(hex), after: milliseconds)
  }

  /// Lets an advertisement of version 3 over IPv4 be seen.
  @discardableResult
  func hear(
    _ priority: UInt8, from host: UInt8, vrid: Int = 51, seconds: Double = 1,
    vips: [String] = ["192.0.2.100"], mac: MACAddress? = nil, vlan: UInt16? = nil,
    checksum: ChecksumForm = .pseudoHeader, after milliseconds: UInt64 = 1000
  ) throws -> Observation {
    let frame = try advertisementFrame(
      priority, from: host, vrid: vrid, seconds: seconds, vips: vips, mac: mac, vlan: vlan,
      checksum: checksum)
    return try #require(see(frame, after: milliseconds))
  }

  /// Plays a scenario and lets all its packets be seen.
  static func played(_ scenario: String) throws -> (watching: Watching, seen: [Observation]) {
    let run = try ScenarioRun(playing: scenario, capturesPackets: true)
    var reader = CaptureReader()
    reader.append(try #require(run.simulation.capture).bytes)
    let watching = Watching()
    var seen: [Observation] = []
    while let frame = try reader.next() {
      let observation = watching.monitor.observe(frame)
      seen.append(try #require(observation))
      watching.now = frame.time
    }
    try reader.finish()
    return (watching, seen)
  }
}

/// The frame of an advertisement from 192.0.2.HOST, whose Ethernet address ends with HOST too.
func advertisementFrame(
  _ priority: UInt8, from host: UInt8, vrid: Int = 51, seconds: Double = 1,
  vips: [String] = ["192.0.2.100"], mac: MACAddress? = nil, vlan: UInt16? = nil,
  checksum: ChecksumForm = .pseudoHeader, to destination: IPv4Address = .vrrpGroup
) throws -> [UInt8] {
  let source = IPv4Address(192, 0, 2, host)
  let addresses = try vips.map { try #require(IPAddress($0)) }
  let advertisement = Advertisement(
    vrid: try #require(VRID(exactly: vrid)), priority: Priority(rawValue: priority),
    interval: try #require(AdvertisementInterval(.seconds(seconds))),
    addressCount: addresses.count, family: .ipv4, checksumForm: checksum)
  let message = advertisement.encoded(addresses, from: .v4(source), to: .v4(destination))
  return [UInt8](capacity: 18 + 20 + message.count) { output in
    EthernetFrame(
      destination: MACAddress(rawValue: 0x0100_5E00_0012),
      source: mac ?? MACAddress(2, 0, 0, 0, 0, host), tag: vlan, etherType: .ipv4
    ).encode(into: &output)
    let words: [UInt32] = [0x45C0_0000 | UInt32(20 + message.count), 0, 0xFF70_0000]
    var sum = InternetChecksum()
    for word in words { sum.add(word) }
    sum.add(source.rawValue)
    sum.add(destination.rawValue)
    output.append(bigEndian: words[0])
    output.append(bigEndian: words[1])
    output.append(bigEndian: words[2] | UInt32(sum.value))
    output.append(bigEndian: source.rawValue)
    output.append(bigEndian: destination.rawValue)
    for byte in message { output.append(byte) }
  }
}

/// An ARP message as a broadcast frame.
func arpFrame(_ packet: ARPPacket, vlan: UInt16? = nil) -> [UInt8] {
  [UInt8](capacity: 18 + ARPPacket.byteCount) { output in
    EthernetFrame(
      destination: .broadcast, source: packet.senderMAC, tag: vlan, etherType: .arp
    ).encode(into: &output)
    packet.encode(into: &output)
  }
}
