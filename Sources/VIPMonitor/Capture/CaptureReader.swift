import VIPCore

/// Reads capture files (pcap and pcapng) piece by piece.
///
/// A file may come through a pipe while it is being written, and be larger than memory. Whatever
/// the bytes are, they become frames or an error; nothing traps.
///
/// ```swift
/// var reader = CaptureReader()
/// reader.append(bytes)
/// while let frame = try reader.next() { … }
/// try reader.finish()
/// ```
public struct CaptureReader: Sendable {
  /// The most bytes a frame may have, as in libpcap.
  public static let frameByteCountMax = 262_144

  private enum Format {
    case unknown
    case classic(ClassicCapture)
    case blocks(BlockCapture)
  }

  private var input = CaptureInput()
  private var format = Format.unknown
  /// Number of packets that were read so far.
  public private(set) var packetCount = 0

  /// Starts at the beginning of a file.
  public init() {}

  /// Adds the file's next bytes.
  public mutating func append(_ bytes: some Sequence<UInt8>) {
    input.append(bytes)
  }

  /// The next frame; `nil` if more bytes are needed for one.
  public mutating func next() throws(CaptureFileError) -> CapturedFrame? {
    if case .unknown = format {
      guard let detected = try detect() else { return nil }
      format = detected
    }
    let frame: CapturedFrame?
    switch format {
    case .unknown: frame = nil
    case .classic(let capture):
      frame = try capture.next(&input, packet: packetCount + 1)
    case .blocks(var capture):
      defer { format = .blocks(capture) }
      frame = try capture.next(&input)
    }
    if frame != nil { packetCount += 1 }
    return frame
  }

  /// Says that there are no more bytes.
  ///
  /// - Throws: ``CaptureFileError/cut(afterPackets:)`` if something began and did not end.
  public func finish() throws(CaptureFileError) {
    if case .unknown = format { throw .notACapture }
    guard input.count == 0 else { throw .cut(afterPackets: packetCount) }
  }

  private mutating func detect() throws(CaptureFileError) -> Format? {
    guard input.count >= 4 else { return nil }
    let magic = input.uint32(at: 0, isBigEndian: true)
    if magic == BlockCapture.magic { return .blocks(BlockCapture()) }
    guard let variant = ClassicCapture.Variant(magic: magic) else { throw .notACapture }
    guard input.count >= ClassicCapture.headerByteCount else { return nil }
    let linkType = input.uint32(at: 20, isBigEndian: variant.isBigEndian)
    input.remove(ClassicCapture.headerByteCount)
    // The upper bits say whether frames end with a checksum, which nothing here minds.
    guard let link = LinkType(rawValue: linkType & 0xFFFF) else {
      throw .linkType(linkType & 0xFFFF)
    }
    return .classic(ClassicCapture(variant: variant, link: link))
  }
}

/// Bytes that wait to be read, in amortized constant time.
struct CaptureInput: Sendable {
  private var bytes: [UInt8] = []
  private var start = 0
  /// Number of bytes that were read and removed before the ones here.
  private(set) var offset = 0

  var count: Int { bytes.count - start }

  mutating func append(_ more: some Sequence<UInt8>) {
    if start > 65_536, start > bytes.count / 2 {
      bytes.removeFirst(start)
      start = 0
    }
    bytes += more
  }

  mutating func remove(_ count: Int) {
    start += count
    offset += count
  }

  /// A part that is there; callers look at ``count`` first.
  subscript(_ range: Range<Int>) -> ArraySlice<UInt8> {
    bytes[(start + range.lowerBound)..<(start + range.upperBound)]
  }

  func uint32(at offset: Int, isBigEndian: Bool) -> UInt32 {
    let value = self[offset..<(offset + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return isBigEndian ? value : value.byteSwapped
  }

  func uint16(at offset: Int, isBigEndian: Bool) -> UInt16 {
    let value = self[offset..<(offset + 2)].reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
    return isBigEndian ? value : value.byteSwapped
  }
}

/// The classic format: a header, then records.
struct ClassicCapture: Sendable {
  static let headerByteCount = 24
  static let recordHeaderByteCount = 16

  /// Byte order and unit of time, both told by the first four bytes.
  struct Variant: Sendable {
    var isBigEndian: Bool
    var nanosecondsPerUnit: UInt64

    /// The variant of a magic number that was read as big-endian.
    init?(magic: UInt32) {
      switch magic {
      case 0xA1B2_C3D4: (isBigEndian, nanosecondsPerUnit) = (true, 1000)
      case 0xD4C3_B2A1: (isBigEndian, nanosecondsPerUnit) = (false, 1000)
      case 0xA1B2_3C4D: (isBigEndian, nanosecondsPerUnit) = (true, 1)
      case 0x4D3C_B2A1: (isBigEndian, nanosecondsPerUnit) = (false, 1)
      default: return nil
      }
    }
  }

  let variant: Variant
  let link: LinkType

  func next(
    _ input: inout CaptureInput, packet: Int
  ) throws(CaptureFileError) -> CapturedFrame? {
    guard input.count >= Self.recordHeaderByteCount else { return nil }
    func word(_ index: Int) -> UInt32 {
      input.uint32(at: index * 4, isBigEndian: variant.isBigEndian)
    }
    let length = word(2)
    guard length <= CaptureReader.frameByteCountMax else {
      throw .oversized(packet: packet, byteCount: length)
    }
    let end = Self.recordHeaderByteCount + Int(length)
    guard input.count >= end else { return nil }
    let seconds = UInt64(word(0)) * 1_000_000_000
    let time = Instant(nanoseconds: seconds + UInt64(word(1)) * variant.nanosecondsPerUnit)
    let original = Int(word(3)) - Int(length)
    let bytes = link.ethernetFrame(input[Self.recordHeaderByteCount..<end])
    input.remove(end)
    return CapturedFrame(
      time: time, bytes: bytes, originalLength: bytes.count + max(original, 0))
  }
}
