import Glibc
import VIP

/// A node as a process of its own: its files, its log and its end.
struct NodeProcess {
  let directory: RuntimeDirectory
  let node: Node
  private let server: ControlServer

  /// Claims the runtime directory, starts a node without routers and answers on its socket.
  init(directory path: String, lease: LeasePolicy?) throws(Failure) {
    do {
      directory = try RuntimeDirectory(path: path)
      node = try Node(Node.Options(lease: lease ?? .default))
      server = try ControlServer(directory: directory, node: node, codec: JSONControlCodec())
    } catch {
      throw Failure(error)
    }
  }

  /// Runs a node's life on other threads while this one, the main thread, takes signals.
  static func runToEnd(
    _ life: @escaping @Sendable (Stops) async throws -> Void
  ) -> Never {
    // Before any other thread exists, so that all inherit it.
    Signals.block()
    let (causes, continuation) = AsyncStream.makeStream(of: StopCause.self)
    Task.detached {
      do {
        try await life(Stops(causes: causes, continuation: continuation))
        exit(0)
      } catch let failure as Failure {
        Terminal.printError(failure.line)
        exit(failure.status.rawValue)
      } catch {
        Terminal.printError("vipctl: \(error)")
        exit(ExitStatus.failed.rawValue)
      }
    }
    Signals.take(continuation)
  }

  /// Adds routers and keeps them until somebody stops the process.
  func serve(_ routers: [RouterConfiguration], until stops: Stops) async throws(Failure) {
    LogLine(
      .info, "vipctl \(vipVersion) starts",
      fields: [("pid", "\(getpid())"), ("runtime-dir", directory.path)]
    ).write()
    let log = logEvents()
    do {
      for router in routers { try await node.up(router) }
    } catch {
      await end(log)
      throw Failure(error)
    }
    LogLine(
      .info, "ready", fields: [("routers", routers.map(\.name).joined(separator: ","))]
    ).write()
    for await cause in stops.causes {
      guard case .signal(let number) = cause else { continue }
      LogLine(.info, "\(Signals.name(number)): handing over and stopping").write()
      break
    }
    await end(log)
    LogLine(.info, "stopped").write()
  }

  /// Stops everything in order: no new requests, the hand-over, the rest of the log.
  func end(_ log: Task<Void, Never>) async {
    server.close()
    await node.shutdown()
    await log.value
  }

  /// Writes what happens on the node to the log until the node ends.
  func logEvents(
    _ alsoTell: @escaping @Sendable (NodeEvent) -> Void = { _ in }
  ) -> Task<Void, Never> {
    let events = node.events()
    return Task.detached {
      for await event in events {
        LogLine(event).write()
        alsoTell(event)
      }
    }
  }
}

/// The reasons to stop that reach a node's process, and the way to give another one.
struct Stops: Sendable {
  let causes: AsyncStream<StopCause>
  let continuation: AsyncStream<StopCause>.Continuation
}
