import ArgumentParser
import Glibc
import VIPService

/// The command line: arguments in, text out.
@main
struct VipctlKubernetes: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vipctl-kubernetes",
    abstract: "Give Services of type LoadBalancer addresses that one healthy node holds.",
    discussion: """
      'vipctl-kubernetes manifests' prints what runs it on each node of a cluster; 'vipctl-kubernetes \
      run' is what these pods do. 'vipctl-kubernetes import' translates the pools of other programs.

      Exit codes: 0 success, 1 failure, 64 wrong usage, 65 invalid file, 77 missing permission.
      """,
    subcommands: [RunCommand.self, ManifestsCommand.self, ImportCommand.self])

  static func main() {
    StandardStreams.fill()
    do throws(any Error) {
      var command = try parseAsRoot(Array(CommandLine.arguments.dropFirst()))
      try command.run()
    } catch let failure as Failure {
      LogOutput.write(failure: "vipctl-kubernetes: \(failure.line)")
      Glibc.exit(failure.code)
    } catch {
      exit(withError: error)
    }
  }
}

/// Why a command has not done what it was asked: one line, and the exit code.
struct Failure: Error {
  var code: Int32 = 1
  var line: String
}
