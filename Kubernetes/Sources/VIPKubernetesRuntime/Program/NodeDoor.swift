public import VIP
public import VIPControl
import VIPKubernetes
import VIPReports

/// The control socket of a node that runs what the cluster says, so that `vipctl status`, `events`,
/// `monitor`, `resign` and `promote` work beside it.
///
/// What would change its routers is refused: they come from objects of the cluster.
public final class NodeDoor: Sendable {
  private let directory: RuntimeDirectory
  private let server: ControlServer

  /// Listens on the socket of a claimed runtime directory.
  public init(in directory: RuntimeDirectory, for node: Node) throws(NodeError) {
    self.directory = directory
    server = try ControlServer(
      in: directory, stream: { Self.stream($0, node) }, handler: { await Self.answer($0, node) })
  }

  /// Stops listening once all that have asked have their answers.
  public func close() async { await server.finish() }

  /// Gives the directory to others.
  public func leave() { directory.release() }

  /// The answer to a request that has any number of lines.
  private static func stream(_ line: [UInt8], _ node: Node) -> AsyncStream<[UInt8]>? {
    guard case .events(follow: true) = JSONCoding.decode(ControlRequest.self, from: line) else {
      return nil
    }
    let events = node.stampedEvents()
    return AsyncStream { continuation in
      let task = Task {
        for await event in events { continuation.yield(JSONCoding.line(EventRecord(event))) }
        continuation.finish()
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// The answer to any other request.
  static func answer(_ line: [UInt8], _ node: Node) async -> [UInt8] {
    guard let request = JSONCoding.decode(ControlRequest.self, from: line) else {
      return JSONCoding.line(
        ControlReply.failed(
          ControlFailure(
            .invalid, "the node does not understand the request; is the client of another version?")
        ))
    }
    switch request {
    case .status, .events, .configuration, .resign, .resignAll, .promote, .resume, .resumeAll:
      return JSONCoding.line(await node.answer(request))
    case .up, .down, .downAll, .add, .remove, .reload, .dryRun:
      return JSONCoding.line(
        ControlReply.failed(
          ControlFailure(
            .refused,
            "the routers of this node come from the cluster's VirtualRouter objects; change the Service "
              + "or the AddressPool, or annotate the Node with \(ClusterNode.maintenanceKey)")))
    }
  }
}
