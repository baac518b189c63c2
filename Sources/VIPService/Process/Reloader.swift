import ARP
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
    let file = try load()
    let events = try prepareEvents(file)
    let isRealtime = file.isRealtime ?? false
    let wasRealtime = await node.isRealtime
    let wasGuarded = await node.previewGuard(true) == nil
    do throws(NodeError) {
      // First what may be refused: then nothing has changed.
      try await node.changeRealtime(to: isRealtime)
      let guardText = try await node.changeGuard(to: file.isGuarded ?? true)
      var report = try await node.apply(
        file.routers, removing: absent(from: file), lease: file.lease ?? .default)
      names = file.routers.map(\.name)
      report.node += [
        guardText,
        Self.realtimeText(wasRealtime, isRealtime),
        Self.announcementsText(await node.announcements, file), eventsText(file.eventsPath),
      ].compactMap { $0 }
      await node.changeAnnouncements(to: file.announcements ?? AnnouncementPolicy())
      fifo.adopt(events)
      return report
    } catch {
      fifo.discard(events)
      try? await node.changeRealtime(to: wasRealtime)
      _ = try? await node.changeGuard(to: wasGuarded)
      throw failure(error)
    }
  }

  /// Reads the file and says what ``reload()`` would do.
  func preview() async throws(ControlFailure) -> ChangeReport {
    let file = try load()
    if let obstacle = fifo.obstacle(to: file.eventsPath) {
      throw ControlFailure(.failed, obstacle.description)
    }
    do throws(NodeError) {
      var report = try await node.preview(
        file.routers, removing: absent(from: file), lease: file.lease ?? .default)
      report.node += [
        await node.previewGuard(file.isGuarded ?? true),
        Self.realtimeText(await node.isRealtime, file.isRealtime ?? false),
        Self.announcementsText(await node.announcements, file),
        eventsText(file.eventsPath),
      ].compactMap { $0 }
      return report
    } catch {
      throw failure(error)
    }
  }

  private static func realtimeText(_ was: Bool, _ isOn: Bool) -> String? {
    was == isOn ? nil : "realtime \(was ? "on → off" : "off → on")"
  }

  private static func announcementsText(
    _ old: AnnouncementPolicy, _ file: FileConfiguration
  ) -> String? {
    let new = file.announcements ?? AnnouncementPolicy()
    return old == new ? nil : "announcements \(text(old)) → \(text(new))"
  }

  private static func text(_ policy: AnnouncementPolicy) -> String {
    let pauses = policy.pauses.map(\.text).joined(separator: " ")
    return "\(policy.maximumRate)/s, \(policy.burst) at once, repeated after "
      + "\(pauses.isEmpty ? "nothing" : pauses), refreshed \(policy.refresh?.text ?? "never")"
  }

  private func load() throws(ControlFailure) -> FileConfiguration {
    do throws(FileError) {
      return try ConfigurationFile.load(path)
    } catch {
      throw ControlFailure(error.kind == .invalid ? .file : .failed, error.description)
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

  /// The routers that came from the file and are no longer in it.
  private func absent(from file: FileConfiguration) -> [String] {
    let wanted = Set(file.routers.map(\.name))
    return names.filter { !wanted.contains($0) }
  }

  private func failure(_ error: NodeError) -> ControlFailure {
    ControlFailure(.failed, "\(path): \(error.description)")
  }
}
