import Testing
import VIPCore
import VRRP
import VRRPSimulation

/// The ground that the exploration stands on: a router's standing is all that decides what it does
/// next, and its canonical form has lost nothing of that.
@Suite struct StandingTests {
  enum Event: Sendable {
    case advance
    case hear(Advertisement, from: IPAddress)
    case stop, finishLeaving, start
    case promote
    case resign(Duration?)
  }

  static let configurations: [VirtualRouter.Configuration] = {
    let base = VirtualRouter.Configuration(vrid: vrid(1), family: .ipv4)
    var delayed = base
    delayed.preemptDelay = .seconds(2)
    var owner = base
    owner.priority = .owner
    var old = base
    old.version = .v2
    var still = base
    still.preempts = false
    still.checksum = .message
    return [base, delayed, owner, old, still]
  }()

  /// The actions of a router in an event; `nil` if it refuses.
  private func apply(
    _ event: Event, to router: inout VirtualRouter, at now: Instant
  ) -> [Action]? {
    switch event {
    case .advance: return list(router.advance(to: now))
    case .hear(let advertisement, let source):
      return list(router.receive(advertisement, from: source, addresses: .same, at: now))
    case .stop: return list(router.stop(at: now))
    case .finishLeaving:
      router.finishLeaving()
      return []
    case .start: return list(router.start(at: now, from: address("192.0.2.5")))
    case .promote: return (try? router.promote(at: now)).map(list)
    case .resign(let duration): return (try? router.resign(at: now, for: duration)).map(list)
    }
  }

  /// The actions, without how late a wake-up was: beyond the bound that makes no difference.
  private func list(_ actions: Actions) -> [Action] {
    actions.map { action in
      guard case .transition(let change) = action, case .lateWakeUp = change.reason else {
        return action
      }
      return .transition(
        Transition(from: change.from, to: change.to, reason: .lateWakeUp(silentFor: .zero)))
    }
  }

  private func event(_ configuration: VirtualRouter.Configuration, _ random: inout SeededRandom)
    -> Event
  {
    switch random.below(20) {
    case 0: return .stop
    case 1, 2: return .start
    case 3: return .promote
    case 4: return .resign(random.below(2) == 0 ? nil : .milliseconds(Int(random.below(9000))))
    case 5: return .finishLeaving
    case 6...11: return .advance
    default:
      let priorities: [Priority] = [.farewell, Priority(rawValue: 50), .default, .highestBackup]
      let seconds = UInt8(1 + random.below(2))
      guard let interval = AdvertisementInterval(seconds: seconds) else { return .advance }
      let isPseudo = configuration.version == .v3 && random.below(3) > 0
      return .hear(
        Advertisement(
          vrid: configuration.vrid, priority: priorities[Int(random.below(4))], interval: interval,
          addressCount: 1, family: .ipv4, checksumForm: isPseudo ? .pseudoHeader : .message,
          version: configuration.version),
        from: address(random.below(2) == 0 ? "192.0.2.2" : "192.0.2.9"))
    }
  }

  /// A time to the next event that is likely to matter.
  private func pause(_ router: VirtualRouter, at now: Instant, _ random: inout SeededRandom)
    -> UInt64
  {
    switch random.below(4) {
    case 0: random.below(300_000_000)
    case 1: random.below(8_000_000_000)
    default: router.deadline?.nanoseconds(since: now) ?? random.below(1_000_000_000)
    }
  }

  @Test(arguments: configurations)
  func `what the canonical form forgets changes nothing that a router does later`(
    configuration: VirtualRouter.Configuration
  ) {
    for seed in UInt64(0)..<400 {
      var random = SeededRandom(seed: seed)
      var router = VirtualRouter(configuration)
      var now = Instant(nanoseconds: 1_000_000_000_000)
      _ = router.start(at: now, from: address("192.0.2.5"))
      for _ in 0..<random.below(30) {
        now = now.advanced(byNanoseconds: pause(router, at: now, &random))
        _ = apply(event(configuration, &random), to: &router, at: now)
      }
      // The same router without what it has forgotten, on a clock that was set back.
      let back = random.below(900_000_000_000)
      var other = VirtualRouter(configuration)
      other.changePrimaryAddress(to: address("192.0.2.5"))
      var standing = router.standing
      standing.normalize(at: now, for: configuration)
      standing.age(byNanoseconds: back)
      other.standing = standing
      for _ in 0..<40 {
        let pause = pause(router, at: now, &random)
        now = now.advanced(byNanoseconds: pause)
        let then = Instant(nanoseconds: now.nanoseconds - back)
        let event = event(configuration, &random)
        let actions = apply(event, to: &router, at: now)
        #expect(apply(event, to: &other, at: then) == actions, "seed \(seed), \(event)")
        #expect(other.state == router.state && other.isLeaving == router.isLeaving)
        #expect(other.deadline?.advanced(byNanoseconds: back) == router.deadline)
        #expect(other.checksumFormToSend == router.checksumFormToSend)
      }
    }
  }

  @Test func `routers that differ by how long ago something was have one canonical form`() throws {
    var early = VirtualRouter(Self.configurations[0])
    _ = early.start(at: .ms(100_000), from: address("192.0.2.5"))
    let takeover = try #require(early.deadline)
    _ = early.advance(to: takeover)
    var late = early
    for _ in 0..<3 { _ = late.advance(to: try #require(late.deadline)) }
    var standings = [early, late].map(\.standing)
    #expect(standings[0] != standings[1])
    standings[1].age(byNanoseconds: 3_000_000_000)
    for index in standings.indices {
      standings[index].normalize(at: takeover, for: Self.configurations[0])
    }
    #expect(standings[0] == standings[1])
    #expect(standings[0] != VirtualRouter.Standing())
  }
}
