import CGuard

/// The memory that a node shares with its guard: what the guard is to do once the node is dead.
///
/// It has a place for each virtual router: requests that remove its addresses, IP packets that say
/// farewell to its peers, and flags that tell which of the two are due, and when. Both are written
/// long
/// before they can be needed; a takeover costs one store, which sets the flags. `guard.h` tells why
/// the guard can believe what it finds, whenever the node was killed.
package final class GuardArea {
  /// Duties of the guard for a router.
  package struct Duties: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Its addresses are on the interface, or about to be.
    package static let removals = Duties(rawValue: UInt32(VIP_GUARD_REMOVES))
    /// Its peers take it for the Active.
    package static let farewells = Duties(rawValue: UInt32(VIP_GUARD_SAYS_FAREWELL))
    /// Its addresses stay until a successor has announced them.
    package static let keeps = Duties(rawValue: UInt32(VIP_GUARD_KEEPS))
    /// Its interface does not promote secondary addresses by itself.
    package static let promotes = Duties(rawValue: UInt32(VIP_GUARD_PROMOTES))
  }

  /// Room for some 190,000 addresses; only what is used costs memory.
  package static let byteCountDefault = 8 << 20
  /// Number of routers that have a place.
  package static let slotCount = Int(VIP_GUARD_ENTRY_COUNT)

  package let base: UnsafeMutableRawPointer
  package let byteCount: Int
  /// The blocks in use, in the order of the area.
  private var used: [Range<Int>] = []
  /// The block of each router and duty.
  private var blocks: [Place: Range<Int>] = [:]

  private struct Place: Hashable {
    var slot: Int
    var duty: UInt32
  }

  /// Makes an area without duties.
  package init(byteCount: Int = byteCountDefault) throws(NodeError) {
    precondition(byteCount > Int(VIP_GUARD_CONTENTS_OFFSET))
    guard let base = vip_guard_area_create(byteCount) else {
      throw NodeError(.system(errno: 12), "no memory to share with a guard process")
    }
    self.base = base
    self.byteCount = byteCount
  }

  deinit {
    vip_guard_area_destroy(base, byteCount)
  }

  /// Records that the node lives, in nanoseconds since boot; its loop is at work from then on.
  package func stamp(_ now: UInt64) {
    vip_guard_stamp(base, now)
  }

  /// Records when the node's loop turns again at the latest, in nanoseconds since boot.
  package func promise(_ turn: UInt64) {
    vip_guard_promise(base, turn)
  }

  /// Says for how long beyond that the loop may stand still before the guard acts, in nanoseconds;
  /// 0: it is not watched.
  package func setTolerance(_ tolerance: UInt64) {
    vip_guard_set_tolerance(base, tolerance)
  }

  /// Whether the guard has put the node to rest, since it stood still.
  package var isAtRest: Bool { vip_guard_rest(base) != 0 }

  /// Ends a rest; the guard is gone by then.
  package func endRest() {
    vip_guard_end_rest(base)
  }

  /// Says for how long after the node's last turn addresses may be removed, in nanoseconds; 0 for
  /// ever.
  package func setRemovalLimit(_ limit: UInt64) {
    vip_guard_set_removal_limit(base, limit)
  }

  /// Says what is to be done for a router from now on.
  package func setDuties(_ duties: Duties, of slot: Int) {
    guard slot < Self.slotCount else { return }
    vip_guard_set_flags(base, UInt32(slot), duties.rawValue)
  }

  /// Says for how long the addresses of a router stay that it keeps, in nanoseconds.
  ///
  /// - Parameters:
  ///   - keep: from the node's death on, if no successor is heard.
  ///   - patience: from a successor's first advertisement on; 0 ends it with that.
  ///   - slot: the router's place.
  package func setTimes(keep: UInt64, patience: UInt64, of slot: Int) {
    guard slot < Self.slotCount else { return }
    vip_guard_set_times(base, UInt32(slot), keep, patience)
  }

  /// Replaces what is to be sent for a router in one of its duties.
  ///
  /// - Parameters:
  ///   - bytes: requests to the kernel, or IP packets, one after the other.
  ///   - duty: which of the two they are.
  ///   - slot: the router's place.
  ///   - interfaceIndex: the interface that packets leave by.
  ///   - limit: for how long after the node's last turn they may be sent, in nanoseconds; 0 for
  ///     packets means without an end, for requests what ``setRemovalLimit(_:)`` says.
  /// - Returns: whether there was room; if not, that duty is empty now.
  package func write(
    _ bytes: [UInt8], for duty: Duties, of slot: Int, interfaceIndex: Int32, limit: UInt64 = 0
  ) -> Bool {
    guard slot < Self.slotCount else { return false }
    let place = Place(slot: slot, duty: duty.rawValue)
    let old = blocks[place]
    let new = allocate(bytes.count)
    bytes.withUnsafeBytes { bytes in
      guard let new, let start = bytes.baseAddress else { return }
      base.advanced(by: new.lowerBound).copyMemory(from: start, byteCount: bytes.count)
    }
    let block = vip_guard_block(
      offset: UInt32(new?.lowerBound ?? Int(VIP_GUARD_CONTENTS_OFFSET)),
      length: UInt32(new == nil ? 0 : bytes.count), limit: limit)
    vip_guard_set_block(base, UInt32(slot), duty.rawValue, interfaceIndex, block)
    // Only now does nothing speak of the old block any more.
    if let old { used.removeAll { $0 == old } }
    blocks[place] = new
    return new != nil
  }

  /// Forgets a router.
  package func clear(_ slot: Int) {
    guard slot < Self.slotCount else { return }
    setDuties([], of: slot)
    for duty in [Duties.removals, .farewells] {
      guard let block = blocks.removeValue(forKey: Place(slot: slot, duty: duty.rawValue)) else {
        continue
      }
      used.removeAll { $0 == block }
    }
  }

  /// The first gap that is large enough; never empty, so that no two blocks are equal.
  private func allocate(_ count: Int) -> Range<Int>? {
    let size = max((count + 7) & ~7, 8)
    var start = (Int(VIP_GUARD_CONTENTS_OFFSET) + 7) & ~7
    for (index, block) in used.enumerated() {
      if block.lowerBound - start >= size {
        used.insert(start..<start + size, at: index)
        return start..<start + size
      }
      start = block.upperBound
    }
    guard byteCount - start >= size else { return nil }
    used.append(start..<start + size)
    return start..<start + size
  }
}

// MARK: - Reading

extension GuardArea {
  /// Something that the guard would do.
  package enum Deed: Sendable, Hashable {
    /// Send a packet on an interface.
    case packet([UInt8], interfaceIndex: Int32)
    /// Send requests to the kernel at once.
    case requests([UInt8])
  }

  /// The deeds of the guard if the node were found dead at a moment, in order.
  ///
  /// The walk is the one that the guard makes.
  package func deeds(at now: UInt64, batchByteCount: Int = Int(VIP_GUARD_BATCH_SIZE)) -> [Deed] {
    var walk = vip_guard_walk_begin(base, byteCount, now, UInt32(batchByteCount))
    var deed = vip_guard_deed()
    var deeds: [Deed] = []
    while vip_guard_walk_next(&walk, &deed) {
      let bytes = Array(UnsafeBufferPointer(start: deed.bytes, count: Int(deed.length)))
      deeds.append(
        Duties(rawValue: deed.what) == .removals
          ? .requests(bytes) : .packet(bytes, interfaceIndex: deed.interface_index))
    }
    return deeds
  }
}
