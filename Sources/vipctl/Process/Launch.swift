import Glibc
import VIP
import VIPControl
import VRRP

/// `vipctl up`: finds the node or starts one, and gives it routers.
struct Launch {
  let directory: String
  private var starter: StarterLink?
  private let clock = ContinuousClock()

  /// How long to look for a node that starts or ends at this very moment.
  ///
  /// One that ends may have hooks to wait for.
  private static let reachTimeout = Duration.seconds(15)
  private static let pause = Duration.milliseconds(20)

  init(directory: String) {
    self.directory = directory
  }

  /// What became of the routers that were asked for.
  struct Outcome {
    /// Those that take part, one entry for each family.
    var running: [RouterRecord] = []
    /// The first that does not yet; it stays on the node and goes on trying.
    var waiting: Failure?
  }

  /// Brings routers up: all of them are on the node afterwards, or nothing has changed there.
  mutating func up(
    _ wanted: FileConfiguration, timeout: Duration
  ) throws(Failure) -> Outcome {
    // A node that was started for nothing ends when it sees that its starter is done.
    defer { starter?.finish() }
    let deadline = clock.now + timeout
    let before = try reach(wanted)
    try refuseOtherNodeSettings(wanted, before)
    let left = max(.zero, deadline - clock.now)
    switch try ask(wanted, timeout: left) {
    case .done(let status), .changed(_, let status):
      return Outcome(running: status.routers)
    case .waiting(let status, let reason):
      return Outcome(
        running: status.routers.filter { $0.state != .initialize },
        waiting: Failure(
          .failed, "\(reason); the router stays configured and starts when that is over"))
    case .failed(let reason):
      throw Failure(.failed, reason.description)
    case .events:
      return Outcome()
    }
  }

  /// What ``up(_:timeout:)`` would change, and whether it would have to start a node for it.
  func preview(
    _ wanted: FileConfiguration
  ) throws(Failure) -> (report: ChangeReport, startsNode: Bool) {
    let client = NodeClient(directory: directory)
    let reply: ControlReply
    do throws(ControlClientError) {
      reply = try client.ask(
        .dryRun(.up(wanted.routers, timeoutSeconds: 0)), timeout: NodeClient.answerTimeout)
    } catch {
      guard error.kind == .noNode else { throw client.failure(error) }
      do throws(NodeError) {
        let lease = wanted.lease ?? .default
        return (try Node.preview(wanted.routers, onNodeWithLease: lease), true)
      } catch {
        throw Failure(error)
      }
    }
    switch reply {
    case .changed(let report, let status):
      try refuseOtherNodeSettings(wanted, status)
      return (report, false)
    case .failed(let reason), .waiting(_, let reason): throw client.failure(reason)
    case .done, .events: return (ChangeReport(), false)
    }
  }

  /// Settings of the node as a whole are not changed by bringing a router up.
  private func refuseOtherNodeSettings(
    _ wanted: FileConfiguration, _ status: NodeRecord
  ) throws(Failure) {
    if let isGuarded = wanted.isGuarded, isGuarded != (status.node.guard != .off) {
      throw Failure(
        .failed,
        "the node on \(directory) runs with\(isGuarded ? "out" : "") a guard; leave that setting "
          + "out, or end the node first with 'vipctl down --all'")
    }
    if let isRealtime = wanted.isRealtime, isRealtime != status.node.realtime {
      throw Failure(
        .failed,
        "the node on \(directory) runs with\(isRealtime ? "out" : "") realtime; leave that setting "
          + "out, or end the node first with 'vipctl down --all'")
    }
    if let lease = wanted.lease, lease.description != status.node.lease {
      throw Failure(
        .failed,
        "the node on \(directory) runs with lease \(status.node.lease), not \(lease); leave the "
          + "lease out, or end the node first with 'vipctl down --all'")
    }
  }

  /// Asks for the routers, of another node if the one that was there ended just now.
  private mutating func ask(
    _ wanted: FileConfiguration, timeout: Duration
  ) throws(Failure) -> ControlReply {
    let client = NodeClient(directory: directory)
    let limit = clock.now + Self.reachTimeout
    while true {
      do {
        let reply = try client.ask(
          .up(wanted.routers, timeoutSeconds: timeout / .seconds(1)),
          timeout: timeout + NodeClient.answerTimeout)
        let isEnding =
          if case .failed(let reason) = reply { reason.kind == .shuttingDown } else { false }
        guard isEnding, clock.now < limit else { return reply }
      } catch {
        guard error.kind == .noNode, clock.now < limit else { throw client.failure(error) }
      }
      Clocks.pause(Self.pause)
      _ = try reach(wanted)
    }
  }

  /// The status of the node on the runtime directory, which is started if there is none.
  private mutating func reach(_ wanted: FileConfiguration) throws(Failure) -> NodeRecord {
    let client = NodeClient(directory: directory)
    let limit = clock.now + Self.reachTimeout
    var refusal: ControlFailure?
    while true {
      do throws(ControlClientError) {
        switch try client.ask(.status(nil), timeout: NodeClient.answerTimeout) {
        case .done(let status), .changed(_, let status), .waiting(let status, _): return status
        case .failed(let reason): refusal = reason
        case .events: break
        }
      } catch {
        guard error.kind == .noNode, clock.now < limit else { throw client.failure(error) }
        if let link = try StarterLink.start(
          directory, lease: wanted.lease, isGuarded: wanted.isGuarded ?? true,
          isRealtime: wanted.isRealtime ?? false)
        {
          starter?.finish()
          starter = link
          continue
        }
      }
      if let refusal { throw Failure(.failed, refusal.description) }
      // Another `vipctl up` has been faster, or a node is on its way out.
      Clocks.pause(Self.pause)
    }
  }

  /// A path that is the same from every working directory.
  static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return String(cString: current) + "/" + path
  }
}
