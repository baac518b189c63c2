import Netlink
import Testing
import VIP
import VIPCore

@testable import VIPConfiguration

/// Addresses with a place of their own, routes and rules in files.
@Suite struct ElsewhereFileTests {
  private func router(_ text: String) throws -> RouterConfiguration {
    try #require(
      try ConfigurationReader.read(
        "routers:\n- interface: eth0\n  vrid: 1\n" + text
      ).routers.first)
  }

  private func fault(_ text: String) -> String {
    do {
      return "read: \(try router(text))"
    } catch {
      return "\(error)"
    }
  }

  @Test func `everything that can be said`() throws {
    let router = try router(
      """
        addresses:
        - 192.0.2.10/24
        - { address: 192.0.2.11/24, advertised: false }
        - { address: 192.0.2.12/32, interface: lo, label: "lo:1" }
        - { address: 192.0.2.13/32, interface: eth0 }
        routes:
        - { destination: 0.0.0.0/0, via: 192.0.2.1, interface: eth1, source: 192.0.2.10,
            metric: 100, table: 100, scope: global }
        rules:
        - { from: 192.0.2.10/32, to: 10.0.0.0/8, fwmark: 0x10, table: 100, priority: 1000 }
        - { fwmark: 1, table: 100 }
        peers: [192.0.2.2]
        unicastSource: 192.0.2.1
      """)
    #expect(
      router.addresses.map(\.description) == ["192.0.2.10/24", "192.0.2.11/24", "192.0.2.13/32"])
    #expect(router.unadvertised.map(\.description) == ["192.0.2.11"])
    #expect(router.elsewhere.map(\.description) == ["192.0.2.12/32 on lo"])
    #expect(
      router.routes.map(\.description) == [
        "0.0.0.0/0 via 192.0.2.1 dev eth1 src 192.0.2.10 metric 100 table 100 scope global"
      ])
    #expect(
      router.rules.map(\.description) == [
        "from 192.0.2.10/32 to 10.0.0.0/8 fwmark 16 table 100 priority 1000",
        "fwmark 1 table 100 priority 32765",
      ])
    #expect(router.labels.values.sorted() == ["lo:1"])
    #expect(router.unicastSource.map(\.description) == ["192.0.2.1"])
  }

  @Test func `another multicast group`() throws {
    let router = try router("  addresses: [192.0.2.10/24]\n  multicastGroup: 224.0.0.100")
    #expect(router.multicastGroups.map(\.description) == ["224.0.0.100"])
    #expect(
      fault("  addresses: [192.0.2.10/24]\n  multicastGroup: 192.0.2.1")
        .contains("5:19: '192.0.2.1' is no multicast group"))
  }

  @Test func `without addresses but with hooks`() throws {
    let router = try router("  addresses: []\n  on: { active: [/bin/true] }")
    #expect(router.addresses == [] && router.families == [.ipv4])
    #expect(fault("  addresses: []").contains("name at least one virtual address, or hooks"))
  }

  @Test(arguments: [
    ("  addresses: [{ interface: lo }]", "4:15: an entry of 'addresses' needs an 'address'"),
    ("  addresses: [{ address: 192.0.2.9/24, colour: red }]", "4:40:"),
    (
      "  addresses: [192.0.2.9/24, { address: 192.0.2.9/32, interface: lo }]",
      "4:29: 192.0.2.9 is given twice"
    ),
    (
      "  addresses: [192.0.2.9/24]\n  routes: [{ destination: 10.0.0.1/8, via: 192.0.2.1 }]",
      "5:12: 10.0.0.1/8 has bits behind its prefix; write 10.0.0.0/8"
    ),
    (
      "  addresses: [192.0.2.9/24]\n  routes: [{ via: 192.0.2.1 }]",
      "5:12: a route needs a 'destination'"
    ),
    (
      "  addresses: [192.0.2.9/24]\n  routes: [{ destination: default, via: 192.0.2.1 }]",
      "5:27: 'default' does not tell the family"
    ),
    (
      "  addresses: [192.0.2.9/24]\n  rules: [{ from: 192.0.2.9/32 }]",
      "5:11: a rule needs the number of a 'table'"
    ),
    (
      "  addresses: [192.0.2.9/24]\n  rules: [{ table: 5 }]",
      "5:11: a rule needs 'from', 'to' or 'fwmark'"
    ),
    (
      "  addresses: [192.0.2.9/24]\n  unicastSource: 192.0.2.1",
      "5:18: a source of unicast advertisements needs 'peers'"
    ),
  ])
  func `a mistake has its place`(_ text: String, _ words: String) {
    #expect(fault(text).contains(words), "\(fault(text))")
  }

  @Test func `the plan has everything that a router brings along, and what holds it back`() throws {
    let file = try ConfigurationReader.read(
      """
      routers:
      - name: a
        interface: eth0
        vrid: 1
        addresses: [{ address: 192.0.2.10/32, interface: lo, advertised: false }]
        routes: [{ destination: 10.0.0.0/8, via: 192.0.2.1, metric: 5 }]
        rules: [{ from: 192.0.2.10/32, table: 7, priority: 9 }, { fwmark: 4, table: 8, priority: 8 }]
        startDelay: 24h
        holdDown: 60s
        linkDelay: { up: 2s, down: 1s }
      - { name: b, interface: eth0, vrid: 2, addresses: [], on: { active: [/bin/true] } }
      """)
    let machine = MachineCheck(links: [], addresses: [], kernel: KernelSettings { _ in nil })
    #expect(
      machine.plan(file).dropFirst() == [
        "a ipv4: VRID 1 on eth0, VRRPv3, every 1s, priority 100, preempts, active after 3.609s of "
          + "silence, not in the first 86400s after a start, no preemption for 60s after three losses "
          + "in a minute, a link counts as back after 2s, a link counts as gone after 1s, seamless "
          + "handover",
        "  address elsewhere: 192.0.2.10/32 on lo, not advertised",
        "  route: 10.0.0.0/8 via 192.0.2.1 metric 5",
        "  2 rules: from 192.0.2.10/32 table 7 priority 9; fwmark 4 table 8 priority 8",
        "b ipv4: VRID 2 on eth0, VRRPv3, every 1s, priority 100, preempts, active after 3.609s of "
          + "silence, seamless handover",
        "  no addresses", "  on active: /bin/true (at most 30s)",
      ])
  }

  @Test func `two routes to one place are told`() throws {
    #expect(
      fault(
        "  addresses: [192.0.2.9/24]\n  routes: [{ destination: 10.0.0.0/8, via: 192.0.2.1 }, "
          + "{ destination: 10.0.0.0/8, via: 192.0.2.2, metric: 0 }]"
      ).contains("there is a route to 10.0.0.0/8 with this metric and table already"))
    var placed: [PlacedRouter] = []
    let file = try ConfigurationReader.read(
      """
      routers:
      - { name: a, interface: eth0, vrid: 1, addresses: [192.0.2.9/24],
         routes: [{ destination: 10.0.0.0/8, via: 192.0.2.1 }] }
      - { name: b, interface: eth0, vrid: 2, addresses: [192.0.2.10/24],
         routes: [{ destination: 10.0.0.0/8, via: 192.0.2.1 }] }
      - { name: c, interface: eth0, vrid: 3, addresses: [192.0.2.11/24],
         routes: [{ destination: 10.0.0.0/8, via: 192.0.2.2, metric: 0 },
          { destination: 10.0.0.0/8, via: 192.0.2.2, metric: 1 }] }
      """
    ) { placed.append($0) }
    let machine = MachineCheck(links: [], addresses: [], kernel: KernelSettings { _ in nil })
    let warnings = machine.remarks(file, placed).filter { $0.kind == .warning }
    #expect(
      warnings.map { "\($0.router ?? "") \($0.text)" } == [
        "c the router a has the route 10.0.0.0/8 via 192.0.2.1, and of two with one destination, "
          + "metric and table the kernel takes one; give another metric"
      ])
  }

  @Test func `a check tells what would be waited for`() throws {
    var placed: [PlacedRouter] = []
    let file = try ConfigurationReader.read(
      """
      routers:
      - interface: eth0
        vrid: 1
        addresses: [192.0.2.9/24, { address: 192.0.2.10/32, interface: dummy0 }]
        routes: [{ destination: 10.0.0.0/8, interface: eth7 }]
        peers: [192.0.2.2]
        unicastSource: 192.0.2.77
      """
    ) { placed.append($0) }
    let eth0 = Link(index: 2, name: "eth0", macAddress: MACAddress(2, 0, 0, 0, 0, 1))
    let machine = MachineCheck(
      links: [eth0],
      addresses: [
        AddressRecord(
          interfaceIndex: 2, address: try #require(InterfaceAddress("192.0.2.1/24")))
      ], missingCapabilities: [], kernel: KernelSettings { _ in nil })
    let remarks = machine.remarks(file, placed).map { "\($0.kind.rawValue): \($0.text)" }
    #expect(
      remarks.contains(
        "waits: there is no interface 'dummy0'; the router takes no part until there is"))
    #expect(
      remarks.contains(
        "waits: there is no interface 'eth7'; the router takes no part until there is"))
    #expect(
      remarks.contains {
        $0.hasPrefix("waits: this machine does not have 192.0.2.77")
      })
  }
}
