import Glibc
import VIPCore

/// Addresses that processes of one network namespace claim for as long as they live.
///
/// Each is a place in the file of the namespace (`/proc/thread-self/ns/net`), which is the same for all
/// processes in it, whatever container they are in. A process claims places by locks (fcntl(2)), of which
/// neighbouring ones cost no more than one, and which the kernel drops with the process. They are locks
/// for reading, since no process may write to that file: a process that comes later sees the earlier lock,
/// lets go of its own and waits. All nodes of one process count as one.
final class LinuxAddressRegistry {
  /// Beyond so many separate ranges, looking for a place in the kernel's list would take too long: the
  /// rest is taken to be free.
  static let rangeCountMax = 512

  /// Addresses next to one another.
  struct Range: Equatable {
    var start: Int64
    var addresses: [IPAddress]
    var end: Int64 { start + Int64(addresses.count) }
  }

  private var file: Int32?
  private var rangeCount = 0
  /// Whether a process is known to be unable to be a node.
  private let isBare: (Int32) -> Bool

  init(isBare: @escaping (Int32) -> Bool) { self.isBare = isBare }

  deinit { if let file { close(file) } }

  /// Claims addresses of an interface that this process has not claimed.
  ///
  /// - Returns: one that another process has, and that process if it can be learned: none is claimed
  ///   then; `nil` if this process has all.
  func claim(
    _ addresses: [IPAddress], onInterface index: Int32
  ) -> (address: IPAddress, holder: NameHolder?)? {
    guard let file = openFile() else { return nil }
    var claimed: [Range] = []
    for range in Self.ranges(of: addresses, onInterface: index) {
      guard rangeCount + claimed.count < Self.rangeCountMax else { break }
      // What the kernel refuses for lack of memory is not claimed.
      guard set(F_RDLCK, range, file) else { continue }
      claimed.append(range)
      guard let conflict = conflict(with: range, file), !isBare(conflict.pid) else { continue }
      for range in claimed { _ = set(F_UNLCK, range, file) }
      let place = min(max(conflict.start - range.start, 0), Int64(range.addresses.count) - 1)
      return (range.addresses[Int(place)], Self.holder(conflict.pid))
    }
    rangeCount += claimed.count
    return nil
  }

  /// Gives addresses of an interface up.
  func release(_ addresses: [IPAddress], onInterface index: Int32) {
    guard let file else { return }
    let ranges = Self.ranges(of: addresses, onInterface: index)
    for range in ranges { _ = set(F_UNLCK, range, file) }
    rangeCount = max(rangeCount - ranges.count, 0)
  }

  private func openFile() -> Int32? {
    if let file { return file }
    let descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    file = descriptor
    return descriptor
  }

  // MARK: Places

  /// Where addresses stand in the file: next to one another if they are neighbours.
  static func ranges(of addresses: [IPAddress], onInterface index: Int32) -> [Range] {
    var ranges: [Range] = []
    let places = addresses.map { (place(of: $0, onInterface: index), $0) }
    for (place, address) in places.sorted(by: { $0.0 < $1.0 }) {
      if let last = ranges.last, last.end == place {
        ranges[ranges.count - 1].addresses.append(address)
      } else if ranges.last.map({ place >= $0.end }) ?? true {
        ranges.append(Range(start: place, addresses: [address]))
      }
    }
    return ranges
  }

  /// The place of an address: a number of 63 bits.
  static func place(of address: IPAddress, onInterface index: Int32) -> Int64 {
    let index = UInt64(UInt32(bitPattern: index))
    switch address {
    case .v4(let address): return Int64((index << 32) & (1 << 62 - 1) | UInt64(address.rawValue))
    case .v6(let address):
      // No number of that length has room for all: that two of a machine meet is out of the question.
      var mixed = (address.high ^ index &* 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
      mixed ^= mixed >> 31
      return Int64((mixed &+ address.low) & (1 << 61 - 1) | 1 << 62)
    }
  }

  // MARK: Locks

  private func set(_ type: Int32, _ range: Range, _ file: Int32) -> Bool {
    var lock = Self.lock(type, range)
    return fcntl(file, F_SETLK, &lock) == 0
  }

  /// Another process's lock on a range.
  private func conflict(with range: Range, _ file: Int32) -> (start: Int64, pid: Int32)? {
    var lock = Self.lock(F_WRLCK, range)
    guard fcntl(file, F_GETLK, &lock) == 0, Int32(lock.l_type) != F_UNLCK else { return nil }
    return (Int64(lock.l_start), lock.l_pid)
  }

  private static func lock(_ type: Int32, _ range: Range) -> flock {
    var lock = flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = Int(range.start)
    lock.l_len = range.addresses.count
    return lock
  }

  private static func holder(_ pid: Int32) -> NameHolder? {
    var status = stat()
    guard pid > 0, stat("/proc/\(pid)", &status) == 0 else { return nil }
    return NameHolder(pid: pid, user: status.st_uid)
  }
}
