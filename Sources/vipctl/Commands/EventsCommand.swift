import ArgumentParser
import VIP
import VIPConfiguration
import VIPControl
import VIPCore
import VIPReports
import VIPService

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "Show what has happened on a node, or what happens from now on.",
    discussion: """
      Every change of state with its cause, every warning when it begins and when it is over, how \
      the node has started and ended. Events are kept in the runtime directory, also over \
      restarts and after the end of a node; the oldest go when there are too many.

        vipctl events
        vipctl events --lines 20
        vipctl events --since 2h --router web
        vipctl events --follow
        vipctl events -f -o json

      Times are local ones with their offset, or with --utc in UTC. With --json each event is an \
      object in a line of its own, with the keys time (UTC), sequence, event (transition, settled, \
      fault, warning, conflict, cleared, changed, repaired, hook, check, command, removed, group-settled or \
      process), router, text and, where they apply, group, family, from, to, state, address, \
      check, standing and requester. A gap in the sequence means that some were missed.
      """)

  @Flag(
    name: .shortAndLong,
    help: "Show what happens from now on, until Ctrl-C or the end of the node.")
  var follow = false

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("Show only the last ones. (default: all)", valueName: "n"),
    transform: SettingText.lineCount)
  var lines: Int?

  @Option(
    help: ArgumentHelp(
      "Only what is not older: a span such as 2h, or a time as it is printed here.",
      valueName: "time"),
    transform: SettingText.since)
  var since: Timestamp?

  @Option(
    help: ArgumentHelp("Only this router, and what concerns the process.", valueName: "name"),
    completion: Completions.router)
  var router: String?

  @Flag(help: "Tell times in UTC.")
  var utc = false

  @OptionGroup var format: FormatOptions

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    if follow, lines != nil {
      throw UsageErrors.failure(
        "--follow and --lines exclude each other; give one of them", command: "events")
    }
    let client = NodeClient(runtime)
    guard follow else {
      // Some are for programs alone, and don't count where they are not shown.
      let records = try client.history().filter(isShown)
      for record in records.suffix(lines ?? .max) { show(record) }
      return
    }
    guard since == nil else {
      throw UsageErrors.failure(
        "--follow and --since exclude each other; give one of them", command: "events")
    }
    let refusal: ControlFailure?
    do throws(ControlClientError) {
      refusal = try client.follow(show)
    } catch {
      throw client.failure(error)
    }
    if let refusal { throw Failure(refusal) }
  }

  /// Whether an event was asked for; some are for programs, where people see the transition.
  private func isShown(_ record: EventRecord) -> Bool {
    if record.event == .settled, !format.isJSON { return false }
    if let router, record.router != router, record.event != .process { return false }
    if let since, let time = LocalTime.timestamp(record.time), time < since { return false }
    return true
  }

  private func show(_ record: EventRecord) {
    guard isShown(record) else { return }
    Terminal.print(
      format.isJSON
        ? String(decoding: JSONCoding.line(record), as: UTF8.self)
        : EventText.line(record, inUTC: utc))
  }
}

extension NodeClient {
  /// The events that were kept, with those that the node still knows if it runs.
  func history() throws(Failure) -> [EventRecord] {
    var kept: [EventRecord] = []
    do throws(ServiceError) {
      kept = try EventArchive.read(directory)
    } catch {
      // The node itself may still tell its last ones.
      Terminal.printError("vipctl: \(error)".onOneLine)
    }
    do throws(Failure) {
      return EventArchive.merged(kept, with: try pastEvents())
    } catch {
      guard error.status == .noNode, !kept.isEmpty else { throw error }
      return kept
    }
  }

  /// The past events of the node.
  private func pastEvents() throws(Failure) -> [EventRecord] {
    let reply: ControlReply
    do throws(ControlClientError) {
      reply = try ask(.events(follow: false), timeout: Self.answerTimeout)
    } catch {
      throw failure(error)
    }
    switch reply {
    case .events(let records): return records
    case .failed(let reason): throw Failure(reason)
    case .done, .changed, .waiting, .configuration: return []
    }
  }
}
