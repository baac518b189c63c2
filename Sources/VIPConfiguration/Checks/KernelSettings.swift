import Glibc

/// What a machine or container allows and is set to, as far as a node minds.
struct KernelSettings: Sendable {
  /// A setting by its path under /proc/sys, such as `net/ipv4/conf/all/rp_filter`; `nil` if the
  /// kernel has none of that name.
  var value: @Sendable (String) -> String?
  /// Whether /proc/sys is mounted for reading only, as in most containers.
  var isReadOnly = false
  /// How many files this process may have open.
  var openFilesMax: UInt64?
  /// How much of each period of time this container may run, in microseconds, if that is limited.
  var processorQuota: (run: Int, of: Int)?
  /// How many more processes and threads this container may have, if that is limited.
  var processesLeft: Int?

  /// A number among the settings.
  func number(_ path: String) -> Int? { value(path).flatMap { Int($0) } }

  /// What is set for an interface, where the kernel takes the larger of that and of `all`.
  func largest(_ family: String, _ name: String, on interface: String) -> Int {
    max(
      number("net/\(family)/conf/all/\(name)") ?? 0,
      number("net/\(family)/conf/\(interface)/\(name)") ?? 0)
  }

  /// A setting's name as `sysctl` takes it, which writes the dots of an interface as slashes.
  static func name(_ family: String, _ setting: String, on interface: String) -> String {
    "net.\(family).conf.\(interface.replacing(".", with: "/")).\(setting)"
  }
}

extension KernelSettings {
  /// Looks at this machine.
  static func ofThisMachine() -> KernelSettings {
    var settings = KernelSettings { Self.firstLine("/proc/sys/\($0)") }
    let probe = "/proc/sys/net/ipv4/conf/all/promote_secondaries"
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

  private static func firstLine(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }
}
