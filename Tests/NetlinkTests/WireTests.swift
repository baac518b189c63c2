import Testing
import VIPCore

@testable import Netlink

/// Messages byte for byte; the vectors were accepted, or sent, by a Linux 6.18 kernel.
@Suite("Netlink messages")
struct WireTests {
  /// RTM_NEWADDR of 192.0.2.100/24 with CREATE|EXCL.
  static let add = hex(
    """
    38000000140005060100000000000000 0218000002000000 08000200c0000264 08000100c0000264
    08000400c00002ff 05000b0070000000
    """)

  @Test("IPv4 address with broadcast and tag")
  func addIPv4() throws {
    var message = AddressMessage.install(
      AddressRequest(
        interfaceIndex: 2, address: try interfaceAddress("192.0.2.100/24"),
        broadcast: IPv4Address(192, 0, 2, 255)))
    message.messageFlags = MessageFlags.create | MessageFlags.exclusive
    #expect(encoded { message.encode(into: &$0, sequence: 1) } == Self.add)
  }

  @Test("IPv6 address with lifetimes and flags")
  func addIPv6() throws {
    var message = AddressMessage.install(
      AddressRequest(
        interfaceIndex: 2, address: try interfaceAddress("2001:db8::100/64"), protocolTag: 0,
        lifetime: .seconds(30)))
    #expect(message.flags == [.noDAD, .noPrefixRoute])
    message.flags = .noDAD
    #expect(
      encoded { message.encode(into: &$0, sequence: 2) }
        == hex(
          """
          48000000140005050200000000000000 0a40000002000000
          1400020020010db8000000000000000000000100
          14000600000000001e0000000000000000000000 0800080002000000
          """))
  }

  @Test("list of the IPv4 addresses of one interface")
  func dump() {
    let bytes = encoded {
      AddressMessage.encodeDump(family: 2, interfaceIndex: 2, into: &$0, sequence: 3)
    }
    #expect(bytes == hex("180000001600010303000000000000000200000002000000"))
  }

  @Test("deletions for another process to send ask for no answer and stand one behind the other")
  func removals() throws {
    let requests = try ["192.0.2.100/24", "2001:db8::100/64"].map {
      AddressRequest(interfaceIndex: 2, address: try interfaceAddress($0), lifetime: .seconds(3))
    }
    #expect(
      AddressRequest.removals(requests)
        == hex(
          """
          28000000150001000000000000000000 0218000002000000 08000200c0000264 08000100c0000264
          2c000000150001000000000000000000 0a40000002000000
          1400020020010db8000000000000000000000100
          """))
    #expect(AddressRequest.removals([]).isEmpty)
  }

  @Test("deletion names the prefix, so that its length counts")
  func delete() throws {
    let message = AddressMessage.remove(
      AddressRequest(interfaceIndex: 2, address: try interfaceAddress("192.0.2.100/24")))
    #expect(
      encoded { message.encode(into: &$0, sequence: 4) }
        == hex(
          "28000000150005000400000000000000021800000200000008000200c000026408000100c0000264"))
  }

  @Test("the longest message fits what is set aside for it")
  func longest() throws {
    for text in ["192.0.2.1/24", "2001:db8::1/64"] {
      let message = AddressMessage.install(
        AddressRequest(
          interfaceIndex: 2, address: try interfaceAddress(text), lifetime: .seconds(1),
          broadcast: .any))
      let bytes = encoded { message.encode(into: &$0, sequence: 1) }
      #expect(bytes.count <= AddressMessage.maximumByteCount)
      #expect(bytes.count % 4 == 0)
      #expect(bytes.span.native32(at: 0) == UInt32(bytes.count))
    }
  }

  @Test(
    "lifetimes are rounded up to seconds",
    arguments: [
      (Duration.seconds(3), UInt32(3)), (.milliseconds(2_001), 3), (.nanoseconds(1), 1),
      (.zero, 0), (.seconds(-5), 0), (.milliseconds(-500), 0),
      (.seconds(Int64(UInt32.max)), .max - 1), (.seconds(1 << 40), .max - 1),
    ])
  func lifetimes(lifetime: Duration, seconds: UInt32) throws {
    let request = AddressRequest(
      interfaceIndex: 2, address: try interfaceAddress("192.0.2.1/24"), lifetime: lifetime)
    #expect(request.validSeconds == seconds)
    #expect(request.preferredSeconds == seconds)
  }

  @Test("an IPv4 address without an end needs no lifetimes, an IPv6 address does")
  func noLifetime() throws {
    let ipv4 = AddressRequest(interfaceIndex: 2, address: try interfaceAddress("192.0.2.1/24"))
    #expect(AddressMessage.install(ipv4).lifetimes == nil)
    let ipv6 = AddressRequest(interfaceIndex: 2, address: try interfaceAddress("2001:db8::1/64"))
    let lifetimes = try #require(AddressMessage.install(ipv6).lifetimes)
    #expect(lifetimes == (0, .max))
  }

  @Test("what is encoded reads back")
  func roundTrip() throws {
    let request = AddressRequest(
      interfaceIndex: 7, address: try interfaceAddress("2001:db8::1/64"), lifetime: .seconds(3))
    let bytes = encoded { AddressMessage.install(request).encode(into: &$0, sequence: 9) }
    #expect(
      NetlinkKernel.events(in: bytes.span) == [
        .address(
          AddressRecord(
            interfaceIndex: 7, address: request.address, flags: [.noDAD, .noPrefixRoute],
            protocolTag: 112, validLifetime: .seconds(3), preferredLifetime: .zero))
      ])
  }
}
