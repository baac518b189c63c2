import KubernetesClient
import VIP
import VIPControl
import VIPReports

/// What a program in the cluster measures, in Prometheus' text format.
struct ClusterMetrics {
  private var text = ""

  /// All metrics: the node's own, and what the cluster has to do with it.
  static func render(
    _ status: NodeStatus?, _ gauges: SpeakerGauges, openWrites: Int, _ allocator: AllocatorGauges,
    _ clients: [(role: String, counts: RequestCounts)], at now: Duration
  ) -> String {
    var metrics = ClusterMetrics()
    metrics.add(gauges, openWrites, at: now)
    metrics.add(allocator)
    metrics.add(clients)
    return (status.map { MetricsText.render(NodeRecord($0)) } ?? "") + metrics.text
  }

  private mutating func add(_ gauges: SpeakerGauges, _ openWrites: Int, at now: Duration) {
    gauge("speaker_ready", "1 if the node runs what the cluster says.", gauges.isReady ? 1 : 0)
    gauge(
      "speaker_from_file", "1 if that is from an earlier life: no API server has answered yet.",
      gauges.isFromFile ? 1 : 0)
    gauge("virtual_routers", "VirtualRouter objects in the cluster.", Double(gauges.objectCount))
    gauge("speaker_routers", "Routers that this node is to run.", Double(gauges.routerCount))
    gauge(
      "speaker_problems", "Routers that are not as they are to be.", Double(gauges.problemCount))
    gauge(
      "speaker_withheld", "Routers whose acknowledgement waits until their addresses are gone.",
      Double(gauges.withheldCount))
    gauge(
      "speaker_busy", "1 while routers get addresses for which the segment is asked first.",
      gauges.isBusy ? 1 : 0)
    gauge(
      "status_writes_open", "Routers about which something is still to be written.",
      Double(openWrites))
    counter("status_writes_total", "Writes into the status of routers.", gauges.writeCount)
    counter("status_write_failures_total", "Those that have failed.", gauges.failedWriteCount)
    age("last_list_age_seconds", "Time since all routers were listed.", gauges.lastList, now)
    age("last_news_age_seconds", "Time since the last news of routers.", gauges.lastNews, now)
    family("unfit", "gauge", "1 for a cause that keeps this node from holding addresses.")
    for cause in UnfitCause.allCases {
      sample("unfit", [("cause", cause.rawValue)], gauges.unfit[cause.rawValue] == nil ? 0 : 1)
    }
  }

  private mutating func add(_ gauges: AllocatorGauges) {
    gauge("allocator_leading", "1 if this pod is the allocator.", gauges.isLeading ? 1 : 0)
    if let count = gauges.silentCount {
      gauge(
        "silent_speakers",
        "Nodes whose speakers have stopped or can't reach the API server, by the allocator.",
        Double(count))
    }
    counter("allocator_beginnings_total", "Lists of all objects.", gauges.beginningCount)
    counter("allocator_writes_total", "Writes that have been made.", gauges.writeCount)
    counter("allocator_failed_writes_total", "Writes that have failed.", gauges.failureCount)
    gauge(
      "allocator_refused_objects",
      "Objects about which the API server refuses what is to be written.",
      Double(gauges.refusedCount))
  }

  private mutating func add(_ clients: [(role: String, counts: RequestCounts)]) {
    family("api_requests_total", "counter", "Requests to the API server by result.")
    for (role, counts) in clients {
      for (result, count) in [
        ("ok", counts.succeeded), ("refused", counts.refused), ("failed", counts.failed),
      ] {
        sample("api_requests_total", [("role", role), ("result", result)], Double(count))
      }
    }
  }

  // MARK: The format

  private mutating func gauge(_ name: String, _ help: String, _ value: Double) {
    family(name, "gauge", help)
    sample(name, [], value)
  }

  private mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
    family(name, "counter", help)
    sample(name, [], Double(value))
  }

  private mutating func age(_ name: String, _ help: String, _ time: Duration?, _ now: Duration) {
    guard let time else { return }
    gauge(name, help, (now - time) / .seconds(1))
  }

  private mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP vipctl_kubernetes_\(name) \(help)\n# TYPE vipctl_kubernetes_\(name) \(type)\n"
  }

  private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
    text += "vipctl_kubernetes_\(name)"
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",") + "}"
    }
    text += " " + (Int(exactly: value).map(String.init) ?? "\(value)") + "\n"
  }
}
