import VIP

/// Turns the scripts that keepalived notifies into hooks.
struct KeepalivedHooks {
  /// The router or group, as a script for all states is told of it.
  struct Subject {
    var kind: String
    var name: String
    /// The priority that the script is told; `nil` for the one at that time.
    var priority: String?
  }

  /// The priority at the time when a script is started, as a shell has it.
  private static let currentPriority = "\"$VIPCTL_EFFECTIVE_PRIORITY\""

  private(set) var hooks = Hooks()
  /// The line that each comes from.
  private(set) var origins: [Settlement.State: SourceLine] = [:]
  private var remarks: [(KeepalivedNode, ImportRemark.Kind, String)] = []
  /// The user of scripts that name none, as `user[:group]`.
  private let scriptUser: String?

  /// The keywords for the states, and the names of these in `notify`.
  private static let states: [(Settlement.State, keyword: String, word: String)] = [
    (.active, "notify_master", "MASTER"), (.backup, "notify_backup", "BACKUP"),
    (.fault, "notify_fault", "FAULT"), (.stop, "notify_stop", "STOP"),
  ]

  /// Reads the settings of an instance or group.
  init(_ values: [String: KeepalivedNode], _ subject: Subject, scriptUser: String?) {
    self.scriptUser = scriptUser
    for (state, keyword, _) in Self.states {
      guard let node = values[keyword], let words = command(node) else { continue }
      hooks[state] = words
      origins[state] = node.source
    }
    guard let node = values["notify"], let words = command(node) else { return }
    for (state, _, word) in Self.states {
      // What keepalived gives to it.
      let words = words + [subject.kind, subject.name, word]
      hooks[state] = Self.command(words, subject.priority, beside: hooks[state])
      origins[state] = origins[state] ?? node.source
    }
  }

  /// A command for all states with its last argument, the priority, and perhaps another command.
  ///
  /// Both are started at the same time, as keepalived does; it fails if one does.
  private static func command(
    _ words: [String], _ priority: String?, beside other: [String]
  ) -> [String] {
    func text(_ words: [String]) -> String {
      words.map(KeepalivedCommand.shellWord).joined(separator: " ")
    }
    guard !other.isEmpty else {
      return priority.map { words + [$0] }
        ?? ["/bin/sh", "-c", "exec \"$@\" \(currentPriority)", "sh"] + words
    }
    let last = priority.map(KeepalivedCommand.shellWord) ?? currentPriority
    return [
      "/bin/sh", "-c",
      "\(text(other)) & p=$!; \(text(words)) \(last); r=$?; wait $p && exit $r",
    ]
  }

  /// The lines of `on`; empty if there is no hook.
  var settings: [ImportedRouter.Setting] {
    guard !hooks.isEmpty else { return [] }
    var settings = [
      ImportedRouter.Setting(key: "on", value: "", origin: .note("run as the node's user"))
    ]
    for state in hooks.states {
      let words = hooks[state].map(ImportedRouter.quoted).joined(separator: ", ")
      guard let origin = origins[state] else { continue }
      settings.append(.init(key: "  \(state.rawValue)", value: "[\(words)]", origin: .line(origin)))
    }
    return settings
  }

  /// Takes the remarks about what could not be carried over.
  mutating func takeRemarks() -> [(KeepalivedNode, ImportRemark.Kind, String)] {
    defer { remarks.removeAll() }
    return remarks
  }

  /// The words of a script and its arguments; `nil` if it can't be run here.
  private mutating func command(_ node: KeepalivedNode) -> [String]? {
    // keepalived takes one string, which has all in it if it is quoted; then a user and a group.
    let text = node.arguments.first ?? ""
    let command: KeepalivedCommand
    do throws(KeepalivedCommand.Problem) {
      command = try KeepalivedCommand(text)
    } catch {
      remarks.append(
        (node, .lost, "'\(node.keyword) \(text.shortened)' is left out: \(error.text)"))
      return nil
    }
    remarks += command.remarks.map { (node, $0, $1) }
    let given = node.arguments.dropFirst().prefix(2).joined(separator: ":")
    let user = given.isEmpty ? scriptUser : given
    guard let user, user != "root", !user.hasPrefix("root:") else { return command.words }
    let parts = user.split(separator: ":").map(String.init)
    if !given.isEmpty {
      remarks.append(
        (
          node, .note,
          "'\(node.keyword)' runs as \(user.shortened) by way of runuser, for which the node must run "
            + "as root"
        ))
    }
    let group = parts.count > 1 ? ["-g", parts[1]] : []
    return ["/sbin/runuser", "-u", parts[0]] + group + ["--"] + command.words
  }
}
