import ArgumentParser
import Glibc
import VIP
import VIPService

/// The command line: arguments in, text out.
@main
struct Vipctl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vipctl",
    abstract: "Keep an IP address reachable when the machine that holds it fails.",
    usage: "vipctl <command> [<options>]",
    discussion: """
      A virtual IP (VIP) is an address that one healthy machine of several holds. The machines \
      elect the holder by VRRP. When it fails, another machine takes the address over, within \
      seconds or less.

      Do the same on two or more machines of one network, as root:

        vipctl up 192.0.2.10/24 --interface eth0 --vrid 51

      The background node that 'up' starts does not survive a reboot. For a service manager or a \
      container use 'vipctl run' instead, which stays in the foreground. 'vipctl status' shows \
      which machine holds the address, 'vipctl down --all' hands it over. 'vipctl help COMMAND' has \
      examples for each command. --runtime-dir may also stand before the command.

      Exit codes: 0 success, 1 failure, 2 'status --check' has warnings, 64 wrong usage, \
      65 invalid file, 69 no node runs, 77 missing permission.
      """,
    subcommands: subcommandTypes)

  static let subcommandTypes: [any ParsableCommand.Type] = [
    RunCommand.self, UpCommand.self, DownCommand.self, StatusCommand.self,
    IsActiveCommand.self, WaitCommand.self, AddCommand.self, RemoveCommand.self, SetCommand.self,
    ConfigCommand.self, ReloadCommand.self,
    ResignCommand.self, PromoteCommand.self, ResumeCommand.self, DrainCommand.self,
    UndrainCommand.self, AnnounceCommand.self, SimulateCommand.self, MonitorCommand.self,
    ImportCommand.self, EventsCommand.self, MetricsCommand.self, CheckCommand.self,
    CompletionCommand.self, VersionCommand.self, BackgroundNodeCommand.self,
  ]

  static func main() {
    StandardStreams.fill()
    let (arguments, directory) = CommandWords.inOrder(Array(CommandLine.arguments.dropFirst()))
    guard !arguments.isEmpty else { return Overview.show(RuntimeOptions.directory(directory)) }
    // Not the parser's own --version: every command would have it too, and tell the version
    // instead of doing what it was asked.
    if arguments == ["--version"] {
      Terminal.print("vipctl \(vipVersion)")
      return
    }
    if let failure = UsageErrors.unknownCommand(arguments) {
      Terminal.printError(failure.line)
      Glibc.exit(failure.status.rawValue)
    }
    do throws(any Error) {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch let failure as Failure {
      Terminal.printError(failure.line)
      Glibc.exit(failure.status.rawValue)
    } catch {
      guard exitCode(for: error) != .success else {
        // Help, a version and completion scripts travel as errors too.
        Terminal.print(message(for: error))
        Glibc.exit(0)
      }
      let failure = UsageErrors.failure(error, arguments: arguments)
      Terminal.printError(failure.line)
      Glibc.exit(failure.status.rawValue)
    }
  }
}
