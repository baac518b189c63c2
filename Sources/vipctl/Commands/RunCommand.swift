import ArgumentParser
import VIP
import VIPConfiguration
import VIPControl
import VIPReports
import VIPService

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a node in the foreground, for service managers and containers.",
    usage: """
      vipctl run <address> ... -i <if> --vrid <n> [<options>]
      vipctl run --config <file>
      """,
    discussion: """
      The node logs to standard error and runs until it is told to stop: SIGTERM or SIGINT hand \
      the addresses over and end it with exit code 0; a second one ends it at once with exit \
      code 1. SIGHUP applies what has changed in the file, as 'vipctl reload' does.

      A router whose interface is missing, or whose address another machine uses, waits and takes \
      part as soon as it can; 'vipctl status' has the reason. The others run. A control socket or a \
      list of addresses that can't be written is waited for, too. With --strict the node does not \
      start then.

        vipctl run 192.0.2.10/24 -i eth0 --vrid 51
        vipctl run 192.0.2.10/24 2001:db8::10/64 -i eth0 --vrid 51 --priority 150
        vipctl run --config /etc/vipctl.yaml

      A file can hold several routers. All but interface, vrid and addresses may be left out:

        node:
          lease: auto
          guard: true
          realtime: false        # true: SCHED_FIFO and mlockall
        routers:
          - name: web
            interface: eth0
            vrid: 51
            priority: 150
            interval: 1s
            addresses: [192.0.2.10/24, 2001:db8::10/64]
            preempt: true          # or false, or { delay: 30s }
            version: 3             # or 2, with authentication: { password: … }
            checksum: auto
            handover: seamless     # or strict
            on:                    # programs to run, see Docs/Hooks.md
              active: [/usr/local/sbin/service-up, web]
              backup: [/usr/local/sbin/service-down, web]
      """)

  @OptionGroup var router: RouterOptions
  @OptionGroup var strictness: StrictnessOptions
  @OptionGroup var runtime: RuntimeOptions

  @Option(
    name: .customLong("log-format"),
    help: ArgumentHelp(
      "The log's form: logfmt, json or text. (default: logfmt)", valueName: "form"),
    transform: SettingText.logFormat)
  var logFormat: LogFormat = .logfmt

  /// The hint for users of keepalived, which may want reports when they send SIGUSR1 or SIGUSR2.
  static let hintForReports = "'vipctl status --json' and 'vipctl metrics' tell all"

  func run() throws {
    let unready = strictness.policy(ifUnsaid: .wait)
    let wanted = try router.load(for: "run", unready)
    try Permissions.require()
    let directory = runtime.directory
    let file = router.config
    LogOutput.use(logFormat)
    do throws(ServiceError) {
      try ProcessLimits.requireRoom()
    } catch {
      throw Failure(error, askingNodeOn: directory)
    }
    NodeProcess.runToEnd(hintForReports: Self.hintForReports) { stops in
      do throws(ServiceError) {
        let process = try NodeProcess(
          directory: directory, settings: wanted.settings,
          configuration: file.map { ($0, wanted.routers.map(\.name)) }, unready: unready,
          wording: .vipctl)
        try await process.serve(
          wanted.routers, checks: wanted.checks, groups: wanted.groups,
          eventsPath: wanted.eventsPath, until: stops)
        return 0
      } catch {
        let failure = Failure(error, askingNodeOn: directory)
        LogOutput.write(failure: failure.line)
        return failure.status.rawValue
      }
    }
  }
}
