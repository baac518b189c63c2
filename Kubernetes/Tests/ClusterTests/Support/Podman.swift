import Glibc

/// A container runtime, podman with crun, with a storage of its own in which one image is.
///
/// It goes with this object, and neither uses nor changes what the machine has for its own
/// containers.
final class Podman: Sendable {
  private let directory: TemporaryDirectory

  /// Loads an image from an archive.
  init(image archive: String) throws {
    directory = try TemporaryDirectory()
    try directory.write(
      """
      [containers]
      log_driver = "k8s-file"
      default_ulimits = [\(Self.limits.map { "\"\($0)\"" }.joined(separator: ", "))]
      [engine]
      cgroup_manager = "cgroupfs"
      events_logger = "none"
      lock_type = "file"
      runtime = "crun"
      tmp_dir = "\(directory["tmp"])"
      """, to: "containers.conf")
    try run(["load", "--input", archive], within: .seconds(120))
  }

  deinit {
    // Nothing of a container may be mounted or run when the folder is removed.
    _ = try? run(["rm", "--all", "--force", "--time", "0"])
  }

  /// Runs a command of podman, which must succeed, and returns what it wrote.
  @discardableResult
  func run(_ arguments: [String], within limit: Duration = .seconds(60)) throws -> String {
    try check(command + arguments, within: limit)
  }

  /// The command without what it is to do.
  private var command: [String] {
    [
      "env", "CONTAINERS_CONF=\(directory["containers.conf"])",
      // crun takes control groups of version 1, or those of version 2, but not both beside each
      // other: where both are, it sees the first ones.
      "unshare", "--mount", "sh", "-c",
      "umount /sys/fs/cgroup/unified 2>/dev/null; exec podman \"$@\"", "podman",
      "--root", directory["storage"], "--runroot", directory["run"],
    ]
  }

  /// The limits of this process.
  ///
  /// Without them podman would raise those of a container, which not every root may.
  private static var limits: [String] {
    func limit(_ resource: Int32, _ name: String, _ most: rlim_t) -> String {
      var limit = rlimit()
      getrlimit(resource, &limit)
      let value = min(limit.rlim_max, most)
      return "\(name)=\(value):\(value)"
    }
    // RLIMIT_NPROC, RLIMIT_NOFILE
    return [limit(6, "nproc", 1 << 15), limit(7, "nofile", 1 << 20)]
  }
}
