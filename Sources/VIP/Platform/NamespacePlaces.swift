import Glibc
import Synchronization

/// Places in the file of a network namespace (`/proc/thread-self/ns/net`) that a node has for as
/// long as it lives.
///
/// That file is the same for all processes of the namespace, whatever container they are in. A
/// process takes places by locks (fcntl(2)), of which neighbouring ones cost no more than one, and
/// which the kernel drops with the process. They are locks for reading, since no process may write
/// to that file: a process that comes later sees the earlier lock, lets go of its own and waits.
///
/// The kernel tells which process has such a lock, so a lock of one that can't be a node is passed
/// over. It knows no nodes: they belong to the process, and all end when it closes any descriptor
/// of that file. So a process has one descriptor of it, and an account of which of its nodes has
/// which place.
final class NamespacePlaces {
  /// The number of separate ranges that a process locks.
  ///
  /// With more, looking for a place in the kernel's list would take a node too long. The process
  /// has the rest without a lock, but for names, which are few; it still sees those that other
  /// processes have locked.
  static let rangeCountMax = 512

  /// The place where those of names begin, behind those of addresses.
  static let nameStart: Int64 = 3 << 61

  /// A place that another node has.
  struct Conflict {
    /// The place.
    var place: Int64
    /// The node's process; `nil` if it can't be learned.
    var holder: NameHolder?
  }

  /// A place of a node of this process.
  private struct Place {
    var owner: ObjectIdentifier
    var isLocked: Bool
  }

  private struct Namespace: Hashable {
    var device: UInt
    var number: UInt

    /// The one of this thread; opens nothing.
    init?() {
      var status = stat()
      guard stat(Self.path, &status) == 0 else { return nil }
      device = UInt(status.st_dev)
      number = UInt(status.st_ino)
    }

    static let path = "/proc/thread-self/ns/net"
  }

  /// The files that nodes of this process use.
  private static let files = Mutex<[Namespace: File]>([:])

  /// Tells whether a process is known to be unable to be a node; `nil` for what the kernel says.
  private let isBare: ((Int32) -> Bool)?
  private var namespace: Namespace?

  init(isBare: ((Int32) -> Bool)? = nil) { self.isBare = isBare }

  deinit {
    guard let namespace else { return }
    let owner = ObjectIdentifier(self)
    Self.files.withLock { files in
      files[namespace]?.releaseAll(of: owner)
      Self.leave(namespace, &files)
    }
  }

  /// Takes places that this node does not have.
  ///
  /// - Returns: one that another node has, none is taken then; `nil` if this node has all.
  func claim(_ ranges: [Range<Int64>]) -> Conflict? {
    guard let namespace = join() else { return nil }
    let owner = ObjectIdentifier(self)
    return Self.files.withLock { files in
      files[namespace]?.claim(ranges, for: owner, isBare) ?? nil
    }
  }

  /// Gives places up.
  func release(_ ranges: [Range<Int64>]) {
    guard let namespace else { return }
    let owner = ObjectIdentifier(self)
    Self.files.withLock { $0[namespace]?.release(ranges, of: owner) }
  }

  /// Whether a node of this process has a place by a lock, so that other processes see it.
  func hasLocked(_ place: Int64) -> Bool {
    guard let namespace else { return false }
    return Self.files.withLock { $0[namespace]?.isLocked(place) } ?? false
  }

  /// Whether a process is known to be unable to be a node in the network namespace.
  func isBare(_ process: Int32) -> Bool {
    if let isBare { return isBare(process) }
    guard let namespace = join() else { return false }
    return Self.files.withLock { $0[namespace]?.rights.isBare(process) } ?? false
  }

  /// The first of some places that another process has; takes none.
  func foreign(_ ranges: [Range<Int64>]) -> Conflict? {
    guard let namespace = join() else { return nil }
    // A few at a time, so that no node waits for long for an answer about many.
    for start in stride(from: 0, to: ranges.count, by: 64) {
      let part = ranges[start..<min(start + 64, ranges.count)]
      let conflict = Self.files.withLock { files -> Conflict? in
        guard let file = files[namespace] else { return nil }
        var others = Others(file.descriptor, file.rights, isBare)
        for range in part {
          if let conflict = others.conflict(with: range) { return conflict }
        }
        return nil
      }
      if let conflict { return conflict }
    }
    return nil
  }

  /// Whether any other process has a lock on the file.
  var hasForeign: Bool {
    guard let namespace = join() else { return false }
    return Self.files.withLock { files in
      files[namespace].map { Self.lock(of: 0..<Int64.max, $0.descriptor) != nil } ?? false
    }
  }

  // MARK: The file

  /// The namespace of the thread that first asked, whose file is open from then on.
  private func join() -> Namespace? {
    if let namespace { return namespace }
    guard let namespace = Namespace() else { return nil }
    let isOpen = Self.files.withLock { files in
      if files[namespace] == nil {
        let descriptor = open(Namespace.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        files[namespace] = File(descriptor)
      }
      files[namespace]?.userCount += 1
      return true
    }
    guard isOpen else { return nil }
    self.namespace = namespace
    return namespace
  }

  private static func leave(_ namespace: Namespace, _ files: inout [Namespace: File]) {
    files[namespace]?.userCount -= 1
    guard let file = files[namespace], file.userCount == 0 else { return }
    files[namespace] = nil
    close(file.descriptor)
  }

  /// The open file, and the places in it that nodes of this process have.
  private struct File {
    let descriptor: Int32
    let rights: NamespaceRights
    var userCount = 0
    private var places: [Int64: Place] = [:]
    /// The number of separate ranges that are locked.
    private var rangeCount = 0

    init(_ descriptor: Int32) {
      self.descriptor = descriptor
      rights = NamespaceRights(ofNamespace: descriptor)
    }

    mutating func claim(
      _ ranges: [Range<Int64>], for owner: ObjectIdentifier, _ isBare: ((Int32) -> Bool)?
    ) -> Conflict? {
      let taken = ranges.lazy.joined().first { place in
        places[place].map { $0.owner != owner } ?? false
      }
      if let taken {
        return Conflict(place: taken, holder: NameHolder(pid: getpid(), user: geteuid()))
      }
      // All are locked before the first look: of two that lock one place, one at least sees the
      // other.
      for range in ranges { lock(range, for: owner) }
      var others = Others(descriptor, rights, isBare)
      for range in ranges {
        guard let conflict = others.conflict(with: range) else { continue }
        release(ranges, of: owner)
        return conflict
      }
      return nil
    }

    /// Locks a range; one that the kernel refuses for lack of memory, or that is too much, is taken
    /// without.
    private mutating func lock(_ range: Range<Int64>, for owner: ObjectIdentifier) {
      let hasRoom =
        rangeCount < NamespacePlaces.rangeCountMax || range.lowerBound >= NamespacePlaces.nameStart
        || isLocked(range.lowerBound - 1) || isLocked(range.upperBound)
      let isDone = hasRoom && NamespacePlaces.set(F_RDLCK, range, descriptor)
      for place in range {
        if isDone, !isLocked(place) { rangeCount += 1 - lockedNeighbours(of: place) }
        places[place] = Place(owner: owner, isLocked: isDone || isLocked(place))
      }
    }

    mutating func release(_ ranges: [Range<Int64>], of owner: ObjectIdentifier) {
      for range in ranges {
        let own = range.filter { places[$0]?.owner == owner }
        for place in own {
          if isLocked(place) { rangeCount -= 1 - lockedNeighbours(of: place) }
          places[place] = nil
        }
        for range in NamespacePlaces.ranges(of: own) {
          _ = NamespacePlaces.set(F_UNLCK, range, descriptor)
        }
      }
    }

    mutating func releaseAll(of owner: ObjectIdentifier) {
      let own = places.filter { $0.value.owner == owner }.keys.sorted()
      release(NamespacePlaces.ranges(of: own), of: owner)
    }

    func isLocked(_ place: Int64) -> Bool { places[place]?.isLocked ?? false }

    private func lockedNeighbours(of place: Int64) -> Int {
      (isLocked(place - 1) ? 1 : 0) + (isLocked(place + 1) ? 1 : 0)
    }
  }

  /// The ranges of places that are in order.
  private static func ranges(of places: [Int64]) -> [Range<Int64>] {
    var ranges: [Range<Int64>] = []
    for place in places {
      if let last = ranges.last, last.upperBound == place {
        ranges[ranges.count - 1] = last.lowerBound..<place + 1
      } else {
        ranges.append(place..<place + 1)
      }
    }
    return ranges
  }

  // MARK: Locks

  /// Other processes' locks of the file, as they are asked for during one claim.
  private struct Others {
    private let file: Int32
    private let rights: NamespaceRights
    private let isBare: ((Int32) -> Bool)?
    private var judged: [Int32: Bool] = [:]
    private var list: [LockList.Entry]?

    init(_ file: Int32, _ rights: NamespaceRights, _ isBare: ((Int32) -> Bool)?) {
      self.file = file
      self.rights = rights
      self.isBare = isBare
    }

    /// The first place of a range that another process has and that may be a node.
    mutating func conflict(with range: Range<Int64>) -> Conflict? {
      guard let first = NamespacePlaces.lock(of: range, file) else { return nil }
      if mayBeNode(first.pid) { return conflict(first, range) }
      // The kernel names one lock of a range, which may hide those of others.
      guard rights.areProcessesSeen else { return nil }
      let list = self.list ?? LockList.others(onFile: file)
      self.list = list
      let node = list.first { $0.range.overlaps(range) && mayBeNode($0.pid) }
      return node.map { conflict($0, range) }
    }

    /// A lock that belongs to no process (F_OFD_SETLK, -1) is no node's; one of a process in
    /// another PID namespace (0) may be.
    private mutating func mayBeNode(_ pid: Int32) -> Bool {
      guard pid > 0 else { return pid == 0 }
      if let known = judged[pid] { return known }
      let result = !(isBare?(pid) ?? rights.isBare(pid))
      judged[pid] = result
      return result
    }

    private func conflict(_ lock: LockList.Entry, _ range: Range<Int64>) -> Conflict {
      var status = stat()
      let user = lock.pid > 0 && stat("/proc/\(lock.pid)", &status) == 0 ? status.st_uid : nil
      return Conflict(
        place: max(lock.range.lowerBound, range.lowerBound),
        holder: NameHolder(pid: lock.pid, user: user))
    }
  }

  private static func set(_ type: Int32, _ range: Range<Int64>, _ file: Int32) -> Bool {
    var lock = lock(type, range)
    return fcntl(file, F_SETLK, &lock) == 0
  }

  /// Another process's lock in a range: the first in the kernel's list.
  private static func lock(of range: Range<Int64>, _ file: Int32) -> LockList.Entry? {
    var lock = lock(F_WRLCK, range)
    guard fcntl(file, F_GETLK, &lock) == 0, Int32(lock.l_type) != F_UNLCK else { return nil }
    let start = Int64(lock.l_start)
    // A length of 0 is one without an end.
    let end = lock.l_len > 0 ? start + Int64(lock.l_len) : Int64.max
    return LockList.Entry(pid: lock.l_pid, range: start..<end)
  }

  private static func lock(_ type: Int32, _ range: Range<Int64>) -> flock {
    var lock = flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = Int(range.lowerBound)
    lock.l_len = range.count
    return lock
  }
}
