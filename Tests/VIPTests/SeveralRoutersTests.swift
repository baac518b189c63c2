import ARP
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Routers beside one another on one node: what one does must not change what another is due.
@Suite struct SeveralRoutersTests {
  private func interval(_ text: String) throws -> AdvertisementInterval {
    try #require(AdvertisementInterval(text))
  }

  @Test func `each handover ends in its own time`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24"]))
    try bench.engine.add(
      settings(["198.18.0.101/24"], vrid: 52, name: "mail", interval: interval("2s")))
    bench.pass(.seconds(9))
    #expect(try bench.held.count == 2)
    bench.engine.remove("web")
    bench.engine.remove("mail")
    bench.pass(.milliseconds(1050))
    #expect(try bench.held.count == 2)
    bench.pass(.milliseconds(100))
    #expect(try bench.held == ["198.18.0.101/24"])
    bench.pass(.milliseconds(1000))
    #expect(try bench.held == [])
    #expect(bench.engine.routerNames.isEmpty)
  }

  @Test func `takeovers do not put off the refreshing of other addresses`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24"]))
    bench.pass(.seconds(4))
    let own = try #require(InterfaceAddress("198.18.0.100/24"))
    var refreshes = [bench.platform.time]
    bench.platform.fake.failure = { request in
      if case .install(let request) = request, request.address == own {
        refreshes.append(bench.platform.time)
      }
      return nil
    }
    // One takeover after the other, each sooner than the lease is to be refreshed.
    for number in 1...10 {
      try bench.engine.add(
        settings(["198.18.0.\(number + 100)/24"], vrid: number, name: "r\(number)"))
      bench.pass(.milliseconds(800))
    }
    bench.pass(.seconds(4))
    bench.platform.fake.failure = nil
    #expect(try bench.held.count == 11)
    refreshes.append(bench.platform.time)
    let longest = zip(refreshes, refreshes.dropFirst()).map { $1 - $0 }.max()
    #expect(try #require(longest) <= .milliseconds(1010))
  }

  @Test(arguments: [LeasePolicy.default, .off])
  func `an address that moves to a Backup stays until its Active announces it`(
    lease: LeasePolicy
  ) throws {
    let bench = try Bench(lease: lease)
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 52, name: "mail"))
    for _ in 0..<5 {
      try bench.hear(200, from: "198.18.0.2", vrid: 52, addresses: ["198.18.0.102"])
      bench.pass(.seconds(1))
    }
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.101/24"])
    try bench.engine.change([
      settings(["198.18.0.100/24"]),
      settings(["198.18.0.102/24", "198.18.0.101/24"], vrid: 52, name: "mail"),
    ])
    for _ in 0..<10 {
      try bench.hear(200, from: "198.18.0.2", vrid: 52, addresses: ["198.18.0.102"])
      bench.pass(.seconds(1))
      #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.101/24"])
    }
    try bench.hear(
      200, from: "198.18.0.2", vrid: 52, addresses: ["198.18.0.102", "198.18.0.101"])
    try bench.hearAnnouncement(of: "198.18.0.101")
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.pass(.milliseconds(500))
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `an address that moves to another Active is back in the same moment`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(5))
    try bench.engine.change([
      settings(["198.18.0.100/24"]),
      settings(["198.18.0.102/24", "198.18.0.101/24"], vrid: 52, name: "mail"),
    ])
    bench.settle()
    #expect(try bench.held.count == 3)
    bench.pass(.seconds(5))
    #expect(try bench.held.count == 3)
    let routers = bench.engine.status().map { $0.addresses.map(\.address.description) }
    #expect(routers == [["198.18.0.100/24"], ["198.18.0.102/24", "198.18.0.101/24"]])
  }

  @Test func `a router that goes takes nothing of the others along`() throws {
    let bench = try Bench()
    for number in 1...3 {
      try bench.engine.add(
        settings(["198.18.0.\(number + 100)/24"], vrid: number, name: "r\(number)"))
    }
    bench.pass(.seconds(5))
    bench.engine.remove("r2")
    bench.pass(.seconds(20))
    #expect(try Set(bench.held) == ["198.18.0.101/24", "198.18.0.103/24"])
    #expect(bench.engine.routerNames == ["r1", "r3"])
    #expect(bench.engine.status().allSatisfy { $0.state == .active })
  }

  @Test func `advertisements are for the router whose VRID they have`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24"]))
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(5))
    try bench.hear(200, from: "198.18.0.2", vrid: 52, addresses: ["198.18.0.101"])
    let states = bench.engine.status().map(\.state)
    #expect(states == [.active, .backup])
    // Nor does it name a successor to a router that hands over.
    bench.engine.remove("web")
    bench.pass(.milliseconds(50))
    try bench.hear(200, from: "198.18.0.2", vrid: 52, addresses: ["198.18.0.101"])
    bench.pass(.milliseconds(900))
    #expect(try bench.held.contains("198.18.0.100/24"))
  }

  @Test func `an address that has moved is not removed later, when its removal is tried again`()
    throws
  {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(5))
    bench.platform.fake.failure = { request in
      guard case .remove = request else { return nil }
      return NetlinkError(operation: "remove", code: 16, message: "busy")
    }
    try bench.engine.change([
      settings(["198.18.0.100/24"]),
      settings(["198.18.0.102/24", "198.18.0.101/24"], vrid: 52, name: "mail"),
    ])
    bench.settle()
    bench.platform.fake.failure = nil
    bench.platform.fake.forgetRequests()
    bench.pass(.seconds(20))
    #expect(removals(bench) == [])
    #expect(try bench.held.count == 3)
    let routers = bench.engine.status().map { $0.addresses.map(\.address.description) }
    #expect(routers == [["198.18.0.100/24"], ["198.18.0.102/24", "198.18.0.101/24"]])
  }

  @Test func `a router that comes takes nothing from those that are there`() throws {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    bench.platform.fake.forgetRequests()
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(5))
    #expect(removals(bench) == [])
    #expect(try bench.held.count == 2)
  }

  @Test func `what the node removes and puts back in one moment is no loss`() throws {
    let bench = try Bench(lease: .off)
    // An owner takes its address again as soon as it takes part.
    try bench.engine.add(settings(priority: 255, handover: .strict))
    bench.pass(.seconds(5))
    try bench.engine.setFitness(.unfit(because: "no answer"), of: "web", for: "health")
    try bench.engine.setFitness(.fit, of: "web", for: "health")
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.100/24"])
    let repairs = bench.events.filter { if case .repaired = $0 { true } else { false } }
    #expect(repairs == [])
  }

  private func removals(_ bench: Bench) -> [InterfaceAddress] {
    bench.platform.fake.requests.compactMap {
      if case .remove(let request) = $0 { request.address } else { nil }
    }
  }
}
