import ArgumentParser
import VIP
import VIPConfiguration
import VIPControl
import VIPReports
import VIPService

struct UpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Bring virtual addresses up; return when the router is Backup or Active.",
    usage: """
      vipctl up <address> ... -i <if> --vrid <n> [<options>]
      vipctl up --config <file> [--timeout <time>]
      """,
    discussion: """
      Starts a node in the background if none runs, adds the router to it and returns once the \
      router is Backup (another machine holds the addresses) or Active (this one does). The \
      same command again changes nothing; other settings for a known name apply the difference. \
      What it has and the line does not repeat would be reset, which is refused; to change one \
      thing use 'vipctl set'.

        vipctl up 192.0.2.10/24 --interface eth0 --vrid 51
        vipctl up 192.0.2.10/24 2001:db8::10/64 -i eth0 --vrid 51 --priority 150
        vipctl up 192.0.2.10/24 -i eth0 --vrid 51 --interval 100ms
        vipctl up --config /etc/vipctl.yaml
        vipctl up --config /etc/vipctl.yaml --dry-run

      What this machine can't serve as it is (no such interface, the host's own address, an \
      address that another machine uses) is refused, and nothing changes. With --no-strict the \
      router is there and waits. A router whose interface is only down waits in any case.

      The machines of one group need the same VRID, interval and addresses; the one with the \
      highest priority holds the addresses while it lives.
      """)

  @OptionGroup var router: RouterOptions
  @OptionGroup var strictness: StrictnessOptions
  @OptionGroup var trial: TrialOptions
  @OptionGroup var runtime: RuntimeOptions

  @Option(
    help: ArgumentHelp(
      "How long to wait for the router to take part. (default: 15s)", valueName: "time"),
    transform: SettingText.timeout)
  var timeout: Duration = .seconds(15)

  func run() throws {
    let unready = strictness.policy(ifUnsaid: .refuse)
    let wanted = try router.load(for: "up", unready)
    if let path = wanted.eventsPath {
      throw Failure(
        .failed,
        "only a node of 'vipctl run' writes events to \(path); take it out of the file and read "
          + "'vipctl events --follow --json'")
    }
    guard wanted.checks.isEmpty else {
      throw UsageErrors.failure(
        "only a node of 'vipctl run' runs health checks; take 'checks' out of the file, or start it "
          + "with 'vipctl run --config'", command: "up")
    }
    guard !wanted.given.contains(.announcements) else {
      throw Failure(
        .failed,
        "only a node of 'vipctl run' takes 'announcements' from a file; take it out of the file")
    }
    try Permissions.require()
    let directory = runtime.directory
    if router.config == nil { try refuseResets(by: wanted.routers, directory) }
    var launch = Launch(directory: directory) {
      BackgroundNodeCommand.arguments(directory, $0)
    }
    do throws(ServiceError) {
      guard !trial.dryRun else {
        return printTrial(try launch.preview(wanted, unready: unready), directory)
      }
      let outcome = try launch.up(wanted, timeout: timeout, unready: unready)
      for router in outcome.running { Terminal.print(StatusText.summary(router)) }
      if let reason = outcome.waiting {
        throw ServiceError(
          .failed, "\(reason); the router stays configured and starts when that is over")
      }
    } catch {
      throw Failure(error, askingNodeOn: directory)
    }
  }

  /// Refuses to reset what a router that runs has and the line does not repeat.
  private func refuseResets(
    by wanted: [RouterConfiguration], _ directory: String
  ) throws(Failure) {
    let client = NodeClient(directory: directory)
    for settings in wanted {
      // Without a node, or on one of another version, there is nothing to compare with.
      guard
        case .configuration(let record)? = try? client.ask(.configuration(router: settings.name)),
        let present = record.routers.first(where: { $0.name == settings.name })
      else { continue }
      let resets = router.resets(of: present, by: settings)
      guard resets.isEmpty else {
        throw UsageErrors.failure(
          "\(settings.name) runs with settings that are not repeated and would be reset: "
            + "\(resets); repeat them, or change one thing with 'vipctl set \(settings.name)'",
          command: "up")
      }
    }
  }

  private func printTrial(
    _ trial: (change: ChangeRecord, startsNode: Bool), _ directory: String
  ) {
    if trial.startsNode {
      Terminal.print("a node would be started in the background on \(directory)")
    }
    Terminal.printTrial(trial.change)
  }
}
