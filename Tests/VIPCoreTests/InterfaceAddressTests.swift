import Foundation
import Testing
import VIPCore

@Suite struct InterfaceAddressTests {
  @Test(arguments: [
    ("192.0.2.10/24", "192.0.2.10/24"), ("192.0.2.10", "192.0.2.10/32"), ("0.0.0.0/0", "0.0.0.0/0"),
    ("2001:DB8::10/64", "2001:db8::10/64"), ("2001:db8::10", "2001:db8::10/128"), ("::/0", "::/0"),
    ("192.0.2.10/32", "192.0.2.10/32"), ("::1/128", "::1/128"),
  ])
  func readsAndWrites(text: String, canonical: String) throws {
    let address = try #require(InterfaceAddress(text))
    #expect(address.description == canonical)
    #expect(InterfaceAddress(canonical) == address)
  }

  @Test(arguments: [
    "", "/", "/24", "192.0.2.10/", "192.0.2.10/33", "::1/129", "192.0.2.10/-1", "192.0.2.10/+1",
    "192.0.2.10/024", "192.0.2.10/00", "192.0.2.10/24/24", "192.0.2.10/255.255.255.0",
    "192.0.2.10/ 24", "192.0.2.10/2147483648", "192.0.2.10/٢", "192.0.2/24",
  ])
  func refusesOtherText(text: String) {
    #expect(InterfaceAddress(text) == nil)
  }

  @Test func refusesPrefixesLongerThanTheAddress() {
    #expect(InterfaceAddress(.v4(.any), prefixLength: 33) == nil)
    #expect(InterfaceAddress(.v4(.any), prefixLength: -1) == nil)
    #expect(InterfaceAddress(.v6(.any), prefixLength: 128)?.prefixLength == 128)
  }

  @Test(arguments: [
    ("192.0.2.10/24", "192.0.2.255", true), ("192.0.2.10/24", "192.0.3.0", false),
    ("192.0.2.10/32", "192.0.2.10", true), ("192.0.2.10/32", "192.0.2.11", false),
    ("192.0.2.10/0", "203.0.113.9", true), ("192.0.2.10/0", "2001:db8::1", false),
    ("2001:db8::10/64", "2001:db8::ffff:1", true), ("2001:db8::10/64", "2001:db8:0:1::", false),
    ("2001:db8::10/65", "2001:db8::8000:0:0:0", false), ("2001:db8::/63", "2001:db8:0:1::", true),
    ("2001:db8::10/128", "2001:db8::10", true), ("2001:db8::10/128", "2001:db8::11", false),
    ("::/0", "ffff::", true), ("::/0", "0.0.0.0", false),
  ])
  func knowsItsNetwork(network: String, other: String, expected: Bool) throws {
    let network = try #require(InterfaceAddress(network))
    #expect(network.contains(try #require(IPAddress(other))) == expected)
  }

  @Test func codesAsText() throws {
    let address = try #require(InterfaceAddress("2001:db8::10/64"))
    let json = try JSONEncoder().encode([address])
    #expect(try JSONDecoder().decode([String].self, from: json) == ["2001:db8::10/64"])
    #expect(try JSONDecoder().decode([InterfaceAddress].self, from: json) == [address])
  }
}
