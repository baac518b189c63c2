public import VIPControl

/// A change of a node's routers and settings as text.
public enum ChangeText {
  /// One line for each router that is not as before.
  public static func lines(_ change: ChangeRecord) -> [String] {
    change.node.map { "node: \($0)" } + (change.groups ?? [])
      + change.removed.map { "\($0): down" }
      + change.replaced.map { "\($0.router): restarted: \($0.difference)" }
      + change.changed.map { "\($0.router): \($0.difference)" }
      + change.added.map { "\($0): added" }
  }

  /// All of it in one line.
  public static func summary(_ change: ChangeRecord) -> String {
    let lines = lines(change)
    return lines.isEmpty ? "nothing has changed" : lines.joined(separator: "; ")
  }
}
