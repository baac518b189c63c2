import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// An old holder serves until the new one has announced, and never much longer.
@Suite struct HandoverTests {
  private static let two = ["198.18.0.100/24", "198.18.0.101/24"]

  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    try bench.engine.add(settings)
    bench.pass(settings.interval.duration * 4)
    #expect(bench.state() == .active)
    return bench
  }

  @Test func `one that leaves keeps each address until it is announced elsewhere`() throws {
    let bench = try holder(settings(Self.two))
    bench.engine.remove("web")
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0)
    bench.pass(.milliseconds(600))
    #expect(try bench.held == Self.two)
    try bench.hear(100, from: "198.18.0.2", addresses: ["198.18.0.100", "198.18.0.101"])
    #expect(try bench.held == Self.two, "an advertisement alone serves no client")
    try bench.hearAnnouncement(of: "198.18.0.101")
    #expect(try bench.held == ["198.18.0.100/24"])
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
    #expect(bench.engine.routerNames.isEmpty)
  }

  @Test func `without a successor the addresses go after an interval and a margin`() throws {
    let bench = try holder(settings())
    bench.engine.remove("web")
    bench.pass(.milliseconds(1090))
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.pass(.milliseconds(20))
    #expect(try bench.held == [])
    #expect(bench.engine.routerNames.isEmpty)
  }

  @Test func `a successor that never announces is not waited for much longer`() throws {
    let bench = try holder(settings())
    bench.engine.remove("web")
    bench.pass(.milliseconds(50))
    try bench.hear(100, from: "198.18.0.2")
    bench.pass(.milliseconds(195))
    #expect(try bench.held == ["198.18.0.100/24"])
    // Its further advertisements don't prolong the wait.
    try bench.hear(100, from: "198.18.0.2")
    bench.pass(.milliseconds(10))
    #expect(try bench.held == [])
  }

  @Test func `a farewell of another one names no successor`() throws {
    let bench = try holder(settings())
    bench.engine.remove("web")
    bench.pass(.milliseconds(50))
    try bench.hear(0, from: "198.18.0.2")
    bench.pass(.milliseconds(1000))
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.pass(.milliseconds(100))
    #expect(try bench.held == [])
  }

  @Test func `its own advertisement, looped back, names no successor`() throws {
    let bench = try holder(settings())
    bench.engine.remove("web")
    bench.pass(.milliseconds(50))
    try bench.hear(100, from: "198.18.0.1")
    bench.pass(.milliseconds(1000))
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `one that is preempted keeps its addresses until they are announced elsewhere`() throws
  {
    let bench = try holder(settings())
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.state() == .backup)
    #expect(try bench.held == ["198.18.0.100/24"])
    let announced = bench.platform.wire.frames.count
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
    #expect(bench.platform.wire.frames.count == announced)
  }

  @Test func `its own announcement, looped back, is not taken for another's`() throws {
    let bench = try holder(settings())
    try bench.hear(200, from: "198.18.0.2")
    try bench.hearAnnouncement(
      of: "198.18.0.100", from: try #require(FakePlatform.eth0.macAddress))
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `strict removes at once`() throws {
    let bench = try holder(settings(handover: .strict))
    try bench.hear(200, from: "198.18.0.2")
    #expect(try bench.held == [])
  }

  @Test func `one that can't hear of a new holder removes at once`() throws {
    let bench = try Bench()
    bench.platform.wire.filterFailure = FrameError(
      interface: "eth0", operation: "filter", errorNumber: 12)
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(try bench.held == ["198.18.0.100/24"])
    try bench.hear(200, from: "198.18.0.2")
    #expect(try bench.held == [])
  }

  @Test func `what is removed begins with the last address`() throws {
    let bench = try holder(settings(Self.two, handover: .strict))
    bench.platform.fake.forgetRequests()
    try bench.hear(200, from: "198.18.0.2")
    // The others of a subnet may depend on the first.
    let removed = bench.platform.fake.requests.compactMap { request -> String? in
      if case .remove(let request) = request { request.address.description } else { nil }
    }
    #expect(removed == Self.two.reversed())
  }

  @Test func `a link that goes down ends the waiting`() throws {
    let bench = try holder(settings())
    try bench.hear(200, from: "198.18.0.2")
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.platform.fake.setFlags([.up, .broadcast, .multicast], onInterface: 2)
    bench.settle()
    #expect(try bench.held == [])
  }

  @Test func `a new holder that dies at once gets the addresses back into service`() throws {
    let bench = try holder(settings(interval: #require(AdvertisementInterval("10ms"))))
    try bench.hear(200, from: "198.18.0.2")
    let announced = bench.platform.wire.frames.count
    // The advertisement said one second, which is what counts from now on.
    bench.pass(.milliseconds(190))
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.100/24"])
    #expect(bench.platform.wire.frames.count > announced)
  }

  @Test func `a long wait does not outlive the lease`() throws {
    let bench = try holder(settings(interval: #require(AdvertisementInterval("20s"))))
    // A refresh is due soon after the farewell.
    bench.pass(.seconds(15))
    bench.engine.remove("web")
    for _ in 0..<39 {
      bench.pass(.milliseconds(500))
      let record = try #require(try bench.platform.fake.addresses().first(where: \.isOurs))
      // A lease of four intervals, of which less than one was over at the farewell.
      #expect(try #require(record.validLifetime) >= .seconds(40))
    }
    bench.pass(.seconds(1))
    #expect(try bench.held == [])
  }

  @Test func `a farewell that is heard during a handover is no successor`() throws {
    let bench = try holder(settings())
    bench.engine.remove("web")
    bench.pass(.milliseconds(50))
    try bench.hear(0, from: "198.18.0.2")
    bench.pass(.milliseconds(1000))
    #expect(try bench.held == ["198.18.0.100/24"], "its sender serves no more than we do")
    bench.pass(.milliseconds(60))
    #expect(try bench.held == [])
  }

  @Test func `what another program removes during a handover is not waited for`() throws {
    let bench = try holder(settings(Self.two))
    try bench.hear(200, from: "198.18.0.2", addresses: ["198.18.0.100", "198.18.0.101"])
    bench.platform.fake.remove(try #require(InterfaceAddress("198.18.0.101/24")), onInterface: 2)
    bench.settle()
    #expect(try bench.held == ["198.18.0.100/24"])
    try bench.hearAnnouncement(of: "198.18.0.101")
    #expect(try bench.held == ["198.18.0.100/24"], "its own announcement is still to come")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
    #expect(bench.platform.wire.filter == .nothing, "nothing is waited for")
  }

  @Test func `an address taken out during a handover goes, the others stay`() throws {
    let bench = try holder(settings(Self.two))
    try bench.engine.resign("web", for: nil)
    bench.pass(.milliseconds(50))
    try bench.engine.change([settings(["198.18.0.100/24", "198.18.0.103/24"])])
    bench.settle()
    #expect(try bench.held == ["198.18.0.100/24"])
    try bench.hear(90, from: "198.18.0.2", addresses: ["198.18.0.100", "198.18.0.103"])
    try bench.hearAnnouncement(of: "198.18.0.103")
    #expect(try bench.held == ["198.18.0.100/24"], "the new address was never here")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
  }

  @Test func `announcements are listened to only when needed`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(1))
    #expect(bench.platform.wire.filter == .nothing)
    bench.pass(.seconds(4))
    #expect(bench.platform.wire.filter != .nothing)
    try bench.hear(200, from: "198.18.0.2")
    #expect(bench.platform.wire.filter != .nothing)
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(bench.platform.wire.filter == .nothing)
    #expect(!bench.platform.watched.contains(.wire(2)))
  }
}
