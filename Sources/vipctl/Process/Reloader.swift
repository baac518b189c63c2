import VIP

/// Brings a running node to what its configuration file says now.
///
/// Routers that somebody has added by hand are none of the file's business and stay.
actor Reloader {
  private let path: String
  private let node: Node
  /// The routers that came from the file.
  private var names: [String]
  private let fifo: EventFIFO

  init(path: String, node: Node, names: [String], fifo: EventFIFO) {
    self.fifo = fifo
    self.path = path
    self.node = node
    self.names = names
  }

  /// Reads the file and applies the difference; a file with an error changes nothing.
  func reload() async throws(ControlFailure) -> ChangeReport {
    let file: FileConfiguration
    let events: EventFIFO.Successor?
    do throws(Failure) {
      file = try ConfigurationFile.load(path)
      events = try fifo.prepare(file.eventsPath)
    } catch {
      throw ControlFailure(error.status == .file ? .file : .failed, error.description)
    }
    let wanted = file.routers.map(\.name)
    let wasRealtime = await node.isRealtime
    do throws(NodeError) {
      // First, since it may be refused: then nothing has changed.
      try await node.changeRealtime(to: file.isRealtime ?? false)
      let report = try await node.apply(
        file.routers, removing: names.filter { !wanted.contains($0) })
      await node.changeLease(to: file.lease ?? .default)
      try await node.changeGuard(to: file.isGuarded ?? true)
      names = wanted
      fifo.adopt(events)
      return report
    } catch {
      fifo.discard(events)
      try? await node.changeRealtime(to: wasRealtime)
      throw ControlFailure(.failed, "\(path): \(error.description)")
    }
  }
}

/// How the reply to a request or a log line tells of a change.
enum ChangeText {
  /// One line for each router that is not as before.
  static func lines(_ report: ChangeReport) -> [String] {
    report.removed.map { "\($0): down" }
      + report.replaced.map { "\($0.router): started anew: \($0.difference)" }
      + report.changed.map { "\($0.router): \($0.difference)" }
      + report.added.map { "\($0): added" }
  }

  /// All of it in one line.
  static func summary(_ report: ChangeReport) -> String {
    let lines = lines(report)
    return lines.isEmpty ? "nothing has changed" : lines.joined(separator: "; ")
  }
}
