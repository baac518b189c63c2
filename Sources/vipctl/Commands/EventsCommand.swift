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
    abstract: "Show what has happened on the running node, or what happens from now on.",
    discussion: """
      Every change of state with its cause, every warning when it begins and when it is over. A \
      node remembers its last thousand events.

        vipctl events
        vipctl events --lines 20
        vipctl events --follow
        vipctl events -f -o json

      With --json each event is an object in a line of its own, with the keys time, sequence, \
      event (transition, settled, waiting, warning, conflict, cleared, changed, repaired, hook, \
      check, command, removed or group-settled), router, text and, where they apply, group, \
      family, from, to, state, address, check, standing and requester. A gap in the sequence means that \
      some were missed.
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
      let records = try client.pastEvents().filter(isShown)
      for record in records.suffix(lines ?? .max) { show(record) }
      return
    }
    let refusal: ControlFailure?
    do throws(ControlClientError) {
      refusal = try client.follow(show)
    } catch {
      throw client.failure(error)
    }
    if let refusal { throw Failure(refusal) }
  }

  /// Whether an event is shown; some are for programs, where people see the transition.
  private func isShown(_ record: EventRecord) -> Bool {
    record.event != .settled || format.isJSON
  }

  private func show(_ record: EventRecord) {
    guard isShown(record) else { return }
    Terminal.print(
      format.isJSON
        ? String(decoding: JSONCoding.line(record), as: UTF8.self) : EventText.line(record))
  }
}

extension NodeClient {
  /// The past events of the node.
  func pastEvents() throws(Failure) -> [EventRecord] {
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
