import ArgumentParser
import VIP
import VIPConfiguration
import VIPControl
import VIPService

/// The node that `vipctl up` starts in the background; nobody types this.
struct BackgroundNodeCommand: ParsableCommand {
  static let name = "background-node"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "The background node that 'vipctl up' starts.",
    shouldDisplay: false)

  @Option var runtimeDir: String
  @Option(transform: SettingText.lease) var lease: LeasePolicy?
  @Flag var noGuard = false
  @Flag var realtime = false

  func run() throws {
    StarterLink.detach()
    let (runtimeDir, lease, isGuarded, isRealtime) = (runtimeDir, lease, !noGuard, realtime)
    NodeProcess.runToEnd(hintForReports: RunCommand.hintForReports) { stops in
      let process: NodeProcess
      do throws(ServiceError) {
        process = try NodeProcess(
          directory: runtimeDir, lease: lease, isGuarded: isGuarded,
          isRealtime: isRealtime, endsWhenIdle: true)
        try LogOutput.use(file: RuntimeDirectory.logPath(in: runtimeDir))
      } catch {
        StarterLink.tell(error)
        return ExitStatus.failed.rawValue
      }
      StarterLink.tellReady()
      await process.serveInBackground(starter: StarterLink.descriptorInNode, until: stops)
      return 0
    }
  }

  /// The arguments of a background node on a runtime directory.
  static func arguments(_ directory: String, _ settings: FileConfiguration) -> [String] {
    var arguments = ["vipctl", name, "--runtime-dir", absolutePath(directory)]
    if let lease = settings.lease { arguments += ["--lease", lease.description] }
    if !(settings.isGuarded ?? true) { arguments.append("--no-guard") }
    if settings.isRealtime ?? false { arguments.append("--realtime") }
    return arguments
  }
}
