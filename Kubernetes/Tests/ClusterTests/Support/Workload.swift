import Glibc

/// A program that runs on a node: as a process, or as the first one of a container.
protocol Workload: Sendable {
  /// The last lines of what it wrote, for failure texts.
  var logTail: String { get }

  /// Throws when it has ended, telling what it wrote.
  func requireRunning() throws

  /// Asks it to end, and returns its exit status; `nil` when it still runs after the time given.
  func end(within limit: Duration) throws -> Int32?

  /// Kills it, but not what it has started, and waits for its end.
  func killAlone() throws
}

extension ChildProcess: Workload {
  func end(within limit: Duration) -> Int32? {
    signal(SIGTERM)
    return waitForExit(within: limit)
  }

  func killAlone() throws {
    signal(SIGKILL)
    guard waitForExit(within: .seconds(5)) != nil else {
      throw LabError("process \(pid) survives SIGKILL")
    }
  }
}
