import Glibc
import VIP
import VIPCore

/// Reads small files that others write, whatever they are.
enum FileProbe {
  /// The most bytes of such a file.
  static let byteCountMax = 256

  /// The contents of a file; `nil` with the reason if there are none to be had.
  static func read(_ path: String) -> (text: String?, code: Int32) {
    // Without waiting for a writer of a FIFO, and without taking a terminal for one's own.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return (nil, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return (nil, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { return (nil, EINVAL) }
    var buffer = [UInt8](repeating: 0, count: byteCountMax + 1)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    guard count >= 0 else { return (nil, errno) }
    guard count <= byteCountMax else { return (nil, EFBIG) }
    return (String(decoding: buffer[..<count], as: UTF8.self), 0)
  }

  /// The result of a check of a file.
  static func look(at path: String) -> CheckResult {
    let (text, code) = read(path)
    if let text { return result(text, path) }
    switch code {
    case ENOENT, ENOTDIR: return .silent("\(path) is not there")
    case EINVAL: return .failure("\(path) is no ordinary file")
    case EFBIG: return .failure("\(path) is longer than \(byteCountMax) bytes")
    default: return .failure("\(path): \(errorText(code))")
    }
  }

  /// The statement of a file.
  static func result(_ text: String, _ path: String) -> CheckResult {
    let blanks: Set<Character> = [" ", "\t", "\n", "\r", "\r\n"]
    var word = text[...]
    while let first = word.first, blanks.contains(first) { word.removeFirst() }
    while let last = word.last, blanks.contains(last) { word.removeLast() }
    switch word.lowercased() {
    case "": return .silent("\(path) is empty")
    case "true", "yes", "on", "up": return .success("\(path) says \(word)")
    case "false", "no", "off", "down": return .failure("\(path) says \(word)")
    default: break
    }
    guard word.utf8.count <= 12, let number = Int(word.first == "+" ? word.dropFirst() : word)
    else {
      return .failure(
        "\(path) has '\(word.prefix(40))' in it, which is neither a number nor true or false"
          .onOneLine)
    }
    return .number(number)
  }
}

/// Follows changes of files in their folders, so that replaced and new ones are seen.
final class FileWatch {
  private let descriptor: Int32
  /// The names to look for by watched folder, and the checks that have asked for each.
  private var names: [Int32: [String: Set<Int>]] = [:]
  private var folders: [Int: (folder: Int32, name: String)] = [:]
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  init() {
    descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The descriptor to wait for; -1 if there is none.
  var polled: Int32 { folders.isEmpty ? -1 : descriptor }

  /// Follows the file of a check, unless it is followed already; a folder that is not there yet is
  /// tried again with the next call.
  func follow(_ path: String, for id: Int) {
    guard descriptor >= 0, folders[id] == nil, let slash = path.lastIndex(of: "/") else { return }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    let name = String(path[path.index(after: slash)...])
    let events =
      IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB
    let watch = inotify_add_watch(descriptor, folder, UInt32(events) | UInt32(IN_ONLYDIR))
    guard watch >= 0 else { return }
    names[watch, default: [:]][name, default: []].insert(id)
    folders[id] = (watch, name)
  }

  /// Follows the file of a check no longer.
  func forget(_ id: Int) {
    guard let (watch, name) = folders.removeValue(forKey: id) else { return }
    names[watch]?[name]?.remove(id)
    if names[watch]?[name]?.isEmpty == true { names[watch]?[name] = nil }
    guard names[watch]?.isEmpty == true else { return }
    names[watch] = nil
    inotify_rm_watch(descriptor, watch)
  }

  /// Reads a bounded part of what has happened.
  ///
  /// - Returns: the checks whose files have changed.
  func take() -> Set<Int> {
    var changed: Set<Int> = []
    let count = read(descriptor, &buffer, buffer.count)
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
      // The queue was too short, so that anything may have changed.
      if mask & UInt32(IN_Q_OVERFLOW) != 0 { changed.formUnion(folders.keys) }
      if mask & UInt32(IN_IGNORED) != 0 {
        // The folder is gone; its checks look for it again.
        for ids in (names.removeValue(forKey: watch) ?? [:]).values {
          for id in ids { folders[id] = nil }
          changed.formUnion(ids)
        }
        continue
      }
      let name = String(decoding: buffer[start..<position].prefix { $0 != 0 }, as: UTF8.self)
      changed.formUnion(names[watch]?[name] ?? [])
    }
    return changed
  }
}
