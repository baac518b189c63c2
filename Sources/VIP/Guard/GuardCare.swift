import CGuard
package import VIPCore

/// A guard from its node's death on, without a process: it decides what is sent when, on a copy of
/// the node's area.
///
/// The decisions are those of the process; a simulator does what they call for.
package final class GuardCare {
  private let area: UnsafeMutableRawPointer
  private let byteCount: Int
  private let care: UnsafeMutablePointer<vip_guard_care>

  /// Begins to take care of what a dead node has left.
  ///
  /// - Parameters:
  ///   - original: what the node and its guard share.
  ///   - now: the moment in which the guard has noticed the death, since boot.
  package init(of original: GuardArea, at now: Instant) {
    byteCount = original.byteCount
    area = .allocate(byteCount: byteCount, alignment: 64)
    area.copyMemory(from: original.base, byteCount: byteCount)
    care = .allocate(capacity: 1)
    vip_guard_care_begin(care, area, byteCount, now.nanoseconds)
  }

  deinit {
    care.deallocate()
    area.deallocate()
  }

  /// The time when it is to be asked again if nothing is heard; `nil` if all is done.
  package var deadline: Instant? {
    let deadline = vip_guard_care_deadline(care)
    return deadline == .max ? nil : Instant(nanoseconds: deadline)
  }

  /// Number of routers whose addresses are kept.
  package var keptCount: Int { Int(care.pointee.kept) }

  /// The next deed that is due; `nil` if none is.
  package func next(at now: Instant) -> GuardArea.Deed? {
    var deed = vip_guard_deed()
    return vip_guard_care_next(care, now.nanoseconds, &deed) ? GuardArea.Deed(deed) : nil
  }

  /// Takes in what has come from the network.
  ///
  /// - Parameters:
  ///   - bytes: what is behind the Ethernet header.
  ///   - protocolNumber: its Ethernet type.
  ///   - interfaceIndex: the interface.
  ///   - now: the time.
  /// - Returns: the deed that it calls for.
  package func hear(
    _ bytes: [UInt8], protocolNumber: UInt16, interfaceIndex: Int32, at now: Instant
  ) -> GuardArea.Deed? {
    bytes.withUnsafeBufferPointer { bytes in
      var frame = vip_guard_frame(
        protocol: protocolNumber, interface_index: interfaceIndex, bytes: bytes.baseAddress,
        length: UInt32(bytes.count))
      var deed = vip_guard_deed()
      return vip_guard_care_hear(care, &frame, now.nanoseconds, &deed)
        ? GuardArea.Deed(deed) : nil
    }
  }

  /// Another program has put an address up.
  package func retake(_ address: InterfaceAddress, interfaceIndex: Int32) {
    let bytes = [UInt8](capacity: 16) { $0.append(address.address) }
    vip_guard_care_retake(
      care, interfaceIndex, address.family == .ipv4 ? 2 : 10, UInt8(address.prefixLength), bytes)
  }

  /// An interface is gone.
  package func loseLink(_ name: String, at now: Instant) {
    let bytes = Array(name.utf8) + [0]
    vip_guard_care_lose_link(care, bytes, UInt32(bytes.count), now.nanoseconds)
  }
}

extension GuardArea.Deed {
  fileprivate init(_ deed: vip_guard_deed) {
    let bytes = Array(UnsafeBufferPointer(start: deed.bytes, count: Int(deed.length)))
    self =
      GuardArea.Duties(rawValue: deed.what) == .removals
      ? .requests(bytes) : .packet(bytes, interfaceIndex: deed.interface_index)
  }
}
