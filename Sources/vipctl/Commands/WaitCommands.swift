import ArgumentParser
import Glibc
import VIP
import VIPConfiguration
import VIPControl
import VIPCore
import VIPReports
import VIPService
import VRRP

struct IsActiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "is-active",
    abstract: "Tell scripts whether this machine holds the addresses of a router.",
    discussion: """
      Prints one word, active, backup or fault. The exit code is 0 if the router is active in each \
      of its families, and 1 if it is not.

        vipctl is-active web
        vipctl is-active web --quiet && run-the-nightly-job
      """)

  @Argument(
    help: ArgumentHelp("The router.", valueName: "name"), completion: Completions.router)
  var name: String

  @Flag(name: [.customShort("q"), .long], help: "Print nothing.")
  var quiet = false

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let routers = try NodeClient(runtime).status(name).routers
    let other = routers.first { $0.state != .active }?.state
    if !quiet { Terminal.print(StatusWords.state(other ?? .active)) }
    if other != nil || routers.isEmpty { Glibc.exit(ExitStatus.failed.rawValue) }
  }
}

struct WaitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait",
    abstract: "Wait until a router is in a state, for scripts.",
    discussion: """
      Returns once all families of the router are active, are backup, or are gone: taken down, or \
      no node runs any more. If that takes longer than the time given, the exit code is 1. Without \
      a node, or without such a router, there is nothing to wait for unless it is to be gone.

        vipctl wait web --for active --timeout 10s
        vipctl wait web --for gone
      """)

  /// The states that can be waited for.
  enum Goal: String, CaseIterable, ExpressibleByArgument {
    case active, backup, gone
  }

  @Argument(
    help: ArgumentHelp("The router.", valueName: "name"), completion: Completions.router)
  var name: String

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("active, backup or gone.", valueName: "state"))
  var goal: Goal

  @Option(
    help: ArgumentHelp("How long to wait. (default: 60s)", valueName: "time"),
    transform: SettingText.timeout)
  var timeout: Duration = .seconds(60)

  @OptionGroup var runtime: RuntimeOptions

  private static let period = Duration.milliseconds(50)

  func run() throws {
    let client = NodeClient(runtime)
    let clock = ContinuousClock()
    let deadline = clock.now + timeout
    while true {
      guard let states = try states(client) else { return }
      if goal != .gone, !states.isEmpty, states.allSatisfy({ $0.rawValue == goal.rawValue }) {
        return
      }
      let left = deadline - clock.now
      guard left > .zero else {
        let words = states.map(StatusWords.state).joined(separator: " and ")
        throw Failure(.failed, "\(name) is \(words) after \(timeout.text), not \(goal.rawValue)")
      }
      Clocks.pause(min(left, Self.period))
    }
  }

  /// The states of the router's families; `nil` if it is gone as it should.
  private func states(_ client: NodeClient) throws(Failure) -> [VirtualRouter.State]? {
    let reply: ControlReply
    do throws(ControlClientError) {
      reply = try client.ask(.status(name))
    } catch {
      if goal == .gone, error.kind == .noNode { return nil }
      throw client.failure(error)
    }
    switch reply {
    case .done(let status): return status.routers.map(\.state)
    case .failed(let reason) where goal == .gone:
      guard reason.kind == .unknownRouter || reason.kind == .shuttingDown else {
        throw Failure(reason)
      }
      return reason.kind == .unknownRouter ? nil : []
    case .failed(let reason): throw Failure(reason)
    case .changed, .waiting, .events:
      throw Failure(.failed, "the node answers something else; is it another version?")
    }
  }
}
