import Driver
import VIPCore
import VRRP

@main struct Main {
  static func main() { runFuzzer(fuzz) }
}

/// Any bytes as a sequence of events for one machine: never a trap, and the machine keeps its word.
private func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 8 else { return 0 }
  var input = Input(bytes: Array(UnsafeBufferPointer(start: start, count: count)))
  guard let configuration = input.configuration() else { return 0 }
  var router = VirtualRouter(configuration)
  var now = Instant(nanoseconds: 1)
  var holdsAddresses = false
  while !input.isAtEnd {
    now = now.advanced(byNanoseconds: input.duration())
    let actions = input.event(&router, now)
    for action in actions {
      switch action {
      case .installAddresses:
        precondition(!holdsAddresses)
        holdsAddresses = true
      case .removeAddresses:
        precondition(holdsAddresses)
        holdsAddresses = false
      case .advertise(let priority):
        let speaks = router.state == .active
        precondition(speaks == (priority != .farewell), "only the Active sends more than 0")
      case .announceAddresses, .transition:
        break
      }
    }
    precondition(holdsAddresses == (router.state == .active))
    precondition((router.deadline == nil) == (router.state == .initialize))
    precondition(router.peers.count <= Peers.capacity)
    precondition(router.effectivePriority != .farewell)
  }
  return 0
}

private struct Input {
  let bytes: [UInt8]
  var next = 0
  var isAtEnd: Bool { next >= bytes.count }

  mutating func byte() -> UInt8 {
    guard !isAtEnd else { return 0 }
    next += 1
    return bytes[next - 1]
  }

  mutating func duration() -> UInt64 {
    let scale: [UInt64] = [0, 1, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000]
    let kind = byte()
    return UInt64(kind >> 3) * scale[Int(kind & 7) % scale.count]
  }

  mutating func interval(_ version: ProtocolVersion) -> AdvertisementInterval {
    let value = byte()
    return version == .v2
      ? AdvertisementInterval(seconds: value) ?? .default
      : AdvertisementInterval(centiseconds: UInt16(value) * 16) ?? .default
  }

  mutating func authentication() -> Authentication {
    let value = byte()
    return value & 1 == 0 ? .none : .simpleText(.init(rawValue: UInt64(value)))
  }

  mutating func configuration() -> VirtualRouter.Configuration? {
    guard let vrid = VRID(exactly: 1) else { return nil }
    let flags = byte()
    let version: ProtocolVersion = flags & 1 == 0 ? .v3 : .v2
    let configuration = VirtualRouter.Configuration(
      vrid: vrid, family: flags & 2 == 0 ? .ipv4 : .ipv6, priority: Priority(rawValue: byte()),
      interval: interval(version), preempts: flags & 4 == 0,
      checksum: ChecksumPolicy.allCases[Int(flags >> 3) % 3], tieBreakRank: byte(),
      version: version, authentication: version == .v2 ? authentication() : .none,
      preemptDelay: .milliseconds(Int(byte()) * 50))
    do {
      try configuration.validate()
      return configuration
    } catch {
      return nil
    }
  }

  mutating func address(_ family: AddressFamily) -> IPAddress {
    let low = byte()
    return family == .ipv4
      ? .v4(IPv4Address(192, 0, 2, low)) : .v6(IPv6Address(high: 0xFE80 << 48, low: UInt64(low)))
  }

  mutating func event(_ router: inout VirtualRouter, _ now: Instant) -> Actions {
    let family = router.configuration.family
    do {
      switch byte() % 12 {
      case 0: return router.start(at: now, from: address(family))
      case 1: return router.stop(at: now)
      case 2: return try router.promote(at: now)
      case 3: return try router.resign(at: now, for: .milliseconds(Int(byte()) * 100))
      case 4, 5, 6: return router.advance(to: now)
      default: break
      }
    } catch {
      return router.advance(to: now)
    }
    let version: ProtocolVersion =
      byte() < 250 ? router.configuration.version : ProtocolVersion.allCases[Int(byte()) % 2]
    let advertisement = Advertisement(
      vrid: router.configuration.vrid, priority: Priority(rawValue: byte()),
      interval: interval(version), addressCount: Int(byte()), family: family,
      checksumForm: byte() & 1 == 0 ? .message : .pseudoHeader, version: version,
      authentication: version == .v2 ? authentication() : .none)
    let matches: [AddressListMatch] = [.same, .overlapping, .disjoint]
    return router.receive(
      advertisement, from: address(family), addresses: matches[Int(byte()) % 3], at: now)
  }
}
