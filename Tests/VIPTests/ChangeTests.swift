import ARP
import Netlink
import Testing
import VIP
import VIPCore
import VIPTesting
import VRRP

/// Changes of a running node touch what is different and nothing else.
@Suite struct ChangeTests {
  private func installs(_ bench: Bench) -> [String] {
    bench.platform.fake.requests.compactMap {
      if case .install(let request) = $0 { request.address.description } else { nil }
    }
  }

  private func removals(_ bench: Bench) -> [String] {
    bench.platform.fake.requests.compactMap {
      if case .remove(let request) = $0 { request.address.description } else { nil }
    }
  }

  private func holder(_ settings: RouterConfiguration) throws -> Bench {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings)
    bench.pass(settings.interval.duration * 10)
    #expect(bench.state() == .active)
    bench.platform.fake.forgetRequests()
    return bench
  }

  @Test func `an address more beside a thousand costs one request and one burst`() throws {
    let many = (0..<1000).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/16" }
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings(many, vrid: 1, name: "big"))
    for vrid in 2...200 {
      try bench.engine.add(settings(["198.18.100.\(vrid)/16"], vrid: vrid, name: "r\(vrid)"))
    }
    bench.pass(.seconds(60))
    let transport = try #require(bench.platform.transport(.ipv4))
    let sent = transport.sentPriorities.count
    let announced = bench.platform.wire.claims.count
    let deadline = bench.engine.deadline
    let before = bench.engine.status()
    bench.platform.fake.forgetRequests()

    try bench.engine.change([settings(many + ["198.18.200.1/16"], vrid: 1, name: "big")])
    #expect(installs(bench) == ["198.18.200.1/16"], "at once")
    #expect(bench.engine.deadline == deadline, "no timer was touched")
    #expect(transport.sentPriorities.count == sent, "nothing was sent")
    bench.pass(.seconds(10))

    #expect(installs(bench) == ["198.18.200.1/16"])
    #expect(removals(bench).isEmpty)
    let burst = bench.platform.wire.claims.dropFirst(announced)
      .filter { $0.form == .announcement }
    #expect(Set(burst.map(\.address)) == [try #require(IPAddress("198.18.200.1"))])
    #expect((1...5).contains(burst.count), "\(burst.count) announcements")
    #expect((1990...2010).contains(transport.sentPriorities.count - sent), "every second, all 200")
    let after = bench.engine.status()
    for (old, new) in zip(before, after) {
      #expect(new.state == .active && new.statistics.masterTransitions == 1)
      #expect(old.name == new.name && old.reason == new.reason)
    }
    #expect(after.first?.addresses.count == 1001)
  }

  @Test func `addresses come and go in place, in the order of the settings`() throws {
    let bench = try holder(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    try bench.engine.change([settings(["198.18.0.102/24", "198.18.0.101/24"])])
    bench.settle()
    #expect(installs(bench) == ["198.18.0.102/24"])
    #expect(removals(bench) == ["198.18.0.100/24"])
    #expect(try Set(bench.held) == ["198.18.0.101/24", "198.18.0.102/24"])
    #expect(
      bench.engine.status().first?.addresses.map(\.address.description) == [
        "198.18.0.102/24", "198.18.0.101/24",
      ])
    bench.pass(.seconds(1))
    let message = try #require(bench.platform.transport(.ipv4)?.batches.last?.last)
    #expect(message[3] == 2 && message[11] == 102 && message[15] == 101)
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    let said = bench.events.filter { if case .repaired = $0 { true } else { false } }
    #expect(said.isEmpty, "our own removal is no loss")
    // What was removed is free again: another program may add it.
    bench.platform.fake.forgetRequests()
    bench.platform.fake.add(
      AddressRecord(interfaceIndex: 2, address: try #require(InterfaceAddress("198.18.0.100/24"))))
    bench.pass(.seconds(5))
    #expect(removals(bench).isEmpty && installs(bench).isEmpty)
  }

  @Test func `an address taken out and put back in one breath stays`() throws {
    let bench = try holder(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    try bench.engine.change([settings(["198.18.0.100/24"])])
    try bench.engine.change([settings(["198.18.0.100/24", "198.18.0.101/24"])])
    bench.pass(.seconds(3))
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.101/24"])
  }

  @Test func `another prefix length replaces the address`() throws {
    let bench = try holder(settings(["198.18.0.100/24"]))
    try bench.engine.change([settings(["198.18.0.100/32"])])
    bench.pass(.seconds(3))
    #expect(try bench.held == ["198.18.0.100/32"])
    #expect(bench.state() == .active)
  }

  @Test func `an address moves from one router to another and stays up`() throws {
    let bench = try Bench(lease: .off)
    try bench.engine.add(settings(["198.18.0.100/24", "198.18.0.101/24"], vrid: 1, name: "a"))
    try bench.engine.add(settings(["198.18.0.102/24"], vrid: 2, name: "b"))
    bench.pass(.seconds(10))
    let wanted = try [
      settings(["198.18.0.102/24", "198.18.0.101/24"], vrid: 2, name: "b"),
      settings(["198.18.0.100/24"], vrid: 1, name: "a"),
    ]
    try bench.engine.check(wanted)
    try bench.engine.change(wanted)
    bench.pass(.seconds(5))
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.101/24", "198.18.0.102/24"])
    bench.engine.remove("a")
    bench.pass(.seconds(3))
    #expect(try Set(bench.held) == ["198.18.0.101/24", "198.18.0.102/24"])
  }

  @Test func `an address that is put back while its removal is refused stays up`() throws {
    let bench = try holder(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    bench.platform.fake.failure = { request in
      guard case .remove = request else { return nil }
      return NetlinkError(operation: "remove", code: 16, message: "busy")
    }
    try bench.engine.change([settings(["198.18.0.100/24"])])
    bench.settle()
    try bench.engine.change([settings(["198.18.0.100/24", "198.18.0.101/24"])])
    bench.platform.fake.failure = nil
    bench.platform.fake.forgetRequests()
    for _ in 0..<30 {
      bench.pass(.milliseconds(100))
      #expect(try bench.held.count == 2)
    }
    #expect(removals(bench).isEmpty)
  }

  @Test func `a removal that the kernel refuses is tried again`() throws {
    let bench = try holder(settings(["198.18.0.100/24", "198.18.0.101/24"]))
    var isRefusing = true
    bench.platform.fake.failure = { request in
      if isRefusing, case .remove = request {
        return NetlinkError(operation: "remove", code: 16, message: "busy")
      }
      return nil
    }
    try bench.engine.change([settings(["198.18.0.100/24"])])
    bench.pass(.seconds(3))
    #expect(try bench.held.count == 2)
    #expect(bench.engine.status().first?.addresses.count == 1)
    isRefusing = false
    bench.pass(.seconds(2))
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `a backup puts nothing up`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(200, from: "198.18.0.2")
    bench.platform.fake.forgetRequests()
    try bench.engine.change([settings(["198.18.0.100/24", "198.18.0.101/24"])])
    bench.settle()
    #expect(installs(bench).isEmpty && removals(bench).isEmpty)
    bench.pass(.seconds(5))
    #expect(try Set(bench.held) == ["198.18.0.100/24", "198.18.0.101/24"])
  }

  @Test func `priority and interval change in place and are told at once`() throws {
    let bench = try holder(settings())
    let transport = try #require(bench.platform.transport(.ipv4))
    let new = try settings(
      priority: 42, preempts: false, interval: #require(AdvertisementInterval("100ms")))
    try bench.engine.change([new])
    #expect(transport.sentPriorities.last == 42)
    let sent = transport.sentPriorities.count
    bench.pass(.seconds(1))
    #expect((9...11).contains(transport.sentPriorities.count - sent))
    #expect(installs(bench).isEmpty && removals(bench).isEmpty)
    let status = try #require(bench.engine.status().first)
    #expect(status.priority.rawValue == 42 && status.statistics.masterTransitions == 1)
    let change = ChangeReport.Change(from: try settings(), to: new)
    #expect(bench.routerChanges() == [.settings(change)], "its priority is not told once more")
    #expect(change.description == "priority 100 → 42; interval 1s → 100ms; preempt true → false")
    #expect(change.settings == [.priority, .interval, .preempt])
  }

  @Test func `the first address of a family brings its router up, the last one takes it down`()
    throws
  {
    let bench = try holder(settings())
    try bench.engine.change([settings(["198.18.0.100/24", "2001:db8::100/64"])])
    bench.pass(.seconds(5))
    #expect(bench.state(.ipv6) == .active)
    #expect(try Set(bench.held) == ["198.18.0.100/24", "2001:db8::100/64"])
    let sent = bench.platform.transport(.ipv6)?.sentPriorities.count
    try bench.engine.change([settings(["2001:db8::100/64"])])
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0)
    #expect(try bench.held.contains("198.18.0.100/24"), "handing over")
    bench.pass(.seconds(2))
    #expect(try bench.held == ["2001:db8::100/64"])
    #expect(bench.state(.ipv4) == nil && bench.state(.ipv6) == .active)
    #expect((bench.platform.transport(.ipv6)?.sentPriorities.count ?? 0) >= (sent ?? 0) + 2)
  }

  @Test func `what is wrong changes nothing`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(vrid: 1, name: "a"))
    try bench.engine.add(settings(["198.18.0.101/24"], vrid: 2, name: "b"))
    let refused: [(RouterConfiguration, String)] = [
      (
        try settings(["198.18.0.100/24", "198.18.0.101/24"], vrid: 1, name: "a"),
        "a: 198.18.0.101 already belongs to 'b' on eth0"
      ),
      (
        try settings(["198.18.0.100/24", "198.18.0.1/24"], vrid: 1, name: "a"),
        "a: 198.18.0.1 is eth0's own address; stop the program that has added it, such as "
          + "keepalived, or remove it"
      ),
      (try settings([], vrid: 1, name: "a"), "a: no addresses are given; name at least one"),
      (
        try settings(vrid: 1, name: "a", interface: "eth7"),
        "a: there is no interface 'eth7'; this machine has eth0"
      ),
    ]
    for (settings, message) in refused {
      let error = #expect(throws: NodeError.self) { try bench.engine.check([settings]) }
      #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
  }

  @Test func `a lease that changes reaches the addresses that are held`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(4))
    bench.engine.setLease(.off)
    bench.pass(.seconds(10))
    let forever = try #require(try bench.platform.fake.addresses().first { $0.isOurs })
    #expect(forever.validLifetime == nil)
    bench.engine.setLease(try #require(LeasePolicy("10s")))
    for _ in 0..<60 {
      bench.pass(.milliseconds(500))
      #expect(try bench.held == ["198.18.0.100/24"])
    }
    let leased = try #require(try bench.platform.fake.addresses().first { $0.isOurs })
    #expect(try #require(leased.validLifetime) <= .seconds(10))
  }

  @Test func `another lease must suit all routers, also those that stay`() throws {
    let bench = try Bench()
    try bench.engine.add(
      settings(vrid: 1, name: "slow", interval: #require(AdvertisementInterval("10s"))))
    let quick = try settings(["198.18.0.101/24"], vrid: 2, name: "quick")
    let short = try #require(LeasePolicy("5s"))
    try bench.engine.check([quick])
    let error = #expect(throws: NodeError.self) {
      try bench.engine.check([quick], lease: short)
    }
    #expect(
      error?.description.hasPrefix(
        "slow: a lease of 5s is too short for an interval of 10s: the others wait") == true)
    try bench.engine.check([quick], removing: ["slow"], lease: short)
    let sufficient = try #require(LeasePolicy("30s"))
    try bench.engine.check([quick], lease: sufficient)
    let many = (0..<3000).map { "198.18.\(1 + $0 / 250).\(1 + $0 % 250)/16" }
    #expect(throws: NodeError.self) {
      try bench.engine.check(
        [settings(many, vrid: 3, name: "many")], removing: ["slow"], lease: short)
    }
  }

  // MARK: Commands

  @Test func `resigning hands over, and comes back if no other router is there`() throws {
    let bench = try holder(settings())
    try bench.engine.resign("web", for: nil)
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 0)
    #expect(try bench.held == ["198.18.0.100/24"], "served until another router does")
    #expect(bench.engine.status().first?.effectivePriority == .lowest)
    bench.pass(.seconds(4))
    #expect(bench.state() == .active)
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `promoting takes over with one step more`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    try bench.hear(200, from: "198.18.0.2")
    try bench.engine.promote("web")
    bench.settle()
    #expect(bench.platform.transport(.ipv4)?.sentPriorities.last == 201)
    #expect(try bench.held == ["198.18.0.100/24"])
  }

  @Test func `what the protocol does not allow is said and changes nothing`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    try bench.hear(254, from: "198.18.0.2")
    try bench.hear(
      100, from: "fe80::2", family: .ipv6, addresses: ["2001:db8::100"])
    let error = #expect(throws: NodeError.self) { try bench.engine.promote("web") }
    #expect(
      error?.description
        == "web IPv4: the Active 198.18.0.2 has priority 254, which cannot be exceeded; resign it "
        + "there")
    #expect(bench.state(.ipv4) == .backup && bench.state(.ipv6) == .backup)
    bench.platform.fake.setFlags([.up, .broadcast, .multicast], onInterface: 2)
    bench.settle()
    let waiting = #expect(throws: NodeError.self) { try bench.engine.resign("web", for: nil) }
    #expect(
      waiting?.description == "web IPv4: it does not take part: eth0 has no carrier")
  }
}
