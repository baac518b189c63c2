import VIP
import VIPConfiguration
import VIPControl
import VIPCore

/// Brings a running node to what its configuration file says now.
///
/// Routers that were added by hand do not belong to the file and stay.
actor Reloader {
  private let path: String
  private let node: Node
  /// The routers that came from the file.
  private var names: [String]
  private let fifo: EventFIFO
  private let reading = FileReading()
  private var isReloading = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(path: String, node: Node, names: [String], fifo: EventFIFO) {
    self.fifo = fifo
    self.path = path
    self.node = node
    self.names = names
  }

  /// Reads the file and applies the difference; a file with an error changes nothing.
  ///
  /// One after the other: each takes a while, and starts from what the one before it has left.
  func reload() async throws(ControlFailure) -> ChangeReport {
    while isReloading { await withCheckedContinuation { waiting.append($0) } }
    isReloading = true
    defer {
      isReloading = false
      for continuation in waiting { continuation.resume() }
      waiting = []
    }
    return try await applyFile()
  }

  private func applyFile() async throws(ControlFailure) -> ChangeReport {
    let file = try await reading.load(path)
    let events = try prepareEvents(file)
    do throws(NodeError) {
      var report = try await node.apply(file.node, replacing: names)
      names = file.routers.map(\.name)
      if let text = eventsText(file.eventsPath) { report.node.append(text) }
      fifo.adopt(events)
      return report
    } catch {
      fifo.discard(events)
      throw failure(error)
    }
  }

  /// Reads the file and says what ``reload()`` would do.
  func preview() async throws(ControlFailure) -> ChangeReport {
    let file = try await reading.load(path)
    if let obstacle = fifo.obstacle(to: file.eventsPath) {
      throw ControlFailure(.failed, obstacle.description)
    }
    do throws(NodeError) {
      var report = try await node.preview(file.node, replacing: names)
      if let text = eventsText(file.eventsPath) { report.node.append(text) }
      return report
    } catch {
      throw failure(error)
    }
  }

  private func prepareEvents(
    _ file: FileConfiguration
  ) throws(ControlFailure) -> EventFIFO.Successor? {
    do throws(ServiceError) {
      return try fifo.prepare(file.eventsPath)
    } catch {
      throw ControlFailure(.failed, error.description)
    }
  }

  private func eventsText(_ path: String?) -> String? {
    path == fifo.path ? nil : "events \(fifo.path ?? "off") → \(path ?? "off")"
  }

  private func failure(_ error: NodeError) -> ControlFailure {
    ControlFailure(.failed, "\(path): \(error.description)")
  }
}
