import VIPCore
import VRRP
import VRRPSimulation

@main struct CoreBenchmarks {
  static let source = IPAddress.v4(IPv4Address(192, 0, 2, 2))
  static let group = IPAddress.vrrpGroup(.ipv4)
  static let vip = IPAddress.v4(IPv4Address(192, 0, 2, 100))
  static let message: [UInt8] = [
    0x31, 0x33, 0x64, 0x01, 0x00, 0x64, 0x05, 0x71, 0xC0, 0x00, 0x02, 0x64,
  ]

  static func main() {
    print(
      "VirtualRouter: \(MemoryLayout<VirtualRouter>.size) bytes, "
        + "Actions: \(MemoryLayout<Actions>.size) bytes")
    packets()
    events()
    simulation()
  }

  static func packets() {
    let parse = Measurement(count: 1_000_000) { count in
      var sum = 0
      var hopLimit: UInt8 = 255
      for index in 0..<count {
        if let parsed = try? Advertisement(
          parsing: message.span, from: source, to: group, hopLimit: hopLimit)
        {
          sum &+= Int(parsed.priority.rawValue)
        }
        hopLimit = index < 0 ? 0 : 255
      }
      return sum
    }
    report("parse, one address, pseudo-header", parse, target: 20)

    guard
      let advertisement = try? Advertisement(
        parsing: message.span, from: source, to: group, hopLimit: 255)
    else { preconditionFailure("the vector is valid") }
    let addresses = [vip]
    let encode = Measurement(count: 1_000_000) { count in
      var sum = 0
      var frame = [12 of UInt8](repeating: 0)
      for _ in 0..<count {
        var span = frame.mutableSpan
        span.withUnsafeMutableBufferPointer { buffer in
          var output = OutputSpan(buffer: buffer, initializedCount: 0)
          advertisement.encode(addresses, from: source, to: group, into: &output)
          sum &+= output.finalize(for: buffer)
        }
        sum &+= Int(frame[7])
      }
      return sum
    }
    report("encode, one address, pseudo-header", encode, target: 40)
  }

  static func router(_ priority: UInt8) -> VirtualRouter {
    guard let vrid = VRID(exactly: 51) else { preconditionFailure("51 is a VRID") }
    var router = VirtualRouter(
      VirtualRouter.Configuration(
        vrid: vrid, family: .ipv4, priority: Priority(rawValue: priority)))
    _ = router.start(at: .zero, from: .v4(IPv4Address(192, 0, 2, 50)))
    return router
  }

  static func events() {
    guard
      let advertisement = try? Advertisement(
        parsing: message.span, from: source, to: group, hopLimit: 255)
    else { preconditionFailure("the vector is valid") }
    var backup = router(50)
    var time: UInt64 = 0
    let receive = Measurement(count: 1_000_000) { count in
      var sum = 0
      for _ in 0..<count {
        time += 1_000_000_000
        sum &+=
          backup.receive(
            advertisement, from: source, addresses: .same, at: Instant(nanoseconds: time)
          ).count
      }
      return sum
    }
    report("event: Backup hears the Active", receive, target: 50)

    var active = router(255)
    var clock: UInt64 = 0
    let advance = Measurement(count: 1_000_000) { count in
      var sum = 0
      for _ in 0..<count {
        clock += 1_000_000_000
        sum &+= active.advance(to: Instant(nanoseconds: clock)).count
      }
      return sum
    }
    report("event: Active's turn to advertise", advance, target: 50)

    var other: UInt64 = clock
    let answer = Measurement(count: 1_000_000) { count in
      var sum = 0
      for _ in 0..<count {
        other += 1_000_000_000
        sum &+=
          active.receive(
            advertisement, from: source, addresses: .same, at: Instant(nanoseconds: other)
          ).count
      }
      return sum
    }
    report("event: Active answers a loser", answer, target: 50)
  }

  static func report(_ name: String, _ measurement: Measurement, target: Double) {
    row(
      name,
      "\(fixed(measurement.nanoseconds)) ns, \(fixed(measurement.allocations, 2)) alloc",
      "target \(Int(target)) ns, 0 alloc",
      measurement.nanoseconds <= target && measurement.allocations < 0.001)
  }

  // MARK: Simulation

  static func segment(virtualRouters: Int, nodes: Int, interval: AdvertisementInterval)
    -> Simulation
  {
    var simulation = Simulation(seed: 1)
    let members = (0..<nodes).map { simulation.addNode("n\($0)") }
    for index in 0..<virtualRouters {
      guard let vrid = VRID(exactly: 1 + index % 255) else { preconditionFailure("a VRID") }
      for node in members {
        let router = simulation.addRouter(
          on: node,
          VirtualRouter.Configuration(
            vrid: vrid, family: .ipv4, priority: Priority(rawValue: UInt8(200 - 10 * node)),
            interval: interval),
          address: .v4(IPv4Address(192, 0, 2, UInt8(node + 1))), addresses: [vip],
          link: index / 255)
        simulation.start(router)
      }
    }
    return simulation
  }

  /// Seconds of processor time for a stretch of simulated time, and the events in it.
  static func play(
    _ simulation: inout Simulation, for duration: Duration
  ) -> (seconds: Double, events: UInt64) {
    let before = simulation.eventCount
    let time = ContinuousClock().measure { simulation.run(for: duration) }
    precondition(simulation.violations.isEmpty)
    return (time / .seconds(1), simulation.eventCount - before)
  }

  static func simulation() {
    guard let fast = AdvertisementInterval(centiseconds: 1) else { return }
    var small = segment(virtualRouters: 1, nodes: 5, interval: fast)
    _ = play(&small, for: .seconds(10))
    let hour = play(&small, for: .seconds(3600))
    let days = 60 / (hour.seconds * 24)
    row(
      "5 routers at 10 ms: days simulated per minute", fixed(days, 2), "target 1", days >= 1)
    let perEvent = hour.seconds / Double(hour.events) * 1e9
    row("  one simulated event", "\(fixed(perEvent, 0)) ns", "", true)

    var large = segment(virtualRouters: 1000, nodes: 5, interval: fast)
    _ = play(&large, for: .milliseconds(200))
    let many = play(&large, for: .seconds(5))
    let perEventOfMany = many.seconds / Double(many.events) * 1e9
    row("  one of 1,000 virtual routers × 5 nodes", "\(fixed(perEventOfMany, 0)) ns", "", true)
    let ratio = perEventOfMany / perEvent
    row("  slower by", "× \(fixed(ratio, 2))", "target × 3", ratio <= 3)
  }
}
