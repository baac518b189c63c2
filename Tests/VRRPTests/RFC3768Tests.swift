import Testing
import VIPCore
import VRRP

/// Version 2 on the wire: scapy's frames and what keepalived sends.
@Suite struct Version2VectorTests {
  private static let ethernet =
    "01005e00001200005e000133080045c0002800000000ff701891c0000202e0000012"
  static let password = Authentication.Password("s3cret")

  private func parsed(_ hex: String) throws -> Advertisement {
    try parse(bytes(hex))
  }

  @Test("T1: no authentication")
  func plain() throws {
    let frame = Frame(Self.ethernet + "213364010001b865c00002640000000000000000")
    let advertisement = try frame.parsed()
    #expect(advertisement.version == .v2)
    #expect(advertisement.vrid == vrid(51))
    #expect(advertisement.priority == .default)
    #expect(advertisement.interval.wholeSeconds == 1)
    #expect(advertisement.authentication == .none)
    #expect(advertisement.addresses(in: frame.message) == [Fixture.vip])
    let again = advertisement.encoded(
      [Fixture.vip], from: Fixture.source, to: Fixture.group)
    #expect(again == frame.message)
  }

  @Test("T2: simple text authentication")
  func simpleText() throws {
    let frame = Frame(Self.ethernet + "2133640101017b4bc00002647333637265740000")
    let advertisement = try frame.parsed()
    let password = try #require(Self.password)
    #expect(advertisement.authentication == .simpleText(password))
    let again = advertisement.encoded([Fixture.vip], from: Fixture.source, to: Fixture.group)
    #expect(again == frame.message)
    #expect("\(advertisement)".contains("s3cret") == false, "passwords don't end up in logs")
  }

  @Test("T9 and keepalived's own messages")
  func captures() throws {
    #expect(try parsed("2133000100011c66c00002640000000000000000").priority == .farewell)
    let plain = try parsed("2133c80100015465c00002640000000000000000")
    #expect(plain.priority.rawValue == 200)
    let secret = try parsed("2133c8010101a6d3c00002647333637265747077")
    let password = try #require(Authentication.Password("s3cretpw"))
    #expect(secret.authentication == .simpleText(password))
  }

  @Test("T10: the Authentication Header is refused by name")
  func authenticationHeader() {
    let message = bytes("2133c80102015265c00002640000000000000000")
    #expect(refusal(message) == .authenticationHeader)
    #expect(AdvertisementError.authenticationHeader.description.contains("not supported"))
  }

  @Test("An undefined authentication type is refused")
  func unknownType() {
    let message = summed(bytes("2133c80103010000c00002640000000000000000"), form: .message)
    #expect(refusal(message) == .authenticationType(3))
  }

  @Test("RFC 3768 §5.3.10: the authentication data is part of a complete packet")
  func truncation() {
    let message = bytes("213364010001b865c00002640000000000000000")
    for length in 0..<message.count {
      #expect(refusal(Array(message.prefix(length))) == .length(length))
    }
    #expect(refusal(message + [1, 2, 3]) == nil)
  }

  @Test("Interval 0, version 2 over IPv6, and every flipped bit are refused")
  func refusals() {
    let message = bytes("213364010001b865c00002640000000000000000")
    var zero = message
    zero[5] = 0
    #expect(refusal(summed(zero, form: .message)) == .intervalZero)
    #expect(refusal(message, from: Fixture.source6, to: Fixture.group6) == .version(2))
    for bit in 0..<(message.count * 8) {
      var damaged = message
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(refusal(damaged) != nil, "bit \(bit)")
    }
    // No pseudo-header in version 2.
    #expect(refusal(summed(message, form: .pseudoHeader)) == .checksum)
  }

  @Test("Passwords have one to eight visible characters")
  func passwords() {
    #expect(Authentication.Password("") == nil)
    #expect(Authentication.Password("123456789") == nil)
    #expect(Authentication.Password("a b") == nil)
    #expect(Authentication.Password("é") == nil)
    #expect(Authentication.Password("12345678") != nil)
    #expect(Authentication.Password("a")?.rawValue == 0x6100_0000_0000_0000)
  }

  @Test("What parse accepts, encode writes again")
  func roundTrip() throws {
    for seconds in [1, 2, 60, 255] as [UInt8] {
      let interval = try #require(AdvertisementInterval(seconds: seconds))
      for authentication in [Authentication.none, .simpleText(try #require(Self.password))] {
        let advertisement = Advertisement(
          vrid: vrid(7), priority: .default, interval: interval, addressCount: 2, family: .ipv4,
          checksumForm: .message, version: .v2, authentication: authentication)
        let message = advertisement.encoded(
          [Fixture.vip, Fixture.own], from: Fixture.source, to: Fixture.group)
        #expect(message.count == 24)
        #expect(try parse(message) == advertisement)
      }
    }
  }
}

/// The election as RFC 3768 has it, where it differs from version 3.
@Suite struct RFC3768Tests {
  @Test("§6.1 Skew_Time is in seconds, whatever the interval is")
  func skew() {
    #expect(VirtualRouter.backup2(interval: 1).activeDownInterval == .nanoseconds(3_609_375_000))
    #expect(VirtualRouter.backup2(interval: 10).skewTime == .nanoseconds(609_375_000))
    #expect(VirtualRouter.backup2(interval: 10).activeDownInterval == .nanoseconds(30_609_375_000))
    #expect(
      VirtualRouter.backup2(interval: 255).activeDownInterval == .nanoseconds(765_609_375_000))
  }

  @Test("§6.1 Ranks stay below one priority step at any interval")
  func ranks() throws {
    let interval = try #require(AdvertisementInterval(seconds: 255))
    let offset = Timing.tieBreakOffset(rank: 15, interval: interval, version: .v2)
    #expect(offset < .seconds(1) / 256)
  }

  @Test("§7.1 An advertisement with another interval is dropped")
  func interval() {
    var router = VirtualRouter.backup2()
    let deadline = router.deadline
    let actions = router.hear2(200, interval: 2, at: .ms(1000))
    #expect(actions.findings == .intervalDiffers)
    #expect(router.deadline == deadline)
    #expect(router.statistics.intervalErrors == 1)
    #expect(router.statistics.advertisementReceived == 0)
  }

  @Test("§7.1 The authentication must be ours")
  func authentication() throws {
    let ours = Authentication.simpleText(try #require(.init("s3cret")))
    let theirs = Authentication.simpleText(try #require(.init("guess")))
    var router = VirtualRouter.backup2(authentication: ours)
    let deadline = router.deadline
    for wrong in [Authentication.none, theirs] {
      let actions = router.hear2(200, authentication: wrong, at: .ms(1000))
      #expect(actions.findings == .authenticationDiffers)
    }
    #expect(router.deadline == deadline)
    #expect(router.statistics.authenticationErrors == 2)
    #expect(router.peers.isEmpty, "who does not know the password gets no place in the table")
    _ = router.hear2(200, authentication: ours, at: .ms(1000))
    #expect(router.activeRouter?.address == Fixture.higher)
  }

  @Test("§6.4.3 A lower priority is discarded; announcements repair the caches")
  func noAnswer() {
    var router = VirtualRouter.backup2()
    _ = router.advance(to: .ms(3610))
    #expect(router.state == .active)
    let deadline = router.deadline
    let actions = router.hear2(50, from: Fixture.lower, at: .ms(3700))
    #expect(actions.kinds == [.announceAddresses])
    #expect(router.hear2(50, from: Fixture.lower, at: .ms(3800)).isEmpty, "four in an interval")
    #expect(router.state == .active && router.deadline == deadline)
  }

  @Test("Advertisements are version 2, without pseudo-header, with the password")
  func sent() throws {
    let ours = Authentication.simpleText(try #require(.init("s3cret")))
    let router = VirtualRouter.backup2(authentication: ours)
    let message = router.advertisement(.default, addressCount: 1)
      .encoded([Fixture.vip], from: Fixture.source, to: Fixture.group)
    #expect(message == bytes("2133640101017b4bc00002647333637265740000"))
  }

  @Test("The versions don't understand each other: dropped, counted, noticed")
  func versions() {
    var three = VirtualRouter.backup()
    let deadline = three.deadline
    #expect(three.hear2(200, at: .ms(1000)).findings == .versionDiffers)
    #expect(three.deadline == deadline)
    #expect(three.statistics.versionMismatches == 1)
    #expect(three.peers.first?.version == .v2)

    var two = VirtualRouter.backup2()
    #expect(two.hear(200, at: .ms(1000)).findings == .versionDiffers)
    #expect(two.activeRouter == nil)
  }

  @Test("What no packet can express is refused before it runs")
  func validation() throws {
    func problem(
      _ change: (inout VirtualRouter.Configuration) -> Void
    ) -> VirtualRouter.Configuration.Problem? {
      var configuration = VirtualRouter.Configuration(vrid: vrid(1), family: .ipv4)
      change(&configuration)
      do {
        try configuration.validate()
        return nil
      } catch {
        return error
      }
    }
    let password = try #require(Authentication.Password("x"))
    let minute = try #require(AdvertisementInterval(seconds: 60))
    #expect(problem { _ in } == nil)
    #expect(problem { $0.version = .v2 } == nil)
    #expect(
      problem {
        $0.version = .v2
        $0.family = .ipv6
      } == .version2NeedsIPv4)
    #expect(
      problem {
        $0.version = .v2
        $0.interval = VRRPTests.interval(.milliseconds(1500))
      } == .version2NeedsWholeSeconds)
    #expect(problem { $0.interval = minute } == .version3IntervalTooLong)
    #expect(
      problem { $0.authentication = .simpleText(password) } == .version3HasNoAuthentication)
    #expect(problem { $0.priority = .farewell } == .priorityZero)
  }
}
