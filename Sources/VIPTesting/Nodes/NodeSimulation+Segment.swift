import ARP
import Netlink
import VIP
import VIPCore
import VRRP
import VRRPSimulation

/// The packets that cross the segments.
extension NodeSimulation {
  /// A process sends a VRRP message by its socket.
  func sent(
    _ message: [UInt8], _ header: PacketHeader, by machine: Machine, onInterface index: Int32
  ) {
    if message.count > 2, let vrid = VRID(exactly: Int(message[1])) {
      let isGroup = header.destination == .vrrpGroup(header.source.family)
      checkListening(
        vrid, header.source.family, Priority(rawValue: message[2]), by: machine,
        onInterface: index)
      countAdvertisement(vrid, to: header.destination, by: machine, onInterface: index)
      machine.log.append(
        .advertised(
          vrid, header.source.family, Priority(rawValue: message[2]),
          to: isGroup ? nil : header.destination))
    }
    transmit(.message(header, message), by: machine, onInterface: index)
  }

  /// A process sends a whole frame.
  func sent(frame: [UInt8], by machine: Machine, onInterface index: Int32) {
    guard let ethernet = try? EthernetFrame(parsing: frame.span) else { return }
    if let segment = machine.attachments[index], machine.isConnected(index) {
      if segments[segment].ports.updateValue(machine.number, forKey: ethernet.source)
        != machine.number
      {
        cacheChanged()
      }
    }
    let payload = Array(frame.dropFirst(ethernet.byteCount))
    if let (header, message) = Self.vrrpMessage(in: payload) {
      return sent(message, header, by: machine, onInterface: index)
    }
    if let claim = try? AddressClaim(parsing: frame.span) {
      machine.log.append(
        claim.form == .probe ? .asked(claim.address) : .announced(claim.address, claim.mac))
    }
    transmit(.frame(frame), by: machine, onInterface: index)
  }

  /// A guard sends a whole IP packet.
  func sent(packet: [UInt8], by machine: Machine, onInterface index: Int32) {
    guard let (header, message) = Self.vrrpMessage(in: packet) else { return }
    guard machine.link(index)?.isUp ?? false else { return }
    sent(message, header, by: machine, onInterface: index)
  }

  /// The VRRP message in an IP packet.
  private static func vrrpMessage(in packet: [UInt8]) -> (PacketHeader, [UInt8])? {
    guard let header = IPHeader(parsing: packet.span),
      header.protocolNumber == IPProtocolNumber.vrrp,
      let message = header.payload(in: packet.span)
    else { return nil }
    return (
      PacketHeader(
        source: header.source, destination: header.destination, hopLimit: header.hopLimit),
      Array(packet[message])
    )
  }

  // MARK: On the way

  /// Puts bytes on the segment of an interface: each other member gets its own copy and luck.
  private func transmit(_ content: Parcel.Content, by machine: Machine, onInterface index: Int32) {
    guard let segment = machine.attachments[index], machine.isConnected(index) else { return }
    for other in machines {
      for interface in other.ports[segment] where !(other === machine && interface == index) {
        guard other.takes(content, by: interface) else { continue }
        guard blocked[machine.number] & 1 << UInt64(other.number) == 0 else { continue }
        dispatch(
          content, to: .machine(other.number, interfaceIndex: interface), on: segment,
          isLucky: false)
      }
    }
    guard case .frame = content else { return }
    dispatch(content, to: .client, on: segment, isLucky: true)
    if !segments[segment].strangers.isEmpty {
      dispatch(content, to: .stranger, on: segment, isLucky: true)
    }
  }

  /// Puts a frame of the client or of a stranger on a segment; nothing of it is lost.
  func transmit(frame: [UInt8], onSegment segment: Int) {
    for other in machines {
      for interface in other.ports[segment] {
        guard other.takes(.frame(frame), by: interface) else { continue }
        dispatch(
          .frame(frame), to: .machine(other.number, interfaceIndex: interface), on: segment,
          isLucky: true)
      }
    }
    dispatch(.frame(frame), to: .client, on: segment, isLucky: true)
  }

  private func dispatch(
    _ content: Parcel.Content, to receiver: Parcel.Receiver, on segment: Int, isLucky: Bool
  ) {
    guard isLucky || !random.chance(conditions.loss) else { return }
    let copies = !isLucky && random.chance(conditions.duplication) ? 2 : 1
    for _ in 0..<copies {
      var delay = conditions.latency
      if conditions.jitter > .zero {
        delay += .nanoseconds(Int64(random.below(conditions.jitter.inNanoseconds + 1)))
      }
      if !isLucky, random.chance(conditions.reordering) { delay += conditions.reorderingDelay }
      parcels.insert(
        Parcel(
          time: now + delay, sent: now, segment: segment, receiver: receiver,
          content: isLucky ? content : damaged(content)))
    }
  }

  /// The same bytes, or with one bit flipped; what flips in a frame the network card notices.
  private func damaged(_ content: Parcel.Content) -> Parcel.Content {
    guard case .message(let header, var bytes) = content, random.chance(conditions.corruption),
      !bytes.isEmpty
    else { return content }
    bytes[Int(random.below(UInt64(bytes.count)))] ^= 1 << UInt8(random.below(8))
    return .message(header, bytes)
  }

  // MARK: Arrival

  func deliver(_ parcel: Parcel) {
    switch parcel.receiver {
    case .machine(let number, let index):
      // An interface that has been plugged in elsewhere meanwhile hears nothing of it.
      guard machines[number].attachments[index] == parcel.segment else { return }
      arrive(parcel.content, at: machines[number], by: index)
    case .client:
      guard case .frame(let frame) = parcel.content else { return }
      guard let address = segments[parcel.segment].client.hear(frame, sent: parcel.sent)
      else { return }
      if let place = supervisor.places[parcel.segment][address] { supervisor.moved.append(place) }
      if observer != nil { remarks.append("client: \(address) is at \(place(of: address))") }
    case .stranger:
      guard case .frame(let frame) = parcel.content else { return }
      answer(frame, onSegment: parcel.segment)
    }
  }

  private func arrive(_ content: Parcel.Content, at machine: Machine, by index: Int32) {
    guard machine.isConnected(index) else { return }
    machine.advanceKernel(to: now)
    let platform = machine.process?.platform
    hear(content, by: index, guarding: machine)
    switch content {
    case .message(let header, let bytes):
      countFarewell(in: bytes, header.source.family, at: machine)
      guard header.destination.isMulticast || machine.kernel.isLocal(header.destination),
        !machine.hasOwn(header.source)
      else { return }
      let key = SegmentKey(interfaceIndex: index, family: header.source.family)
      guard let transport = platform?.transports[key] else { return }
      transport.receive(header, bytes)
    case .frame(let frame):
      answer(frame, at: machine, by: index)
      guard let wire = platform?.wires[index] else { return }
      wire.receive(frame)
    }
    touch(machine)
  }

  /// The kernel answers a frame that asks for an address that it has.
  private func answer(_ frame: [UInt8], at machine: Machine, by index: Int32) {
    guard let (address, source) = Self.question(in: frame) else { return }
    for mac in machine.answers(about: address, onInterface: index) where mac != source {
      transmit(
        .frame(Self.answer(address, at: mac, to: source)), by: machine, onInterface: index)
    }
  }

  private func answer(_ frame: [UInt8], onSegment segment: Int) {
    guard let (address, source) = Self.question(in: frame),
      let mac = segments[segment].strangers[address]
    else { return }
    transmit(frame: Self.answer(address, at: mac, to: source), onSegment: segment)
  }

  /// The address that a frame asks for, and the sender.
  private static func question(in frame: [UInt8]) -> (IPAddress, MACAddress)? {
    guard let ethernet = try? EthernetFrame(parsing: frame.span) else { return nil }
    let payload = frame.span.extracting(ethernet.byteCount..<frame.count)
    switch ethernet.etherType {
    case .arp:
      guard let packet = try? ARPPacket(parsing: payload), packet.operation == .request,
        packet.senderAddress != packet.targetAddress
      else { return nil }
      return (.v4(packet.targetAddress), packet.senderMAC)
    case .ipv6:
      guard let message = try? NeighborSolicitation(parsing: payload) else { return nil }
      return (.v6(message.target), ethernet.source)
    default: return nil
    }
  }

  private static func answer(
    _ address: IPAddress, at mac: MACAddress, to asker: MACAddress
  ) -> [UInt8] {
    switch address {
    case .v4(let address):
      let packet = ARPPacket(
        operation: .reply, senderMAC: mac, senderAddress: address, targetMAC: asker,
        targetAddress: .any)
      return [UInt8](capacity: 42) { output in
        EthernetFrame(destination: asker, source: mac, etherType: .arp).encode(into: &output)
        packet.encode(into: &output)
      }
    case .v6(let address):
      // Solicited, so that it moves no cache but the asker's.
      let packet = NeighborAdvertisement(
        source: address, destination: IPv6Address(high: 0xFE80 << 48, low: 0xFE),
        isRouter: false, isSolicited: true, isOverride: false, target: address,
        targetLinkLayerAddress: mac)
      return [UInt8](capacity: EthernetFrame.headerByteCount + packet.byteCount) { output in
        EthernetFrame(destination: asker, source: mac, etherType: .ipv6).encode(into: &output)
        packet.encode(into: &output)
      }
    }
  }

  // MARK: Strangers

  /// A router of another group advertises.
  func advertise(_ index: Int) {
    let foreigner = foreigners[index]
    foreigners[index].next = now.advanced(byNanoseconds: foreigner.interval.nanoseconds)
    let family = foreigner.source.family
    let advertisement = Advertisement(
      vrid: foreigner.vrid, priority: foreigner.priority, interval: foreigner.interval,
      addressCount: foreigner.addresses.count, family: family, checksumForm: .pseudoHeader)
    let bytes = advertisement.encoded(
      foreigner.addresses, from: foreigner.source, to: .vrrpGroup(family))
    let header = PacketHeader(
      source: foreigner.source, destination: .vrrpGroup(family), hopLimit: 255)
    for machine in machines {
      for interface in machine.ports[foreigner.segment] {
        parcels.insert(
          Parcel(
            time: now + conditions.latency, sent: now, segment: foreigner.segment,
            receiver: .machine(machine.number, interfaceIndex: interface),
            content: .message(header, bytes)))
      }
    }
  }

  /// A stranger says that an address is his.
  func announceForeign(_ address: IPAddress, at mac: MACAddress, onSegment segment: Int) {
    transmit(frame: Announcement(address, at: mac).encodeFrame(), onSegment: segment)
  }

  /// The machine that the first client takes for an address's, in words.
  private func place(of address: IPAddress) -> String {
    if let name = server(of: address) { return name }
    let mac = segments.lazy.compactMap { $0.client.cache[address] }.first
    guard let mac else { return "no machine" }
    let machine = machines.first { machine in
      machine.kernel.currentLinks.contains { $0.macAddress == mac }
    }
    return machine.map { "\($0.name), which does not serve it" } ?? "a stranger"
  }

  /// Each client asks again for all it knows, as it would after some time without an answer.
  func refreshClients() {
    for number in segments.indices {
      for address in knownAddresses(number) {
        let frame = segments[number].client.question(about: address)
        transmit(frame: frame, onSegment: number)
      }
    }
  }
}
