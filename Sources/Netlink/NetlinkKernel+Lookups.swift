public import VIPCore

/// Questions about routes and neighbours that others have made.
extension NetlinkKernel {
  /// Whether there is a route to a destination that leads somewhere.
  ///
  /// Reads a whole table, of which the kernel picks the routes over the interface if one is given.
  ///
  /// Equivalent to: `ip route show exact DESTINATION table TABLE dev IF type unicast`
  /// - Parameters:
  ///   - destination: the first address of the destination.
  ///   - prefixLength: the length of its prefix; 0 for the default route.
  ///   - interfaceIndex: the interface that it leads over; `nil` for any.
  ///   - table: the number of its table; `nil` for any.
  /// - Returns: whether there is one; it does not say what packets to single addresses take.
  /// - Throws: what the kernel can't tell.
  public func hasRoute(
    to destination: IPAddress, prefixLength: Int, interfaceIndex: Int32? = nil,
    table: UInt32? = nil
  ) throws(NetlinkError) -> Bool {
    let wanted = ListedRoute(
      destination: destination, prefixLength: prefixLength, table: table,
      interfaceIndex: interfaceIndex)
    do throws(NetlinkError) {
      let found: [Bool] = try dump("list the routes") { output, sequence in
        wanted.encodeDump(into: &output, sequence: sequence)
      } decode: { message, bytes in
        wanted.isMet(by: message, in: bytes) ? true : nil
      }
      return !found.isEmpty
    } catch {
      // There is no such table.
      if error.isNotThere || error.isWithoutTable { return false }
      throw error
    }
  }

  /// The kernel's knowledge of a machine on an interface; `nil` if it has none.
  ///
  /// Equivalent to: `ip neigh get ADDRESS dev IF`
  public func neighbour(
    _ address: IPAddress, onInterface index: Int32
  ) throws(NetlinkError) -> NeighbourState? {
    do throws(NetlinkError) {
      return try dump("look for the neighbour \(address)") { output, sequence in
        NeighbourMessage.encodeQuery(address, index, into: &output, sequence: sequence)
      } decode: { message, bytes in
        NeighbourMessage.state(message, in: bytes)
      }.first
    } catch {
      if error.isNotThere || error.isWithoutTable { return nil }
      throw error
    }
  }
}

extension NetlinkError {
  /// ENOENT: the table or the entry is not there.
  fileprivate var isWithoutTable: Bool { code == 2 }
}

/// The kernel's knowledge of a machine on a link (NUD_… of linux/neighbour.h).
public struct NeighbourState: Sendable, Hashable {
  /// The bits as the kernel has them.
  public var rawValue: UInt16

  /// Takes the kernel's bits.
  public init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// Whether the machine answers as far as the kernel knows: it has been confirmed, or is being
  /// asked again, or its address was set by hand.
  public var isReachable: Bool { rawValue & (0x02 | 0x08 | 0x10 | 0x40 | 0x80) != 0 }
}

/// The question of the state of a neighbour, and the answer.
enum NeighbourMessage {
  private static let newNeighbour: UInt16 = 28
  private static let getNeighbour: UInt16 = 30
  private static let destination: UInt16 = 1

  /// Writes RTM_GETNEIGH.
  static func encodeQuery(
    _ address: IPAddress, _ index: Int32, into output: inout OutputSpan<UInt8>, sequence: UInt32
  ) {
    let length = address.family.addressByteCount
    output.appendHeader(
      length: Message.headerByteCount + 12 + 4 + length, type: getNeighbour,
      flags: MessageFlags.request | MessageFlags.acknowledge, sequence: sequence)
    output.append(address.family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6)
    output.append(repeating: 0, count: 3)
    output.append(native: UInt32(bitPattern: index))
    output.append(repeating: 0, count: 4)  // state, flags, type
    output.appendAttribute(destination, payloadByteCount: length)
    output.append(address)
  }

  /// Reads RTM_NEWNEIGH; `nil` for other and for malformed messages.
  static func state(_ message: Message, in bytes: Span<UInt8>) -> NeighbourState? {
    guard message.type == newNeighbour, message.payload.count >= 12 else { return nil }
    return NeighbourState(rawValue: bytes.native16(at: message.payload.lowerBound + 8))
  }
}

/// A route that is looked for in the kernel's tables.
struct ListedRoute {
  private enum RouteAttribute {
    static let destination: UInt16 = 1
    static let interface: UInt16 = 4
    static let hops: UInt16 = 9
    static let table: UInt16 = 15
  }

  /// RTNH_F_DEAD and RTNH_F_LINKDOWN: its interface does not carry packets.
  private static let deadFlags: UInt32 = 0x01 | 0x10
  private static let unicast: UInt8 = 1

  var destination: IPAddress
  var prefixLength: Int
  var table: UInt32?
  var interfaceIndex: Int32?

  /// Writes RTM_GETROUTE for a list.
  func encodeDump(into output: inout OutputSpan<UInt8>, sequence: UInt32) {
    let length = (table == nil ? 0 : 8) + (interfaceIndex == nil ? 0 : 8)
    output.appendHeader(
      length: Message.headerByteCount + 12 + length, type: MessageType.getRoute,
      flags: MessageFlags.request | MessageFlags.dump, sequence: sequence)
    output.append(destination.family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6)
    output.append(repeating: 0, count: 11)
    if let table {
      output.appendAttribute(RouteAttribute.table, payloadByteCount: 4)
      output.append(native: table)
    }
    if let interfaceIndex {
      output.appendAttribute(RouteAttribute.interface, payloadByteCount: 4)
      output.append(native: UInt32(bitPattern: interfaceIndex))
    }
  }

  /// Whether a message of the list tells of it; kernels before 5.0 list all routes.
  func isMet(by message: Message, in bytes: Span<UInt8>) -> Bool {
    guard message.type == MessageType.newRoute, message.payload.count >= 12 else { return false }
    let start = message.payload.lowerBound
    guard Int(bytes[start + 1]) == prefixLength, bytes[start + 7] == Self.unicast,
      bytes.native32(at: start + 8) & Self.deadFlags == 0
    else { return false }
    var isHere = prefixLength == 0
    var interfaces: [Int32] = []
    var listed = UInt32(bytes[start + 4])
    var rest = start + 12..<message.payload.upperBound
    while let attribute = Attribute.next(in: bytes, from: &rest) {
      let at = attribute.payload.lowerBound
      switch (attribute.type, attribute.payload.count) {
      case (RouteAttribute.destination, destination.family.addressByteCount):
        isHere = isDestination(bytes, at: at)
      case (RouteAttribute.interface, 4): interfaces = [Int32(bitPattern: bytes.native32(at: at))]
      case (RouteAttribute.table, 4): listed = bytes.native32(at: at)
      case (RouteAttribute.hops, _): interfaces += Self.hops(bytes, attribute.payload)
      default: break
      }
    }
    return isHere && (table == nil || table == listed)
      && (interfaceIndex.map(interfaces.contains) ?? true)
  }

  private func isDestination(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
    let wanted = [UInt8](capacity: 16) { $0.append(destination) }
    return wanted.indices.allSatisfy { bytes[offset + $0] == wanted[$0] }
  }

  /// The interfaces of the hops of a route that has several, but for those that are dead.
  private static func hops(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [Int32] {
    var interfaces: [Int32] = []
    var start = range.lowerBound
    while range.upperBound - start >= 8 {
      let length = Int(bytes.native16(at: start))
      guard length >= 8, length <= range.upperBound - start else { break }
      if UInt32(bytes[start + 2]) & deadFlags == 0 {
        interfaces.append(Int32(bitPattern: bytes.native32(at: start + 4)))
      }
      start = min(start + aligned(length), range.upperBound)
    }
    return interfaces
  }
}
