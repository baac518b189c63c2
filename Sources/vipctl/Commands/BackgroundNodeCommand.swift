import ArgumentParser
import Glibc
import VIP
import VIPControl

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
    // Away from the terminal, the working directory and the open files of whoever typed `up`.
    setsid()
    chdir("/")
    Self.closeInherited()
    let starter = StarterLink.descriptorInNode
    let (runtimeDir, lease, isGuarded, isRealtime) = (runtimeDir, lease, !noGuard, realtime)
    NodeProcess.runToEnd { stops throws(Failure) in
      let process: NodeProcess
      do {
        process = try NodeProcess(
          directory: runtimeDir, lease: lease, isGuarded: isGuarded,
          isRealtime: isRealtime, endsWhenIdle: true)
        try LogOutput.use(file: RuntimeDirectory.logPath(in: runtimeDir))
      } catch {
        Terminal.write(StartReport(error).line, to: starter)
        Glibc.exit(ExitStatus.failed.rawValue)
      }
      Terminal.write(StartReport.ready.line, to: starter)
      await process.serveInBackground(starter: starter, until: stops)
    }
  }

  private static func closeInherited() {
    guard let folder = opendir("/proc/self/fd") else { return }
    var open: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let descriptor = Int32(name), descriptor > StarterLink.descriptorInNode {
        open.append(descriptor)
      }
    }
    closedir(folder)
    for descriptor in open { close(descriptor) }
    _ = fcntl(StarterLink.descriptorInNode, F_SETFD, FD_CLOEXEC)
  }
}
