import Foundation
import Glibc

/// A `vipctl run` on a node.
package final class VipctlNode: Sendable {
  /// The state of a virtual router, as `vipctl status --json` spells it.
  package enum State: String, Sendable, Decodable {
    /// The interface is not usable.
    case initialize
    /// Another router is Active.
    case backup
    /// This router holds the addresses.
    case active
  }

  /// One virtual router in the answer of `vipctl status --json`.
  package struct Router: Sendable, Decodable {
    package let name: String
    package let interface: String
    package let vrid: Int
    package let family: String
    package let state: State
    package let priority: Int
    package let addresses: [Address]
  }

  /// One virtual address in the answer of `vipctl status --json`.
  package struct Address: Sendable, Decodable {
    package let address: String
    package let installed: Bool
  }

  /// The node it runs on.
  package let node: LabNode
  /// The process in the foreground.
  package let process: ChildProcess
  /// Where its control socket is.
  package let runtimeDirectory: String
  /// Where its configuration file is; empty if it was started without one.
  package let configurationPath: String

  /// The program under test: `VIPCTL_BINARY`, or what was built beside the tests.
  package static let binary: String =
    ProcessInfo.processInfo.environment["VIPCTL_BINARY"] ?? builtBesideTests

  /// The program that was built with the tests.
  package static let builtBesideTests: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (tests as NSString).deletingLastPathComponent + "/vipctl"
  }()

  /// What to put before a command that must not find an interface, whatever is wrong with the test:
  /// a network namespace of its own where that is permitted; elsewhere it may do no harm.
  package static let apart = geteuid() == 0 ? ["unshare", "--net"] : []

  /// Why `vipctl run` cannot be tested, or `nil` when it can.
  package static let obstacle: String? = {
    guard FileManager.default.isExecutableFile(atPath: binary) else { return "no \(binary)" }
    guard let help = try? run([binary, "run", "--help"]), help.output.contains("--vrid") else {
      return "\(binary) has no command run"
    }
    return nil
  }()

  /// Starts `vipctl run` with the arguments given, on the interface `eth0`.
  package init(
    on node: LabNode, of segment: Segment, _ addresses: [String], vrid: Int = 51,
    priority: Int = 100, interval: String = "100ms", program: String = VipctlNode.binary,
    _ options: [String] = []
  ) throws {
    self.node = node
    configurationPath = ""
    runtimeDirectory = segment.directory["run-\(node.name)"]
    let settings = [
      "-i", "eth0", "--vrid", "\(vrid)", "--name", "lab", "--priority", "\(priority)",
      "--interval", interval, "--runtime-dir", runtimeDirectory,
    ]
    process = try node.namespace.start(
      [program, "run"] + addresses + settings + options,
      logPath: segment.directory["vipctl-\(node.name).log"])
  }

  /// Starts `vipctl run` with a configuration file.
  package init(on node: LabNode, of segment: Segment, configuration: String) throws {
    self.node = node
    runtimeDirectory = segment.directory["run-\(node.name)"]
    try segment.directory.write(configuration, to: "vipctl-\(node.name).yaml")
    configurationPath = segment.directory["vipctl-\(node.name).yaml"]
    process = try node.namespace.start(
      [Self.binary, "run", "--config", configurationPath, "--runtime-dir", runtimeDirectory],
      logPath: segment.directory["vipctl-\(node.name).log"])
  }

  /// Runs another command of `vipctl` against this node.
  package func command(_ arguments: [String]) throws -> CommandResult {
    try node.namespace.run([Self.binary] + arguments + ["--runtime-dir", runtimeDirectory])
  }

  /// What `vipctl status --json` says of the node itself.
  package struct NodeStatus: Sendable, Decodable {
    package let pid: Int32
    package let `guard`: String
    package let guardPid: Int32?
    package let realtime: Bool
  }

  private struct Status: Decodable {
    let node: NodeStatus
    let routers: [Router]
  }

  /// The virtual routers of this node; `nil` while it does not answer.
  package func routers() throws -> [Router]? { try status()?.routers }

  /// How it stands with the node itself; `nil` while it does not answer.
  package func nodeStatus() throws -> NodeStatus? { try status()?.node }

  private func status() throws -> Status? {
    let result = try command(["status", "--json"])
    guard result.status == 0 else { return nil }
    do {
      return try JSONDecoder().decode(Status.self, from: Data(result.output.utf8))
    } catch {
      throw LabError("vipctl status --json answers nonsense: \(error)\n\(result.output)")
    }
  }

  /// Waits until all virtual routers of this node are in a state.
  package func waitUntil(_ state: State, within limit: Duration = .seconds(20)) throws {
    try eventually(
      "vipctl on \(node.name) is \(state.rawValue)", within: limit, poll: .milliseconds(10),
      detail: { process.logTail },
      {
        try process.requireRunning()
        guard let routers = try routers(), !routers.isEmpty else { return false }
        return routers.allSatisfy { $0.state == state }
      })
  }

  /// Ends it in good order; throws when it does not exit with 0.
  package func stop(within limit: Duration = .seconds(10)) throws {
    process.signal(SIGTERM)
    guard let status = process.waitForExit(within: limit) else {
      throw LabError("vipctl on \(node.name) does not stop:\n\(process.logTail)")
    }
    guard status == 0 else {
      throw LabError("vipctl on \(node.name) ended with \(status):\n\(process.logTail)")
    }
  }

  /// Kills the node's process, and only that: what it guards itself with lives on.
  package func kill() throws {
    process.signal(SIGKILL)
    guard process.waitForExit(within: .seconds(5)) != nil else {
      throw LabError("vipctl on \(node.name) survives SIGKILL")
    }
  }
}
