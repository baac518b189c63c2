import VIPCore

/// The format of Wireshark, pcapng: sections of blocks, each with its length at both ends.
struct BlockCapture: Sendable {
  /// A section header's type, the same in both byte orders.
  static let magic: UInt32 = 0x0A0D_0D0A
  private static let byteOrderMark: UInt32 = 0x1A2B_3C4D
  /// Far more than one packet with its options needs.
  private static let blockByteCountMax = 1 << 20
  /// The most interfaces a section may have.
  private static let interfaceCountMax = 1024

  private enum BlockType {
    static let interface: UInt32 = 1
    static let simplePacket: UInt32 = 3
    static let enhancedPacket: UInt32 = 6
  }

  /// An interface that packets of a section were captured on.
  private struct Interface: Sendable {
    /// `nil` for a link without Ethernet addresses; its packets are left out.
    var link: LinkType?
    var unitsPerSecond: UInt64 = 1_000_000
  }

  private var isBigEndian = false
  private var interfaces: [Interface] = []

  /// The next packet; blocks of other kinds are passed over.
  mutating func next(
    _ input: inout CaptureInput
  ) throws(CaptureFileError) -> CapturedFrame? {
    while input.count >= 12 {
      let isSection = input.uint32(at: 0, isBigEndian: true) == Self.magic
      if isSection {
        isBigEndian = input.uint32(at: 8, isBigEndian: true) == Self.byteOrderMark
        guard isBigEndian || input.uint32(at: 8, isBigEndian: false) == Self.byteOrderMark else {
          throw .malformedBlock(offset: input.offset)
        }
      }
      let length = Int(input.uint32(at: 4, isBigEndian: isBigEndian))
      guard length % 4 == 0, (12...Self.blockByteCountMax).contains(length) else {
        throw .malformedBlock(offset: input.offset)
      }
      guard input.count >= length else { return nil }
      guard Int(input.uint32(at: length - 4, isBigEndian: isBigEndian)) == length else {
        throw .malformedBlock(offset: input.offset)
      }
      let type = input.uint32(at: 0, isBigEndian: isBigEndian)
      if isSection { interfaces = [] }
      let frame = try self.frame(of: type, end: length - 4, input)
      input.remove(length)
      if let frame { return frame }
    }
    return nil
  }

  /// Reads a whole block; its body begins at byte 8.
  private mutating func frame(
    of type: UInt32, end: Int, _ input: CaptureInput
  ) throws(CaptureFileError) -> CapturedFrame? {
    func word(_ offset: Int) throws(CaptureFileError) -> UInt32 {
      guard offset + 4 <= end else { throw .malformedBlock(offset: input.offset) }
      return input.uint32(at: offset, isBigEndian: isBigEndian)
    }
    switch type {
    case BlockType.interface:
      try addInterface(end: end, input)
      return nil
    case BlockType.enhancedPacket:
      let interface = Int(try word(8))
      let units = UInt64(try word(12)) << 32 | UInt64(try word(16))
      let (length, original) = (try word(20), try word(24))
      guard interfaces.indices.contains(interface), Int(length) <= end - 28 else {
        throw .malformedBlock(offset: input.offset)
      }
      return frame(
        input[28..<(28 + Int(length))], original, interfaces[interface], units: units)
    case BlockType.simplePacket:
      let original = try word(8)
      guard let first = interfaces.first else { throw .malformedBlock(offset: input.offset) }
      return frame(
        input[12..<(12 + min(Int(original), end - 12))], original, first, units: 0)
    default:
      return nil
    }
  }

  private func frame(
    _ packet: ArraySlice<UInt8>, _ original: UInt32, _ interface: Interface, units: UInt64
  ) -> CapturedFrame? {
    guard let link = interface.link, packet.count <= CaptureReader.frameByteCountMax else {
      return nil
    }
    let seconds = units / interface.unitsPerSecond
    let rest = units % interface.unitsPerSecond
    let (high, low) = rest.multipliedFullWidth(by: 1_000_000_000)
    let fraction = interface.unitsPerSecond.dividingFullWidth((high, low)).quotient
    let whole = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let time = Instant(nanoseconds: whole.overflow ? .max : whole.partialValue)
      .advanced(byNanoseconds: fraction)
    let bytes = link.ethernetFrame(packet)
    return CapturedFrame(
      time: time, bytes: bytes,
      originalLength: bytes.count + max(Int(original) - packet.count, 0))
  }

  // MARK: Interfaces

  private mutating func addInterface(
    end: Int, _ input: CaptureInput
  ) throws(CaptureFileError) {
    guard interfaces.count < Self.interfaceCountMax, end >= 16 else {
      throw .malformedBlock(offset: input.offset)
    }
    let number = UInt32(input.uint16(at: 8, isBigEndian: isBigEndian))
    var interface = Interface(link: LinkType(rawValue: number))
    // One interface of another kind beside Ethernet ones is no reason to give up.
    guard interface.link != nil || !interfaces.isEmpty else { throw .linkType(number) }
    var offset = 16
    while offset + 4 <= end {
      let code = input.uint16(at: offset, isBigEndian: isBigEndian)
      let length = Int(input.uint16(at: offset + 2, isBigEndian: isBigEndian))
      guard code != 0, offset + 4 + length <= end else { break }
      if code == 9, length == 1, let value = input[(offset + 4)..<(offset + 5)].first {
        guard let units = Self.unitsPerSecond(value) else {
          throw .malformedBlock(offset: input.offset)
        }
        interface.unitsPerSecond = units
      }
      offset += 4 + (length + 3) / 4 * 4
    }
    interfaces.append(interface)
  }

  /// The option `if_tsresol`: a negative power of ten, or of two if its highest bit is set.
  private static func unitsPerSecond(_ value: UInt8) -> UInt64? {
    let exponent = Int(value & 0x7F)
    if value & 0x80 != 0 { return exponent < 64 ? 1 << UInt64(exponent) : nil }
    guard exponent <= 19 else { return nil }
    return (0..<exponent).reduce(1 as UInt64) { product, _ in product * 10 }
  }
}
