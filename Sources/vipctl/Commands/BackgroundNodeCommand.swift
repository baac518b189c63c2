import ArgumentParser
import Glibc
import VIP
import VIPConfiguration
import VIPControl
import VIPService

/// The node that `vipctl up` starts in the background; not for people.
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
    do throws(ServiceError) {
      try ProcessLimits.requireRoom()
    } catch {
      StarterLink.tell(error)
      Glibc.exit(ExitStatus.failed.rawValue)
    }
    let runtimeDir = runtimeDir
    let settings = NodeSettings(
      lease: lease ?? .default, isGuarded: !noGuard, isRealtime: realtime)
    NodeProcess.runToEnd(hintForReports: RunCommand.hintForReports) { stops in
      let process: NodeProcess
      do throws(ServiceError) {
        process = try await NodeProcess.inBackground(
          directory: runtimeDir, settings: settings, starter: StarterLink.descriptorInNode,
          until: stops, wording: .vipctl)
      } catch {
        StarterLink.tell(error)
        return ExitStatus.failed.rawValue
      }
      guard StarterLink.tellReady() else {
        await process.end()
        LogOutput.removeFile()
        return ExitStatus.failed.rawValue
      }
      await process.serveInBackground(starter: StarterLink.descriptorInNode, until: stops)
      return 0
    }
  }

  /// The arguments of a background node on a runtime directory.
  static func arguments(_ directory: String, _ wanted: FileConfiguration) -> [String] {
    var arguments = ["vipctl", name, "--runtime-dir", absolutePath(directory)]
    for setting in NodeSetting.allCases where wanted.given.contains(setting) {
      switch setting {
      case .lease: arguments += ["--lease", wanted.settings.lease.description]
      case .guard: if !wanted.settings.isGuarded { arguments.append("--no-guard") }
      case .realtime: if wanted.settings.isRealtime { arguments.append("--realtime") }
      // Those are for a node of its own configuration file.
      case .announcements: break
      }
    }
    return arguments
  }
}
