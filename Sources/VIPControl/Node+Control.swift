public import VIP
import VIPCore

/// What a node does for those who ask over its control socket.
extension Node {
  /// Does what a client asks, and answers when it is done.
  public func answer(_ request: ControlRequest) async -> ControlReply {
    do throws(NodeError) {
      switch request {
      case .up(let settings, let timeoutSeconds):
        return try await bringUp(settings, timeoutSeconds: timeoutSeconds)
      case .down(let wanted):
        await takeDown(try routerNames(meantBy: wanted))
        return .done(try status())
      case .downAll:
        await takeDown(routerNames)
        return .done(try status())
      case .status(let name):
        return .done(try status(name))
      case .add(let router, let addresses):
        let report = try await add(addresses, to: router)
        try? await waitUntilRunning(router, timeout: .seconds(1))
        return .changed(report, try status(router))
      case .remove(let router, let addresses):
        return .changed(try await remove(addresses, from: router), try status(router))
      case .reload:
        return .failed(
          ControlFailure(.refused, "the node runs without a configuration file to reload"))
      case .resign(let router, let seconds):
        try await resign(router, for: seconds.map(Self.duration))
        return .done(try status(router))
      case .events(follow: true):
        // Streams are not answered here, unless there are too many.
        return .failed(
          ControlFailure(
            .refused, "too many clients follow the events already; end one of them first"))
      case .events(follow: false):
        return .events(pastEvents.map(EventRecord.init))
      case .promote(let router):
        try await promote(router)
        return .done(try status(router))
      case .dryRun(let request):
        return try await preview(request)
      }
    } catch {
      return .failed(ControlFailure(error))
    }
  }

  /// What a request would change.
  private func preview(_ request: ControlRequest) async throws(NodeError) -> ControlReply {
    var report = ChangeReport()
    switch request {
    case .up(let settings, _): report = try await preview(settings)
    case .down(let wanted): report.removed = try routerNames(meantBy: wanted)
    case .downAll: report.removed = routerNames
    case .reload: return await answer(request)
    case .status, .add, .remove, .resign, .events, .promote, .dryRun:
      return .failed(ControlFailure(.invalid, "this request can only be made in earnest"))
    }
    return .changed(report, try status())
  }

  private func bringUp(
    _ wanted: [RouterConfiguration], timeoutSeconds: Double
  ) async throws(NodeError) -> ControlReply {
    let before = routerNames
    let report = try await apply(wanted)
    let deadline = bootTime() + Self.duration(timeoutSeconds)
    var waiting: ControlFailure?
    for router in wanted {
      let left = Duration.nanoseconds(Int64(clamping: deadline.nanoseconds(since: bootTime())))
      do throws(NodeError) {
        try await waitUntilRunning(router.name, timeout: left)
      } catch {
        if error.kind == .addressInUse {
          // All of them or none: those that are new here go again.
          await takeDown(wanted.map(\.name).filter { !before.contains($0) || $0 == router.name })
          throw error
        }
        waiting = waiting ?? ControlFailure(error)
      }
    }
    let names = Set(wanted.map(\.name))
    var status = try status()
    status.routers.removeAll { !names.contains($0.name) }
    return waiting.map { .waiting(status, $0) } ?? .changed(report, status)
  }

  /// A number of seconds as a duration.
  ///
  /// Whatever a client sends: no number may trap, and a day is as good as for ever.
  private static func duration(_ seconds: Double) -> Duration {
    .seconds(seconds.isFinite ? min(max(seconds, 0), 86_400) : 0)
  }

  /// Routers by name or by one of their addresses; all of them or an error.
  private func routerNames(meantBy wanted: [String]) throws(NodeError) -> [String] {
    let known = routerNames
    var names: [String] = []
    for word in wanted {
      var meant = known.filter { $0 == word }
      if meant.isEmpty, let address = InterfaceAddress(word) {
        meant = routerNames(holding: address.address)
      }
      guard !meant.isEmpty else {
        let list = known.isEmpty ? "there are none" : "there are " + known.joined(separator: ", ")
        throw NodeError(.unknownRouter, "no router has the name or address '\(word)'; \(list)")
      }
      for name in meant where !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// All hand over at the same time.
  private func takeDown(_ names: [String]) async {
    await withTaskGroup { group in
      for name in names {
        // Somebody else may have been faster, which is just as well.
        group.addTask { try? await self.down(name) }
      }
    }
  }
}

extension ControlFailure {
  /// What a client needs to know of an error.
  init(_ error: NodeError) {
    let kind: Kind =
      switch error.kind {
      case .configuration, .unknownInterface: .invalid
      case .unknownRouter: .unknownRouter
      case .notRunningYet: .waiting
      case .refused: .refused
      case .shuttingDown: .shuttingDown
      case .notPermitted, .alreadyRunning, .addressInUse, .system: .failed
      }
    self.init(kind, error.description)
  }
}
