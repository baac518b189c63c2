import Glibc
import TestSupport
import Testing

@testable import VIP

/// Addresses of Unix sockets.
@Suite struct UnixAddressTests {
  private func datagramSocket() throws -> Descriptor {
    try Descriptor(
      socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0), "a socket")
  }

  private func received(_ descriptor: borrowing Descriptor) -> String {
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = recv(descriptor.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
  }

  @Test func `a datagram reaches a path and a name`() throws {
    let folder = try TemporaryDirectory()
    let addresses = [
      try #require(UnixAddress(path: folder["socket"])),
      try #require(UnixAddress(abstract: "vipctl-test/\(folder.path)")),
    ]
    for address in addresses {
      let receiver = try datagramSocket()
      let sender = try datagramSocket()
      #expect(address.send(Array("early".utf8), over: sender.raw) != 0)
      #expect(address.bind(receiver.raw) == 0)
      #expect(address.send(Array("hello".utf8), over: sender.raw) == 0)
      #expect(received(receiver) == "hello")
      #expect(address.connect(sender.raw) == 0)
      #expect(send(sender.raw, "again", 5, 0) == 5)
      #expect(received(receiver) == "again")
      let other = try datagramSocket()
      #expect(address.bind(other.raw) == EADDRINUSE)
    }
    #expect(access(folder["socket"], F_OK) == 0)
  }

  @Test func `what fits neither a path nor a name is no address`() {
    #expect(UnixAddress(path: "") == nil && UnixAddress(abstract: "") == nil)
    let longest = String(repeating: "a", count: UnixAddress.byteCountMax)
    #expect(UnixAddress(path: longest) != nil && UnixAddress(abstract: longest) != nil)
    #expect(UnixAddress(path: longest + "a") == nil && UnixAddress(abstract: longest + "a") == nil)
    #expect(UnixAddress(path: "/tmp/a\0b") == nil)
  }

  @Test func `names that begin alike are different`() throws {
    let folder = try TemporaryDirectory()
    let short = try #require(UnixAddress(abstract: "\(folder.path)/a"))
    let long = try #require(UnixAddress(abstract: "\(folder.path)/ab"))
    let first = try datagramSocket()
    let second = try datagramSocket()
    #expect(short.bind(first.raw) == 0 && long.bind(second.raw) == 0)
  }
}
