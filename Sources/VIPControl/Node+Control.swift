public import VIP
import VIPCore

/// Answers of a node to requests over its control socket.
extension Node {
  /// Adds to a status what others than the node know, such as how hooks and health checks have
  /// fared; it is also handed the settings of the routers.
  public typealias StatusCompletion = @Sendable (inout NodeStatus, [RouterConfiguration]) -> Void

  /// Does what a client asks, and answers when it is done.
  ///
  /// - Parameters:
  ///   - request: what is asked.
  ///   - complete: completes the status in the answer.
  /// - Returns: the answer, whatever has come of it.
  public func answer(
    _ request: ControlRequest, completing complete: StatusCompletion = { _, _ in }
  ) async -> ControlReply {
    await answer(request, from: nil, completing: complete)
  }

  /// Does what a process asks, and answers when it is done.
  package func answer(
    _ request: ControlRequest, from peer: ControlPeer?,
    completing complete: StatusCompletion = { _, _ in }
  ) async -> ControlReply {
    if let excess = request.excess { return .failed(ControlFailure(.invalid, excess)) }
    do throws(NodeError) {
      let request = try await naming(request)
      noteChecked(try await Self.validate(request, beside: configurations))
      switch request {
      case .up(let settings, let timeout, let unready, let groups):
        return try await bringUp(
          settings, groups, timeout.duration, unready ?? .refuse, complete)
      case .down(let wanted):
        await takeDown(try await routerNames(meantBy: wanted))
        return .done(try await record(nil, complete))
      case .downAll:
        await takeDown(routerNames)
        return .done(try await record(nil, complete))
      case .status(let name):
        return .done(try await record(name, complete))
      case .add(let router, let addresses):
        let report = try await add(addresses, to: router)
        try? await waitUntilRunning(router, timeout: .seconds(1))
        return .changed(ChangeRecord(report), try await record(router, complete))
      case .remove(let router, let addresses):
        let report = try await remove(addresses, from: router)
        return .changed(ChangeRecord(report), try await record(router, complete))
      case .configuration(let router):
        return .configuration(try await configuration(of: router))
      case .reload:
        return .failed(
          ControlFailure(.refused, "the node runs without a configuration file to reload"))
      case .resign, .resignAll, .promote, .resume, .resumeAll:
        return .done(try await moveRole(request, by: peer?.requester, complete))
      case .events(follow: true):
        // Streams are not answered here, unless there are too many.
        return .failed(
          ControlFailure(
            .refused, "too many clients follow the events already; end one of them first"))
      case .events(follow: false):
        return .events(await eventRecords())
      case .dryRun(let request):
        return try await preview(request, complete)
      }
    } catch {
      return .failed(ControlFailure(error))
    }
  }

  /// Checks what can be checked without the node, on another thread than its own: what makes no
  /// sense costs the elections nothing, however long it is.
  ///
  /// - Parameters:
  ///   - request: what is asked.
  ///   - present: the settings of the routers as they are.
  /// - Returns: the settings that have been checked.
  /// - Throws: what is wrong with them.
  @concurrent
  private nonisolated static func validate(
    _ request: ControlRequest, beside present: [RouterConfiguration]
  ) async throws(NodeError) -> [RouterConfiguration] {
    let routers: [RouterConfiguration]
    switch request {
    case .up(let wanted, _, _, _), .dryRun(.up(let wanted, _, _, _)): routers = wanted
    case .add(let name, let addresses):
      guard var router = present.first(where: { $0.name == name }),
        addresses.count <= RouterConfiguration.addressCountMax
      else { return [] }
      router.add(addresses)
      routers = [router]
    default: return []
    }
    for router in routers {
      do throws(ConfigurationError) {
        try router.validate()
      } catch {
        throw NodeError(error)
      }
    }
    return routers
  }

  /// The status of the node, in the form of the socket, which is made on another thread than the
  /// node's.
  @concurrent
  nonisolated func record(
    _ name: String?, _ complete: StatusCompletion
  ) async throws(NodeError) -> NodeRecord {
    var status = try await status(name)
    complete(&status, await configurations)
    return NodeRecord(status)
  }

  /// The past events, in the form of the socket, made on another thread too.
  @concurrent
  private nonisolated func eventRecords() async -> [EventRecord] {
    await pastEvents.map(EventRecord.init)
  }

  /// Tells what a request would change.
  private func preview(
    _ request: ControlRequest, _ complete: StatusCompletion
  ) async throws(NodeError) -> ControlReply {
    var report = ChangeReport()
    switch request {
    case .up(let settings, _, let unready, let groups):
      report = try await preview(settings, groups: groups ?? [], unready: unready ?? .refuse)
    case .down(let wanted): report.removed = try await routerNames(meantBy: wanted)
    case .downAll: report.removed = routerNames
    case .reload: return await answer(request, completing: complete)
    case .status, .add, .remove, .resign, .resignAll, .configuration, .events, .promote, .resume,
      .resumeAll, .dryRun:
      return .failed(ControlFailure(.invalid, "this request can only be made in earnest"))
    }
    return .changed(ChangeRecord(report), try await record(nil, complete))
  }

  private func bringUp(
    _ wanted: [RouterConfiguration], _ groups: [RouterGroup]?, _ timeout: Duration,
    _ unready: UnreadyPolicy,
    _ complete: StatusCompletion
  ) async throws(NodeError) -> ControlReply {
    let before = routerNames
    let report = try await apply(wanted, groups: groups ?? [], unready: unready)
    let deadline = bootTime() + timeout
    var waiting: ControlFailure?
    for router in wanted {
      let left = Duration.nanoseconds(Int64(clamping: deadline.nanoseconds(since: bootTime())))
      do throws(NodeError) {
        try await waitUntilRunning(router.name, timeout: left)
      } catch {
        if error.kind == .addressInUse, unready == .refuse {
          // All of them or none: those that are new here go again.
          await takeDown(wanted.map(\.name).filter { !before.contains($0) || $0 == router.name })
          throw error
        }
        if error.kind == .unknownRouter {
          throw NodeError(.refused, "\(router.name): it was taken down before it took part")
        }
        waiting = waiting ?? ControlFailure(error)
      }
    }
    let names = Set(wanted.map(\.name))
    var status = try await record(nil, complete)
    status.routers.removeAll { !names.contains($0.name) }
    return waiting.map { .waiting(status, $0) } ?? .changed(ChangeRecord(report), status)
  }

  /// Routers by name or by one of their addresses; all of them or an error.
  ///
  /// Not on the node's thread: a request may have as many words as fit into it.
  @concurrent
  nonisolated func routerNames(
    meantBy wanted: [String]
  ) async throws(NodeError) -> [String] {
    let routers = await configurations
    let names = Set(routers.map(\.name))
    var holders: [IPAddress: [String]]?
    var found: [String] = []
    var seen: Set<String> = []
    var seenWords: Set<String> = []
    for word in wanted where seenWords.insert(word).inserted {
      var meant = names.contains(word) ? [word] : []
      if meant.isEmpty, let address = InterfaceAddress(word) {
        let all = holders ?? Self.holders(routers)
        holders = all
        meant = all[address.address] ?? []
      }
      guard !meant.isEmpty else {
        let list =
          names.isEmpty
          ? "there are none" : "known: " + routers.map(\.name).joined(separator: ", ")
        throw NodeError(.unknownRouter, "no router has the name or address '\(word)'; \(list)")
      }
      found += meant.filter { seen.insert($0).inserted }
    }
    return found
  }

  private nonisolated static func holders(
    _ routers: [RouterConfiguration]
  ) -> [IPAddress: [String]] {
    var holders: [IPAddress: [String]] = [:]
    for router in routers {
      for address in router.addresses { holders[address.address, default: []].append(router.name) }
    }
    return holders
  }

  /// All hand over at the same time.
  private func takeDown(_ names: [String]) async {
    try? await down(all: names)
  }
}

extension ControlRequest {
  /// The reason why a request is too large to be looked at; `nil` if it is not.
  fileprivate var excess: String? {
    switch self {
    case .up(let routers, _, _, _), .dryRun(.up(let routers, _, _, _)):
      let routerCountMax = RouterConfiguration.requestRouterCountMax
      guard routers.count <= routerCountMax else {
        return "\(routers.count) routers in one request are more than \(routerCountMax); "
          + "ask for less at a time"
      }
      let count = routers.reduce(0) { $0 + $1.addresses.count }
      let countMax = RouterConfiguration.requestAddressCountMax
      guard count > countMax else { return nil }
      return "\(count) addresses in one request are more than \(countMax); ask for less at a time"
    case .down(let words), .dryRun(.down(let words)):
      let countMax = RouterConfiguration.requestNameCountMax
      guard words.count > countMax else { return nil }
      return "\(words.count) names in one request are more than \(countMax); ask for less at a time"
    case .downAll, .status, .add, .remove, .reload, .resign, .resignAll, .configuration, .events,
      .promote, .resume, .resumeAll, .dryRun:
      return nil
    }
  }
}

extension ControlFailure {
  /// Makes a client's form of an error.
  init(_ error: NodeError) {
    let kind: Kind =
      switch error.kind {
      case .configuration, .unknownInterface: .invalid
      case .unknownRouter: .unknownRouter
      case .notRunningYet: .waiting
      case .refused: .refused
      case .shuttingDown: .shuttingDown
      case .notPermitted, .alreadyRunning, .addressInUse, .cancelled, .system: .failed
      }
    self.init(kind, error.description)
  }
}
