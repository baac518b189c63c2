import ARP
import VIPCore

/// A machine that talks to virtual addresses: its neighbour cache is moved by what it hears.
struct SegmentClient {
  let macAddress: MACAddress
  private(set) var cache: [IPAddress: MACAddress] = [:]
  /// Addresses that it has asked for and not heard of yet.
  private var asked: Set<IPAddress> = []
  /// The time when the latest claim of each address that it has heard was sent.
  private var lastSent: [IPAddress: Instant] = [:]
  /// Addresses whose entries come from a claim that a later one had overtaken on the way.
  private(set) var misled: Set<IPAddress> = []

  init(macAddress: MACAddress) {
    self.macAddress = macAddress
  }

  /// Takes in a frame.
  ///
  /// - Parameters:
  ///   - frame: the frame.
  ///   - sent: when it was sent.
  /// - Returns: the address whose entry has changed.
  mutating func hear(_ frame: [UInt8], sent: Instant) -> IPAddress? {
    guard let claim = try? AddressClaim(parsing: frame.span) else { return nil }
    switch claim.form {
    case .announcement: break
    case .reply: guard asked.remove(claim.address) != nil else { return nil }
    case .request, .probe: return nil
    }
    let isOvertaken = lastSent[claim.address].map { sent < $0 } ?? false
    if !isOvertaken {
      lastSent[claim.address] = sent
      misled.remove(claim.address)
    }
    guard cache[claim.address] != claim.mac else { return nil }
    if isOvertaken { misled.insert(claim.address) }
    cache[claim.address] = claim.mac
    return claim.address
  }

  /// The frame by which it asks for an address.
  mutating func question(about address: IPAddress) -> [UInt8] {
    asked.insert(address)
    switch address {
    case .v4(let target):
      let packet = ARPPacket(
        operation: .request, senderMAC: macAddress, senderAddress: IPv4Address(192, 0, 2, 250),
        targetMAC: MACAddress(rawValue: 0), targetAddress: target)
      return [UInt8](capacity: 42) { output in
        EthernetFrame(destination: .broadcast, source: macAddress, etherType: .arp)
          .encode(into: &output)
        packet.encode(into: &output)
      }
    case .v6(let target):
      let source = IPv6Address(high: 0xFE80 << 48, low: 0xC)
      let solicitation = NeighborSolicitation(
        source: source, destination: NeighborSolicitation.solicitedNodeGroup(of: target),
        target: target, sourceLinkLayerAddress: macAddress)
      return [UInt8](capacity: EthernetFrame.headerByteCount + solicitation.byteCount) { output in
        EthernetFrame(
          destination: .multicast(for: solicitation.destination), source: macAddress,
          etherType: .ipv6
        ).encode(into: &output)
        solicitation.encode(into: &output)
      }
    }
  }

  /// Forgets what it knows, as a machine does that was switched off.
  mutating func forget() {
    cache = [:]
    asked = []
    lastSent = [:]
    misled = []
  }
}

/// One broadcast domain: where each machine is, and what a stranger on it does.
struct SimulatedSegment {
  let number: Int
  var client: SegmentClient
  /// The machine behind each Ethernet address, as the switch has learned it.
  var ports: [MACAddress: Int] = [:]
  /// Addresses that strangers have, with their Ethernet addresses.
  var strangers: [IPAddress: MACAddress] = [:]
  /// Addresses that a stranger has announced when their holder may not have heard it.
  var unheardClaims: Set<IPAddress> = []

  init(number: Int) {
    self.number = number
    client = SegmentClient(macAddress: MACAddress(2, 0, 0, 0xC, 0, UInt8(number)))
  }
}
