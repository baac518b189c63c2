import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// How long addresses outlive a node that no longer refreshes them, and what that costs.
@Suite struct LeaseTests {
  private func refusal(_ lease: String, _ settings: RouterConfiguration) throws -> String? {
    let bench = try Bench(lease: #require(LeasePolicy(lease)))
    do {
      try bench.engine.add(settings)
      return nil
    } catch {
      return error.description
    }
  }

  @Test(arguments: [("100ms", 2), ("500ms", 2), ("1s", 3), ("1010ms", 4), ("40.95s", 123)])
  func `the shortest lease is three intervals`(interval: String, seconds: Int64) throws {
    let interval = try #require(AdvertisementInterval(interval))
    #expect(LeasePolicy.shortest(for: interval) == .seconds(seconds))
    let text = "\(seconds)s"
    #expect(try refusal(text, settings(interval: interval)) == nil)
    guard seconds > 2 else { return }
    let reason = try #require(try refusal("\(seconds - 1)s", settings(interval: interval)))
    #expect(reason.contains("too short for an interval of \(interval)"))
    #expect(reason.contains("take at least \(text)"))
  }

  @Test func `a lease has to suffice for all addresses of the node`() throws {
    let many = (0..<2001).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/32" }
    let reason = try #require(try refusal("6s", settings(many)))
    #expect(reason.contains("a lease of 6s is too short for 2001 addresses on this node"))
    #expect(reason.contains("take at least 7s"))
    #expect(try refusal("7s", settings(many)) == nil)
    #expect(try refusal("6s", settings(Array(many.dropLast()))) == nil)
    #expect(try refusal("off", settings(many)) == nil)
  }

  @Test func `a lease that was not chosen stretches by itself`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(interval: #require(AdvertisementInterval("5s"))))
    bench.pass(.seconds(20))
    let record = try #require(try bench.platform.fake.addresses().first(where: \.isOurs))
    #expect(try #require(record.validLifetime) > .seconds(13))
  }

  @Test func `both families are refreshed with each advertisement at one second`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(5))
    bench.platform.fake.forgetRequests()
    for _ in 0..<60 {
      bench.pass(.milliseconds(500))
      #expect(try bench.held.count == 2)
    }
    var lifetimes: [AddressFamily: [Duration?]] = [:]
    for case .install(let request) in bench.platform.fake.requests {
      lifetimes[request.address.family, default: []].append(request.lifetime)
    }
    #expect(lifetimes[.ipv4] == [Duration?](repeating: .seconds(4), count: 30))
    #expect(lifetimes[.ipv6] == [Duration?](repeating: .seconds(4), count: 30))
  }

  @Test(arguments: ["100ms", "250ms", "1s"], AddressFamily.allCases)
  func `addresses of a node that stands still outlive what its peers wait, and not by much`(
    text: String, family: AddressFamily
  ) throws {
    let interval = try #require(AdvertisementInterval(text))
    let bench = try Bench()
    try bench.engine.add(
      settings([family == .ipv4 ? "198.18.0.100/24" : "2001:db8::100/64"], interval: interval))
    bench.pass(.seconds(20))
    // The longest that a Backup of the lowest priority waits, from the last advertisement on.
    let down = Timing.activeDownInterval(priority: Priority(rawValue: 1), interval: interval)
    for number in 0..<4 {
      var last = bench.platform.time
      for _ in 0..<(1010 + number * 250) {
        let count = bench.platform.transport(family)?.sentPriorities.count
        bench.pass(.milliseconds(1))
        if bench.platform.transport(family)?.sentPriorities.count != count {
          last = bench.platform.time
        }
      }
      // From here on only the kernel's time passes.
      var frozen = bench.platform.time
      func pass(until time: Instant) {
        bench.platform.fake.advance(by: time - frozen)
        frozen = time
      }
      pass(until: last + down - .milliseconds(2))
      #expect(try bench.held.count == 1, "number \(number)")
      pass(until: last + down + .milliseconds(1010))
      #expect(try bench.held == [], "number \(number)")
      // It wakes up, steps down, and takes over again.
      bench.platform.time = frozen
      bench.pass(.seconds(20))
      #expect(try bench.held.count == 1)
    }
  }

  @Test func `a chosen lease is the same for both families`() throws {
    let bench = try Bench(lease: #require(LeasePolicy("4s")))
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(8))
    for case .install(let request) in bench.platform.fake.requests {
      #expect(request.lifetime == .seconds(4))
    }
    bench.pass(.seconds(20))
    #expect(try bench.held.count == 2)
  }

  // MARK: A process that was frozen

  @Test func `a Backup that was frozen hears what waits before its timer fires`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(1))
    let source = try #require(IPAddress("198.18.0.2"))
    let bytes = Advertisement(
      vrid: try #require(VRID(exactly: 51)), priority: Priority(rawValue: 200),
      interval: .default, addressCount: 1, family: .ipv4, checksumForm: .pseudoHeader
    ).encoded([try #require(IPAddress("198.18.0.100"))], from: source, to: .vrrpGroup(.ipv4))
    let header = PacketHeader(source: source, destination: .vrrpGroup(.ipv4), hopLimit: 255)
    bench.platform.transport(.ipv4)?.inbox.append((header, bytes))
    bench.platform.time = bench.platform.time + .seconds(60)
    // The list of what is readable is from before the freeze.
    bench.engine.turn(ready: [])
    #expect(bench.state() == .backup)
    #expect(bench.platform.transport(.ipv4)?.batches.isEmpty == true)
  }

  @Test func `an Active that was frozen re-adds and announces nothing`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(20))
    bench.platform.wire.removeAll()
    bench.platform.fake.forgetRequests()
    let sent = bench.platform.transport(.ipv4)?.sentPriorities.count
    bench.platform.fake.advance(by: .seconds(30))
    bench.platform.time = bench.platform.time + .seconds(30)
    #expect(try bench.held == [], "the lease has ended")
    // The kernel's report of that comes first, then the new holder's advertisement.
    bench.engine.turn(ready: [.kernelEvents])
    try bench.hear(90, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    #expect(try bench.held == [])
    #expect(bench.platform.wire.frames.isEmpty)
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.count == sent)
    let installs = bench.platform.fake.requests.filter {
      if case .install = $0 { true } else { false }
    }
    #expect(installs.isEmpty)
  }
}
