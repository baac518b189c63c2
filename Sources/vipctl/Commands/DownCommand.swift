import ArgumentParser
import Glibc
import VIP
import VIPControl
import VIPService

struct DownCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down",
    abstract: "Hand virtual addresses over and remove them; return when they are gone.",
    usage: """
      vipctl down <name> ...
      vipctl down --all
      """,
    discussion: """
      Names a router, or one of its addresses. The other machines of the group take over. A \
      background node without routers ends.

        vipctl down web
        vipctl down 192.0.2.10
        vipctl down --all
        vipctl down --all --dry-run
      """)

  @Argument(
    help: ArgumentHelp("Routers, by name or address.", valueName: "name"),
    completion: Completions.routerOrAddress)
  var names: [String] = []

  @Flag(help: "Remove every router.")
  var all = false

  @OptionGroup var trial: TrialOptions
  @OptionGroup var runtime: RuntimeOptions

  /// A hand-over takes a few advertisement intervals at most; this is for a node that hangs.
  private static let timeout = Duration.seconds(60)

  func run() throws {
    if all, let name = names.first {
      throw UsageErrors.failure(
        "--all and '\(name)' exclude each other; give one of them", command: "down")
    }
    guard all || !names.isEmpty else {
      throw UsageErrors.failure(
        "nothing is named; give a router's name or address, or --all", command: "down")
    }
    let client = NodeClient(runtime)
    if trial.dryRun { return try client.change(all ? .downAll : .down(names), isTrial: true) }
    let before = try client.status()
    let rest = try client.done(all ? .downAll : .down(names), timeout: Self.timeout)
    let remaining = Set(rest.routers.map(\.name))
    var gone: [String] = []
    for router in before.routers where !remaining.contains(router.name) {
      if !gone.contains(router.name) { gone.append(router.name) }
    }
    if rest.routers.isEmpty, rest.node.endsWhenIdle { try awaitEnd(of: rest.node, client) }
    for name in gone { Terminal.print("\(name): down") }
  }

  /// A background node without routers ends; its files are gone when this returns.
  private func awaitEnd(of node: NodeRecord.Node, _ client: NodeClient) throws(Failure) {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(10)
    while clock.now < deadline {
      do throws(ControlClientError) {
        let reply = try client.ask(.status(nil), timeout: NodeClient.answerTimeout)
        // It has got a router again, or another node has been started here: this one is done.
        if case .done(let status) = reply, !status.routers.isEmpty || status.node.pid != node.pid {
          return
        }
      } catch {
        guard error.kind == .noNode else { throw client.failure(error) }
        // It no longer answers, which is not yet its end.
        if !RuntimeDirectory.isHeld(client.directory, by: node.pid) {
          return awaitExit(of: node, until: clock.now + .seconds(1))
        }
      }
      Clocks.pause(.milliseconds(10))
    }
    guard RuntimeDirectory.isHeld(client.directory, by: node.pid) else { return }
    throw Failure(
      .failed, "the routers are down, but the node (pid \(node.pid)) does not end; see its log")
  }

  /// Its files are the last but one thing that goes; its number may mean another process in another
  /// container.
  private func awaitExit(of node: NodeRecord.Node, until limit: ContinuousClock.Instant) {
    var byte: CChar = 0
    // Nothing is executed by a process that has ended, even if it is still waited for.
    while readlink("/proc/\(node.pid)/exe", &byte, 1) >= 0, ContinuousClock.now < limit {
      Clocks.pause(.milliseconds(2))
    }
  }
}
