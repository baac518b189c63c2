public import VIP
public import VIPConfiguration
public import VIPControl
import VRRP

/// Brings routers up on the node of a runtime directory, which is started in the background if
/// there is none.
///
/// Starting means to run this program once more (/proc/self/exe), with arguments that make it call
/// ``NodeProcess/serveInBackground(starter:until:)``.
public struct Launch: Sendable {
  /// The runtime directory of the node.
  public let directory: String
  private let arguments: @Sendable (FileConfiguration) -> [String]
  private var starter: StarterLink?
  private let clock = ContinuousClock()

  /// Time in which a node is looked for that starts or ends at this very moment.
  ///
  /// One that ends may have hooks to wait for.
  private static let reachTimeout = Duration.seconds(15)
  private static let pause = Duration.milliseconds(20)

  /// Names the node; nothing is asked yet.
  ///
  /// - Parameters:
  ///   - directory: its runtime directory.
  ///   - arguments: those of a background node with the settings of a configuration, the program's
  ///     name first.
  public init(
    directory: String, arguments: @escaping @Sendable (FileConfiguration) -> [String]
  ) {
    self.directory = directory
    self.arguments = arguments
  }

  /// The result for the routers that were asked for.
  public struct Outcome: Sendable {
    /// Those that take part, one entry for each family.
    public var running: [RouterRecord] = []
    /// The reason why the first that does not yet take part waits; it stays on the node and goes on
    /// trying.
    public var waiting: ControlFailure?
  }

  /// Brings routers up: all of them are on the node afterwards, or nothing has changed there.
  ///
  /// Those that the machine can't serve yet are refused, or wait.
  public mutating func up(
    _ wanted: FileConfiguration, timeout: Duration, unready: UnreadyPolicy = .refuse
  ) throws(ServiceError) -> Outcome {
    // A node that was started for nothing ends when it sees that its starter is done.
    defer { starter?.finish() }
    let deadline = clock.now + timeout
    let before = try reach(wanted)
    try refuseOtherNodeSettings(wanted, before)
    let left = max(.zero, deadline - clock.now)
    switch try ask(wanted, timeout: left, unready) {
    case .done(let status), .changed(_, let status):
      return Outcome(running: status.routers)
    case .waiting(let status, let reason):
      return Outcome(
        running: status.routers.filter { $0.state != .initialize },
        waiting: reason)
    case .failed(let reason):
      throw ServiceError(.failed, reason.description)
    case .events, .configuration:
      return Outcome()
    }
  }

  /// Tells what ``up(_:timeout:unready:)`` would change, and whether it would have to start a node
  /// for it.
  public func preview(
    _ wanted: FileConfiguration, unready: UnreadyPolicy = .refuse
  ) throws(ServiceError) -> (change: ChangeRecord, startsNode: Bool) {
    let client = NodeClient(directory: directory)
    let reply: ControlReply
    do throws(ControlClientError) {
      reply = try client.ask(
        .dryRun(
          .up(
            wanted.routers, timeout: RequestTime(.zero),
            unready: unready == .refuse ? nil : unready,
            groups: wanted.groups.isEmpty ? nil : wanted.groups)),
        timeout: NodeClient.answerTimeout)
    } catch {
      guard error.kind == .noNode else { throw ServiceError(error) }
      do throws(NodeError) {
        let report = try Node.preview(
          wanted.routers, onNodeWithLease: wanted.settings.lease, unready: unready)
        return (ChangeRecord(report), true)
      } catch {
        throw ServiceError(error)
      }
    }
    switch reply {
    case .changed(let change, let status):
      try refuseOtherNodeSettings(wanted, status)
      return (change, false)
    case .failed(let reason), .waiting(_, let reason): throw Self.error(reason)
    case .done, .events, .configuration: return (ChangeRecord(), false)
    }
  }

  /// Settings of the node as a whole are not changed by bringing a router up.
  private func refuseOtherNodeSettings(
    _ wanted: FileConfiguration, _ status: NodeRecord
  ) throws(ServiceError) {
    let node = status.node
    let settings = wanted.settings
    for setting in NodeSetting.allCases where wanted.given.contains(setting) {
      let difference: String? =
        switch setting {
        case .lease where settings.lease.description != node.lease:
          "with lease \(node.lease), not \(settings.lease)"
        case .guard where settings.isGuarded != (node.guard != .off):
          "with\(settings.isGuarded ? "out" : "") a guard"
        case .realtime where settings.isRealtime != node.realtime:
          "with\(settings.isRealtime ? "out" : "") realtime"
        // A status does not tell how addresses are announced.
        case .lease, .guard, .realtime, .announcements: nil
        }
      guard let difference else { continue }
      throw ServiceError(
        .otherNodeSetting(setting), "the node on \(directory) runs \(difference)")
    }
  }

  /// Asks for the routers, of another node if the one that was there ended just now.
  private mutating func ask(
    _ wanted: FileConfiguration, timeout: Duration, _ unready: UnreadyPolicy
  ) throws(ServiceError) -> ControlReply {
    let client = NodeClient(directory: directory)
    let limit = clock.now + Self.reachTimeout
    while true {
      do throws(ControlClientError) {
        let reply = try client.ask(
          .up(
            wanted.routers, timeout: RequestTime(timeout),
            unready: unready == .refuse ? nil : unready,
            groups: wanted.groups.isEmpty ? nil : wanted.groups),
          timeout: timeout + NodeClient.answerTimeout)
        let isEnding =
          if case .failed(let reason) = reply { reason.kind == .shuttingDown } else { false }
        guard isEnding, clock.now < limit else { return reply }
      } catch {
        guard error.kind == .noNode, clock.now < limit else { throw ServiceError(error) }
      }
      Clocks.pause(Self.pause)
      _ = try reach(wanted)
    }
  }

  /// The status of the node on the runtime directory, which is started if there is none.
  private mutating func reach(_ wanted: FileConfiguration) throws(ServiceError) -> NodeRecord {
    let client = NodeClient(directory: directory)
    let limit = clock.now + Self.reachTimeout
    var refusal: ControlFailure?
    while true {
      do throws(ControlClientError) {
        switch try client.ask(.status(nil), timeout: NodeClient.answerTimeout) {
        case .done(let status), .changed(_, let status), .waiting(let status, _): return status
        case .failed(let reason): refusal = reason
        case .events, .configuration: break
        }
      } catch {
        guard error.kind == .noNode, clock.now < limit else { throw ServiceError(error) }
        if let link = try StarterLink.start(arguments(wanted)) {
          starter?.finish()
          starter = link
          continue
        }
      }
      if let refusal { throw ServiceError(.failed, refusal.description) }
      // Another starter has been faster, or a node is on its way out.
      Clocks.pause(Self.pause)
    }
  }

  private static func error(_ reason: ControlFailure) -> ServiceError {
    ServiceError(reason.kind == .file ? .file : .failed, reason.description)
  }
}
