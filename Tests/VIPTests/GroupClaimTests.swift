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

  @Test func `a process without the capabilities of a node keeps none from its names`() throws {
    let name = "test-bare-\(getpid())"
    let first = LinuxNameRegistry()
    let second = LinuxNameRegistry { process in process == getpid() }
    #expect(try first.claimName(name) && second.claimName(name))
    let third = LinuxNameRegistry { _ in false }
    #expect(try !third.claimName(name))
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
