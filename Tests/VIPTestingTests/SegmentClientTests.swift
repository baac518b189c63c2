import ARP
import Testing
import VIPCore

@testable import VIPTesting

/// A client's neighbour cache follows what it hears last, which may not be what was sent last.
@Suite struct SegmentClientTests {
  private let address = IPAddress.v4(IPv4Address(192, 0, 2, 10))
  private let first = MACAddress(2, 0, 0, 0, 0, 1)
  private let second = MACAddress(2, 0, 0, 0, 0, 2)

  private func moment(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

  private func announcement(_ mac: MACAddress) -> [UInt8] {
    Announcement(address, at: mac).encodeFrame()
  }

  @Test func `an announcement that another one has overtaken misleads it until the next one`() {
    var client = SegmentClient(macAddress: MACAddress(2, 0, 0, 0, 0, 9))
    #expect(client.hear(announcement(first), sent: moment(1)) == address)
    #expect(client.hear(announcement(second), sent: moment(2)) == address)
    #expect(client.misled.isEmpty)
    #expect(client.hear(announcement(first), sent: moment(1)) == address)
    #expect(client.cache[address] == first && client.misled == [address])
    // One that says the same and is late too is no reason to know better.
    #expect(client.hear(announcement(first), sent: moment(1)) == nil)
    #expect(client.misled == [address])
    #expect(client.hear(announcement(second), sent: moment(3)) == address)
    #expect(client.cache[address] == second && client.misled.isEmpty)
  }

  @Test func `one that is late and says what the client knows misleads no client`() {
    var client = SegmentClient(macAddress: MACAddress(2, 0, 0, 0, 0, 9))
    _ = client.hear(announcement(first), sent: moment(2))
    #expect(client.hear(announcement(first), sent: moment(1)) == nil)
    #expect(client.misled.isEmpty)
  }
}
