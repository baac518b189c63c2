import Testing
import VIPCore

@testable import VIP

/// The addresses that an advertisement lists, without an engine.
@Suite struct ListedAddressesTests {
  private static let first = IPAddress.v4(IPv4Address(198, 18, 0, 100))
  private static let second = IPAddress.v4(IPv4Address(198, 18, 0, 101))
  private static let third = IPAddress.v4(IPv4Address(198, 18, 0, 102))

  @Test func `what is not listed is not there, as long as there is room`() {
    for capacity in [3, nil] {
      let list = ListedAddresses([Self.first, Self.second], capacity: capacity)
      #expect(list.mayInclude(Self.first) && !list.mayInclude(Self.third))
      #expect(list.mayIncludeAny(of: [Self.third, Self.second]))
      #expect(!list.mayIncludeAny(of: [Self.third]) && !list.mayIncludeAny(of: []))
    }
  }

  @Test func `a full list may stand for more than is in it`() {
    let list = ListedAddresses([Self.first, Self.second], capacity: 2)
    #expect(list.mayInclude(Self.third) && list.mayIncludeAny(of: [Self.third]))
    #expect(!list.mayIncludeAny(of: []))
  }

  @Test func `an address that is listed twice takes one place`() {
    let list = ListedAddresses([Self.first, Self.first], capacity: 2)
    #expect(!list.mayInclude(Self.third))
  }
}
