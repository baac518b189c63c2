import VIP

/// Turns the scripts that keepalived notifies into hooks.
struct KeepalivedHooks {
  private(set) var hooks = Hooks()
  /// The line that each comes from.
  private(set) var origins: [Settlement.State: SourceLine] = [:]
  private var remarks: [(KeepalivedNode, String)] = []

  /// The keywords for the states, and the names of these in `notify`.
  private static let states: [(Settlement.State, keyword: String, word: String)] = [
    (.active, "notify_master", "MASTER"), (.backup, "notify_backup", "BACKUP"),
    (.fault, "notify_fault", "FAULT"), (.stop, "notify_stop", "STOP"),
  ]

  /// Reads the settings of an instance.
  init(
    _ values: [String: KeepalivedNode], instance: String, _ configuration: RouterConfiguration
  ) {
    for (state, keyword, _) in Self.states {
      guard let node = values[keyword], let words = command(node) else { continue }
      hooks[state] = words
      origins[state] = node.source
    }
    guard let node = values["notify"], let words = command(node) else { return }
    for (state, keyword, word) in Self.states {
      guard hooks[state].isEmpty else {
        remarks.append(
          (
            node,
            "keepalived runs '\(keyword)' and then 'notify'; here one program is run for "
              + "'\(state.rawValue)', which is that of '\(keyword)': let it call the other"
          ))
        continue
      }
      // What keepalived gives to it, with the priority as configured.
      hooks[state] = words + ["INSTANCE", instance, word, "\(configuration.priority)"]
      origins[state] = node.source
    }
  }

  /// Takes the remarks about what could not be carried over.
  mutating func takeRemarks() -> [(KeepalivedNode, String)] {
    defer { remarks.removeAll() }
    return remarks
  }

  /// The words of a script and its arguments; `nil` if it can't be run here.
  private mutating func command(_ node: KeepalivedNode) -> [String]? {
    // keepalived takes one string, which has all in it if it is quoted; then a user and a group.
    let words = KeepalivedLexer.tokens(of: node.arguments.first ?? "").map { token in
      switch token {
      case .word(let text): text
      case .open: "{"
      case .close: "}"
      }
    }
    guard let program = words.first, program.hasPrefix("/") else {
      remarks.append(
        (
          node,
          "'\(node.keyword) \(words.first ?? "")' names no absolute path and is left out; write "
            + "out where the program is"
        ))
      return nil
    }
    if node.arguments.count > 1 {
      let user = node.arguments.dropFirst().joined(separator: " ")
      remarks.append(
        (
          node,
          "'\(node.keyword)' runs as \(user) in keepalived, here as the node's user; let the "
            + "program use setpriv or runuser"
        ))
    }
    return words
  }
}
