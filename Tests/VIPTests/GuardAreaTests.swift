import Netlink
import Testing
import VIP
import VIPCore

/// The memory that a node shares with its guard, read as the guard reads it.
@Suite struct GuardAreaTests {
  private func requests(_ count: Int, _ family: AddressFamily = .ipv4) throws -> [UInt8] {
    let text = family == .ipv4 ? "198.18.0.1/24" : "2001:db8::1/64"
    let address = try #require(InterfaceAddress(text))
    return AddressRequest.removals(
      Array(repeating: AddressRequest(interfaceIndex: 2, address: address), count: count))
  }

  /// A VRRP packet without contents.
  private static let packet: [UInt8] =
    [0x45, 0xC0, 0, 20, 0, 0, 0, 0, 255, 112, 0, 0, 198, 18, 0, 1, 224, 0, 0, 18]

  @Test func `what is written is due only once it is said so`() throws {
    let area = try GuardArea()
    let bytes = try requests(2)
    #expect(area.write(bytes, for: .removals, of: 7, interfaceIndex: 2))
    #expect(area.write(Self.packet, for: .farewells, of: 7, interfaceIndex: 2))
    #expect(area.deeds(at: 0) == [])
    area.setDuties(.removals, of: 7)
    #expect(area.deeds(at: 0) == [.requests(bytes)])
    area.setDuties([.removals, .farewells], of: 7)
    #expect(area.deeds(at: 0) == [.packet(Self.packet, interfaceIndex: 2), .requests(bytes)])
    area.setDuties([], of: 7)
    #expect(area.deeds(at: 0) == [])
  }

  @Test func `new contents replace what is due`() throws {
    let area = try GuardArea()
    area.setDuties(.removals, of: 0)
    for count in [3, 1, 70, 2] {
      let bytes = try requests(count)
      #expect(area.write(bytes, for: .removals, of: 0, interfaceIndex: 2))
      #expect(area.deeds(at: 0) == [.requests(bytes)])
    }
    area.clear(0)
    #expect(area.deeds(at: 0) == [])
  }

  @Test(arguments: AddressFamily.allCases)
  func `20,000 addresses are sent in whole requests and less than a page each`(
    family: AddressFamily
  ) throws {
    let area = try GuardArea()
    let bytes = try requests(20_000, family)
    #expect(area.write(bytes, for: .removals, of: 0, interfaceIndex: 2))
    area.setDuties(.removals, of: 0)
    var sent: [UInt8] = []
    for deed in area.deeds(at: 0) {
      guard case .requests(let batch) = deed else { continue }
      #expect(batch.count <= 3500 && batch.count % (bytes.count / 20_000) == 0)
      sent += batch
    }
    #expect(sent == bytes)
  }

  @Test func `farewells and removals grow old, each in its time`() throws {
    let area = try GuardArea()
    let bytes = try requests(1)
    #expect(area.write(bytes, for: .removals, of: 0, interfaceIndex: 2))
    #expect(area.write(Self.packet, for: .farewells, of: 0, interfaceIndex: 2, limit: 30))
    area.setDuties([.removals, .farewells], of: 0)
    area.setRemovalLimit(80)
    area.stamp(1000)
    #expect(area.deeds(at: 1030).count == 2)
    #expect(area.deeds(at: 1031) == [.requests(bytes)])
    #expect(area.deeds(at: 1080) == [.requests(bytes)])
    #expect(area.deeds(at: 1081) == [])
    area.setRemovalLimit(0)
    #expect(area.deeds(at: .max) == [.requests(bytes)])
    area.stamp(2000)
    // Another processor's clock may be a little behind.
    #expect(area.deeds(at: 1999).count == 2)
  }

  @Test func `a full area refuses and forgets, and takes more once there is room`() throws {
    let area = try GuardArea(byteCount: 200_000)
    let bytes = try requests(1000)
    #expect(area.write(bytes, for: .removals, of: 0, interfaceIndex: 2))
    area.setDuties([.removals], of: 0)
    area.setDuties([.removals], of: 1)
    #expect(!area.write(bytes + bytes, for: .removals, of: 1, interfaceIndex: 2))
    let due = area.deeds(at: 0)
    #expect(!due.isEmpty)
    // What is due must not be written over, so there has to be room for both.
    #expect(!area.write(bytes + bytes, for: .removals, of: 0, interfaceIndex: 2))
    #expect(area.deeds(at: 0) == [])
    #expect(area.write(bytes, for: .removals, of: 1, interfaceIndex: 2))
    #expect(area.deeds(at: 0) == due)
    for _ in 0..<1000 {
      area.clear(1)
      #expect(area.write(bytes, for: .removals, of: 1, interfaceIndex: 2))
    }
    #expect(!area.write(bytes, for: .removals, of: GuardArea.slotCount, interfaceIndex: 2))
  }

  @Test func `contents that are replaced make room for others`() throws {
    let area = try GuardArea(byteCount: 200_000)
    area.setDuties([.removals], of: 0)
    for count in 1...500 {
      #expect(try area.write(requests(count), for: .removals, of: 0, interfaceIndex: 2))
    }
    #expect(try area.write(requests(1000), for: .removals, of: 0, interfaceIndex: 2))
  }

  @Test func `nothing but removals of addresses is ever sent to the kernel`() throws {
    let area = try GuardArea()
    area.setDuties(.removals, of: 0)
    let good = try requests(1)
    for (offset, value) in [(4, UInt8(20)), (6, 5), (0, 41), (0, 15), (0, 255), (3, 1)] {
      var bad = good
      bad[offset] = value
      #expect(area.write(bad, for: .removals, of: 0, interfaceIndex: 2))
      #expect(area.deeds(at: 0) == [], "byte \(offset) is \(value)")
      // What comes before it still is.
      #expect(area.write(good + bad, for: .removals, of: 0, interfaceIndex: 2))
      #expect(area.deeds(at: 0) == [.requests(good)])
    }
    #expect(area.write(Array(good.dropLast(4)), for: .removals, of: 0, interfaceIndex: 2))
    #expect(area.deeds(at: 0) == [])
  }

  @Test func `of interfaces only macvlans are removed, by name, and only settings put back`() throws
  {
    let area = try GuardArea()
    area.setDuties(.removals, of: 0)
    func isSent(_ bytes: [UInt8]) -> Bool {
      #expect(area.write(bytes, for: .removals, of: 0, interfaceIndex: 2))
      return area.deeds(at: 0) == [.requests(bytes)]
    }
    let good = LinkRequest.removal(
      ofMacvlan: "vip4-2-51", restoring: [.arpIgnore: 0], ofParent: 2)
    #expect(isSent(good))
    #expect(isSent(LinkRequest.removal(ofMacvlan: "vip6-2-51", restoring: [:], ofParent: 2)))
    for name in ["eth0", "vip5-2-51", "vip4", "vrrp.51", ""] {
      #expect(
        !isSent(LinkRequest.removal(ofMacvlan: name, restoring: [:], ofParent: 2)), "\(name)")
    }
    // The first request switches off: bytes of its header, of its fixed part, of the name.
    for (offset, value) in [
      (4, UInt8(16)), (6, 5), (0, 20), (20, 2), (24, 1), (28, 3), (32, 200), (34, 4), (36, 101),
    ] {
      var bad = good
      bad[offset] = value
      #expect(!isSent(bad), "byte \(offset) is \(value)")
    }
    // The second one is the parent's: no state of it, and nothing but settings.
    let second = Int(good[0])
    for (offset, value) in [(4, UInt8(17)), (24, 1), (28, 1), (34, 3), (32, 8)] {
      var bad = good
      bad[second + offset] = value
      #expect(!isSent(bad), "byte \(offset) of the second is \(value)")
    }
  }

  @Test func `nothing but whole VRRP packets is ever sent to the network`() throws {
    let area = try GuardArea()
    area.setDuties(.farewells, of: 0)
    for (offset, value) in [(0, UInt8(0x46)), (0, 0x60), (9, 6), (3, 21), (3, 19), (2, 1)] {
      var bad = Self.packet
      bad[offset] = value
      #expect(area.write(bad, for: .farewells, of: 0, interfaceIndex: 2))
      #expect(area.deeds(at: 0) == [], "byte \(offset) is \(value)")
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func `whatever the memory holds, the reader stays within it`(seed: UInt64) throws {
    let area = try GuardArea(byteCount: 200_000)
    for slot in 0..<20 {
      #expect(area.write(try requests(50), for: .removals, of: slot, interfaceIndex: 2))
      #expect(area.write(Self.packet, for: .farewells, of: slot, interfaceIndex: 2))
      area.setDuties([.removals, .farewells], of: slot)
    }
    var state = seed
    func random() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    // Some seeds spoil a few bytes of the directory, others everything.
    let bytes = UnsafeMutableRawBufferPointer(start: area.base, count: area.byteCount)
    let reach = seed % 2 == 0 ? 64 + 20 * 56 : area.byteCount
    for _ in 0..<(seed % 3 == 0 ? 100_000 : 40) {
      bytes[Int(random()) % reach] = UInt8(truncatingIfNeeded: random())
    }
    for deed in area.deeds(at: random()) {
      switch deed {
      case .packet(let packet, _): #expect(packet.count >= 20)
      case .requests(let batch):
        #expect(batch.count <= 3500 && batch[4] == 21)
      }
    }
  }
}
