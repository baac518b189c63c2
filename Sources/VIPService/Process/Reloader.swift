import VIP
import VIPChecks
import VIPConfiguration
import VIPControl
import VIPCore
import VIPReports

/// Brings a running node to what its configuration file says now.
///
/// Routers that were added by hand do not belong to the file and stay.
actor Reloader {
  private let path: String
  private let node: Node
  /// The routers that came from the file.
  private var names: [String]
  private let fifo: EventFIFO
  private let checks: CheckService
  private let archive: EventFile
  private let unready: UnreadyPolicy
  private let reading = FileReading()
  private var isReloading = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// Keeps to a file.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - node: the node.
  ///   - names: the routers that came from the file.
  ///   - fifo: where events go.
  ///   - checks: runs the health checks of the file.
  ///   - archive: keeps what has become of reloads.
  ///   - unready: what becomes of what the machine can't serve yet.
  init(
    path: String, node: Node, names: [String], fifo: EventFIFO, checks: CheckService,
    archive: EventFile, unready: UnreadyPolicy
  ) {
    self.fifo = fifo
    self.archive = archive
    self.checks = checks
    self.unready = unready
    self.path = path
    self.node = node
    self.names = names
  }

  /// Reads the file and applies the difference; a file with an error changes nothing.
  ///
  /// One after the other: each takes a while, and starts from what the one before it has left. The
  /// log tells of a refusal, whichever way the reload was asked for.
  func reload() async throws(ControlFailure) -> ChangeRecord {
    while isReloading { await withCheckedContinuation { waiting.append($0) } }
    isReloading = true
    defer {
      isReloading = false
      for continuation in waiting { continuation.resume() }
      waiting = []
    }
    do throws(ControlFailure) {
      let record = try await applyFile()
      archive.note("reloaded: \(ChangeText.summary(record))")
      return record
    } catch {
      LogLine(.error, "nothing is reloaded: \(error)").write()
      archive.note("nothing is reloaded: \(error)")
      throw error
    }
  }

  private func applyFile() async throws(ControlFailure) -> ChangeRecord {
    let file = try await load()
    let (events, problem) = try prepareEvents(file)
    let former = checks.checks
    // Before a router names one of them: a check that is not known keeps it out of its election.
    checks.expect(file.checks)
    do throws(NodeError) {
      var record = ChangeRecord(
        try await node.apply(configuration(file), replacing: names))
      names = file.routers.map(\.name)
      if let text = eventsText(file.eventsPath) { record.node.append(text) }
      record.node += Check.differences(from: former, to: file.checks)
      // The file has been checked, so that nothing is wrong with them.
      try? await checks.use(file.checks)
      fifo.adopt(events)
      // That for which none is wanted any more is awaited no longer.
      if problem != nil || file.eventsPath == nil { fifo.expect(file.eventsPath) }
      await node.tell(.eventPipe, problem)
      return record
    } catch {
      fifo.discard(events)
      try? await checks.use(former)
      throw failure(error)
    }
  }

  /// Reads the file and says what ``reload()`` would do.
  func preview() async throws(ControlFailure) -> ChangeRecord {
    let file = try await load()
    if unready == .refuse, let obstacle = fifo.obstacle(to: file.eventsPath) {
      throw ControlFailure(.failed, obstacle.description)
    }
    do throws(NodeError) {
      var record = ChangeRecord(
        try await node.preview(configuration(file), replacing: names))
      if let text = eventsText(file.eventsPath) { record.node.append(text) }
      record.node += Check.differences(from: checks.checks, to: file.checks)
      return record
    } catch {
      throw failure(error)
    }
  }

  /// Reads the file, and has the node know that its routers have been checked there, on another
  /// thread than the node's.
  private func load() async throws(ControlFailure) -> FileConfiguration {
    let file = try await reading.load(path, unready)
    await node.noteChecked(file.routers)
    return file
  }

  private func configuration(_ file: FileConfiguration) -> NodeConfiguration {
    var configuration = file.node
    configuration.unready = unready
    return configuration
  }

  /// Prepares where events go.
  ///
  /// - Returns: what to adopt, or why the node has to do without for now.
  private func prepareEvents(
    _ file: FileConfiguration
  ) throws(ControlFailure) -> (EventFIFO.Successor?, problem: String?) {
    do throws(ServiceError) {
      return (try fifo.prepare(file.eventsPath), nil)
    } catch {
      guard unready == .wait else { throw ControlFailure(.failed, error.description) }
      return (nil, error.description)
    }
  }

  private func eventsText(_ path: String?) -> String? {
    path == fifo.path ? nil : "events \(fifo.path ?? "off") → \(path ?? "off")"
  }

  private func failure(_ error: NodeError) -> ControlFailure {
    ControlFailure(.failed, "\(path): \(error.description)")
  }
}
