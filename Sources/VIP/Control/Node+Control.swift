import VIPCore

/// What a node does for those who ask over its control socket.
extension Node {
  /// Does what a client asks, and answers when it is done.
  public func answer(_ request: ControlRequest) async -> ControlReply {
    do throws(NodeError) {
      switch request {
      case .up(let settings, let timeoutSeconds):
        return .done(try await bringUp(settings, timeoutSeconds: timeoutSeconds))
      case .down(let wanted):
        await takeDown(try routerNames(meantBy: wanted))
        return .done(try status())
      case .downAll:
        await takeDown(routerNames)
        return .done(try status())
      case .status(let name):
        return .done(try status(name))
      }
    } catch {
      return .failed(ControlFailure(error))
    }
  }

  private func bringUp(
    _ settings: RouterConfiguration, timeoutSeconds: Double
  ) async throws(NodeError) -> NodeStatus {
    try await up(settings)
    // Whatever a client sends: no number may trap, and a day is as good as for ever.
    let seconds = timeoutSeconds.isFinite ? min(max(timeoutSeconds, 0), 86_400) : 0
    do throws(NodeError) {
      try await waitUntilRunning(settings.name, timeout: .seconds(seconds))
    } catch {
      throw await dropRefused(settings.name) ?? error
    }
    return try status(settings.name)
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
      case .shuttingDown: .shuttingDown
      case .notPermitted, .alreadyRunning, .addressInUse, .system: .failed
      }
    self.init(kind, error.description)
  }
}
