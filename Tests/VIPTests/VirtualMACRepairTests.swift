import ARP
import Glibc
import Netlink
import Testing
import VIPCore
import VIPTesting
import VRRP

@testable import VIP

/// What others do to macvlans, and what they leave of theirs.
extension VirtualMACTests {
  // MARK: Others

  @Test func `what a dead node left is removed, and its interface gets its settings back`() throws {
    try start()
    takeOver()
    let link = try #require(try macvlan())
    // Another life on the same machine, to which the name is free.
    let later = try Bench()
    later.platform.fake.setLink(
      Link(index: 2, name: "eth0", ipv4: [.arpIgnore: 1, .arpAnnounce: 2]))
    later.platform.fake.setLink(link)
    later.engine.removeLeftovers([])
    #expect(try later.platform.fake.links().map(\.name) == ["eth0"])
    #expect(try later.platform.fake.link(2)?.ipv4[.arpIgnore] == 0)
    #expect(try later.platform.fake.link(2)?.ipv4[.arpAnnounce] == 1)
  }

  @Test func `what a living node has is not touched`() throws {
    try start()
    let link = try #require(try macvlan())
    let other = try Bench()
    other.platform.fake.setLink(link)
    other.platform.foreignNames = ["vip4-2-51"]
    other.engine.removeLeftovers([])
    try other.engine.add(settings(virtualMAC: true))
    other.settle()
    #expect(try other.platform.fake.links().contains { $0.name == "vip4-2-51" })
    #expect(
      other.engine.obstacle(to: "web")
        == "another node on this machine serves VRID 51 of IPv4 on eth0; stop it, or take another "
        + "VRID")
    other.platform.foreignHolder = NameHolder(pid: 4711, user: 65534)
    other.pass(.seconds(2))
    #expect(
      other.engine.obstacle(to: "web")
        == "another node on this machine (process 4711 of user 65534) serves VRID 51 of IPv4 on "
        + "eth0; stop it, or take another VRID")
    other.platform.foreignNames = []
    other.pass(.seconds(2))
    #expect(other.engine.obstacle(to: "web") == nil)
  }

  @Test func `a stranger's interface is in the way and stays`() throws {
    fake.setLink(
      Link(
        index: 7, name: "vrrp.51", macAddress: Self.mac4, parentIndex: 2, kind: "macvlan"))
    bench.settle()
    try bench.engine.add(settings(virtualMAC: true))
    bench.settle()
    #expect(
      bench.engine.obstacle(to: "web")
        == "vrrp.51 is in the way of the virtual MAC address 00:00:5e:00:01:33 on eth0, and it is "
        + "not this node's; stop what uses it, or remove it with 'ip link delete vrrp.51'")
    #expect(try fake.links().contains { $0.name == "vrrp.51" } && macvlan() == nil)
    #expect(bench.platform.names.isEmpty)
  }

  @Test(arguments: [
    (Wording(virtualMACKey: "virtualMac"), "set virtualMac to false"),
    (Wording(), "do without a virtual MAC address"),
  ])
  func `without a writable setting there is no half of it`(
    wording: Wording, remedy: String
  ) throws {
    bench.engine.wording = wording
    bench.platform.settingFailure = 30
    try bench.engine.add(settings(virtualMAC: true))
    bench.settle()
    #expect(
      bench.engine.obstacle(to: "web")
        == "a virtual MAC address on eth0 needs to change net.ipv6.conf, which can't be "
        + "written (Read-only file system); let this container write /proc/sys/net, or "
        + remedy)
    #expect(try macvlan() == nil && bench.platform.names.isEmpty)
    #expect(
      !fake.requests.contains { if case .change(.create) = $0 { true } else { false } })
  }

  // MARK: Repair

  @Test func `removed by another program, it is made again and serves on`() throws {
    try start()
    takeOver()
    _ = fake.change([.delete(index: try #require(try macvlan()).index)])
    bench.settle()
    #expect(try macvlan()?.isUp == true && bench.held.count == 3)
    #expect(try isLocal("198.18.0.100"))
    bench.pass(.seconds(5))
    #expect(bench.state() == .active)
  }

  @Test func `switched by another program, it is switched back, at most once a second`() throws {
    try start()
    let index = try #require(try macvlan()).index
    _ = fake.change([.setUp(true, index: index)])
    bench.settle()
    #expect(try macvlan()?.isUp == false)
    takeOver()
    var raised = 0
    fake.failure = { request in
      if request == .change(.setUp(true, index: index)) { raised += 1 }
      return nil
    }
    for _ in 0..<10 {
      _ = fake.change([.setUp(false, index: index)])
      bench.settle()
    }
    #expect(raised == 1)
    bench.pass(.seconds(1))
    #expect(try macvlan()?.isUp == true && raised == 2)
  }

  @Test func `a handover does not end while its macvlan waits to be switched on again`() throws {
    try start()
    let many = (1...200).map { "198.18.1.\($0)/32" }
    try bench.engine.add(settings(many, vrid: 52, name: "other", handover: .strict))
    takeOver()
    bench.engine.remove("web")
    bench.pass(.milliseconds(50))
    // The removal of many addresses takes some turns.
    bench.engine.remove("other")
    let index = try #require(try macvlan()).index
    _ = fake.change([.setUp(false, index: index)])
    bench.engine.turn(ready: [.kernelEvents])
    #expect(try bench.held.count > 3 && macvlan() != nil, "the turn had no time for it")
    bench.settle()
    #expect(try macvlan()?.isUp == true && bench.held.count == 3)
  }

  @Test func `its interface goes and comes back under another number`() throws {
    try start()
    takeOver()
    fake.removeLink(index: 2)
    bench.settle()
    #expect(try macvlan() == nil && bench.platform.names.isEmpty)
    fake.setLink(Link(index: 9, name: "eth0", macAddress: FakePlatform.eth0.macAddress))
    fake.add(AddressRecord(interfaceIndex: 9, address: try #require(FakePlatform.ownV4)))
    bench.settle()
    #expect(try macvlan("vip4-9-51")?.parentIndex == 9)
    #expect(try bench.held == Self.three)
  }

  @Test(arguments: [true, false], [true, false])
  func `an MTU too small for IPv6 for a while leaves a macvlan that serves`(
    isActive: Bool, isSeenMeanwhile: Bool
  ) throws {
    try start(["2001:db8::100/64"])
    if isActive { takeOver6() }
    fake.setMTU(576, onInterface: 2)
    if isSeenMeanwhile {
      bench.pass(.seconds(3))
      #expect(bench.state(.ipv6) == .initialize)
      #expect(try macvlan("vip6-2-51") == nil, "it would be of no use")
    }
    fake.setMTU(1500, onInterface: 2)
    // Its part of IPv6 is made again, with its settings.
    fake.reportSettings(of: 2)
    bench.pass(.seconds(3))
    fake.add(AddressRecord(interfaceIndex: 2, address: try #require(FakePlatform.ownV6)))
    takeOver6()
    #expect(try macvlan("vip6-2-51")?.mtu == 1500)
    #expect(try bench.held == ["2001:db8::100/64"] && isLocal("2001:db8::100"))
    let warnings = bench.events.filter { if case .warning = $0 { true } else { false } }
    #expect(warnings.isEmpty && bench.warnings.isEmpty)
  }

  @Test func `its interface gets another name`() throws {
    try start()
    takeOver()
    var link = try #require(try fake.link(2))
    link.name = "lan0"
    fake.setLink(link)
    // It hands over before it goes.
    bench.pass(.seconds(2))
    #expect(try macvlan() == nil && bench.held == [])
    #expect(try parent(.arpIgnore) == 0)
  }

  @Test(.enabled(if: ProcessCapabilities.missing().isEmpty))
  func `a name is one process's at a time`() throws {
    let (first, second) = (LinuxNameRegistry(), LinuxNameRegistry())
    let name = "test-\(getpid())"
    #expect(try first.claimName(name) && first.claimName(name))
    let own = NameHolder(pid: getpid(), user: geteuid())
    for _ in 0..<40 {
      #expect(try !second.claimName(name))
      #expect(second.nameHolder(name) == own)
    }
    first.releaseName(name)
    #expect(try second.claimName(name) && second.nameHolder(name) == nil)
    #expect(try !first.claimName(name) && first.nameHolder(name) == own)
  }

  @Test(.enabled(if: ProcessCapabilities.missing().isEmpty))
  func `a socket that does not answer keeps none from its name`() throws {
    let claims = LinuxNameRegistry()
    let name = "test-silent-\(getpid())"
    let (known, silent) = (LinuxNameRegistry(), socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    #expect(try known.claimName(name) && !claims.claimName(name))
    #expect(claims.nameHolder(name) == NameHolder(pid: getpid(), user: geteuid()))
    known.releaseName(name)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = [0] + Array("vipctl/\(name)".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(silent, $0, length) }
    }
    #expect(bound == 0)
    // Nor does it inherit what was known of the one before.
    #expect(try claims.claimName(name) && claims.nameHolder(name) == nil)
    #expect(try !known.claimName(name))
    close(silent)
    #expect(try !known.claimName(name))
  }

  @Test func `an IPv6 address that Linux has refused is put up again`() throws {
    try start(["2001:db8::100/64"])
    takeOver6()
    let record = try #require(try fake.addresses().first(where: \.isOurs))
    var refused = record
    refused.flags.insert(.dadFailed)
    fake.add(refused)
    bench.settle()
    let now = try #require(try fake.addresses().first(where: \.isOurs))
    #expect(!now.flags.contains(.dadFailed) && now.flags.contains(.noDAD))
    #expect(bench.state(.ipv6) == .active)
  }

  @Test func `one whose removal is refused too is tried again and not forgotten`() throws {
    try start(["2001:db8::100/64"])
    takeOver6()
    var refused = try #require(try fake.addresses().first(where: \.isOurs))
    refused.flags.insert(.dadFailed)
    fake.failure = { request in
      guard case .remove(let request) = request else { return nil }
      return NetlinkError(operation: "remove \(request.address)", code: EBUSY)
    }
    fake.add(refused)
    bench.settle()
    #expect(bench.engine.status().first?.problems.isEmpty == false)
    fake.failure = nil
    bench.pass(.seconds(2))
    // A later removal by another program is no echo of ours.
    let record = try #require(try fake.addresses().first(where: \.isOurs))
    fake.remove(record.address, onInterface: record.interfaceIndex)
    bench.pass(.seconds(2))
    #expect(try fake.addresses().contains(where: \.isOurs))
  }

  @Test func `a macvlan that can't be switched off is reported and switched off when it can be`()
    throws
  {
    try start()
    takeOver()
    fake.failure = { request in
      guard case .change(.setUp(false, let index)) = request else { return nil }
      return NetlinkError(operation: "switch off interface \(index)", code: EBUSY)
    }
    try bench.hear(200, from: "198.18.0.9")
    bench.pass(.seconds(3))
    #expect(try macvlan()?.isUp == true)
    #expect(bench.engine.status().first?.problems.contains { $0.kind == .macvlan } == true)
    fake.failure = nil
    for _ in 0..<3 {
      try bench.hear(200, from: "198.18.0.9")
      bench.pass(.seconds(1))
    }
    #expect(try macvlan()?.isUp == false)
    #expect(bench.engine.status().first?.problems.contains { $0.kind == .macvlan } == false)
  }

  @Test func `a macvlan that can't be switched off serves again when its router takes over again`()
    throws
  {
    try start()
    takeOver()
    fake.failure = { request in
      guard case .change(.setUp(false, let index)) = request else { return nil }
      return NetlinkError(operation: "switch off interface \(index)", code: EBUSY)
    }
    try bench.hear(200, from: "198.18.0.9")
    bench.pass(.milliseconds(1500))
    #expect(bench.state() == .backup)
    #expect(try macvlan()?.isUp == true)
    // What takes over next is gone before the next attempt.
    let before = frames(from: Self.mac4).count
    try bench.hear(0, from: "198.18.0.9")
    bench.pass(.seconds(4))
    let status = try #require(bench.engine.status().first)
    #expect(status.state == .active && status.takeovers.pendingAddresses == 0)
    #expect(frames(from: Self.mac4).count > before)
    #expect(!status.problems.contains { $0.kind == .macvlan }, "it is as it should be")
  }

  @Test func `a setting that a macvlan can't follow is a problem until it can`() throws {
    try start(["2001:db8::100/64"])
    bench.platform.settings["ipv6/conf/eth0/forwarding"] = 1
    bench.platform.settingFailure = EROFS
    fake.reportSettings(of: 2)
    bench.settle()
    let problem = try #require(bench.engine.status().first?.problems.first)
    #expect(problem.kind == .macvlan && problem.text.contains("vip6-2-51.forwarding"))
    #expect(bench.events.last == .warning(problem))
    let count = bench.events.count
    bench.pass(.seconds(3))
    #expect(bench.events.count == count, "it is tried again and not told again")
    bench.platform.settingFailure = 0
    bench.pass(.seconds(1))
    #expect(bench.platform.settings["ipv6/conf/vip6-2-51/forwarding"] == 1)
    #expect(bench.engine.status().first?.problems.isEmpty == true)
    #expect(bench.events.last == .cleared(problem, .over))
  }

  @Test func `names fit the system's limit`() throws {
    let vrid = try #require(VRID(exactly: 255))
    #expect(RouterMacvlan.name(onInterface: 2, vrid, .ipv6) == "vip6-2-255")
    for index in [999_999, 1_000_000, Int32.max] {
      let name = RouterMacvlan.name(onInterface: index, vrid, .ipv4)
      #expect(name.utf8.count <= 15 && name.hasPrefix("vip4-"))
    }
  }
}
