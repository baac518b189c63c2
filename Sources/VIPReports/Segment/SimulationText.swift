import VIPCore
import VRRP
public import VRRPSimulation

/// A simulated election for people: its log, a chart and what a client saw.
public enum SimulationText {
  /// The whole text, charts no wider than a number of columns.
  public static func render(_ run: ScenarioRun, width: Int) -> String {
    var lines = run.transcript.split(separator: "\n", omittingEmptySubsequences: false).map {
      // A scenario may come from anywhere; its comments are shown, not obeyed by the terminal.
      String($0).onOneLine
    }
    if lines.last == "" { lines.removeLast() }
    let timelines = run.timelines
    for (group, timeline) in timelines.enumerated() where timeline.end > .zero {
      lines.append("")
      if timelines.count > 1 { lines += [heading(of: group, in: run), ""] }
      lines += timeline.chart(width: width)
      lines.append("")
      lines += timeline.clientReport()
    }
    return lines.joined(separator: "\n")
  }

  /// Everything as JSON; times are seconds from the beginning.
  public static func json(_ report: ScenarioReport) -> String {
    JSONCoding.pretty(ScenarioRecord(report))
  }

  private static func heading(of group: Int, in run: ScenarioRun) -> String {
    let station = run.simulation.stations.first { $0.group == group }
    guard let configuration = station?.router.configuration else { return "" }
    return "VRID \(configuration.vrid), \(configuration.family)"
  }
}
