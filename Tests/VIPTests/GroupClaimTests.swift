import Glibc
import Netlink
import TestSupport
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// One node of a machine serves a group, with or without a virtual MAC address.
@Suite struct GroupClaimTests {
  @Test func `a group that another node of the machine serves is waited for`() throws {
    let bench = try Bench()
    bench.platform.foreignNames = ["vip4-2-51"]
    bench.platform.foreignHolder = NameHolder(pid: 4711, user: 0)
    try bench.engine.add(settings(["198.18.0.100/24", "2001:db8::100/64"]))
    bench.pass(.seconds(5))
    #expect(bench.state() == .initialize && bench.state(.ipv6) == .active)
    #expect(try bench.held == ["2001:db8::100/64"])
    #expect(
      bench.engine.obstacle(to: "web")
        == "another node on this machine (process 4711 of user 0) serves VRID 51 of IPv4 on eth0; "
        + "stop it, or take another VRID")
    #expect(bench.platform.transport(.ipv4) == nil, "nothing is opened for it")
    // The other one ends.
    bench.platform.foreignNames = []
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(bench.platform.names == ["vip4-2-51", "vip6-2-51"])
    bench.engine.remove("web")
    bench.pass(.seconds(5))
    #expect(bench.platform.names.isEmpty)
  }

  private static let addressText =
    "another node on this machine (process 4711 of user 0) has 198.18.0.100 on eth0 in another group; "
    + "stop it, or take the address from one of the two"

  @Test func `an address that another node of the machine has in another group is waited for`()
    throws
  {
    let bench = try Bench()
    let taken = try #require(IPAddress("198.18.0.100"))
    bench.platform.foreignAddresses = [taken]
    bench.platform.foreignHolder = NameHolder(pid: 4711, user: 0)
    try bench.engine.add(
      settings(["198.18.0.100/24", "198.18.0.101/24", "2001:db8::100/64"], vrid: 52))
    bench.pass(.seconds(5))
    #expect(bench.state() == .initialize && bench.state(.ipv6) == .active)
    #expect(try bench.held == ["2001:db8::100/64"])
    #expect(bench.engine.obstacle(to: "web") == Self.addressText)
    #expect(bench.platform.names == ["vip6-2-52"], "the group is left to others meanwhile")
    // The other one ends.
    bench.platform.foreignAddresses = []
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
    #expect(bench.platform.claimedAddresses.count == 3)
    bench.engine.remove("web")
    bench.pass(.seconds(5))
    #expect(bench.platform.claimedAddresses.isEmpty)
  }

  @Test func `such an address that a router is given is left alone until it is free`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.101/24"]))
    bench.pass(.seconds(5))
    let taken = try #require(IPAddress("198.18.0.100"))
    bench.platform.foreignAddresses = [taken]
    bench.platform.foreignHolder = NameHolder(pid: 4711, user: 0)
    let more = ["198.18.0.101/24", "198.18.0.100/24", "198.18.0.102/24"]
    try bench.engine.change([settings(more)])
    bench.pass(.seconds(3))
    #expect(bench.state() == .active)
    #expect(try Set(bench.held) == ["198.18.0.101/24", "198.18.0.102/24"])
    #expect(bench.warnings == [Self.addressText])
    bench.platform.foreignAddresses = []
    bench.pass(.seconds(2))
    #expect(try bench.held.count == 3 && bench.warnings.isEmpty)
    try bench.engine.change([settings(["198.18.0.101/24"])])
    bench.pass(.seconds(2))
    #expect(bench.platform.claimedAddresses == [try #require(IPAddress("198.18.0.101"))])
  }

  @Test func `what moves from one router to another stays claimed`() throws {
    let bench = try Bench()
    try bench.engine.add(settings())
    bench.pass(.seconds(5))
    _ = try bench.engine.rearrange(Rearrangement(added: [settings(vrid: 61)]))
    for _ in 0..<10 {
      bench.pass(.milliseconds(500))
      #expect(bench.platform.claimedAddresses.count == 1)
    }
    #expect(bench.state() == .active)
  }

  @Test func `neighbouring addresses are one range, and no two have one place`() throws {
    let addresses = try ["198.18.0.7", "198.18.0.5", "198.18.0.6", "198.18.1.5", "198.18.0.5"].map {
      try #require(IPAddress($0))
    }
    let ranges = LinuxAddressRegistry.ranges(of: addresses, onInterface: 2)
    #expect(ranges.map(\.addresses.count) == [3, 1])
    let more = try ["2001:db8::5", "2001:db8::6", "2001:db8:1::5"].map {
      try #require(IPAddress($0))
    }
    #expect(
      LinuxAddressRegistry.ranges(of: more, onInterface: 2).map(\.addresses.count).sorted()
        == [1, 2])
    let ends = try ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
      .map { try #require(IPAddress($0)) }
    let places = (addresses.dropLast() + more + ends).flatMap { address in
      [1, 2, Int32.max].map { LinuxAddressRegistry.place(of: address, onInterface: $0) }
    }
    #expect(Set(places).count == places.count && places.allSatisfy { $0 >= 0 })
  }

  @Test func `the name goes with the interface and comes with it`() throws {
    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24"]))
    bench.pass(.seconds(5))
    #expect(bench.platform.names == ["vip4-2-51"])
    let link = try #require(try bench.platform.fake.link(2))
    bench.platform.fake.removeLink(index: 2)
    bench.settle()
    #expect(bench.platform.names.isEmpty)
    bench.platform.fake.setLink(link)
    let own = try #require(InterfaceAddress("198.18.0.1/24"))
    bench.platform.fake.add(
      AddressRecord(interfaceIndex: 2, address: own, flags: .permanent))
    bench.pass(.seconds(2))
    #expect(bench.platform.names == ["vip4-2-51"])
  }

  @Test func `clearing away a dead node's macvlan gives up no name that is in use`() throws {
    let dead = try Bench()
    var virtual = try settings(["198.18.0.100/24"])
    virtual.virtualMAC = true
    try dead.engine.add(virtual)
    dead.settle()
    let macvlan = try #require(try dead.platform.fake.links().first { $0.name == "vip4-2-51" })

    let bench = try Bench()
    try bench.engine.add(settings(["198.18.0.100/24"]))
    bench.settle()
    bench.platform.fake.setLink(macvlan)
    bench.engine.macvlans.removeStrays()
    #expect(try bench.platform.fake.links().map(\.name) == ["eth0"])
    #expect(bench.platform.names == ["vip4-2-51"])
  }

  @Test(.enabled(if: geteuid() == 0 && ProcessCapabilities.missing().isEmpty))
  func `whether a process has the capabilities of a node is seen`() throws {
    let folder = try TemporaryDirectory()
    let command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sleep", "600"]
    let bare = try ChildProcess(command, logPath: folder["log"])
    try eventually("it is another user's") {
      ProcessCapabilities.isWithoutNetAdmin(process: bare.pid)
    }
    // Those that can be nodes, and those that can't be looked at.
    for process in [getpid(), 0, -1, Int32.max] {
      #expect(!ProcessCapabilities.isWithoutNetAdmin(process: process))
    }
  }
}
