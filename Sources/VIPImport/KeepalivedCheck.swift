import VIPConfiguration
import VIPCore

/// A `vrrp_script`, `vrrp_track_process` or `track_file`, translated.
struct KeepalivedCheck {
  enum Kind: String, CaseIterable {
    case script = "track_script"
    case process = "track_process"
    case file = "track_file"
  }

  var kind: Kind
  var node: KeepalivedNode
  /// The weight where a router says nothing else.
  var weight: Int
  var isReverse: Bool
  /// The settings of a check that passes as it does in keepalived; `nil` if there is none.
  var forward: [ImportedRouter.Setting]?
  /// Those of one that passes when it fails in keepalived; `nil` if there is none.
  var inverse: [ImportedRouter.Setting]?
  /// The settings of a check that passes while the number in a file is 0, and of the opposite.
  var zero: [ImportedRouter.Setting] = []
  var nonzero: [ImportedRouter.Setting] = []
}

/// Translates the blocks of checks.
struct KeepalivedCheckReader {
  /// The user of scripts that name none, as `user[:group]`.
  let scriptUser: String?
  private(set) var remarks: [ImportRemark] = []
  private var values: [String: KeepalivedNode] = [:]

  init(scriptUser: String?) {
    self.scriptUser = scriptUser
  }

  /// Reads a block; `nil` if nothing can be made of it.
  mutating func read(_ node: KeepalivedNode, _ kind: KeepalivedCheck.Kind) -> KeepalivedCheck? {
    values = [:]
    let table = KeepalivedKeywords.checks[kind] ?? []
    for child in node.block ?? [] {
      if !table.contains(child.keyword) {
        let words = ([child.keyword] + child.arguments.prefix(2)).joined(separator: " ").shortened
        remark(child, "'\(words)' has no equivalent; look whether you need it")
      }
      values[child.keyword] = child
    }
    var check = KeepalivedCheck(kind: kind, node: node, weight: 0, isReverse: false)
    if kind == .file { check.weight = 1 }
    if let child = values["weight"] {
      if let weight = child.arguments.first.flatMap({ Int($0) }) {
        check.weight = weight
      } else {
        remark(child, "'weight' names no number; \(check.weight) is taken, as keepalived does")
      }
      check.isReverse = child.arguments.dropFirst().first == "reverse"
    }
    switch kind {
    case .script: return script(check)
    case .process: return process(check)
    case .file: return file(check)
    }
  }

  // MARK: Scripts

  private mutating func script(_ check: KeepalivedCheck) -> KeepalivedCheck? {
    guard let child = values["script"], let text = child.arguments.first else {
      remark(check.node, "this vrrp_script names no script and is left out")
      return nil
    }
    if child.arguments.count > 1 {
      let rest = child.arguments.dropFirst().joined(separator: " ").shortened
      remark(
        child,
        "keepalived gives '\(rest)' not to the script, and so does this; put all of it in quotes if "
          + "you meant it", .note)
    }
    let interval = number("interval", 1...3600) ?? 1
    var times: [ImportedRouter.Setting] = [setting("interval", "\(interval)s")]
    let timeout = number("timeout", 0...3600) ?? 0
    times.append(
      timeout > 0
        ? setting("timeout", "\(timeout)s")
        : .init(key: "timeout", value: "\(interval)s", origin: .note("the interval, in keepalived"))
    )
    var check = check
    if let connection = KeepalivedCommand.connection(text) {
      remark(
        child, "'\(text.shortened)' has become a check that connects, without a shell", .note)
      let target = ImportedRouter.Setting(
        key: "tcp", value: ImportedRouter.quoted(connection), origin: .line(child.source))
      check.forward = [target] + times + counts(isInverse: false)
      return check
    }
    let command: KeepalivedCommand
    do throws(KeepalivedCommand.Problem) {
      command = try KeepalivedCommand(text)
    } catch {
      remark(child, "'script \(text.shortened)' is left out: \(error.text)")
      return nil
    }
    for (kind, text) in command.remarks { remark(child, text, kind) }
    let user = userSetting()
    func lines(_ words: [String], isInverse: Bool) -> [ImportedRouter.Setting] {
      [self.command(words, child)] + times + counts(isInverse: isInverse) + user
    }
    if let name = command.process {
      remark(
        child,
        "'\(text.shortened)' has become a check of the process, which needs no program and no user",
        .note)
      check.forward =
        [.init(key: "process", value: "{ name: \(name) }", origin: .line(child.source))]
        + times.prefix(1) + counts(isInverse: false)
    } else {
      check.forward = lines(command.words, isInverse: false)
    }
    check.inverse = lines(Self.inverted(command.words), isInverse: true)
    return check
  }

  /// A command that fails when another one does not.
  private static func inverted(_ words: [String]) -> [String] {
    ["/bin/sh", "-c", "! \"$@\"", "sh"] + words
  }

  private func command(_ words: [String], _ child: KeepalivedNode) -> ImportedRouter.Setting {
    let list = words.map(ImportedRouter.scalarOrPath).joined(separator: ", ")
    return .init(key: "command", value: "[\(list)]", origin: .line(child.source))
  }

  /// The numbers of results, and what is taken before there are any.
  private mutating func counts(isInverse: Bool) -> [ImportedRouter.Setting] {
    var settings: [ImportedRouter.Setting] = []
    for (keyword, other) in [("rise", "fall"), ("fall", "rise")] {
      let source = isInverse ? other : keyword
      if let count = number(source, 1...1000), count > 1, let node = values[source] {
        settings.append(.init(key: keyword, value: "\(count)", origin: .line(node.source)))
      }
    }
    if let child = values["init_fail"] {
      settings.append(
        .init(key: "initially", value: isInverse ? "passed" : "failed", origin: .line(child.source))
      )
    }
    return settings
  }

  private mutating func userSetting() -> [ImportedRouter.Setting] {
    if let child = values["user"], !child.arguments.isEmpty {
      let user = child.arguments.prefix(2).joined(separator: ":")
      guard child.arguments[0] != "root" else {
        remark(
          child, "the script runs as the node's user here; run the node as root if it must", .note)
        return []
      }
      return [.init(key: "user", value: ImportedRouter.scalar(user), origin: .line(child.source))]
    }
    guard let scriptUser else { return [] }
    return [
      .init(key: "user", value: ImportedRouter.scalar(scriptUser), origin: .note("script_user"))
    ]
  }

  // MARK: Processes

  private mutating func process(_ check: KeepalivedCheck) -> KeepalivedCheck? {
    guard let child = values["process"], let name = child.arguments.first else {
      remark(check.node, "this vrrp_track_process names no process and is left out")
      return nil
    }
    for keyword in ["full_command", "param_match", "quorum_max"] {
      guard let node = values[keyword] else { continue }
      remark(
        node,
        "'\(keyword)' has no equivalent, and the check is left out; let a script look for the process "
          + "and make it a check with 'command'")
      return nil
    }
    guard child.arguments.count == 1 else {
      remark(
        child,
        "a process is known by its name, not by its arguments, and the check is left out; let a script "
          + "look for it and make it a check with 'command'")
      return nil
    }
    var check = check
    let count = number("quorum", 1...100_000) ?? 1
    let base = name.split(separator: "/").last.map(String.init) ?? name
    let more = count > 1 ? ", count: \(count)" : ""
    var settings = [
      ImportedRouter.Setting(
        key: "process", value: "{ name: \(ImportedRouter.scalar(base))\(more) }",
        origin: .line(child.source))
    ]
    settings.append(
      .init(key: "interval", value: "1s", origin: .note("in case the kernel doesn't tell")))
    for (key, keyword) in [("rise", "fork_delay"), ("fall", "terminate_delay")] {
      guard let node = values[keyword] ?? values["delay"],
        let seconds = node.arguments.first.flatMap({ Double($0) }), (0...3600).contains(seconds)
      else { continue }
      let count = Int(seconds.rounded(.up)) + 1
      settings.append(.init(key: key, value: "\(count)", origin: .line(node.source)))
    }
    check.forward = settings
    if count == 1 {
      let pgrep = Self.inverted(["/usr/bin/pgrep", "-x", base])
      check.inverse = [
        command(pgrep, child), .init(key: "interval", value: "1s", origin: .note("")),
      ]
    }
    return check
  }

  // MARK: Files

  private mutating func file(_ check: KeepalivedCheck) -> KeepalivedCheck? {
    guard let child = values["file"], let path = child.arguments.first, path.hasPrefix("/") else {
      remark(check.node, "this track_file names no absolute path and is left out; write it out")
      return nil
    }
    if let node = values["init_file"] {
      remark(node, "no file is made here; make \(path.shortened) before the node starts")
    }
    var check = check
    check.forward = [
      .init(key: "file", value: ImportedRouter.scalarOrPath(path), origin: .line(child.source))
    ]
    // A file that is not there counts as 0.
    let text = "[ ! -e \"$1\" ] || { read -r n <\"$1\"; [ \"${n:-0}\" -eq 0 ]; }"
    let words = ["/bin/sh", "-c", text, "sh", path]
    let interval = ImportedRouter.Setting(key: "interval", value: "1s", origin: .note(""))
    check.zero = [command(words, child), interval]
    check.nonzero = [command(["/bin/sh", "-c", "! { \(text); }", "sh", path], child), interval]
    return check
  }

  // MARK: Values

  private mutating func number(_ keyword: String, _ range: ClosedRange<Int>) -> Int? {
    guard let node = values[keyword] else { return nil }
    let given = node.arguments.first.flatMap { Int($0) }
    if let given, given > range.upperBound {
      remark(node, "'\(keyword) \(given)' is too much; \(range.upperBound) is taken")
      values[keyword]?.arguments = ["\(range.upperBound)"]
      return range.upperBound
    }
    guard let number = given, range.contains(number) else {
      remark(
        node,
        "'\(keyword) \((node.arguments.first ?? "").shortened)' is no whole number from "
          + "\(range.lowerBound) on; keepalived takes its default, and so does this", .note)
      values[keyword] = nil
      return nil
    }
    return number
  }

  /// A setting with the line of its keyword, or with a note that it is keepalived's default.
  private func setting(_ keyword: String, _ value: String) -> ImportedRouter.Setting {
    .init(
      key: keyword, value: value,
      origin: values[keyword].map { .line($0.source) } ?? .note("keepalived's default"))
  }

  private mutating func remark(
    _ node: KeepalivedNode, _ text: String, _ kind: ImportRemark.Kind = .lost
  ) {
    remarks.append(ImportRemark(source: node.source, kind: kind, text: text))
  }
}
