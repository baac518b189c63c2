public import VIP

/// A change of a node's routers and settings as text.
public enum ChangeText {
  /// One line for each router that is not as before.
  public static func lines(_ report: ChangeReport) -> [String] {
    report.node.map { "node: \($0)" } + report.removed.map { "\($0): down" }
      + report.replaced.map { "\($0.router): restarted: \($0.difference)" }
      + report.changed.map { "\($0.router): \($0.difference)" }
      + report.added.map { "\($0): added" }
  }

  /// All of it in one line.
  public static func summary(_ report: ChangeReport) -> String {
    let lines = lines(report)
    return lines.isEmpty ? "nothing has changed" : lines.joined(separator: "; ")
  }
}
