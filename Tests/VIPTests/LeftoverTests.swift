import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// Addresses with our tag that a node finds on its interface and has not put there.
@Suite struct LeftoverTests {
  private let own = InterfaceAddress("198.18.0.100/24")

  private func bench(with lifetime: Duration?) throws -> Bench {
    let bench = try Bench()
    let request = AddressRequest(
      interfaceIndex: 2, address: try #require(own), lifetime: lifetime)
    #expect(bench.platform.fake.install([request]) == [nil])
    bench.platform.fake.forgetRequests()
    return bench
  }

  private func removals(_ bench: Bench) -> [InterfaceAddress] {
    bench.platform.fake.requests.compactMap {
      if case .remove(let request) = $0 { request.address } else { nil }
    }
  }

  @Test func `an address without an end goes at once`() throws {
    let bench = try bench(with: nil)
    try bench.engine.add(settings())
    bench.settle()
    #expect(removals(bench) == [own])
    #expect(try bench.held == [])
  }

  @Test func `a leased address is another living node's and stays`() throws {
    let bench = try bench(with: .seconds(3))
    try bench.engine.add(settings())
    bench.pass(.seconds(2))
    #expect(removals(bench) == [])
    #expect(try bench.held == ["198.18.0.100/24"])
    // Without its node it goes by itself.
    bench.pass(.milliseconds(1100))
    #expect(try bench.held == [])
    #expect(removals(bench) == [])
  }

  @Test func `what is listed goes, whatever lease it has, and nothing else`() throws {
    let bench = try bench(with: .seconds(3))
    let other = try #require(InterfaceAddress("198.18.0.101/24"))
    _ = bench.platform.fake.install([AddressRequest(interfaceIndex: 2, address: other)])
    bench.settle()
    bench.engine.removeLeftovers([
      AddressFile.Entry(interface: "eth0", address: try #require(own)),
      AddressFile.Entry(interface: "eth1", address: other),
    ])
    #expect(removals(bench) == [own])
    #expect(try bench.held == ["198.18.0.101/24"])
  }

  /// A node that finds an address of its earlier life.
  private func laterLife(with lifetime: Duration?) throws -> Bench {
    let bench = try bench(with: lifetime)
    bench.settle()
    bench.engine.takeOverLeftovers([
      AddressFile.Entry(interface: "eth0", address: try #require(own))
    ])
    #expect(removals(bench) == (lifetime == nil ? [own] : []))
    return bench
  }

  @Test func `a router goes on with what its earlier life has left`() throws {
    let bench = try laterLife(with: .seconds(3))
    try bench.engine.add(settings())
    bench.settle()
    #expect(try bench.state() == .backup && bench.held == ["198.18.0.100/24"])
    // Refreshed as long as it waits for an Active, and held by itself then.
    bench.pass(.seconds(10))
    #expect(try bench.state() == .active && bench.held == ["198.18.0.100/24"])
    #expect(removals(bench) == [])
  }

  @Test func `what an earlier life has left goes with a successor's announcement`() throws {
    let bench = try laterLife(with: .seconds(3))
    try bench.engine.add(settings())
    bench.settle()
    try bench.hear(200, from: "198.18.0.2")
    #expect(try bench.held == ["198.18.0.100/24"])
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == [])
    #expect(bench.state() == .backup)
  }

  @Test func `a strict router does not go on with what its earlier life has left`() throws {
    let bench = try laterLife(with: .seconds(3))
    try bench.engine.add(settings(handover: .strict))
    #expect(try removals(bench) == [own] && bench.held == [])
  }

  @Test func `what has no lease goes at once`() throws {
    let bench = try laterLife(with: nil)
    #expect(try bench.held == [])
    try bench.engine.add(settings())
    bench.settle()
    #expect(removals(bench) == [own] && bench.state() == .backup)
  }

  @Test func `what no router goes on with goes when the first one comes`() throws {
    let bench = try laterLife(with: .seconds(3))
    try bench.engine.add(settings(["198.18.0.101/24"]))
    #expect(try removals(bench) == [own] && bench.held == [])
  }

  @Test func `without routers it goes after two seconds`() throws {
    let bench = try laterLife(with: .seconds(30))
    bench.pass(.milliseconds(1900))
    #expect(removals(bench) == [])
    bench.pass(.milliseconds(200))
    #expect(try removals(bench) == [own] && bench.held == [])
  }

  @Test func `a node that ends without routers leaves nothing of its earlier life`() throws {
    let bench = try laterLife(with: .seconds(30))
    bench.engine.dismissGuard()
    #expect(try removals(bench) == [own] && bench.held == [])
  }

  @Test func `a router that waits does not go on with what its earlier life has left`() throws {
    let bench = try laterLife(with: .seconds(30))
    bench.platform.foreignAddresses = [try #require(own).address]
    try bench.engine.add(settings(), unready: .wait)
    bench.settle()
    // Another node that lives has it.
    #expect(try removals(bench) == [] && bench.held == ["198.18.0.100/24"])
    bench.pass(.seconds(4))
    #expect(removals(bench) == [])
  }

  @Test(arguments: ["2001:db8::10/64", "2001:db8::11/64"])
  func `what another node has taken over stays, with its route`(_ text: String) throws {
    let bench = try Bench()
    let kernel = bench.platform.fake
    let listed = try #require(InterfaceAddress("2001:db8::10/64"))
    let held = try #require(InterfaceAddress(text))
    let old = try #require(InterfaceAddress("198.18.0.101/24"))
    #expect(
      kernel.install([held, old].map { AddressRequest(interfaceIndex: 2, address: $0) })
        == [nil, nil])
    #expect(kernel.install(RouteRequest(interfaceIndex: 2, subnet: listed.network)) == nil)
    bench.settle()
    kernel.forgetRequests()
    bench.platform.foreignAddresses = [held.address]
    let entries = [listed, old].map { AddressFile.Entry(interface: "eth0", address: $0) }
    bench.engine.removeLeftovers(Set(entries))
    #expect(removals(bench) == [old])
    #expect(try bench.held == [text] && kernel.routes.map(\.subnet) == [listed.network])
    #expect(bench.platform.claimedAddresses.isEmpty)
    // The other one ends.
    bench.platform.foreignAddresses = []
    bench.engine.removeLeftovers(Set(entries))
    #expect(try bench.held == (held == listed ? [] : [text]) && kernel.routes.isEmpty)
    #expect(bench.platform.claimedAddresses.isEmpty)
  }

  @Test func `an address that another router of this node holds is no leftover`() throws {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    #expect(try bench.held == ["198.18.0.100/24"])
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(1))
    #expect(try bench.held == ["198.18.0.100/24"])
    #expect(removals(bench) == [])
  }

  @Test func `the same address on another interface is no leftover of this one`() throws {
    let bench = try Bench()
    bench.platform.fake.setLink(Link(index: 3, name: "eth1"))
    let request = AddressRequest(interfaceIndex: 3, address: try #require(own))
    #expect(bench.platform.fake.install([request]) == [nil])
    bench.settle()
    bench.platform.fake.forgetRequests()
    try bench.engine.add(settings())
    bench.settle()
    #expect(removals(bench) == [])
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `after lost events a stranger's removal is noticed`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(handover: .strict))
    bench.pass(.seconds(4))
    // That the node itself has removed the address is never reported.
    bench.platform.fake.eventCapacity = 0
    try bench.hear(200, from: "198.18.0.2")
    #expect(try bench.held == [])
    bench.settle()
    bench.platform.fake.eventCapacity = 10_000
    bench.pass(.seconds(5))
    #expect(try bench.held == ["198.18.0.100/24"])
    bench.platform.fake.remove(try #require(own), onInterface: 2)
    bench.settle()
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `after lost events what has vanished is put back`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.pass(.seconds(4))
    bench.platform.fake.eventCapacity = 0
    bench.platform.fake.remove(try #require(own), onInterface: 2)
    bench.settle()
    #expect(try bench.held.count == 2)
    #expect(
      bench.events.contains { if case .repaired = $0 { true } else { false } })
  }

  // MARK: Beside the host's own

  private func add(
    _ text: String, to bench: Bench, tag: UInt8 = vipProtocolTag, flags: AddressFlags = []
  ) throws {
    bench.platform.fake.add(
      AddressRecord(
        interfaceIndex: 2, address: try #require(InterfaceAddress(text)), flags: flags,
        protocolTag: tag))
  }

  private func addresses(_ bench: Bench) throws -> [String] {
    try bench.platform.fake.addresses().map(\.address.description)
  }

  @Test func `on the interface below a macvlan a leftover goes, a leased address stays`() throws {
    for lifetime in [nil, Duration.seconds(3)] {
      let bench = try bench(with: lifetime)
      try bench.engine.add(settings(virtualMAC: true))
      bench.pass(.seconds(1))
      #expect(removals(bench) == (lifetime == nil ? [own] : []))
      let records = try bench.platform.fake.addresses().filter { $0.isOurs }
      #expect(records.contains { $0.interfaceIndex == 2 } == (lifetime != nil))
    }
  }

  @Test func `a leased address is no leftover when it is added to a router`() throws {
    let bench = try bench(with: .seconds(3))
    try bench.engine.add(settings(["198.18.0.101/24"]))
    try bench.engine.change([settings(["198.18.0.101/24", "198.18.0.100/24"])])
    bench.pass(.seconds(1))
    #expect(removals(bench) == [])
  }

  @Test func `a leftover beside the host's own address goes, the host's stays`() throws {
    let bench = try Bench()
    try add("198.18.0.1/32", to: bench)
    try bench.engine.add(settings(["198.18.0.1/32"], priority: 255))
    bench.settle()
    #expect(bench.state() == .active)
    #expect(try addresses(bench).contains("198.18.0.1/24") && bench.held == [])
  }

  @Test(arguments: [false, true])
  func `an address of the host does not go with a leftover of its subnet`(isListed: Bool) throws {
    let bench = try Bench()
    let first = try #require(InterfaceAddress("198.18.7.1/24"))
    try add("\(first)", to: bench)
    try add("198.18.7.200/24", to: bench, tag: 0, flags: [.permanent, .secondary])
    if isListed {
      bench.engine.removeLeftovers([AddressFile.Entry(interface: "eth0", address: first)])
    } else {
      try bench.engine.add(settings(["\(first)"], virtualMAC: true))
    }
    bench.settle()
    #expect(removals(bench) == [first])
    #expect(try addresses(bench).contains("198.18.7.200/24"))
    #expect(!bench.platform.fake.promotesSecondaries, "as it was before")
  }
}
