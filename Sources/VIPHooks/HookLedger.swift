package import VIP
package import VIPCore

/// The results of the programs that a node runs for its routers.
package struct HookLedger: Sendable {
  private struct Key: Hashable {
    var router: String
    var family: AddressFamily
  }

  /// The results of the programs of one virtual router.
  package struct Entry: Sendable {
    package var status = RouterStatus.Hooks()
    /// The last failure of each state's program, until that succeeds.
    package var failures: [Settlement.State: String] = [:]
  }

  private var entries: [Key: Entry] = [:]

  /// Makes one that knows of nothing.
  package init() {}

  /// Takes a report down.
  ///
  /// - Returns: what to tell of it; the same failure again is only counted.
  package mutating func take(_ report: HookReport) -> [NodeEvent] {
    let (router, family) = (report.router, report.family)
    if case .output(let line) = report.kind {
      return [.hook(router: router, family: family, state: report.state, text: "wrote: \(line)")]
    }
    let key = Key(router: router, family: family)
    var entry = entries[key] ?? Entry()
    defer { entries[key] = entry }
    entry.status.runs += 1
    entry.status.skipped += report.skipped
    let before =
      report.skipped == 0
      ? "" : " (\(report.skipped) change\(report.skipped == 1 ? "" : "s") before it skipped)"
    switch report.kind {
    case .succeeded(let text):
      var events = [
        NodeEvent.hook(router: router, family: family, state: report.state, text: text + before)
      ]
      if let failure = entry.failures.removeValue(forKey: report.state) {
        events.append(
          .cleared(Problem(.hook(report.state), router: router, family: family, failure), .over))
      }
      return events
    case .failed(let text):
      entry.status.failures += 1
      let failure = hookText(report.state, text)
      guard failure != entry.failures[report.state] else { return [] }
      entry.failures[report.state] = failure
      return [
        .warning(Problem(.hook(report.state), router: router, family: family, failure + before))
      ]
    case .output: return []
    }
  }

  /// The entry of a virtual router; `nil` if nothing has been run for it.
  package func status(of router: String, _ family: AddressFamily) -> Entry? {
    entries[Key(router: router, family: family)]
  }

  /// Forgets the routers that are gone.
  package mutating func keepOnly(_ isThere: (String) -> Bool) {
    entries = entries.filter { isThere($0.key.router) }
  }
}
