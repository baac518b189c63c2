import ArgumentParser
import Glibc
import VIP
import VIPControl
import VIPReports
import VIPService

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "Print the running node's state and counters for Prometheus.",
    discussion: """
      In Prometheus' text format, for a scraper that runs commands or, from a timer, for the \
      node_exporter's textfile collector:

        vipctl metrics
        vipctl metrics --output /var/lib/prometheus/node-exporter/vipctl.prom

      The file is replaced in one step. If no node runs it is removed, so that no old values are \
      collected. Counters have the names of RFC 8347. In each \
      group vipctl_router_state{state="active"} is 1 on one machine, the holder.
      """)

  @Option(
    help: ArgumentHelp("Write to this file instead, replacing it.", valueName: "file"),
    completion: .file(extensions: ["prom"]))
  var output: String?

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(runtime)
    let status: NodeRecord
    do throws(Failure) {
      status = try client.status()
    } catch {
      if let output, error.status == .noNode, ReplacedFile.begins(output, with: MetricsText.start) {
        unlink(output)
      }
      throw error
    }
    let text = MetricsText.render(status)
    guard let output else { return TextOutput.write(text, to: STDOUT_FILENO) }
    try ReplacedFile.write(output, text)
  }
}
