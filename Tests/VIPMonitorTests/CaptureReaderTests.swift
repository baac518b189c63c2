import Testing
import VIPCore
import VIPMonitor
import VRRP
import VRRPSimulation

/// Capture files of all kinds, sound and hostile.
@Suite struct CaptureReaderTests {
  /// A capture file in the classic format.
  struct Classic {
    var isBigEndian = false
    var isNanoseconds = false
    var linkType: UInt32 = 1
    var frames: [(seconds: UInt32, fraction: UInt32, bytes: [UInt8], original: Int?)] = []

    private func word(_ value: UInt32) -> [UInt8] {
      let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
      return isBigEndian ? bytes : bytes.reversed()
    }

    var bytes: [UInt8] {
      var file = word(isNanoseconds ? 0xA1B2_3C4D : 0xA1B2_C3D4)
      file += isBigEndian ? [0, 2, 0, 4] : [2, 0, 4, 0]
      file += word(0) + word(0) + word(65_535) + word(linkType)
      for frame in frames {
        file += word(frame.seconds) + word(frame.fraction) + word(UInt32(frame.bytes.count))
        file += word(UInt32(frame.original ?? frame.bytes.count)) + frame.bytes
      }
      return file
    }
  }

  private func read(_ file: [UInt8]) throws(CaptureFileError) -> [CapturedFrame] {
    var reader = CaptureReader()
    reader.append(file)
    var frames: [CapturedFrame] = []
    while let frame = try reader.next() { frames.append(frame) }
    try reader.finish()
    return frames
  }

  private func error(_ file: [UInt8]) -> CaptureFileError? {
    do throws(CaptureFileError) {
      _ = try read(file)
      return nil
    } catch {
      return error
    }
  }

  // MARK: Classic

  @Test(arguments: [true, false], [true, false])
  func `both byte orders and both units of time`(isBigEndian: Bool, isNanoseconds: Bool) throws {
    let file = Classic(
      isBigEndian: isBigEndian, isNanoseconds: isNanoseconds,
      frames: [(5, 250, [1, 2, 3], nil), (6, 0, [], 60)])
    let frames = try read(file.bytes)
    let unit: UInt64 = isNanoseconds ? 1 : 1000
    #expect(frames.map(\.bytes) == [[1, 2, 3], []])
    #expect(frames.map(\.time.nanoseconds) == [5_000_000_000 + 250 * unit, 6_000_000_000])
    #expect(frames.map(\.originalLength) == [3, 60])
  }

  @Test func `byte by byte is the same as at once`() throws {
    let file = Classic(frames: KnownFrame.all.map { (1, 2, bytes($0), nil) }).bytes
    let expected = try read(file)
    var reader = CaptureReader()
    var frames: [CapturedFrame] = []
    for byte in file {
      reader.append([byte])
      while let frame = try reader.next() { frames.append(frame) }
    }
    try reader.finish()
    #expect(frames == expected && frames.count == KnownFrame.all.count)
    #expect(reader.packetCount == frames.count)
  }

  @Test func `what tcpdump writes on all interfaces`() throws {
    let frame = bytes(KnownFrame.arpRequest)
    let cooked: [UInt8] = [0, 1, 0, 1, 0, 6] + frame[6..<12] + [0, 0] + frame[12...]
    let first = try read(Classic(linkType: 113, frames: [(1, 0, cooked, nil)]).bytes)
    #expect(first.first?.bytes == [0, 0, 0, 0, 0, 0] + frame[6...])
    let cooked2: [UInt8] =
      frame[12..<14] + [0, 0, 0, 0, 0, 2, 0, 1, 1, 6] + frame[6..<12] + [0, 0] + frame[14...]
    let second = try read(Classic(linkType: 276, frames: [(1, 0, cooked2, nil)]).bytes)
    #expect(second == first)
    let watching = Watching()
    #expect(watching.see(first[0].bytes)?.text.hasPrefix("ARP announcement: 192.0.2.100") == true)
    let short = try read(Classic(linkType: 113, frames: [(1, 0, [1, 2], nil)]).bytes)
    #expect(short.map(\.bytes) == [[]])
  }

  @Test func `files that are none`() {
    #expect(error([]) == .notACapture)
    #expect(error([0xA1, 0xB2]) == .notACapture)
    #expect(error(Array("routers:\n- name: web\n".utf8)) == .notACapture)
    #expect(error(Classic(linkType: 105).bytes) == .linkType(105))
    #expect(error(Classic(linkType: 0xF000_0001).bytes) == nil, "with a checksum behind each frame")
    var oversized = Classic(frames: [(1, 0, [], nil)]).bytes
    oversized.replaceSubrange(32..<36, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(error(oversized) == .oversized(packet: 1, byteCount: .max))
  }

  // MARK: pcapng

  private static func block(_ type: UInt32, _ body: [UInt8], isBigEndian: Bool) -> [UInt8] {
    let padded = body + [UInt8](repeating: 0, count: (4 - body.count % 4) % 4)
    let length = word(UInt32(padded.count + 12), isBigEndian)
    return word(type, isBigEndian) + length + padded + length
  }

  private static func word(_ value: UInt32, _ isBigEndian: Bool) -> [UInt8] {
    let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    return isBigEndian ? bytes : bytes.reversed()
  }

  /// A file of one section and one interface whose clock counts in units of `resolution`.
  private static func blocks(
    _ frames: [(units: UInt64, bytes: [UInt8])], resolution: UInt8? = nil, isBigEndian: Bool
  ) -> [UInt8] {
    func word(_ value: UInt32) -> [UInt8] { Self.word(value, isBigEndian) }
    func half(_ value: UInt16) -> [UInt8] {
      let bytes = [UInt8(value >> 8), UInt8(value & 0xFF)]
      return isBigEndian ? bytes : bytes.reversed()
    }
    let unknown = [UInt8](repeating: 0xFF, count: 8)
    var file = block(
      0x0A0D_0D0A, word(0x1A2B_3C4D) + half(1) + half(0) + unknown, isBigEndian: isBigEndian)
    var interface = half(1) + half(0) + word(0)
    if let resolution {
      interface += half(2) + half(3) + Array("lo ".utf8) + [0]
      interface += half(9) + half(1) + [resolution, 0, 0, 0] + half(0) + half(0)
    }
    file += block(1, interface, isBigEndian: isBigEndian)
    // A block of statistics, which no reader asked for.
    file += block(5, [UInt8](repeating: 7, count: 12), isBigEndian: isBigEndian)
    for frame in frames {
      let head =
        word(0) + word(UInt32(frame.units >> 32)) + word(UInt32(truncatingIfNeeded: frame.units))
        + word(UInt32(frame.bytes.count)) + word(UInt32(frame.bytes.count))
      file += block(6, head + frame.bytes, isBigEndian: isBigEndian)
    }
    return file
  }

  @Test(arguments: [true, false])
  func `what Wireshark writes`(isBigEndian: Bool) throws {
    let frames: [(UInt64, [UInt8])] = [(5_000_001, [1, 2, 3, 4, 5]), (6_000_000, [])]
    let read = try read(Self.blocks(frames, isBigEndian: isBigEndian))
    #expect(read.map(\.bytes) == [[1, 2, 3, 4, 5], []])
    #expect(read.map(\.time.nanoseconds) == [5_000_001_000, 6_000_000_000])
  }

  @Test(arguments: [
    (0 as UInt8, 3 as UInt64, 3_000_000_000 as UInt64), (9, 1_500_000_000, 1_500_000_000),
    (12, 2_000_000_000_000, 2_000_000_000), (19, 10_000_000_000_000_000_000, 1_000_000_000),
    (0x80 | 10, 512, 500_000_000), (0x80 | 63, 1 << 63, 1_000_000_000),
    (0, .max, .max),
  ])
  func `units of time`(resolution: UInt8, units: UInt64, nanoseconds: UInt64) throws {
    let file = Self.blocks([(units, [1])], resolution: resolution, isBigEndian: false)
    #expect(try read(file).map(\.time.nanoseconds) == [nanoseconds])
  }

  @Test func `malformed blocks`() {
    let file = Self.blocks([(1, [1, 2, 3, 4])], resolution: 9, isBigEndian: false)
    #expect(error(file) == nil)
    var wrongOrder = file
    wrongOrder[8] ^= 1
    #expect(error(wrongOrder) == .malformedBlock(offset: 0))
    var wrongEnd = file
    wrongEnd[file.count - 1] ^= 1
    #expect(error(wrongEnd) == .malformedBlock(offset: file.count - 36))
    var tooLong = file
    tooLong[file.count - 36 + 20] = 200
    #expect(error(tooLong) == .malformedBlock(offset: file.count - 36))
    #expect(
      error(Self.blocks([(1, [1])], resolution: 20, isBigEndian: false))
        == .malformedBlock(offset: 28))
  }

  // MARK: Hostile

  private static let samples: [[UInt8]] = [
    Classic(frames: KnownFrame.all.map { (1, 2, VIPMonitorTests.bytes($0), nil) }).bytes,
    blocks(KnownFrame.all.map { (1, VIPMonitorTests.bytes($0)) }, resolution: 9, isBigEndian: true),
  ]

  @Test func `a file that ends anywhere`() {
    for file in Self.samples {
      for length in file.indices {
        switch error(Array(file.prefix(length))) {
        case nil, .cut, .notACapture: break
        case let other?: Issue.record("\(length): \(other)")
        }
      }
    }
  }

  @Test func `a frame that ends anywhere`() {
    for frame in KnownFrame.all.map(bytes) {
      for length in frame.indices {
        let watching = Watching()
        let prefix = Array(frame.prefix(length))
        // Short of its end nothing is believed, whether the capture or the sender cut it.
        for original in [length, frame.count] {
          let seen = watching.see(prefix, originalLength: original)
          #expect(seen?.advertisement == nil)
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(10)))
  func `damaged files and frames`() {
    var random = SeededRandom(seed: 2)
    var seen = 0
    for round in 0..<20_000 {
      var file = Self.samples[round % 2]
      for _ in 0...random.below(8) {
        let place = Int(random.below(UInt64(file.count)))
        switch random.below(3) {
        case 0: file[place] = UInt8(random.below(256))
        case 1: file[place] ^= 1 << UInt8(random.below(8))
        default: file.remove(at: place)
        }
      }
      var reader = CaptureReader()
      reader.append(file)
      var monitor = SegmentMonitor()
      while let frame = try? reader.next() {
        if monitor.observe(frame) != nil { seen += 1 }
      }
      let summary = monitor.summary()
      #expect(summary.counts.frames <= 30)
    }
    #expect(seen > 20_000)
  }

  @Test(.timeLimit(.minutes(10)))
  func `frames of pure chance behind the right beginnings`() {
    var random = SeededRandom(seed: 3)
    var monitor = SegmentMonitor()
    let beginnings = KnownFrame.all.map(bytes)
    for round in 0..<200_000 {
      let kept = Int(random.below(60))
      var frame = Array(random.pick(beginnings).prefix(kept))
      for _ in 0..<random.below(80) { frame.append(UInt8(random.below(256))) }
      _ = monitor.observe(
        CapturedFrame(time: Instant(nanoseconds: random.next()), bytes: frame))
      if round % 20_000 == 0 { _ = monitor.summary() }
    }
    #expect(monitor.summary().counts.frames == 200_000)
  }

  @Test(.timeLimit(.minutes(10)))
  func `a flood of inventions is remembered only in part`() throws {
    let watching = Watching()
    for vlan in UInt16(1)...40 {
      for vrid in 1...255 {
        try watching.hear(100, from: 1, vrid: vrid, vlan: vlan, after: 0)
      }
    }
    for host in UInt8(1)...255 { try watching.hear(100, from: host, after: 0) }
    let summary = watching.monitor.summary()
    #expect(summary.groups.count <= 2048 && summary.freeVRIDs == [])
    #expect(summary.groups.allSatisfy { $0.routers.count <= 16 })
  }
}
