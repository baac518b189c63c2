import Glibc
import TestSupport
import Testing
import VIPCore
import VIPTesting

@testable import Netlink

/// Macvlans: made, switched on and off, and removed; by Linux and by the fake alike.
@Suite("Macvlans", .enabled(if: canMakeNamespaces, "needs root"))
struct MacvlanTests {
  private let mac = MACAddress(0, 0, 0x5E, 0, 1, 51)

  /// What both kernels must agree on; settings that Linux gives new interfaces are the machine's.
  private func summary(_ link: Link?) -> String {
    guard let link else { return "none" }
    let flags = link.flags.intersection([.up, .running, .broadcast, .multicast])
    return "\(link.name) \(link.macAddress?.description ?? "-") \(link.mtu) \(flags.rawValue) "
      + "\(link.parentIndex ?? 0) \(link.kind ?? "-") '\(link.alias ?? "")' "
      + "\(link.ipv4[.arpIgnore] ?? -1) \(link.ipv4[.arpAnnounce] ?? -1)"
  }

  private func codes(_ results: [NetlinkError?]) -> [Int32] { results.map { $0?.code ?? 0 } }

  @Test("Linux and the fake do the same")
  func agreement() throws {
    try TestNamespace.run { namespace in
      let linux = try NetlinkKernel()
      let left = try namespace.index("left")
      for link in try linux.links() {
        // What the fake starts with, whatever the machine's defaults are.
        _ = linux.change([.setIPv4([.arpIgnore: 0, .arpAnnounce: 0], index: link.index)])
      }
      try namespace.set("ipv4/conf/default/arp_ignore", "0")
      try namespace.set("ipv4/conf/default/arp_announce", "0")
      let fake = FakeKernel(links: try linux.links())
      func both(_ step: String, _ make: (any Kernel) throws -> [LinkRequest]) throws {
        let real = linux.change(try make(linux))
        let made = fake.change(try make(fake))
        #expect(codes(real) == codes(made), "\(step): \(real) \(made)")
        for name in ["left", "one", "two", "three"] {
          let (there, here) = (try linux.link(named: name), try fake.link(named: name))
          #expect(summary(there) == summary(here), "\(step)")
        }
      }
      func macvlan(_ name: String, on parent: Int32, _ mac: MACAddress) -> LinkRequest {
        .create(Macvlan(name: name, parentIndex: parent, macAddress: mac))
      }
      func index(_ kernel: any Kernel, _ name: String) throws -> Int32 {
        try #require(try kernel.link(named: name)).index
      }
      try both("create") { _ in [macvlan("one", on: left, mac), macvlan("two", on: left, mac)] }
      try both("create twice") { _ in [macvlan("one", on: left, mac)] }
      try both("create on nothing") { _ in [macvlan("three", on: 4_711, mac)] }
      try both("set") { kernel in
        let one = try index(kernel, "one")
        return [
          .setIPv4([.arpIgnore: 1, .arpAnnounce: 2], index: one), .withoutLinkLocal(index: one),
          .setAlias("other", index: one), .setIPv4([.arpIgnore: 1], index: left),
        ]
      }
      try both("up") { [.setUp(true, index: try index($0, "one"))] }
      try both("up again") { [.setUp(true, index: try index($0, "one"))] }
      try both("the same address twice") { [.setUp(true, index: try index($0, "two"))] }
      try both("down") { [.setUp(false, index: try index($0, "one"))] }
      try both("the other one up") { [.setUp(true, index: try index($0, "two"))] }
      try both("nothing there") { _ in
        [
          .setUp(true, index: 4_711), .setAlias("", index: 4_711), .delete(index: 4_711),
          .setIPv4([.arpIgnore: 1], index: 4_711),
        ]
      }
      try both("delete") { [.delete(index: try index($0, "one"))] }
      try both("delete the parent") { _ in [.delete(index: left)] }
      #expect(try linux.link(4_711) == nil && fake.link(4_711) == nil)
    }
  }

  @Test("Linux takes what a guard sends, and finds no other interface under the name")
  func removalBytes() throws {
    try TestNamespace.run { namespace in
      let kernel = try NetlinkKernel()
      let left = try namespace.index("left")
      let macvlan = Macvlan(name: "vip4-x", parentIndex: left, macAddress: mac)
      #expect(kernel.change([.create(macvlan)]) == [nil])
      let index = try #require(try kernel.link(named: "vip4-x")).index
      #expect(
        kernel.change([.setUp(true, index: index), .setIPv4([.arpIgnore: 1], index: left)])
          == [nil, nil])
      let bytes = LinkRequest.removal(
        ofMacvlan: "vip4-x", restoring: [.arpIgnore: 0], ofParent: left)
      let socket = try NetlinkSocket()
      #expect(socket.send(bytes) == 0)
      #expect(try kernel.link(named: "vip4-x") == nil)
      #expect(try kernel.link(left)?.ipv4[.arpIgnore] == 0)
      #expect(try kernel.link(left)?.isUp == true)
    }
  }

  @Test("What waits on one that is off is not the machine's own until it is on")
  func dormant() throws {
    try TestNamespace.run { namespace in
      let linux = try NetlinkKernel()
      let left = try namespace.index("left")
      let fake = FakeKernel(links: try linux.links())
      fake.keepsIPv6AddressesOnDown = true
      let create = LinkRequest.create(
        Macvlan(name: "vip4-x", parentIndex: left, macAddress: mac))
      #expect(linux.change([create]) == [nil] && fake.change([create]) == [nil])
      for (name, value) in [
        ("keep_addr_on_down", "1"), ("accept_dad", "1"), ("dad_transmits", "0"),
        ("router_solicitation_delay", "0"),
      ] { try namespace.set("ipv6/conf/vip4-x/\(name)", value) }
      let texts = ["198.18.0.9/24", "198.18.0.10/24", "198.18.0.11/32", "2001:db8::9/64"]
      let addresses = try texts.map(interfaceAddress)
      func index(_ kernel: any Kernel) throws -> Int32 {
        try #require(try kernel.link(named: "vip4-x")).index
      }
      func load(_ kernel: any Kernel) throws {
        let index = try index(kernel)
        let requests = addresses.map {
          AddressRequest(
            interfaceIndex: index, address: $0, makesRoute: false, isDormant: true)
        }
        #expect(kernel.install(requests) == [nil, nil, nil, nil])
      }
      func compare(_ isLocal: Bool, _ step: String) throws {
        for address in addresses {
          let text = "\(address.address)"
          let show = "\(address.family == .ipv4 ? "-4" : "-6") route show table local \(text)"
          #expect(fake.isLocal(address.address) == isLocal, "\(step): \(text)")
          // From a work queue, in IPv6.
          try eventually("\(step): \(text) is local or not: \(isLocal)", within: .seconds(1)) {
            try namespace.ip(show).contains("local \(text)") == isLocal
          }
        }
      }
      func setUp(_ isUp: Bool) throws {
        for kernel in [linux, fake] as [any Kernel] {
          #expect(kernel.change([.setUp(isUp, index: try index(kernel))]) == [nil])
        }
      }
      for kernel in [linux, fake] as [any Kernel] {
        #expect(kernel.change([.withoutLinkLocal(index: try index(kernel))]) == [nil])
        try load(kernel)
      }
      try compare(false, "loaded")
      for round in 1...2 {
        try setUp(true)
        try compare(true, "on \(round)")
        #expect(try namespace.ip("route show").isEmpty)
        try setUp(false)
        for kernel in [linux, fake] as [any Kernel] { try load(kernel) }
        try compare(false, "off \(round)")
      }
      let there = try linux.addresses().filter { $0.interfaceIndex == (try? index(linux)) }
      #expect(Set(there.map(\.address)) == Set(addresses))
    }
  }
}
