import VIPCore
import VRRP

/// Helpers of the tests: bytes from hexadecimal text, addresses from literals, a router in a state.
enum Fixture {
  static let source = address("192.0.2.2")
  static let group = IPAddress.vrrpGroup(.ipv4)
  static let source6 = address("fe80::ff:fe00:a")
  static let group6 = IPAddress.vrrpGroup(.ipv6)
  static let vip = address("192.0.2.100")

  /// Our own address in machine tests; peers are below and above it.
  static let own = address("192.0.2.50")
  static let lower = address("192.0.2.9")
  static let higher = address("192.0.2.200")
}

func address(_ text: String) -> IPAddress {
  guard let address = IPAddress(text) else { preconditionFailure("bad literal \(text)") }
  return address
}

func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
  precondition(digits.count % 2 == 0)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

func vrid(_ number: Int) -> VRID {
  guard let vrid = VRID(exactly: number) else { preconditionFailure("bad VRID \(number)") }
  return vrid
}

func interval(_ duration: Duration) -> AdvertisementInterval {
  guard let interval = AdvertisementInterval(duration) else {
    preconditionFailure("bad interval \(duration)")
  }
  return interval
}

/// An Ethernet frame taken apart as far as a raw socket would.
struct Frame {
  let source: IPAddress
  let destination: IPAddress
  let hopLimit: UInt8
  let message: [UInt8]

  init(_ hex: String) {
    let frame = bytes(hex)
    if frame[12] == 0x08 {
      let headerLength = Int(frame[14] & 0x0F) * 4
      let total = Int(frame[16]) << 8 | Int(frame[17])
      source = frame.span.ipAddress(.ipv4, at: 26)
      destination = frame.span.ipAddress(.ipv4, at: 30)
      hopLimit = frame[22]
      message = Array(frame[(14 + headerLength)..<(14 + total)])
    } else {
      let length = Int(frame[18]) << 8 | Int(frame[19])
      source = frame.span.ipAddress(.ipv6, at: 22)
      destination = frame.span.ipAddress(.ipv6, at: 38)
      hopLimit = frame[21]
      message = Array(frame[54..<(54 + length)])
    }
  }

  func parsed() throws(AdvertisementError) -> Advertisement {
    try parse(message, from: source, to: destination, hopLimit: hopLimit)
  }
}

func parse(
  _ message: [UInt8], from source: IPAddress = Fixture.source,
  to destination: IPAddress = Fixture.group, hopLimit: UInt8 = 255
) throws(AdvertisementError) -> Advertisement {
  try Advertisement(parsing: message.span, from: source, to: destination, hopLimit: hopLimit)
}

/// The reason to refuse a message; `nil` if it is accepted.
func refusal(
  _ message: [UInt8], from source: IPAddress = Fixture.source,
  to destination: IPAddress = Fixture.group, hopLimit: UInt8 = 255
) -> AdvertisementError? {
  do {
    _ = try parse(message, from: source, to: destination, hopLimit: hopLimit)
    return nil
  } catch {
    return error
  }
}

/// Writes the right IPv4 checksum into a message that a test has changed.
func summed(_ message: [UInt8], covering length: Int? = nil, form: ChecksumForm) -> [UInt8] {
  var message = message
  message[6] = 0
  message[7] = 0
  var sum = InternetChecksum()
  let covered = length ?? message.count
  sum.add(message.span.extracting(..<covered))
  if form == .pseudoHeader {
    sum.addPseudoHeader(
      source: Fixture.source, destination: Fixture.group, length: covered, protocolNumber: 112)
  }
  message[6] = UInt8(sum.value >> 8)
  message[7] = UInt8(sum.value & 0xFF)
  return message
}

extension Instant {
  /// Milliseconds since the clock's start.
  static func ms(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }
}

extension Actions {
  var kinds: [Action] { Array(self) }

  /// Whether an advertisement of any priority is sent.
  var advertises: Bool {
    contains { if case .advertise = $0 { true } else { false } }
  }
}

extension VirtualRouter {
  /// A router as tests want it, not yet started.
  static func fresh(
    priority: UInt8 = 100, interval text: Duration = .seconds(1), preempts: Bool = true,
    family: AddressFamily = .ipv4, checksum: ChecksumPolicy = .auto, rank: UInt8 = 0
  ) -> VirtualRouter {
    VirtualRouter(
      Configuration(
        vrid: vrid(51), family: family, priority: Priority(rawValue: priority),
        interval: VRRPTests.interval(text), preempts: preempts, checksum: checksum,
        tieBreakRank: rank))
  }

  /// A router that was started at zero and has just become Backup.
  static func backup(
    priority: UInt8 = 100, interval: Duration = .seconds(1), preempts: Bool = true,
    rank: UInt8 = 0
  ) -> VirtualRouter {
    var router = fresh(priority: priority, interval: interval, preempts: preempts, rank: rank)
    _ = router.start(at: .zero, from: Fixture.own)
    return router
  }

  /// A router that was started at zero and has just become Active.
  ///
  /// - Returns: the router and the moment of its takeover.
  static func active(
    priority: UInt8 = 100, interval: Duration = .seconds(1), preempts: Bool = true
  ) -> (VirtualRouter, since: Instant) {
    var router = fresh(priority: priority, interval: interval, preempts: preempts)
    _ = router.start(at: .zero, from: Fixture.own)
    guard let takeover = priority == 255 ? Instant.zero : router.deadline else {
      preconditionFailure("a started router has a timer")
    }
    _ = router.advance(to: takeover)
    precondition(router.state == .active)
    return (router, takeover)
  }

  /// A version 2 router that has just become Backup.
  static func backup2(
    priority: UInt8 = 100, interval seconds: Int = 1, authentication: Authentication = .none
  ) -> VirtualRouter {
    guard let interval = AdvertisementInterval(.seconds(seconds), version: .v2) else {
      preconditionFailure("bad interval")
    }
    var router = VirtualRouter(
      Configuration(
        vrid: vrid(51), family: .ipv4, priority: Priority(rawValue: priority), interval: interval,
        version: .v2, authentication: authentication))
    _ = router.start(at: .zero, from: Fixture.own)
    return router
  }

  /// Hands over a version 2 advertisement with the given fields.
  mutating func hear2(
    _ priority: UInt8, from source: IPAddress = Fixture.higher, interval seconds: UInt8 = 1,
    authentication: Authentication = .none, at now: Instant
  ) -> Actions {
    guard let interval = AdvertisementInterval(seconds: seconds) else {
      preconditionFailure("bad interval")
    }
    return receive(
      Advertisement(
        vrid: configuration.vrid, priority: Priority(rawValue: priority), interval: interval,
        addressCount: 1, family: .ipv4, checksumForm: .message, version: .v2,
        authentication: authentication),
      from: source, addresses: .same, at: now)
  }

  /// Hands over an advertisement with the given fields.
  mutating func hear(
    _ priority: UInt8, from source: IPAddress = Fixture.higher,
    interval: Duration = .seconds(1), form: ChecksumForm = .pseudoHeader,
    listsOurAddresses: Bool = true, at now: Instant
  ) -> Actions {
    receive(
      Advertisement(
        vrid: configuration.vrid, priority: Priority(rawValue: priority),
        interval: VRRPTests.interval(interval), addressCount: 1, family: configuration.family,
        checksumForm: form),
      from: source, listsOurAddresses: listsOurAddresses, at: now)
  }
}

extension Advertisement {
  /// The listed addresses, with the message as an array: macros can't take spans.
  func addresses(in message: [UInt8]) -> [IPAddress] { addresses(in: message.span) }

  func lists(_ expected: [IPAddress], in message: [UInt8]) -> Bool {
    lists(expected, in: message.span)
  }
}
