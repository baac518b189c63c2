import VIP
import VIPChecks
import VIPControl
import VIPHooks
import VIPReports

/// Answers of a node process on its control socket, as JSON.
struct ControlHandler: Sendable {
  let node: Node
  let hooks: HookService
  let checks: CheckService
  let reloader: Reloader?
  let machine: MachineWatch

  /// Handles requests that are answered with any number of lines.
  @Sendable func stream(_ line: [UInt8]) -> AsyncStream<[UInt8]>? {
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

  /// Handles all others.
  @Sendable func answer(_ line: [UInt8], from peer: ControlPeer?) async -> [UInt8] {
    guard !line.isEmpty else {
      return JSONCoding.line(
        ControlReply.failed(
          ControlFailure(
            .invalid, "the request is empty or too long for the node; ask for less at a time")))
    }
    guard let request = JSONCoding.decode(ControlRequest.self, from: line) else {
      return JSONCoding.line(
        ControlReply.failed(
          ControlFailure(
            .invalid, "the node does not understand the request; is the client of another version?")
        ))
    }
    defer { if Self.changesRouters(request) { machine.lookAgain() } }
    guard let reloader, request == .reload || request == .dryRun(.reload) else {
      return JSONCoding.line(await node.answer(request, from: peer, completing: complete))
    }
    // To its end, even if the client is gone: what is on the node and what the file says stay one.
    return await Task {
      do throws(ControlFailure) {
        let change =
          request == .reload ? try await reloader.reload() : try await reloader.preview()
        guard case .done(let status) = await node.answer(.status(nil), completing: complete)
        else {
          throw ControlFailure(.shuttingDown, "the node is shutting down")
        }
        return JSONCoding.line(ControlReply.changed(change, status))
      } catch {
        return JSONCoding.line(ControlReply.failed(error))
      }
    }.value
  }

  /// Adds to a status what the node does not know.
  @Sendable private func complete(_ status: inout NodeStatus, _ routers: [RouterConfiguration]) {
    for index in status.routers.indices {
      hooks.complete(&status.routers[index])
      machine.complete(&status.routers[index])
    }
    checks.complete(&status, routers)
  }

  private static func changesRouters(_ request: ControlRequest) -> Bool {
    switch request {
    case .up, .down, .downAll, .add, .remove, .reload: true
    case .status, .resign, .resignAll, .promote, .resume, .resumeAll, .configuration, .events,
      .dryRun:
      false
    }
  }
}
