import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Addresses that go from one router of a node to another in a change: served all the time, and by
/// one machine.
@Suite struct SuccessionTests {
  private static let vip = "198.18.0.100/24"
  private static let peer = "198.18.0.2"

  /// A router that holds its addresses.
  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench()
    bench.platform.fake.setLink(
      Link(
        index: 3, name: "eth1", macAddress: MACAddress(2, 0, 0, 0, 0, 7), mtu: 1500,
        flags: FakePlatform.eth0.flags, ipv4: [.arpIgnore: 0, .arpAnnounce: 1]))
    bench.platform.fake.setLink(
      Link(
        index: 2, name: "eth0", macAddress: FakePlatform.eth0.macAddress,
        ipv4: [.arpIgnore: 0, .arpAnnounce: 1]))
    for address in ["198.18.0.3/24", "fe80::3/64"] {
      bench.platform.fake.add(
        AddressRecord(
          interfaceIndex: 3, address: try #require(InterfaceAddress(address)), flags: .permanent))
    }
    bench.settle()
    try bench.engine.add(settings)
    bench.pass(settings.interval.duration * 5)
    #expect(bench.state() == .active)
    bench.platform.fake.forgetRequests()
    return bench
  }

  private func replace(_ bench: Bench, _ settings: RouterConfiguration...) throws {
    let late = try bench.engine.rearrange(Rearrangement(added: settings))
    #expect(late.isEmpty)
    bench.settle()
  }

  private func serves(_ bench: Bench, _ address: String = "198.18.0.100") throws -> Bool {
    bench.platform.fake.isLocal(try #require(IPAddress(address)))
  }

  /// Lets time pass; an address is served at each moment of it.
  private func expectService(_ bench: Bench, for duration: Duration) throws {
    for _ in 0..<Int(duration / .milliseconds(10)) {
      bench.pass(.milliseconds(10))
      guard try serves(bench) else {
        Issue.record("it is not served")
        return
      }
    }
  }

  private func removals(_ bench: Bench) -> Int {
    bench.platform.fake.requests.count { if case .remove = $0 { true } else { false } }
  }

  @Test func `a router alone gets another VRID: its address is not touched`() throws {
    let bench = try holder(settings())
    try replace(bench, settings(vrid: 61))
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0, "the former group is told")
    #expect(bench.state() == .backup)
    try expectService(bench, for: .seconds(4))
    #expect(bench.state() == .active && removals(bench) == 0)
    #expect(bench.engine.status().map(\.vrid.rawValue) == [61])
    let told = bench.events.filter { if case .removed = $0 { true } else { false } }
    #expect(told.isEmpty, "it has not gone")
    let change = ChangeReport.Change(from: try settings(), to: try settings(vrid: 61))
    #expect(bench.events.contains(.changed(router: "web", .settings(change))))
    #expect(bench.routerChanges().map(\.description) == ["VRID 51 → 61"])
    bench.engine.remove("web")
    bench.pass(.seconds(2))
    #expect(try bench.held.isEmpty && bench.engine.routerNames.isEmpty)
  }

  @Test func `the former group's next Active gets the address until it lets go`() throws {
    let bench = try holder(settings(priority: 200))
    try replace(bench, settings(priority: 200, vrid: 61))
    bench.pass(.milliseconds(600))
    try bench.hear(100, from: Self.peer)
    #expect(try serves(bench), "it has not announced it")
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try !serves(bench))
    for _ in 0..<10 {
      bench.pass(.seconds(1))
      try bench.hear(100, from: Self.peer)
    }
    #expect(try bench.state() == .backup && !serves(bench))
    #expect(
      bench.warnings == [
        "198.18.0.2 still holds addresses in VRID 51, in which this machine had them before; make "
          + "the same change there"
      ])
    #expect("\(bench.events)".contains("still holds addresses in VRID 51"))
    try bench.hear(0, from: Self.peer)
    bench.pass(.milliseconds(1000))
    #expect(bench.state() == .backup, "another member of the former group may take over")
    bench.pass(.milliseconds(400))
    #expect(try bench.state() == .active && serves(bench))
  }

  @Test func `a former group whose Active falls silent keeps nothing`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(200, from: Self.peer)
    try replace(bench, settings(vrid: 61))
    bench.pass(.milliseconds(4000))
    #expect(bench.state() == .backup, "its own timer is over")
    bench.pass(.milliseconds(1000))
    #expect(bench.state() == .active)
  }

  @Test func `the Active of the new group gets the address`() throws {
    let bench = try holder(settings())
    try replace(bench, settings(vrid: 61))
    bench.pass(.milliseconds(300))
    try bench.hear(200, from: Self.peer, vrid: 61)
    bench.pass(.milliseconds(150))
    #expect(try serves(bench))
    bench.pass(.milliseconds(60))
    #expect(try !serves(bench) && bench.state() == .backup)
  }

  @Test func `another version, ownership and their end cost nothing either`() throws {
    let bench = try holder(settings())
    var old = try settings()
    old.version = .v2
    for next in try [old, settings(priority: 255), settings(), settings(vrid: 61)] {
      try replace(bench, next)
      try expectService(bench, for: .seconds(5))
      #expect(bench.state() == .active)
    }
    #expect(removals(bench) == 0)
  }

  @Test func `to a virtual MAC address, to another interface and back`() throws {
    let bench = try holder(settings())
    let places = [(true, "eth0"), (true, "eth1"), (false, "eth1"), (false, "eth0")]
    for (isVirtual, interface) in places {
      try replace(bench, settings(interface: interface, virtualMAC: isVirtual))
      #expect(bench.engine.status().count == 1, "what lingers is not told of")
      #expect(bench.engine.status().first?.addresses.first?.installed == true)
      try expectService(bench, for: .seconds(5))
      #expect(bench.state() == .active)
      #expect(!bench.engine.isLeaving("web"))
    }
    #expect(try bench.held == [Self.vip])
    let links = try bench.platform.fake.links().map(\.name).sorted()
    #expect(links.filter { $0.hasPrefix("vip") }.isEmpty)
  }

  @Test func `what lingers goes when the router in its place can't come`() throws {
    let bench = try holder(settings())
    try replace(bench, settings(interface: "eth1"))
    bench.pass(.seconds(1))
    bench.platform.fake.setFlags([.broadcast], onInterface: 3)
    bench.settle()
    #expect(try serves(bench))
    bench.pass(.milliseconds(1200))
    #expect(try !serves(bench))
  }

  @Test func `what lingers goes when another machine announces it`() throws {
    let bench = try holder(settings())
    try replace(bench, settings(virtualMAC: true))
    bench.pass(.milliseconds(600))
    try bench.hear(200, from: Self.peer)
    try bench.hearAnnouncement(of: "198.18.0.100")
    bench.settle()
    #expect(try bench.held.filter { $0 == Self.vip }.count <= 1)
    let present = try bench.platform.fake.addresses().contains {
      $0.isOurs && $0.interfaceIndex == 2
    }
    #expect(!present)
  }

  @Test(arguments: [("eth0", true), ("eth1", false)])
  func `what lingers does not go with an address of another router`(
    interface: String, isVirtual: Bool
  ) throws {
    let bench = try holder(settings())
    let mail = ["198.18.0.102/24"]
    try bench.engine.add(settings(mail, vrid: 52, name: "mail"))
    bench.pass(.seconds(5))
    try replace(
      bench, settings(interface: interface, virtualMAC: isVirtual),
      settings(mail, vrid: 52, name: "mail", interface: interface, virtualMAC: isVirtual))
    bench.pass(.milliseconds(400))
    try bench.hearAnnouncement(of: "198.18.0.102")
    bench.settle()
    #expect(try serves(bench), "nothing was said about it")
    #expect(
      try !bench.platform.fake.addresses().contains {
        $0.isOurs && $0.interfaceIndex == 2 && $0.address.description == "198.18.0.102/24"
      })
    try bench.hearAnnouncement(of: "198.18.0.100")
    bench.settle()
    #expect(
      try !bench.platform.fake.addresses().contains { $0.isOurs && $0.interfaceIndex == 2 })
  }

  @Test func `swapped VRIDs and another name leave every address where it is`() throws {
    let bench = try holder(settings(vrid: 51))
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 52, name: "mail"))
    bench.pass(.seconds(5))
    bench.platform.fake.forgetRequests()
    try replace(
      bench, settings(vrid: 52), settings(["198.18.0.102/24"], vrid: 51, name: "mail"))
    try expectService(bench, for: .seconds(5))
    #expect(try bench.held.count == 2 && removals(bench) == 0)
    #expect(bench.engine.status().allSatisfy { $0.state == .active })
    _ = try bench.engine.rearrange(
      Rearrangement(removed: ["web"], added: [settings(vrid: 70, name: "www")]))
    try expectService(bench, for: .seconds(5))
    #expect(removals(bench) == 0)
    #expect(bench.engine.routerNames.sorted() == ["mail", "www"])
  }

  @Test func `addresses swapped with an Active elsewhere have one holder each`() throws {
    let bench = try holder(settings())
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 52, name: "mail"))
    func hearMail(_ address: String) throws {
      try bench.hear(200, from: Self.peer, vrid: 52, addresses: [address])
    }
    for _ in 0..<3 {
      try hearMail("198.18.0.102")
      bench.pass(.seconds(1))
    }
    try bench.engine.change([
      settings(["198.18.0.102/24"]), settings([Self.vip], vrid: 52, name: "mail"),
    ])
    for _ in 0..<10 {
      try hearMail("198.18.0.102")
      try expectService(bench, for: .seconds(1))
      #expect(try !serves(bench, "198.18.0.102"))
    }
    try hearMail("198.18.0.100")
    #expect(try serves(bench, "198.18.0.102"), "the other has let go of it")
    #expect(try serves(bench))
    try bench.hearAnnouncement(of: "198.18.0.100")
    #expect(try bench.held == ["198.18.0.102/24"])
  }

  @Test func `a strict router lets go at once`() throws {
    let bench = try holder(settings(handover: .strict))
    try replace(bench, settings(vrid: 61, handover: .strict))
    #expect(try bench.held.isEmpty)
    bench.pass(.seconds(4))
    #expect(try bench.held == [Self.vip])
  }

  @Test func `a router that is replaced does not probe again for what it had`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(probes: true))
    bench.pass(.seconds(5))
    try replace(bench, settings(["198.18.0.100/24", "198.18.0.101/24"], vrid: 61, probes: true))
    bench.pass(.seconds(1))
    let probed = bench.platform.wire.claims.filter { $0.form == .probe }.map(\.address.description)
    #expect(probed.count { $0 == "198.18.0.100" } == 3)
    #expect(probed.count { $0 == "198.18.0.101" } == 3)
  }

  @Test func `what needs another one's macvlan waits until that is gone`() throws {
    let bench = try holder(settings(virtualMAC: true))
    let other = try settings(["198.18.0.102/24"], vrid: 52, name: "mail", virtualMAC: true)
    try bench.engine.add(other)
    bench.pass(.seconds(5))
    let next = try [
      settings(vrid: 52, virtualMAC: true),
      settings(["198.18.0.102/24"], vrid: 51, name: "mail", virtualMAC: true),
    ]
    let late = try bench.engine.rearrange(Rearrangement(added: next))
    #expect(late.added == next)
    #expect(try serves(bench), "it hands over meanwhile")
    bench.pass(.milliseconds(1200))
    #expect(bench.engine.routerNames.isEmpty)
    #expect(try bench.engine.rearrange(late).isEmpty)
    bench.pass(.seconds(5))
    #expect(try bench.state() == .active && serves(bench) && serves(bench, "198.18.0.102"))
  }

  @Test func `another version under a virtual MAC address leaves its interface as it is`() throws {
    let bench = try holder(settings(virtualMAC: true))
    let before = try bench.platform.fake.link(named: "vip4-2-51")
    var next = try settings(virtualMAC: true)
    next.version = .v2
    bench.platform.fake.forgetRequests()
    try replace(bench, next)
    try expectService(bench, for: .seconds(5))
    #expect(bench.state() == .active)
    #expect(try bench.platform.fake.link(named: "vip4-2-51")?.index == before?.index)
    let changes = bench.platform.fake.requests.filter {
      if case .change = $0 { true } else { false }
    }
    #expect(changes.isEmpty)
    bench.engine.remove("web")
    bench.pass(.seconds(3))
    #expect(try bench.platform.fake.link(named: "vip4-2-51") == nil)
    #expect(try bench.platform.fake.link(2)?.ipv4[.arpIgnore] == 0, "as it was")
  }

  @Test func `under a virtual MAC address the next Active's advertisement ends it`() throws {
    let bench = try holder(settings(virtualMAC: true))
    var next = try settings(virtualMAC: true)
    next.version = .v2
    try replace(bench, next)
    bench.pass(.milliseconds(500))
    #expect(try serves(bench))
    try bench.hear(100, from: Self.peer)
    #expect(try !serves(bench), "the former group's")
    #expect(try bench.platform.fake.link(named: "vip4-2-51")?.isUp == false)
  }

  @Test func `an owner's own address can't become another router's`() throws {
    let bench = try holder(settings(["198.18.0.1/24"], priority: 255))
    let error = #expect(throws: NodeError.self) {
      try bench.engine.check([settings(["198.18.0.1/24"])])
    }
    #expect(error?.description.contains("eth0's own address") == true)
  }

  @Test func `a change of the list is advertised at once, and no more than four times an interval`()
    throws
  {
    let bench = try holder(settings())
    let transport = try #require(bench.platform.transport(.ipv4))
    let sent = transport.sentPriorities.count
    for number in 1...20 {
      let list = (0...number).map { "198.18.0.\(100 + $0)/24" }
      try bench.engine.change([settings(list)])
      if number == 1 {
        #expect(transport.sentPriorities.count == sent + 1)
        #expect(transport.batches.last?.last?[3] == 2, "with the new list")
      }
    }
    bench.pass(.milliseconds(300))
    #expect(transport.sentPriorities.count == sent + 2)
    #expect(transport.batches.last?.last?[3] == 21, "with the last list")
    try bench.engine.change([settings(priority: 90)])
    #expect(transport.sentPriorities.count == sent + 3, "once, though the priority changes too")
  }

  @Test func `a Backup says nothing when its list changes`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(200, from: Self.peer)
    try bench.engine.change([settings([Self.vip, "198.18.0.101/24"])])
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.isEmpty == true)
  }
}
