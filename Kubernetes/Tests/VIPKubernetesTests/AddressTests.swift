import Testing
import VIPCore

@testable import VIPKubernetes

/// What can stand under `addresses` of a pool.
@Suite struct AddressTests {
  @Test(arguments: [
    ("192.0.2.7", "192.0.2.7", 1), ("192.0.2.10-192.0.2.20", "192.0.2.10-192.0.2.20", 11),
    (" 192.0.2.10 - 192.0.2.20 ", "192.0.2.10-192.0.2.20", 11),
    ("192.0.2.0/24", "192.0.2.1-192.0.2.254", 254), ("192.0.2.8/30", "192.0.2.9-192.0.2.10", 2),
    ("192.0.2.8/31", "192.0.2.8-192.0.2.9", 2), ("192.0.2.8/32", "192.0.2.8", 1),
    ("2001:db8::100/120", "2001:db8::101-2001:db8::1ff", 255),
    ("2001:db8::/127", "2001:db8::-2001:db8::1", 2), ("2001:db8::7/128", "2001:db8::7", 1),
    ("2001:db8::a-2001:db8::c", "2001:db8::a-2001:db8::c", 3),
  ])
  func `a text names addresses`(text: String, block: String, count: Int) throws {
    let parsed = try AddressBlock(parsing: text)
    #expect(parsed.description == block)
    #expect(parsed.count == UInt128(count))
  }

  @Test func `a /64 has all its addresses but the routers'`() throws {
    let block = try AddressBlock(parsing: "2001:db8:0:1::/64")
    #expect(block.count == UInt128(UInt64.max))
    #expect(block.contains(ip("2001:db8:0:1:ffff:ffff:ffff:ffff")))
    #expect(!block.contains(ip("2001:db8:0:1::")) && !block.contains(ip("2001:db8:0:2::1")))
  }

  @Test(arguments: [
    ("", "neither an address"), ("192.0.2", "neither an address"), ("192.0.2.256", "neither"),
    ("192.0.2.1-192.0.2.2-192.0.2.3", "neither"), ("192.0.2.1-2001:db8::1", "two ranges"),
    ("192.0.2.9-192.0.2.1", "write 192.0.2.1-192.0.2.9"), ("192.0.2.0/33", "no network"),
    ("192.0.2.0/255.255.255.0", "no network"), ("192.0.2.7/24", "write 192.0.2.0/24"),
    ("2001:db8::7/64", "write 2001:db8::/64"), ("0.0.0.0/0", "0.0.0.0/8"),
    ("127.0.0.1", "loopback"), ("224.0.0.18", "multicast"), ("240.0.0.1", "reserved"),
    ("::/0", "unspecified"), ("::1", "loopback"), ("ff02::12", "multicast"),
    ("fe80::1", "link-local"), ("::ffff:192.0.2.1", "IPv4-mapped"), ("192.0.2.1%eth0", "neither"),
  ])
  func `a text that names none says what would be right`(text: String, part: String) {
    #expect {
      try AddressBlock(parsing: text)
    } throws: {
      "\($0)".contains(part)
    }
  }

  @Test func `a long text is not read`() {
    #expect(throws: AddressBlockError.self) {
      try AddressBlock(parsing: String(repeating: "1", count: 1_000_000))
    }
  }

  private static func space(_ texts: String...) throws -> AddressSpace {
    AddressSpace(try texts.map { try AddressBlock(parsing: $0) })
  }

  @Test func `blocks that overlap or touch are one`() throws {
    let space = try Self.space(
      "192.0.2.20-192.0.2.30", "2001:db8::1", "192.0.2.10-192.0.2.19", "192.0.2.25-192.0.2.27",
      "192.0.2.40")
    #expect(
      space.blocks.map(\.description) == ["192.0.2.10-192.0.2.30", "192.0.2.40", "2001:db8::1"])
    #expect(space.count == 23)
    #expect(space.contains(ip("192.0.2.30")) && space.contains(ip("2001:db8::1")))
    #expect(!space.contains(ip("192.0.2.31")) && !space.contains(ip("2001:db8::2")))
    #expect(!space.contains(ip("192.0.2.9")) && !AddressSpace().contains(ip("192.0.2.9")))
  }

  @Test func `spaces overlap where they have the same addresses`() throws {
    let space = try Self.space("192.0.2.10-192.0.2.20", "2001:db8::/64")
    #expect(space.overlap(with: try Self.space("192.0.2.21-192.0.2.30")) == nil)
    let overlap = space.overlap(with: try Self.space("192.0.2.15-192.0.2.30"))
    #expect(overlap?.description == "192.0.2.15-192.0.2.20")
    let six = try Self.space("192.0.2.1", "192.0.2.30", "2001:db8:0:0:1::-2001:db8:0:0:2::")
    #expect(space.overlap(with: six)?.description == "2001:db8:0:0:1::-2001:db8:0:0:2::")
    #expect(six.overlap(with: space)?.description == "2001:db8:0:0:1::-2001:db8:0:0:2::")
  }

  @Test func `the largest space has a count`() throws {
    let blocks = [
      AddressBlock(.ipv6, 2, .max), AddressBlock(.ipv4, 1, 10),
    ]
    #expect(AddressSpace(blocks).count == .max)
    #expect(AddressBlock(.ipv6, 0, .max).count == .max)
  }

  @Test func `the lowest free address is found, whatever came back in which order`() {
    var free = FreeAddresses([AddressBlock(.ipv4, 10, 19), AddressBlock(.ipv4, 30, 31)])
    var used: Set<IPAddress> = []
    var state: UInt64 = 7
    for _ in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let all = (10...19).map { IPAddress(.ipv4, $0) } + (30...31).map { IPAddress(.ipv4, $0) }
      let lowest = all.first { !used.contains($0) }
      #expect(free.lowest { used.contains($0) } == lowest)
      switch state >> 60 {
      case 0..<7: if let lowest { used.insert(lowest) }
      case 7..<9: used.insert(all[Int(state >> 32) % all.count])
      default:
        let address = all[Int(state >> 32) % all.count]
        if used.remove(address) != nil { free.giveBack(address) }
      }
    }
  }

  @Test func `a pool without addresses of a family has none that is free`() {
    var free = FreeAddresses([])
    #expect(free.lowest { _ in false } == nil)
    free.giveBack(ip("192.0.2.1"))
    #expect(free.lowest { _ in false } == nil)
  }
}
