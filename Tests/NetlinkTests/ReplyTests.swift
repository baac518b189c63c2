import TestSupport
import Testing
import VIPCore

@testable import Netlink

/// What the kernel answers, what it reports, and what no kernel would ever send.
@Suite("Netlink replies")
struct ReplyTests {
  /// EEXIST with an explanation, without the echoed body (captured).
  static let alreadyAssigned = hex(
    """
    480000000200000301000000b14c0000 efffffff 38000000140005060100000000000000
    23000100 697076343a204164647265737320616c72656164792061737369676e656400 00
    """)

  /// Reads the first message as an answer.
  private func reply(_ bytes: [UInt8]) -> Reply? {
    var position = 0
    let span = bytes.span
    guard let message = Message.next(in: span, from: &position) else { return nil }
    return Reply(message, in: span)
  }

  @Test("success")
  func success() throws {
    let answer = try #require(
      reply(hex("240000000200000101000000b14c000000000000 38000000140005060100000000000000")))
    #expect(answer == Reply(code: 0))
  }

  @Test("error with an explanation")
  func capped() throws {
    let answer = try #require(reply(Self.alreadyAssigned))
    #expect(answer.code == 17)
    #expect(answer.message == "ipv4: Address already assigned")
    #expect(answer.offset == nil)
  }

  @Test("error with the request echoed before the explanation")
  func echoed() throws {
    // The request is 18 bytes long, so two bytes of padding follow.
    let answer = try #require(
      reply(
        hex(
          """
          3c000000020000020100000000000000 deffffff 12000000140005060100000000000000 aabb0000
          09000100 6f6f707300000000 0800 0200 18000000
          """)))
    #expect(answer.code == 34)
    #expect(answer.message == "oops")
    #expect(answer.offset == 24)
  }

  @Test("error without attributes")
  func bare() throws {
    let answer = try #require(
      reply(hex("24000000020000000100000000000000 ffffffff 12000000140005060100000000000000")))
    #expect(answer == Reply(code: 1))
  }

  @Test("an echoed length beyond the message, and a number that has no positive counterpart")
  func lies() throws {
    let answer = try #require(
      reply(hex("24000000020000020100000000000000 00000080 ffffffff140005060100000000000000")))
    #expect(answer == Reply(code: .max))
  }

  @Test("the end of a dump carries errors too, its attributes directly after the number")
  func done() throws {
    let failed = try #require(
      reply(hex("20000000030002020300000000000000 edffffff 09000100 6f6f707300000000")))
    #expect(failed.code == 19)
    #expect(failed.message == "oops")
    let plain = try #require(reply(hex("10000000030002000300000000000000")))
    #expect(plain.code == 0)
  }

  @Test("answers are matched by sequence number, in any order and grouping")
  func matching() {
    func answer(_ sequence: UInt8, _ code: String) -> [UInt8] {
      hex("2400000002000001") + [sequence, 0, 0, 0] + hex("00000000" + code)
        + hex("38000000140005060100000000000000")
    }
    var pending = PendingReplies(first: 10, count: 4)
    var failed: [Int] = []
    let first = answer(12, "efffffff") + answer(10, "00000000")
    pending.read(first.span) { index, reply in
      #expect(reply.code == 17)
      failed.append(index)
    }
    #expect(!pending.isEmpty)
    // From another conversation, and answered already.
    let strange = answer(9, "efffffff") + answer(14, "efffffff") + answer(12, "efffffff")
    pending.read(strange.span) { index, _ in failed.append(index) }
    #expect(failed == [2])
    pending.read(answer(13, "00000000").span) { index, _ in failed.append(index) }
    pending.abandon(code: 110) { index, reply in
      #expect(reply.code == 110)
      failed.append(index)
    }
    #expect(failed == [2, 1])
    pending.read(answer(11, "00000000").span) { index, _ in failed.append(index) }
    #expect(pending.isEmpty)
  }

  @Test("sixty-four requests wait at most, and the sequence numbers may wrap around")
  func wrapping() {
    var pending = PendingReplies(first: .max - 1, count: 64)
    var failed: Set<Int> = []
    // The sequence number zero belongs to the third request.
    let answer = hex(
      "24000000020000010000000000000000 efffffff 38000000140005060000000000000000")
    pending.read(answer.span) { index, _ in failed.insert(index) }
    #expect(failed == [2])
    pending.abandon(code: 1) { index, _ in failed.insert(index) }
    #expect(failed == Set(0..<64))
  }

  @Test("a list whose first part was outdated when the last one was read is not consistent")
  func interruptedDump() throws {
    var reader = DumpReader<AddressRecord>(sequence: 3)
    let decode = { (message: Message, bytes: Span<UInt8>) in AddressRecord(message, in: bytes) }
    let part = "2000000014001200 03000000 00000000 0218800002000000 08000200c0000201"
    #expect(reader.read(hex(part).span, decode: decode) == nil)
    // Belongs to another dump.
    let strange = hex("14000000030002000200000000000000 00000000")
    #expect(reader.read(strange.span, decode: decode) == nil)
    let end = reader.read(hex("14000000030002000300000000000000 00000000").span, decode: decode)
    #expect(end == Reply(code: 0))
    #expect(!reader.isConsistent)
    #expect(reader.list.map(\.address.description) == ["192.0.2.1/24"])
  }

  @Test("IPv4 and IPv6 name the own address differently")
  func ownAddress() throws {
    func record(_ text: String) -> AddressRecord? {
      guard case .address(let record)? = NetlinkKernel.events(in: hex(text).span).first else {
        return nil
      }
      return record
    }
    // IFA_ADDRESS is the peer's, IFA_LOCAL ours; IFA_FLAGS replaces the byte in the header.
    let peer = try #require(
      record(
        """
        30000000140000000000000000000000 0220010002000000
        08000100c0000202 08000200c0000201 0800080080020000
        """))
    #expect(peer.address == (try interfaceAddress("192.0.2.1/32")))
    #expect(peer.peer == .v4(IPv4Address(192, 0, 2, 2)))
    #expect(peer.flags == [.permanent, .noPrefixRoute])
    // Only IFA_ADDRESS; the byte in the header counts.
    let ipv6 = try #require(
      record(
        """
        2c000000140000000000000000000000 0a40c20003000000
        14000100fe80000000000000000000005e000251
        """))
    #expect(ipv6.address == (try interfaceAddress("fe80::5e00:251/64")))
    #expect(ipv6.peer == nil)
    #expect(ipv6.flags == [.permanent, .tentative, .noDAD])
    #expect(ipv6.interfaceIndex == 3)
    // A prefix longer than the address.
    #expect(record("20000000140000000000000000000000 0221000002000000 08000200c0000201") == nil)
    // Another family, and none.
    #expect(record("20000000140000000000000000000000 1c18000002000000 08000200c0000201") == nil)
    // No address at all.
    #expect(record("18000000140000000000000000000000 0218000002000000") == nil)
  }

  @Test("a bridge's report about a port that leaves is not the end of the interface")
  func bridgePort() {
    let removed = "2800000011000000 00000000 00000000 07000100 05000000 00000000 00000000"
    #expect(NetlinkKernel.events(in: hex(removed + "08000300 65743000").span).isEmpty)
    let real = "2800000011000000 00000000 00000000 00000100 05000000 00000000 00000000"
    #expect(
      NetlinkKernel.events(in: hex(real + "08000300 65743000").span)
        == [.linkRemoved(index: 5, name: "et0")])
  }

  @Test("a link with its kind, its parent here and its parent elsewhere")
  func link() {
    let flags = "05000000 4310010000000000"
    let name = "09000300 6574683000000000"
    let mac = "0a000100 00005e0001330000"
    let rest = "08000400 dc050000 08000500 02000000 08000a00 09000000"
    let kind = "14001280 0c000100 6d61637600000000 04000200"
    func parsed(_ extra: String, length: String, type: String = "0100") -> KernelEvent? {
      let head = "0000" + type + flags
      let bytes = hex(
        length + "000000 1000000000000000 00000000" + head + name + mac + rest + kind + extra)
      return NetlinkKernel.events(in: bytes.span).first
    }
    var link = Link(
      index: 5, name: "eth0", macAddress: MACAddress(0, 0, 0x5E, 0, 1, 0x33), mtu: 1500,
      flags: [.up, .broadcast, .running, .multicast, .lowerUp], masterIndex: 9, parentIndex: 2,
      kind: "macv")
    #expect(parsed("", length: "64") == .link(link))
    link.isEthernet = false
    #expect(parsed("", length: "64", type: "feff") == .link(link))
    link.isEthernet = true
    link.alternativeNames = ["enp5"]
    #expect(
      parsed("10003480 09003500 656e703500 000000", length: "74") == .link(link))
    link.alternativeNames = []
    link.parentIndex = nil
    #expect(parsed("08002500 00000000", length: "6c") == .link(link))
  }
}

/// Nothing that arrives may stop the process.
@Suite("Malformed netlink messages")
struct MalformedTests {
  /// Whole messages of every kind this module reads.
  static let samples: [[UInt8]] = [
    WireTests.add,
    ReplyTests.alreadyAssigned,
    hex("20000000030002020300000000000000 edffffff 09000100 6f6f707300000000"),
    hex(
      """
      64000000 1000000000000000 00000000 0000010005000000 4310010000000000
      09000300 6574683000000000 0a000100 00005e0001330000 08000400 dc050000 08000500 02000000
      08000a00 09000000 14001280 0c000100 6d61637600000000 04000200
      """),
    hex(
      """
      480000001400050502000000000000000a4000000200000014000200
      20010db80000000000000000000001001400060000000000
      1e00000000000000000000000800080002000000
      """),
  ]

  /// Reads bytes in every way this module can; the number of things found.
  private func readAll(_ bytes: [UInt8]) -> Int {
    let span = bytes.span
    var found = NetlinkKernel.events(in: span).count
    var pending = PendingReplies(first: 0, count: 64)
    pending.read(span) { _, _ in found += 1 }
    var reader = DumpReader<AddressRecord>(sequence: 3)
    if reader.read(span, decode: { AddressRecord($0, in: $1) }) != nil { found += 1 }
    return found + reader.list.count
  }

  @Test("cut off at every length, a message is never read as whole")
  func truncated() {
    for sample in Self.samples {
      for length in sample.indices {
        #expect(readAll(Array(sample[..<length])) == 0, "\(length) bytes")
      }
    }
  }

  @Test("cut off inside, with a header that hides it, a message is read as far as it makes sense")
  func truncatedInside() {
    for sample in Self.samples {
      for length in Message.headerByteCount...sample.count {
        var bytes = Array(sample[..<length])
        bytes[0] = UInt8(length)
        #expect(readAll(bytes) <= 3)
      }
    }
  }

  @Test("random bytes in a sample, and random bytes alone", arguments: [UInt64(1), 2, 3])
  func fuzzed(seed: UInt64) {
    var numbers = SplitMix64(seed: seed)
    for _ in 0..<4_000 {
      var bytes = Self.samples.randomElement(using: &numbers) ?? []
      bytes += Self.samples.randomElement(using: &numbers) ?? []
      for _ in 0..<Int.random(in: 1...6, using: &numbers) {
        let position = Int.random(in: bytes.indices, using: &numbers)
        bytes[position] = .random(in: 0...255, using: &numbers)
      }
      bytes.removeLast(.random(in: 0...8, using: &numbers))
      #expect(readAll(bytes) <= 12)

      let noise = (0..<Int.random(in: 0...200, using: &numbers)).map { _ in
        // Small numbers make plausible lengths and types.
        UInt8.random(in: 0...(Bool.random(using: &numbers) ? 24 : 255), using: &numbers)
      }
      #expect(readAll(noise) <= noise.count / 8)
    }
  }
}
