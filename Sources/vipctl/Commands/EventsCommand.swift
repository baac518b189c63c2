import ArgumentParser
import VIP
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
        vipctl events --follow
        vipctl events --follow --json

      With --json each event is an object in a line of its own, with the keys time, sequence, \
      event (transition, settled, waiting, warning, conflict, cleared, changed, repaired, hook, \
      check, removed or group-settled), router, text and, where they apply, group, family, from, to, \
      state, address, check and standing. A gap in the sequence means that some were missed.
      """)

  @Flag(help: "Show what happens from now on, until Ctrl-C or the end of the node.")
  var follow = false

  @Flag(help: "One JSON object in each line.")
  var json = false

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    guard follow else {
      for record in try client.pastEvents() { show(record) }
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

  private func show(_ record: EventRecord) {
    // For programs: people see the transition.
    if record.event == .settled, !json { return }
    Terminal.print(
      json ? String(decoding: JSONCoding.line(record), as: UTF8.self) : EventText.line(record))
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
    case .done, .changed, .waiting: return []
    }
  }
}
