import Glibc
import VIP

/// The way to a file: each folder on it that is followed, through symbolic links too, and the name
/// that the way goes on with.
struct FileWay: Sendable {
  /// A part of the way.
  struct Step: Sendable, Hashable {
    /// The kernel's number of the followed folder.
    var folder: Int32
    var name: String
  }

  var steps: [Step] = []
  /// Whether all of the way is followed, as far as there is one.
  var isWhole = true
}

/// Follows changes of files and of the ways to them, so that replaced and new ones are seen.
final class FileWatch {
  /// The kernel's queue of changes, which stays open as long as a helper needs it.
  final class Queue: Sendable {
    fileprivate let descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))

    deinit { if descriptor >= 0 { close(descriptor) } }
  }

  /// The most symbolic links on a way, as in the kernel.
  private static let linkCountMax = 40
  /// The changes that make another file of one, or another folder.
  private static let changesOfWay =
    IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
  /// The changes of a file itself.
  ///
  /// One that is written counts when it is closed, since it is empty, or half of it is missing, in
  /// between.
  private static let changesOfFile = IN_CLOSE_WRITE | IN_ATTRIB

  let queue = Queue()
  /// The names to look for by followed folder, and the checks that have asked for each.
  private var names: [Int32: [String: Set<Int>]] = [:]
  private var ways: [Int: FileWay] = [:]
  /// The checks for which a helper may be on the way at the moment.
  private var walking: Set<Int> = []
  /// Those whose ways have changed since the helper has begun.
  private var missed: Set<Int> = []
  /// The folders in which something has happened meanwhile, and which no check has asked for yet.
  private var strays: Set<Int32> = []
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  /// The descriptor to wait for; -1 if there is none.
  var polled: Int32 { ways.isEmpty && walking.isEmpty ? -1 : queue.descriptor }

  /// Notes that a helper is about to look at the file of a check.
  ///
  /// - Returns: whether it has to find the way, with ``findWay(to:_:)``.
  func begin(_ id: Int) -> Bool {
    guard queue.descriptor >= 0, ways[id]?.isWhole != true else { return false }
    walking.insert(id)
    missed.remove(id)
    return true
  }

  /// Finds the way to a file and follows its folders from now on; the kernel may hold that up.
  static func findWay(to path: String, _ queue: Queue) -> FileWay {
    var way = FileWay()
    var folder = ""
    var rest = path.split(separator: "/").map(String.init)
    var links = 0
    while let name = rest.first {
      rest.removeFirst()
      if name == "." { continue }
      if name == ".." {
        folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
        continue
      }
      let changes = changesOfWay | (rest.isEmpty ? changesOfFile : 0)
      let flags = UInt32(changes | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD)
      let watch = inotify_add_watch(queue.descriptor, folder.isEmpty ? "/" : folder, flags)
      if watch >= 0 {
        way.steps.append(FileWay.Step(folder: watch, name: name))
      } else {
        way.isWhole = false
      }
      let place = "\(folder)/\(name)"
      switch target(of: place) {
      case .success(let target):
        links += 1
        guard links <= linkCountMax else { return way }
        if target.hasPrefix("/") { folder = "" }
        rest = target.split(separator: "/").map(String.init) + rest
      case .failure(let error) where error.code == EINVAL: folder = place
      case .failure(let error):
        if error.code != ENOENT, error.code != ENOTDIR { way.isWhole = false }
        return way
      }
    }
    return way
  }

  private struct ErrorNumber: Error { let code: Int32 }

  /// The target of a symbolic link; EINVAL if there is none.
  private static func target(of place: String) -> Result<String, ErrorNumber> {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = readlink(place, &bytes, bytes.count)
    guard count >= 0 else { return .failure(ErrorNumber(code: errno)) }
    return .success(
      String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// Takes the way that a helper has found; `nil` if it was not to find one.
  ///
  /// - Returns: whether something has happened on it meanwhile.
  func take(_ way: FileWay?, for id: Int) -> Bool {
    guard var way else { return false }
    let isMissed =
      missed.contains(id) || way.steps.contains { strays.contains($0.folder) }
    if isMissed { way.isWhole = false }
    for step in way.steps { names[step.folder, default: [:]][step.name, default: []].insert(id) }
    let former = ways.updateValue(way, forKey: id)?.steps ?? []
    for step in Set(former).subtracting(way.steps) { leave(step, id) }
    endWalk(id)
    return isMissed
  }

  /// Follows the file of a check no longer.
  func forget(_ id: Int) {
    endWalk(id)
    for step in Set(ways.removeValue(forKey: id)?.steps ?? []) { leave(step, id) }
  }

  private func endWalk(_ id: Int) {
    walking.remove(id)
    missed.remove(id)
    if walking.isEmpty { strays = [] }
  }

  private func leave(_ step: FileWay.Step, _ id: Int) {
    names[step.folder]?[step.name]?.remove(id)
    if names[step.folder]?[step.name]?.isEmpty == true { names[step.folder]?[step.name] = nil }
    guard names[step.folder]?.isEmpty == true else { return }
    names[step.folder] = nil
    inotify_rm_watch(queue.descriptor, step.folder)
  }

  /// Reads a bounded part of what has happened.
  ///
  /// - Returns: the checks whose files have changed.
  func take() -> Set<Int> {
    var changed: Set<Int> = []
    let count = read(queue.descriptor, &buffer, buffer.count)
    var position = 0
    while position + 16 <= count {
      let (watch, mask, length) = buffer.withUnsafeBytes { bytes in
        (
          bytes.loadUnaligned(fromByteOffset: position, as: Int32.self),
          bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self),
          Int(bytes.loadUnaligned(fromByteOffset: position + 12, as: UInt32.self))
        )
      }
      let start = position + 16
      guard length <= count - start else { break }
      position = start + length
      let name = String(decoding: buffer[start..<position].prefix { $0 != 0 }, as: UTF8.self)
      changed.formUnion(note(watch, mask, name))
    }
    return changed
  }

  private func note(_ watch: Int32, _ mask: UInt32, _ name: String) -> Set<Int> {
    // The queue was too short, so that anything may have changed.
    if mask & UInt32(IN_Q_OVERFLOW) != 0 {
      let all = walking.union(ways.keys)
      leaveWay(all)
      return all
    }
    guard let known = names[watch] else {
      if !walking.isEmpty {
        strays.insert(watch)
      } else if mask & UInt32(IN_IGNORED) == 0 {
        // It was found for a check that is gone.
        inotify_rm_watch(queue.descriptor, watch)
      }
      return []
    }
    if mask & UInt32(IN_IGNORED) != 0 { names[watch] = nil }
    // A folder that has gone elsewhere concerns all that is in it.
    let isAll = mask & UInt32(IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) != 0
    let ids = isAll ? Set(known.values.joined()) : known[name] ?? []
    if isAll || mask & UInt32(Self.changesOfWay) != 0 { leaveWay(ids) }
    return ids
  }

  /// Has the ways of some checks looked for once more.
  private func leaveWay(_ ids: Set<Int>) {
    for id in ids { ways[id]?.isWhole = false }
    missed.formUnion(walking.intersection(ids))
  }
}
