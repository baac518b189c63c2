import Glibc
import VIPCore

/// The permissions and settings of a machine or container, as far as a node minds.
struct KernelSettings: Sendable {
  /// A setting by its path under /proc/sys, such as `net/ipv4/conf/all/rp_filter`; `nil` if the
  /// kernel has none of that name.
  var value: @Sendable (String) -> String?
  /// Whether /proc/sys is mounted for reading only, as in most containers.
  var isReadOnly = false
  /// Number of files that this process may have open.
  var openFilesMax: UInt64?
  /// The part of each period of time that this container may run, in microseconds, if that is
  /// limited.
  var processorQuota: (run: Int, of: Int)?
  /// The state of the machine's table of neighbours of a family; `nil` if that can't be seen here.
  var neighbours: @Sendable (AddressFamily) -> NeighbourTable? = { _ in nil }
  /// Number of further processes and threads that this container may have, if that is limited.
  var processesLeft: Int?

  /// A number among the settings.
  func number(_ path: String) -> Int? { value(path).flatMap { Int($0) } }

  /// The setting of an interface, where the kernel takes the larger of that and of `all`.
  func largest(_ family: String, _ name: String, on interface: String) -> Int {
    max(
      number("net/\(family)/conf/all/\(name)") ?? 0,
      number("net/\(family)/conf/\(interface)/\(name)") ?? 0)
  }
}

extension KernelSettings {
  /// Looks at this machine.
  static func ofThisMachine() -> KernelSettings {
    var settings = KernelSettings { Self.firstLine("/proc/sys/\($0)") }
    let probe = "/proc/sys/net/ipv4/conf/all/promote_secondaries"
    settings.neighbours = { family in
      let name = family == .ipv4 ? "arp_cache" : "ndisc_cache"
      return readLines("/proc/net/stat/\(name)").flatMap(NeighbourTable.init(lines:))
    }
    settings.isReadOnly = access(probe, W_OK) != 0 && errno == EROFS
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      settings.openFilesMax = UInt64(limit.rlim_cur)
    }
    for folder in groupFolders() {
      // The tightest of those above one another counts.
      if let words = firstLine("\(folder)/cpu.max")?.split(separator: " "), words.count == 2,
        let run = Int(words[0]), let period = Int(words[1]), run > 0, period > 0
      {
        let known = settings.processorQuota
        if known.map({ run * $0.of < $0.run * period }) ?? true {
          settings.processorQuota = (run, period)
        }
      }
      if let most = firstLine("\(folder)/pids.max").flatMap({ Int($0) }),
        let present = firstLine("\(folder)/pids.current").flatMap({ Int($0) })
      {
        settings.processesLeft = min(settings.processesLeft ?? .max, max(most - present, 0))
      }
    }
    return settings
  }

  /// The control groups (version 2) that this process is in, the innermost first.
  private static func groupFolders() -> [String] {
    guard let line = firstLine("/proc/self/cgroup"), line.hasPrefix("0::/") else { return [] }
    var parts = line.dropFirst(4).split(separator: "/")
    var folders: [String] = []
    while true {
      folders.append("/sys/fs/cgroup" + parts.map { "/\($0)" }.joined())
      guard parts.popLast() != nil else { return folders }
    }
  }

  static func firstLine(_ path: String) -> String? {
    readLines(path, byteCount: 1024)?.first
  }

  /// The lines of a small file, as far as they are within a number of bytes; `nil` without any.
  private static func readLines(_ path: String, byteCount: Int = 65_536) -> [String]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return bytes[..<count].split(separator: UInt8(ascii: "\n")).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}

/// The kernel's numbers of its table of neighbours, which all network namespaces share.
struct NeighbourTable: Sendable, Equatable {
  /// Number of entries in it.
  var count: Int
  /// Number of times that it has been full.
  var overflows = 0

  /// Makes one from its numbers.
  init(count: Int, overflows: Int = 0) {
    self.count = count
    self.overflows = overflows
  }

  /// Reads `/proc/net/stat/arp_cache`: a line of names, then one of hexadecimal numbers for each
  /// processor, of which the first is the same in all.
  init?(lines: [String]) {
    let names = lines.first?.split(separator: " ") ?? []
    guard let entries = names.firstIndex(of: "entries") else { return nil }
    let full = names.firstIndex(of: "table_fulls")
    var first: Int?
    var sum = 0
    for line in lines.dropFirst() {
      let numbers = line.split(separator: " ").map { Int($0, radix: 16) ?? 0 }
      guard numbers.indices.contains(entries) else { continue }
      first = first ?? numbers[entries]
      if let full, numbers.indices.contains(full) { sum += numbers[full] }
    }
    guard let first else { return nil }
    self.init(count: first, overflows: sum)
  }
}
