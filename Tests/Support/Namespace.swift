package import Foundation
import Synchronization

/// A network namespace with a name of its own; it and all processes in it end with this object.
///
/// The name starts with `vt`, the process id of the test run and a dash, so that runs beside one
/// another never meet and a later run can tell what a dead one has left.
package final class Namespace: Sendable {
  /// The name, as `ip netns` knows it.
  package let name: String

  /// Makes a namespace and brings its loopback interface up.
  package init(_ label: String) throws {
    try Self.sweptOnce.get()
    name = "vt\(getpid())-\(Self.counter.add(1, ordering: .relaxed).newValue)-\(label)"
    try TestSupport.check(["ip", "netns", "add", name])
    try ip("link set lo up")
  }

  deinit {
    Self.remove(name)
  }

  /// Runs commands of `ip` in the namespace, one a line.
  package func ip(_ lines: String) throws {
    try TestSupport.check(["ip", "-n", name, "-batch", "-"], input: lines + "\n")
  }

  /// Runs a command in the namespace; it must succeed.
  @discardableResult
  package func check(
    _ arguments: [String], input: String = "", within limit: Duration = .seconds(15)
  ) throws -> String {
    try TestSupport.check(enter + arguments, input: input, within: limit)
  }

  /// Runs a command in the namespace, whatever its exit status.
  package func run(
    _ arguments: [String], input: String = "", within limit: Duration = .seconds(15)
  ) throws -> CommandResult {
    try TestSupport.run(enter + arguments, input: input, within: limit)
  }

  /// Starts a process in the namespace and leaves it running.
  package func start(_ arguments: [String], logPath: String) throws -> ChildProcess {
    // `ip netns exec` replaces itself, so the process id is that of the program.
    try ChildProcess(enter + arguments, logPath: logPath)
  }

  /// Ends every process in the namespace at once, as the death of a machine would.
  package func killAll() {
    Self.killAll(in: name)
  }

  /// The processes in the namespace, wherever they were started.
  package func processes() throws -> [pid_t] {
    Self.processes(in: name)
  }

  private var enter: [String] { ["ip", "netns", "exec", name] }

  // MARK: - Removal, also of what dead runs have left

  private static let counter = Atomic<Int>(0)

  private static let sweptOnce: Result<Void, any Error> = Result {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? [] {
      guard let owner = owner(of: name), kill(owner, 0) != 0, errno == ESRCH else { continue }
      remove(name)
    }
  }

  /// The process id in a namespace's name, if it is one of ours.
  private static func owner(of name: String) -> pid_t? {
    guard name.hasPrefix("vt"), let dash = name.firstIndex(of: "-") else { return nil }
    return pid_t(name[name.index(name.startIndex, offsetBy: 2)..<dash])
  }

  private static func remove(_ name: String) {
    killAll(in: name)
    _ = try? TestSupport.run(["ip", "netns", "del", name])
  }

  private static func killAll(in name: String) {
    // All are stopped before the first is killed: none shall notice that another one died.
    for signal in [SIGSTOP, SIGKILL] {
      for process in processes(in: name) { kill(process, signal) }
    }
    let end = ContinuousClock.now + .seconds(2)
    while !processes(in: name).isEmpty && ContinuousClock.now < end { pause(.milliseconds(1)) }
  }

  /// The processes whose network namespace this is, without zombies.
  private static func processes(in name: String) -> [pid_t] {
    var namespace = stat()
    guard stat("/run/netns/\(name)", &namespace) == 0 else { return [] }
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { pid_t($0) }.filter { process in
      // A zombie has no namespace any more: the call fails.
      var its = stat()
      return stat("/proc/\(process)/ns/net", &its) == 0
        && its.st_ino == namespace.st_ino && its.st_dev == namespace.st_dev
    }
  }
}
