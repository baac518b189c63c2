import Foundation
import Testing
import VIPCore

@Suite struct MACAddressTests {
  @Test func readsBothSeparators() throws {
    let address = MACAddress(0, 0, 0x5E, 0, 1, 0x33)
    #expect(MACAddress("00:00:5e:00:01:33") == address)
    #expect(MACAddress("00-00-5E-00-01-33") == address)
    #expect(address.description == "00:00:5e:00:01:33")
    #expect(MACAddress(rawValue: .max) == .broadcast)
    #expect(MACAddress.broadcast.description == "ff:ff:ff:ff:ff:ff")
  }

  @Test(arguments: [
    "", "00:00:5e:00:01", "00:00:5e:00:01:33:44", "00:00:5e:00:01:3", "00:00:5e:00:01:333",
    "00:00:5e:00-01:33", "00005e000133", "0000.5e00.0133", "00:00:5e:00:01:+3", "00:00:5e:00:01:-3",
    "00:00:5e:00:01:g0", "00:00:5e:00:01: 3", "00:00:5e:00:01:٣", ":::::", "00:00:5e:00:01:33 ",
  ])
  func refusesOtherText(text: String) {
    #expect(MACAddress(text) == nil)
  }

  /// RFC 9568 §7.3 names the two virtual addresses, RFC 2464 §7 the multicast ones.
  @Test func derivesAddresses() throws {
    let vrid = try #require(VRID(exactly: 51))
    #expect(MACAddress.virtualRouter(vrid, .ipv4).description == "00:00:5e:00:01:33")
    #expect(MACAddress.virtualRouter(vrid, .ipv6).description == "00:00:5e:00:02:33")
    #expect(MACAddress.multicast(for: .vrrpGroup).description == "33:33:00:00:00:12")
    let solicited = try #require(IPv6Address("ff02::1:ff89:abcd"))
    #expect(MACAddress.multicast(for: solicited).description == "33:33:ff:89:ab:cd")
  }

  @Test func knowsGroups() {
    #expect(MACAddress.broadcast.isMulticast)
    #expect(MACAddress.multicast(for: .allNodes).isMulticast)
    #expect(!MACAddress(0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF).isMulticast)
    #expect((0..<6).map(MACAddress(1, 2, 3, 4, 5, 6).byte) == [1, 2, 3, 4, 5, 6])
  }

  @Test func codesAsText() throws {
    let json = try JSONEncoder().encode([MACAddress.broadcast])
    #expect(String(decoding: json, as: UTF8.self) == #"["ff:ff:ff:ff:ff:ff"]"#)
    #expect(try JSONDecoder().decode([MACAddress].self, from: json) == [.broadcast])
  }
}

/// RFC 9568 §5.2.3: a VRID is 1...255.
@Suite struct VRIDTests {
  @Test func acceptsItsRangeOnly() {
    #expect(VRID(exactly: 0) == nil && VRID(exactly: 256) == nil && VRID(exactly: -1) == nil)
    #expect(VRID(exactly: 1)?.rawValue == 1 && VRID(exactly: 255)?.rawValue == 255)
    #expect(VRID(exactly: UInt64.max) == nil && VRID(exactly: Int8(-1)) == nil)
  }

  @Test func readsDecimal() {
    #expect(VRID("51")?.rawValue == 51 && VRID("255")?.description == "255")
    for text in [
      "", "0", "256", "-1", "+1", " 1", "1 ", "0x33", "5.1", "٥", "99999999999999999999",
    ] {
      #expect(VRID(text) == nil, "'\(text)'")
    }
  }

  @Test func codesAsNumber() throws {
    let vrids = [VRID(exactly: 1), VRID(exactly: 255)].compactMap { $0 }
    let json = try JSONEncoder().encode(vrids)
    #expect(String(decoding: json, as: UTF8.self) == "[1,255]")
    #expect(try JSONDecoder().decode([VRID].self, from: json) == vrids)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([VRID].self, from: Data("[256]".utf8))
    }
    #expect(vrids.sorted(by: >).map(\.rawValue) == [255, 1])
  }
}
