import Foundation
import Testing
import VIPCore

@Suite struct IPv4AddressTests {
  @Test(arguments: [
    ("0.0.0.0", 0 as UInt32), ("192.0.2.1", 0xC000_0201), ("255.255.255.255", .max),
    ("10.0.200.9", 0x0A00_C809),
  ])
  func readsAndWritesDottedDecimal(text: String, number: UInt32) {
    #expect(IPv4Address(text)?.rawValue == number)
    #expect(IPv4Address(rawValue: number).description == text)
  }

  @Test(arguments: [
    "", ".", "...", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.1", "1.2.3.999",
    "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4", "1.2.3.-4", "0x1.2.3.4", "1.2.3.a",
    "1.2.3.4/24", "1234", "1.2.3.0004", "١.2.3.4", "1.2.3.4\0", "1.2.3.4e\u{301}",
  ])
  func refusesOtherText(text: String) {
    #expect(IPv4Address(text) == nil)
  }

  @Test func ordersAsUnsignedNumbers() {
    #expect(IPv4Address(127, 0, 0, 1) < IPv4Address(128, 0, 0, 0))
    #expect(IPv4Address(192, 0, 2, 9) < IPv4Address(192, 0, 2, 10))
    #expect(!(IPv4Address.any < IPv4Address.any))
  }

  @Test func knowsItsRanges() {
    #expect(IPv4Address.any.isUnspecified && !IPv4Address(0, 0, 0, 1).isUnspecified)
    #expect(IPv4Address(127, 255, 0, 1).isLoopback && !IPv4Address(128, 0, 0, 1).isLoopback)
    #expect(IPv4Address.vrrpGroup.isMulticast && IPv4Address(239, 255, 255, 255).isMulticast)
    #expect(!IPv4Address(223, 255, 255, 255).isMulticast && !IPv4Address(240, 0, 0, 0).isMulticast)
    #expect(IPv4Address(255, 255, 255, 255).isReserved && !IPv4Address.vrrpGroup.isReserved)
    #expect(IPv4Address(169, 254, 9, 9).isLinkLocal && !IPv4Address(169, 253, 0, 0).isLinkLocal)
  }

  @Test func codesAsText() throws {
    let json = try JSONEncoder().encode([IPv4Address(192, 0, 2, 1)])
    #expect(String(decoding: json, as: UTF8.self) == #"["192.0.2.1"]"#)
    #expect(try JSONDecoder().decode([IPv4Address].self, from: json) == [IPv4Address(192, 0, 2, 1)])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([IPv4Address].self, from: Data(#"["192.0.2"]"#.utf8))
    }
  }
}
