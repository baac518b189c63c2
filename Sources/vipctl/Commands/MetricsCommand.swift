import ArgumentParser
import VIP

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "Print the running node's state and counters for Prometheus.",
    discussion: """
      In Prometheus' text format, for a scraper that runs commands or, from a timer, for the \
      node_exporter's textfile collector:

        vipctl metrics
        vipctl metrics > /var/lib/node_exporter/vipctl.prom.new && \
      mv /var/lib/node_exporter/vipctl.prom.new /var/lib/node_exporter/vipctl.prom

      Counters have the names of RFC 8347. Who holds an address is seen from \
      vipctl_router_state{state="active"}, which is 1 on one machine of each group.
      """)

  @OptionGroup var runtime: RuntimeOptions

  func run() throws {
    let client = NodeClient(directory: RuntimeDirectory.resolve(flag: runtime.runtimeDir))
    Terminal.write(MetricsText.render(try client.status()), to: 1)
  }
}
