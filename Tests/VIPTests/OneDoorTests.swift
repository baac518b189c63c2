import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What a command sets in motion leaves with the command: no test here takes a turn after it.
@Suite struct OneDoorTests {
  private func priorities(_ bench: Bench) -> [UInt8] {
    bench.platform.transport(.ipv4)?.sentPriorities ?? []
  }

  private func announced(_ bench: Bench) -> [String] {
    bench.platform.wire.claims.map(\.address.description)
  }

  /// A router that is Active, all of whose announcements are over.
  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    bench.platform.fake.setLink(FakePlatform.eth1)
    try bench.engine.add(settings)
    bench.pass(.seconds(120))
    #expect(bench.state() == .active)
    bench.platform.wire.removeAll()
    return bench
  }

  @Test
  func `a dry run in the moment a tracked link goes down does not hold up the farewell`() throws {
    var settings = try settings()
    settings.tracks = [Track(interface: "eth1")]
    let bench = try holder(settings)
    bench.platform.fake.setFlags([.broadcast], onInterface: 3)
    try bench.engine.check([])
    #expect(priorities(bench).last == 0)
    #expect(bench.state() == .initialize)
  }

  @Test func `a refused dry run does not hold up the farewell either`() throws {
    var tracking = try settings()
    tracking.tracks = [Track(interface: "eth1")]
    let bench = try holder(tracking)
    bench.platform.fake.setFlags([.broadcast], onInterface: 3)
    #expect(throws: NodeError.self) {
      try bench.engine.check([settings(name: "other", interface: "eth7")])
    }
    #expect(priorities(bench).last == 0)
  }

  @Test func `what a promotion announces needs no event of the kernel`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(120, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    try bench.engine.promote("web")
    #expect(try bench.held == ["198.18.0.100/24"])
    #expect(announced(bench) == ["198.18.0.100"])
  }

  @Test func `what a change announces needs no event of the kernel`() throws {
    let bench = try holder(settings())
    try bench.engine.change([settings(["198.18.0.100/24", "198.18.0.101/24"])])
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.101/24"])
    #expect(announced(bench) == ["198.18.0.101"])
  }

  @Test func `what is left to announce after another policy goes on at once`() throws {
    let addresses = (1...20).map { "198.18.1.\($0)/32" }
    let bench = try Bench(announcements: AnnouncementPolicy(maximumRate: 1, burst: 1))
    try bench.engine.add(settings(addresses))
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    bench.platform.wire.removeAll()
    bench.engine.setAnnouncements(AnnouncementPolicy(pauses: []))
    #expect(Set(announced(bench)).count == 20)
  }

  @Test func `the repeats of what a command announced are waited for`() throws {
    let bench = try Bench(announcements: AnnouncementPolicy(pauses: [.milliseconds(100)]))
    try bench.engine.add(settings(interval: #require(AdvertisementInterval("10s"))))
    try bench.hear(120, from: "198.18.0.2")
    try bench.engine.promote("web")
    let deadline = try #require(bench.engine.deadline)
    #expect(deadline <= bench.platform.time + .milliseconds(100))
  }

  @Test func `another lease reaches the kernel with the command`() throws {
    let bench = try holder(settings())
    bench.platform.fake.forgetRequests()
    try bench.engine.setLease(#require(LeasePolicy("60s")))
    let record = try #require(try bench.platform.fake.addresses().first { $0.isOurs })
    #expect(record.validLifetime == .seconds(60))
  }

  @Test func `a new virtual MAC address is loaded with the command`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(virtualMAC: true))
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `a command after a pause of the process hears the others before it says anything`()
    throws
  {
    let bench = try Bench(announcements: AnnouncementPolicy(pauses: [.seconds(5)]))
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    bench.platform.wire.removeAll()
    bench.platform.time = bench.platform.time + .seconds(30)
    bench.platform.fake.advance(by: .seconds(30))
    try bench.engine.check([])
    #expect(bench.state() == .backup)
    #expect(announced(bench) == [])
    #expect(try bench.held == [])
  }

  @Test func `a look at the status does not move the engine's clock`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.settle()
    let before = bench.engine.now
    bench.platform.time = bench.platform.time + .milliseconds(1)
    #expect(bench.engine.status().first?.timeInState == .milliseconds(1))
    #expect(bench.engine.now == before)
  }
}
