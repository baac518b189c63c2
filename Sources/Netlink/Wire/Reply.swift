/// The kernel's answer to a request: NLMSG_ERROR, which also says "done well" with the number 0,
/// or the NLMSG_DONE at the end of a dump.
struct Reply: Hashable {
  /// The error number, positive; zero for success.
  var code: Int32
  /// The kernel's explanation; warnings may come with success.
  var message: String?
  /// The byte of the request it objects to.
  var offset: Int?

  /// Makes an answer for when the kernel gave none.
  init(code: Int32) {
    self.code = code
  }

  /// Reads the answer from a message; `nil` if the message is no answer or too short for one.
  init?(_ message: Message, in bytes: Span<UInt8>) {
    let payload = message.payload
    let attributes: Int
    switch message.type {
    case MessageType.error:
      // The error number and the header of the request are always there.
      guard payload.count >= 4 + Message.headerByteCount else { return nil }
      let echoed =
        message.flags & MessageFlags.capped != 0
        ? Message.headerByteCount
        : max(Message.headerByteCount, Int(bytes.native32(at: payload.lowerBound + 4)))
      attributes = payload.lowerBound + 4 + aligned(echoed)
    case MessageType.done:
      // Old kernels end a dump without a number, which means success.
      guard payload.count >= 4 else {
        code = 0
        return
      }
      attributes = payload.lowerBound + 4
    default:
      return nil
    }
    let number = Int32(bitPattern: bytes.native32(at: payload.lowerBound))
    code = Int32(clamping: number.magnitude)
    if message.flags & MessageFlags.errorAttributes != 0, attributes <= payload.upperBound {
      readAttributes(attributes..<payload.upperBound, in: bytes)
    }
  }

  /// NLMSGERR_ATTR_MSG and NLMSGERR_ATTR_OFFS.
  private mutating func readAttributes(_ range: Range<Int>, in bytes: Span<UInt8>) {
    var rest = range
    while let attribute = Attribute.next(in: bytes, from: &rest) {
      switch attribute.type {
      case 1: message = bytes.text(attribute.payload)
      case 2 where attribute.payload.count >= 4:
        offset = Int(bytes.native32(at: attribute.payload.lowerBound))
      default: break
      }
    }
  }
}
