import ArgumentParser
import VIP
import VIPControl
import VIPService

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version",
    abstract: "Print the versions of this program and of the node that runs.",
    discussion: """
      They differ after an update until the node has been started again.

        vipctl version
        vipctl version --runtime-dir /run/vipctl-2
      """)

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    Terminal.print("vipctl \(vipVersion)")
    let directory = runtime.directory
    let client = NodeClient(directory: directory)
    do throws(ControlClientError) {
      let reply = try client.ask(.status(nil))
      guard case .done(let status) = reply else {
        return Terminal.print("the node on \(directory) does not tell its version")
      }
      Terminal.print("node \(status.node.version), pid \(status.node.pid), on \(directory)")
    } catch {
      guard error.kind == .noNode else { throw client.failure(error) }
      Terminal.print("no node runs on \(directory)")
    }
  }
}
