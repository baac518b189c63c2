import Glibc
import TestSupport
import Testing
import VIPCore
import VIPTesting

@testable import Netlink

/// The fake kernel is only worth something if it does what Linux does: both get the same random
/// instructions and have to end up with the same results, reports and addresses.
@Suite("Fake and Linux agree", .enabled(if: canMakeNamespaces, "needs root"))
struct AgreementTests {
  private static let pool = [
    "192.0.2.1/24", "192.0.2.2/24", "192.0.2.3/24", "192.0.2.1/32", "192.0.2.130/25", "0.0.0.0/8",
    "127.0.0.9/8", "239.1.1.1/32", "198.18.0.1/31",
    "2001:db8::1/64", "2001:db8::1/128", "2001:db8::2/64", "fe80::5e00:251/64", "ff05::1/64",
    "::/64", "::1/128",
  ]

  /// What has to be equal; remaining lifetimes may differ by the time that passed in between.
  private struct Comparable: Hashable, CustomStringConvertible {
    var description: String

    init(_ record: AddressRecord) {
      var plain = record
      plain.validLifetime = record.validLifetime.map { _ in .seconds(1_000) }
      plain.preferredLifetime = record.preferredLifetime.map {
        $0 == .zero ? .zero : .seconds(1_000)
      }
      description = "\(plain)"
    }
  }

  private func changes(_ events: [KernelEvent]) -> [String] {
    events.compactMap { event in
      switch event {
      case .address(let record): "new \(Comparable(record))"
      case .addressRemoved(let record): "gone \(Comparable(record))"
      default: nil
      }
    }.sorted()
  }

  /// What Linux reports, a short time after everything expected is there.
  ///
  /// It reports a new IPv6 address from a work queue, not before the request is answered.
  private func reports(of linux: NetlinkKernel, expected: [String]) throws -> [String] {
    var reports: [KernelEvent] = []
    // What does not come shows in the comparison.
    _ = try? eventually("all reports are there", within: .seconds(1)) {
      reports += try drained(linux)
      return changes(reports).count >= expected.count
    }
    return changes(reports)
  }

  @Test("after every step", arguments: 1...8)
  func agreement(seed: Int) throws {
    try TestNamespace.run { namespace in
      let linux = try NetlinkKernel()
      let fake = FakeKernel(links: try linux.links())
      var numbers = SplitMix64(seed: UInt64(seed))
      if seed % 2 == 0 {
        try namespace.set("ipv4/conf/all/promote_secondaries", "1")
        fake.promotesSecondaries = true
      }
      if seed % 4 < 2 {
        try namespace.set("ipv6/conf/all/keep_addr_on_down", "1")
        fake.keepsIPv6AddressesOnDown = true
      }
      let left = try namespace.index("left")
      let right = try namespace.index("right")
      for step in 0..<150 {
        let text = try #require(Self.pool.randomElement(using: &numbers))
        let request = AddressRequest(
          interfaceIndex: [left, left, left, right, right, 4_711].randomElement(using: &numbers)
            ?? left,
          address: try interfaceAddress(text), protocolTag: .random(in: 111...112, using: &numbers),
          lifetime: [nil, .zero, .seconds(1_000), .seconds(2_000)].randomElement(using: &numbers)
            ?? nil)
        var what = "step \(step) of seed \(seed)"
        func compare() throws {
          let made = changes(try drained(fake))
          let real = try reports(of: linux, expected: made)
          #expect(real == made, "\(what)")
          let there = Set(try linux.addresses().map(Comparable.init))
          let here = Set(try fake.addresses().map(Comparable.init))
          try #require(there == here, "\(what)")
        }
        func install() throws {
          what += ", install \(request)"
          #expect(linux.install([request]) == fake.install([request]), "\(what)")
          try compare()
        }
        func setUp(_ isUp: Bool, _ name: String) throws {
          what += ", \(name) \(isUp ? "up" : "down")"
          try namespace.ip("link set \(name) \(isUp ? "up" : "down")")
          fake.setFlags(isUp ? .up : [], onInterface: name == "left" ? left : right)
          try compare()
        }
        switch Int.random(in: 0..<20, using: &numbers) {
        case 0..<12:
          try install()
        case 12..<18:
          what += ", remove \(request)"
          #expect(linux.remove([request]) == fake.remove([request]), "\(what)")
          try compare()
        default:
          let name = Bool.random(using: &numbers) ? "left" : "right"
          try setUp(false, name)
          try install()
          try setUp(true, name)
        }
      }
    }
  }
}
