import Glibc
import Testing
import VIPCore

@testable import Netlink

/// Routes and rules that come and go, against the running kernel.
@Suite("Routes and rules", .enabled(if: canMakeNamespaces, "needs root to make network namespaces"))
struct RoutingTests {
  private func entry(
    _ destination: String, via gateway: String? = nil, on index: Int32? = nil,
    source: String? = nil, metric: UInt32? = nil, table: UInt32 = 254
  ) throws -> RoutingEntry {
    .route(
      RoutingEntry.Route(
        destination: try interfaceAddress(destination),
        gateway: try gateway.map { try #require(IPAddress($0)) }, interfaceIndex: index,
        source: try source.map { try #require(IPAddress($0)) }, metric: metric, table: table))
  }

  @Test("routes of both families are made once, and only ours is removed")
  func routes() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index("left")
      try namespace.ip("address add 192.0.2.1/24 dev left")
      try namespace.ip("address add 2001:db8::1/64 dev left nodad")
      let kernel = try NetlinkKernel()
      let entries = [
        try entry("0.0.0.0/0", via: "192.0.2.9", on: index, table: 1000),
        try entry("198.18.0.0/16", via: "192.0.2.9", source: "192.0.2.1", metric: 50),
        try entry("198.19.0.0/16", on: index),
        try entry("::/0", via: "2001:db8::9", on: index, metric: 7, table: 100),
        try entry("2001:db8:1::/48", on: index),
      ]
      for entry in entries {
        #expect(kernel.install(entry) == nil, "\(entry)")
        #expect(kernel.install(entry)?.isAlreadyThere == true, "\(entry)")
      }
      for entry in entries {
        #expect(kernel.remove(entry) == nil, "\(entry)")
        #expect(kernel.remove(entry) == nil, "one that is not there is no error")
        #expect(kernel.install(entry) == nil, "it was gone")
        #expect(kernel.remove(entry) == nil)
      }
      // Another program's.
      try namespace.ip("route add 198.19.0.0/16 dev left")
      let ours = try entry("198.19.0.0/16", on: index)
      #expect(kernel.install(ours)?.isAlreadyThere == true)
      #expect(kernel.remove(ours) == nil)
      #expect(kernel.install(ours)?.isAlreadyThere == true, "it is still there")
    }
  }

  @Test("a route is told from the one with which another program has replaced it")
  func confirmation() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index("left")
      try namespace.ip("address add 192.0.2.1/24 dev left")
      try namespace.ip("address add 2001:db8::1/64 dev left nodad")
      let kernel = try NetlinkKernel()
      for (destination, gateway, other) in [
        ("198.18.0.0/16", "192.0.2.9", "192.0.2.8"),
        ("2001:db8:1::/48", "2001:db8::9", "2001:db8::8"),
      ] {
        let ours = try entry(destination, via: gateway, on: index)
        let option = gateway.contains(":") ? "-6 " : ""
        for _ in 0..<2 { #expect(!kernel.confirm(ours, lifetime: nil), "a look makes none") }
        #expect(kernel.install(ours) == nil)
        for _ in 0..<2 { #expect(kernel.confirm(ours, lifetime: nil), "\(destination)") }
        try namespace.ip("\(option)route replace \(destination) via \(other) dev left")
        for _ in 0..<2 { #expect(!kernel.confirm(ours, lifetime: nil), "\(destination)") }
        #expect(kernel.install(ours)?.isAlreadyThere == true)
        // It is as it was: there is this one and no other.
        try namespace.ip("\(option)route delete \(destination) via \(other) dev left")
        #expect(kernel.install(ours) == nil)
        #expect(kernel.remove(ours) == nil)
      }
    }
  }

  @Test("an IPv6 route with a lifetime ends by itself, unless it is confirmed")
  func lifetime() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index("left")
      try namespace.ip("address add 2001:db8::1/64 dev left nodad")
      let kernel = try NetlinkKernel()
      let ours = try entry("2001:db8:1::/48", via: "2001:db8::9", on: index, metric: 7)
      let target = try #require(IPAddress("2001:db8:1::1"))
      #expect(kernel.install(ours, lifetime: .seconds(2)) == nil)
      for _ in 0..<3 {
        sleep(1)
        #expect(kernel.confirm(ours, lifetime: .seconds(2)))
        #expect(try kernel.route(to: target)?.prefixLength == 48)
      }
      sleep(3)
      #expect(try kernel.route(to: target) == nil)
      #expect(kernel.confirm(ours, lifetime: .seconds(2)) || kernel.install(ours) == nil)
      #expect(try kernel.route(to: target)?.prefixLength == 48, "it can be had again")
      #expect(kernel.remove(ours) == nil)
    }
  }

  @Test("rules are told from another program's of the same words")
  func rules() throws {
    try TestNamespace.run { namespace in
      let kernel = try NetlinkKernel()
      for (family, source) in [(AddressFamily.ipv4, "192.0.2.9/32"), (.ipv6, "2001:db8::9/128")] {
        let rule = RoutingEntry.rule(
          RoutingEntry.Rule(
            family: family, source: try interfaceAddress(source), mark: 7, table: 1000,
            priority: 500))
        let option = family == .ipv4 ? "" : "-6 "
        try namespace.ip("\(option)rule add from \(source) fwmark 7 table 1000 priority 500")
        #expect(kernel.remove(rule) == nil)
        #expect(kernel.install(rule) == nil)
        #expect(kernel.install(rule)?.isAlreadyThere == true)
        #expect(kernel.confirm(rule, lifetime: nil))
        #expect(kernel.remove(rule) == nil)
        for _ in 0..<2 { #expect(!kernel.confirm(rule, lifetime: nil), "a look makes none") }
        #expect(kernel.install(rule) == nil, "it was gone, and the other is none of ours")
        #expect(kernel.remove(rule) == nil)
        try namespace.ip("\(option)rule delete from \(source) fwmark 7 table 1000 priority 500")
      }
    }
  }

  @Test("what can't be is refused with the kernel's reason")
  func refused() throws {
    try TestNamespace.run { namespace in
      let index = try namespace.index("left")
      let kernel = try NetlinkKernel()
      let unreachable = kernel.install(try entry("198.18.0.0/16", via: "192.0.2.9", on: index))
      #expect(unreachable?.operation == "add the route to 198.18.0.0/16")
      #expect(unreachable?.message?.isEmpty == false)
      #expect(kernel.install(try entry("198.18.0.0/16", on: 999)) != nil)
      #expect(kernel.remove(try entry("198.18.0.0/16", on: 999)) == nil)
    }
  }
}
