import Netlink
import Testing
import VIP
import VIPCore

@testable import VIPConfiguration

/// What `vipctl check` says of a file and a machine.
@Suite struct MachineCheckTests {
  private static let eth0 = Link(
    index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1), mtu: 1500,
    flags: [.up, .running, .lowerUp, .broadcast, .multicast])

  private func machine(
    _ link: Link = eth0, _ addresses: [String] = ["192.0.2.1/24", "fe80::1/64"],
    lacking: [String] = [], _ settings: [String: String] = [:],
    _ change: (inout MachineCheck) throws -> Void = { _ in }
  ) throws -> MachineCheck {
    let normal = ["net/ipv6/conf/eth0/disable_ipv6": "0"]
    var machine = MachineCheck(
      links: [link],
      addresses: try addresses.map {
        AddressRecord(interfaceIndex: 2, address: try #require(InterfaceAddress($0)))
      }, missingCapabilities: lacking,
      kernel: KernelSettings { settings[$0] ?? normal[$0] })
    try change(&machine)
    return machine
  }

  private func machine(
    _ settings: [String: String], _ change: (inout MachineCheck) throws -> Void = { _ in }
  ) throws -> MachineCheck {
    try machine(Self.eth0, ["192.0.2.1/24", "fe80::1/64"], lacking: [], settings, change)
  }

  private func remarks(_ text: String, _ machine: MachineCheck) throws -> [String] {
    var routers: [PlacedRouter] = []
    let file = try ConfigurationReader.read(text) { routers.append($0) }
    return machine.remarks(file, routers).map { remark in
      "\(remark.place.map { "\($0): " } ?? "")\(remark.kind.rawValue): \(remark.text)"
    }
  }

  /// What a process tells of it whose node runs.
  private func faults(_ text: String, _ machine: MachineCheck) throws -> [MachineFault] {
    var routers: [PlacedRouter] = []
    let file = try ConfigurationReader.read(text) { routers.append($0) }
    return machine.remarks(file, routers).compactMap(\.fault)
  }

  private static let good =
    "routers: [{interface: eth0, vrid: 1, addresses: [192.0.2.9/24, 2001:db8::9]}]"

  /// What is said of the IPv6 address of `good` where the host has none beside it.
  private static let withoutNetwork =
    "1:64: warning: 2001:db8::9 has no prefix length that names its network, and eth0 has no "
    + "address there; write it with the length of its network, as in /64"

  @Test func `nothing is wrong`() throws {
    #expect(
      try remarks(
        Self.good, machine(Self.eth0, ["192.0.2.1/24", "fe80::1/64", "2001:db8::1/64"])) == [])
  }

  @Test func `what run would do`() throws {
    let file = try ConfigurationReader.read(
      """
      node: {lease: off}
      routers:
      - {name: a, interface: eth0, vrid: 1, addresses: [192.0.2.9/24, 2001:db8::9]}
      - {name: b, interface: eth0, vrid: 2, priority: 255, addresses: [192.0.2.1/24], version: 2,
         preempt: {delay: 30s}, handover: strict}
      """)
    #expect(
      try machine().plan(file) == [
        "node: lease off, addresses of a frozen node stay",
        "a ipv4: VRID 1 on eth0 from 192.0.2.1, VRRPv3, every 1s, priority 100, preempts, active "
          + "after 3.609s of silence, seamless handover",
        "  address: 192.0.2.9/24",
        "a ipv6: VRID 1 on eth0 from fe80::1, VRRPv3, every 1s, priority 100, preempts, active "
          + "after 3.609s of silence, seamless handover",
        "  address: 2001:db8::9/128",
        "b ipv4: VRID 2 on eth0 from 192.0.2.1, VRRPv2, every 1s, priority 255, preempts always, "
          + "active at once, strict handover",
        "  address: 192.0.2.1/24",
      ])
  }

  @Test func `how advertisements go out is told, and peers that no machine can be`() throws {
    let text = """
      routers:
      - {name: a, interface: eth0, vrid: 1, addresses: [192.0.2.9/24], virtualMac: true}
      - {name: b, interface: eth0, vrid: 2, addresses: [192.0.2.8/24],
         peers: [192.0.2.2, 198.51.100.1]}
      - {name: c, interface: eth0, vrid: 3, addresses: [192.0.2.7/24], peers: [192.0.2.1]}
      """
    let plan = try machine().plan(ConfigurationReader.read(text)).joined(separator: "\n")
    #expect(plan.contains("handover, virtual MAC address 00:00:5e:00:01:01"))
    #expect(plan.contains("handover, unicast to 192.0.2.2 198.51.100.1"))
    let all = try remarks(text, machine())
    #expect(
      all.contains(
        "4:23: warning: 198.51.100.1 lies in no network of eth0; peers must be on the same segment")
    )
    #expect(all.contains("5:73: warning: this machine is its only IPv4 peer; name the others"))
    let elsewhere = try #require(IPAddress("198.51.100.1"))
    #expect(
      try faults(text, machine()) == [.peerElsewhere(elsewhere)],
      "a node tells by itself that it is its own peer")
  }

  @Test func `an interface that is not there yet is waited for`() throws {
    let text = "routers:\n- vrid: 1\n  interface: eth7\n  addresses: [192.0.2.9]\n"
    #expect(
      try remarks(text, machine()) == [
        "3:14: waits: there is no interface 'eth7'; this machine has eth0; the router waits until "
          + "there is"
      ])
  }

  @Test func `an alternative name is a name`() throws {
    let machine = try machine([:]) { $0.links[0].alternativeNames = ["enp2s0"] }
    #expect(try remarks(Self.single.replacing("eth0", with: "enp2s0"), machine) == [])
  }

  @Test func `kinds of interfaces that serve nothing`() throws {
    let tunnel = try machine([:]) { $0.links[0].isEthernet = false }
    #expect(
      try remarks(Self.single, tunnel) == [
        "1:23: waits: eth0 is no Ethernet interface, so that no address can be announced on it; "
          + "name one that is"
      ])
    let member = try machine([:]) { machine in
      machine.links[0].masterIndex = 7
      machine.links.append(Link(index: 7, name: "blue", kind: "vrf"))
    }
    #expect(try remarks(Self.single, member) == [])
    for kind in ["bridge", "batadv", nil] {
      let port = try machine([:]) { machine in
        machine.links[0].masterIndex = 7
        machine.links.append(Link(index: 7, name: "eth7", kind: kind))
      }
      #expect(
        try remarks(Self.single, port) == [
          "1:23: waits: eth0 is a port of eth7, which takes its packets; serve the addresses on eth7"
        ])
    }
    #expect(
      try remarks(Self.good, member) == [
        "1:23: warning: eth0 is in the VRF blue, where the node makes no routes; give eth0 an "
          + "address in the network of each virtual IPv6 address", Self.withoutNetwork,
      ])
    let silent = try machine([:]) { $0.links[0].flags.insert(.noARP) }
    #expect(
      try remarks(Self.single, silent) == [
        "1:23: warning: eth0 answers no ARP (NOARP), so no machine finds the IPv4 addresses"
      ])
  }

  @Test func `the table of neighbours is told of where it fills up, or has been full`() throws {
    let limit = ["net/ipv4/neigh/default/gc_thresh3": "1024"]
    func remarks(_ table: NeighbourTable?) throws -> [String] {
      try self.remarks(Self.single, machine(limit) { $0.kernel.neighbours = { _ in table } })
    }
    #expect(try remarks(nil) == [])
    #expect(try remarks(NeighbourTable(count: 512)) == [], "the default of a quiet machine")
    let end =
      "; when it is full, advertisements leave in frames, but clients get no answers; raise that "
      + "limit"
    #expect(
      try remarks(NeighbourTable(count: 513)) == [
        "warning: the machine's table of IPv4 neighbours has 513 of at most 1024 entries "
          + "(net.ipv4.neigh.default.gc_thresh3)" + end
      ])
    #expect(
      try remarks(NeighbourTable(count: 8, overflows: 3)) == [
        "warning: the machine's table of IPv4 neighbours has been full 3 times since the machine was "
          + "started, with at most 1024 entries (net.ipv4.neigh.default.gc_thresh3)" + end
      ])
    let lines = [
      "entries  allocs   table_fulls", "00000201 0000000b 00000001", "00000201 0000000b 0000000f",
    ]
    #expect(NeighbourTable(lines: lines) == NeighbourTable(count: 513, overflows: 16))
    #expect(NeighbourTable(lines: []) == nil && NeighbourTable(lines: ["x", "1"]) == nil)
  }

  @Test func `an interface that can't be used yet is waited for`() throws {
    var link = Self.eth0
    link.flags = [.broadcast]
    #expect(
      try remarks(
        Self.good,
        machine(
          link, [], lacking: ["CAP_NET_RAW"], ["net/ipv6/conf/eth0/disable_ipv6": "1"])) == [
          "warning: this user lacks CAP_NET_RAW, without which no node runs",
          "1:23: waits: eth0 is down; the router waits until it is up",
          "1:23: warning: eth0 does not carry multicast, which advertisements are; list the others "
            + "under 'peers'",
          "1:23: waits: eth0 has no IPv4 address to send from; the router waits until it has",
          "1:23: waits: IPv6 is switched off on eth0 (net.ipv6.conf.eth0.disable_ipv6); the router "
            + "waits until it is on",
          Self.withoutNetwork,
        ])
  }

  @Test func `an MTU too small for IPv6 is waited for`() throws {
    func waits(_ mtu: Int, _ addresses: [String]) throws -> [String] {
      var link = Self.eth0
      link.mtu = mtu
      let machine = try machine(link, addresses) {
        // Linux has no settings of IPv6 on such an interface.
        if mtu < 1280 { $0.kernel = KernelSettings { _ in nil } }
      }
      return try remarks(Self.good, machine).filter { $0.contains(": waits: ") }
    }
    #expect(
      try waits(1279, ["192.0.2.1/24"]) == [
        "1:23: waits: eth0's MTU of 1279 is too small for IPv6, which needs 1280; the router waits "
          + "until it is large enough"
      ])
    #expect(try waits(1280, ["192.0.2.1/24", "fe80::1/64"]) == [])
  }

  @Test(arguments: [
    (
      "[192.0.2.1/24]", "",
      "waits: 192.0.2.1 is eth0's own address; stop the program that has added it, such as "
        + "keepalived, or remove it; the router waits until it is gone"
    ),
    (
      "[192.0.2.9/24]", "priority: 255, ",
      "warning: priority 255 says that 192.0.2.9 is eth0's own address, which it is not"
    ),
    (
      "[198.51.100.1/24]", "",
      "warning: 198.51.100.1/24 lies in no network of eth0 (192.0.2.1/24); its neighbours may not "
        + "reach it"
    ),
    (
      "[198.51.100.1/32]", "",
      "note: 198.51.100.1/32 lies in no network of eth0 (192.0.2.1/24), which is right where it is "
        + "routed to this machine"
    ),
    (
      "[2001:db8::9/127]", "",
      "note: eth0 has no address in the network of 2001:db8::9/127; unless another route leads "
        + "there, the router makes one while it holds the address"
    ),
    (
      "[192.0.2.9/25]", "",
      "warning: 192.0.2.9/25 has another prefix length than 192.0.2.1/24 on eth0"
    ),
  ])
  func `addresses that don't fit`(addresses: String, more: String, message: String) throws {
    let text = "routers: [{interface: eth0, vrid: 1, \(more)addresses: \(addresses)}]"
    let column = 50 + more.count
    let atAddress = try remarks(text, machine()).filter { $0.hasPrefix("1:\(column): ") }
    #expect(atAddress == ["1:\(column): \(message)"])
  }

  @Test func `an address that keepalived holds is told with its process`() throws {
    let machine = try machine {
      $0.addressProgram = AddressProgram(name: "keepalived", process: 812)
    }
    let text = "routers: [{interface: eth0, vrid: 1, addresses: [192.0.2.1/24]}]"
    let said = try remarks(text, machine).filter { $0.hasPrefix("1:50: ") }
    #expect(
      said == [
        "1:50: waits: 192.0.2.1 is eth0's own address, probably from keepalived (process 812); "
          + "stop that program; the router waits until it is gone"
      ])
    #expect(!said.contains { $0.contains("255") })
  }

  @Test func `the address to send from is the one that the election takes`() throws {
    let unicast =
      "routers: [{interface: eth0, vrid: 1, addresses: [2001:db8::9/64], peers: [2001:db8::2]}]"
    let multicast = "routers: [{interface: eth0, vrid: 1, addresses: [2001:db8::9/64]}]"
    func missing(_ text: String, _ machine: MachineCheck) throws -> [String] {
      try remarks(text, machine).filter { $0.contains("to send from") }
    }
    func line(_ kind: String) -> String {
      "1:23: waits: eth0 has no \(kind) to send from; the router waits until it has"
    }
    let global = line("usable global IPv6 address")
    let link = line("usable link-local IPv6 address")
    #expect(try missing(unicast, machine(Self.eth0, ["fe80::1/64"])) == [global])
    #expect(try missing(multicast, machine(Self.eth0, ["2001:db8::1/64"])) == [link])
    let both = try machine(Self.eth0, ["fe80::1/64", "2001:db8::1/64"])
    #expect(try missing(unicast, both) == [] && missing(multicast, both) == [])
    let plan = try both.plan(ConfigurationReader.read(unicast)).joined(separator: "\n")
    #expect(plan.contains(" on eth0 from 2001:db8::1, "))
    // A virtual address is none, nor is one that may be another machine's.
    #expect(
      try missing(unicast, machine(Self.eth0, ["fe80::1/64", "2001:db8::9/64"])) == [global])
    #expect(
      try missing(Self.single, machine(Self.eth0, ["192.0.2.9/24"])) == [line("IPv4 address")])
    for flags in [AddressFlags.tentative, .dadFailed] {
      var machine = both
      for index in machine.addresses.indices { machine.addresses[index].flags = flags }
      #expect(try missing(unicast, machine) == [global] && missing(multicast, machine) == [link])
    }
  }

  @Test func `a virtual address that the host has on another interface is told`() throws {
    func told(_ settings: [String: String] = [:]) throws -> [String] {
      let machine = try machine(settings) { machine in
        machine.links.append(Link(index: 9, name: "kube-ipvs0"))
        for text in ["192.0.2.9/32", "2001:db8::9/128"] {
          machine.addresses.append(
            AddressRecord(interfaceIndex: 9, address: try #require(InterfaceAddress(text))))
        }
      }
      return try remarks(Self.good, machine).filter { $0.contains("own address") }
    }
    #expect(
      try told() == [
        "1:50: warning: 192.0.2.9 is this machine's own address on kube-ipvs0 too, so it answers for "
          + "it beside the Active; remove it with 'ip address delete 192.0.2.9/32 dev kube-ipvs0', "
          + "or set net.ipv4.conf.eth0.arp_ignore to 1"
      ])
    #expect(try told(["net/ipv4/conf/eth0/arp_ignore": "1"]) == [])
    #expect(try told(["net/ipv4/conf/all/arp_ignore": "1"]) == [])
  }

  @Test func `more addresses than an advertisement holds`() throws {
    let many = (1...200).map { "192.0.2.\($0 + 10)" }.joined(separator: ", ")
    var link = Self.eth0
    link.mtu = 576
    let text = "routers: [{interface: eth0, vrid: 1, addresses: [\(many)]}]"
    #expect(
      try remarks(text, machine(link)) == [
        "1:23: warning: 63 of 200 IPv4 addresses don't fit into an advertisement (MTU 576); they "
          + "are held, but peers can't compare them"
      ])
  }

  @Test func `what follows from the file is noted, and no password is told`() throws {
    let text = """
      node: {lease: off}
      routers:
      - {interface: eth0, vrid: 1, version: 2, addresses: [192.0.2.9],
         authentication: {password: sesame}}
      """
    #expect(
      try remarks(text, machine()) == [
        "note: without a lease a frozen or killed node leaves its addresses up",
        "4:20: note: a password of version 2 is readable by each machine in the network; it "
          + "protects nothing",
      ])
  }

  // MARK: The kernel and the container

  @Test func `a lease that is too short is an error where the interval stands`() throws {
    let text = """
      node: {lease: 5s}
      routers:
      - {interface: eth0, vrid: 1, interval: 10s, addresses: [192.0.2.9/24]}
      """
    #expect(
      try remarks(text, machine()) == [
        "3:40: error: a lease of 5s is too short for an interval of 10s: the others wait three "
          + "intervals before they take over, and the addresses must not go earlier; take at least "
          + "30s, or leave the lease out"
      ])
  }

  @Test(arguments: [
    ("{interface: eth0, vrid: 1, addresses: [192.0.2.9]}", "5s", "4s"),
    ("{interface: eth0, vrid: 1, addresses: [2001:db8::9]}", "5s", "4s"),
    ("{interface: eth0, vrid: 1, interval: 10s, addresses: [192.0.2.9]}", "41s", "40s"),
    ("{interface: eth0, vrid: 1, interval: 10ms, addresses: [192.0.2.9]}", "2s", "40ms"),
  ])
  func `the plan tells how long addresses really outlive their node`(
    router: String, end: String, takeover: String
  ) throws {
    let file = try ConfigurationReader.read("routers: [\(router)]")
    #expect(
      try machine().plan(file).first
        == "node: lease auto, addresses of a frozen node go after at most \(end), the others take "
        + "over within \(takeover)")
  }

  @Test func `the loopback interface leads to no machine`() throws {
    let loopback = Link(index: 1, name: "lo", macAddress: nil, flags: [.up, .running, .loopback])
    #expect(
      try remarks("routers: [{interface: lo, vrid: 1, addresses: [192.0.2.9]}]", machine(loopback))
        == [
          "1:23: error: lo is a loopback interface, where no other machine is; name the one that "
            + "leads to them"
        ])
  }

  private static let single =
    "routers: [{interface: eth0, vrid: 1, interval: 100ms, addresses: [192.0.2.9, 192.0.2.8]}]"

  @Test func `limits of the process and the container`() throws {
    let machine = try machine([:]) { machine in
      machine.kernel.openFilesMax = 64
      machine.kernel.processesLeft = 3
      machine.kernel.processorQuota = (run: 100_000, of: 1_000_000)
    }
    #expect(
      try remarks(Self.single, machine) == [
        "warning: only 64 files may be open (ulimit -n), and a node with 1 interface and 1 "
          + "virtual router needs up to 304; raise LimitNOFILE= or ulimit -n",
        "warning: only 3 more processes and threads may be started in this container (pids.max), "
          + "and a node needs up to 24; raise that limit",
        "warning: this container gets 100ms of processor time in each 1s (cpu.max) and may stand "
          + "still for longer than three intervals of 'eth0-1' (100ms), which is a failover; lift "
          + "the limit, or set a longer interval",
      ])
    let fuller = try self.machine([:]) { machine in
      machine.kernel.openFilesMax = 65
      machine.kernel.processesLeft = 2
      machine.kernel.processorQuota = (run: 110_000, of: 1_000_000)
    }
    for machine in [machine, fuller] {
      #expect(
        try faults(Self.single, machine) == [.openFiles, .processes, .processorTime],
        "other numbers make no other fault")
    }
    let wide = try self.machine([:]) { machine in
      machine.kernel.openFilesMax = 1024
      machine.kernel.processesLeft = 1000
      machine.kernel.processorQuota = (run: 200_000, of: 100_000)
    }
    #expect(try remarks(Self.single, wide) == [])
  }

  @Test func `settings of the kernel that would keep addresses from being found`() throws {
    #expect(
      try remarks(
        Self.single,
        machine([
          "net/ipv4/igmp_max_memberships": "0", "net/ipv4/conf/all/arp_ignore": "8",
        ])) == [
          "warning: net.ipv4.igmp_max_memberships is 0, so advertisements over IPv4 can't be heard; "
            + "set it to 20, the default",
          "1:23: warning: eth0 answers no ARP at all, so no machine finds the addresses; set "
            + "net.ipv4.conf.eth0.arp_ignore and that of 'all' to 0 or 1",
        ])
    let readOnly = try machine(["net/ipv4/conf/eth0/promote_secondaries": "0"]) {
      $0.kernel.isReadOnly = true
    }
    #expect(
      try remarks(Self.single, readOnly) == [
        "1:23: warning: /proc/sys can't be written here and "
          + "net.ipv4.conf.eth0.promote_secondaries is 0: when the first of several IPv4 addresses "
          + "of a network goes, the kernel drops the others for a moment; set it to 1 from outside"
      ])
    let crowded = try machine([
      "net/ipv6/conf/eth0/max_addresses": "2", "net/ipv6/conf/eth0/autoconf": "1",
      "net/ipv6/conf/eth0/accept_ra": "1",
    ])
    #expect(
      try remarks(Self.good, crowded) == [
        "1:23: warning: with 2 IPv6 addresses on eth0 the kernel takes no more automatic ones (it "
          + "stops at 2); set net.ipv6.conf.eth0.max_addresses to 0", Self.withoutNetwork,
      ])
  }

  @Test func `a port of a bridge, and two interfaces in one network`() throws {
    let port = try machine([:]) { machine in
      machine.links[0].masterIndex = 7
      machine.links.append(Link(index: 7, name: "br0", kind: "bridge"))
    }
    #expect(
      try remarks(Self.single, port) == [
        "1:23: waits: eth0 is a port of br0, which takes its packets; serve the addresses on br0"
      ])
    let twins = try machine(["net/ipv4/conf/eth0/rp_filter": "1"]) { machine in
      machine.links.append(Link(index: 3, name: "eth1.5"))
      machine.addresses.append(
        AddressRecord(interfaceIndex: 3, address: try #require(InterfaceAddress("192.0.2.2/24"))))
    }
    #expect(
      try remarks(Self.single, twins) == [
        "1:23: warning: eth0 and eth1.5 are in the same IPv4 network, and eth1.5 answers ARP for "
          + "the virtual addresses too; set net.ipv4.conf.eth1/5.arp_ignore to 1",
        "1:23: warning: eth0 and eth1.5 are in the same IPv4 network, and the kernel may drop what "
          + "comes in on eth0 because its answers leave by eth1.5; set "
          + "net.ipv4.conf.eth0.rp_filter to 2",
      ])
    #expect(
      try faults(Self.single, twins) == [
        .setting("net.ipv4.conf.eth1/5.arp_ignore"), .setting("net.ipv4.conf.eth0.rp_filter"),
      ])
  }

  @Test func `two interfaces in one network, of which each answers only for what it sends`() throws
  {
    func told(_ settings: [String: String], hasTwin: Bool = true) throws -> [String] {
      let machine = try machine(settings.merging(["net/ipv4/conf/all/arp_ignore": "1"]) { $1 }) {
        guard hasTwin else { return }
        $0.links.append(Link(index: 3, name: "eth1"))
        $0.addresses.append(
          AddressRecord(interfaceIndex: 3, address: try #require(InterfaceAddress("192.0.2.2/24"))))
      }
      return try remarks(Self.single, machine)
    }
    let text =
      "1:23: warning: eth0 and eth1 are in the same IPv4 network, and eth0 answers no ARP for the "
      + "virtual addresses where the answers would leave by eth1; set "
      + "net.ipv4.conf.eth0.arp_filter and that of 'all' to 0"
    for interface in ["eth0", "all"] {
      let setting = ["net/ipv4/conf/\(interface)/arp_filter": "1"]
      #expect(try told(setting) == [text])
      #expect(try told(setting, hasTwin: false) == [])
    }
    #expect(try told(["net/ipv4/conf/eth1/arp_filter": "1"]) == [], "the other one's own answers")
  }
}
