import Foundation
import TestSupport
import Testing

/// What messages and helps say to type can be typed: the commands exist, and have the flags.
@Suite struct FlagTests {
  /// The commands with a runtime directory, which ask a node or are one.
  private static let nodeCommands = [
    "run", "up", "down", "status", "is-active", "wait", "add", "remove", "reload", "resign",
    "promote", "resume",
    "drain", "undrain", "set", "version", "events", "metrics",
  ]

  /// The commands that the texts of a file are about, by its path below Sources/vipctl; the file of
  /// a command is about that.
  private static let commands = [
    "CommandWords.swift": nodeCommands,
    "Completions.swift": nodeCommands,
    "Failure+Causes.swift": nodeCommands,
    "Options/RouterOptions.swift": ["run", "up"],
    "Permissions.swift": ["run", "up"],
    "UsageErrors.swift": nodeCommands + ["announce", "simulate", "monitor", "import", "check"],
    // A text there names the commands that its flags belong to.
    "Wording+Vipctl.swift": ["run", "up"],
  ]

  /// A text that names flags of the program itself, and one that starts a hidden command.
  private static let others: Set = ["Vipctl.swift", "Commands/BackgroundNodeCommand.swift"]

  /// The flags that a command has, by the part of its help that lists them; empty if there is no
  /// such command.
  private static func flags(of command: String) throws -> Set<String> {
    let help = try run([VipctlNode.binary, command, "--help"]).output
    guard let usage = help.firstRange(of: "USAGE: vipctl \(command) ") else { return [] }
    var flags: Set<String> = []
    for line in help[usage.upperBound...].split(separator: "\n") {
      let words = line.split { " ,/".contains($0) }
      for word in words.prefix(while: { $0.hasPrefix("-") || $0.hasPrefix("<") }) {
        flags.insert(String(word))
      }
    }
    return flags
  }

  /// The texts of a file, in one piece where they are put together from several; without comments.
  private static func text(of file: SourceFile) throws -> String {
    try file.lines.map { $0.text.drop { $0 == " " } }.filter { !$0.hasPrefix("//") }
      .joined(separator: "\n").replacing(#/"\s*\+\s*"/#, with: "")
  }

  /// The commands and flags in a text that can't be typed.
  ///
  /// - Parameters:
  ///   - text: the text.
  ///   - commands: the commands that flags are about which stand alone.
  ///   - known: the flags of a command; empty if there is none.
  /// - Returns: what is wrong, and how many flags and commands there are.
  /// - Throws: what finding out the flags of a command throws.
  private static func faults<Failure: Error>(
    in text: String, about commands: [String], _ known: (String) throws(Failure) -> Set<String>
  ) throws(Failure) -> (faults: [String], count: Int) {
    // At the start of a line, or quoted.
    let use = #/(?:^|['`(])vipctl ([a-z][a-z-]*)([^'`\n"\\]*)/#.anchorsMatchLineEndings()
    let flag = #/(?:^|[^\w-])(--[a-z][a-z-]*)/#
    var faults: [String] = []
    var count = 0
    func check(_ words: Substring, _ command: String) throws(Failure) {
      for match in words.matches(of: flag) {
        let name = String(match.output.1)
        guard name != "--help" else { continue }
        count += 1
        let flags = try known(command)
        if !flags.contains(name) { faults.append("vipctl \(command) \(name)") }
      }
    }
    for match in text.matches(of: use) where match.output.1 != "help" {
      count += 1
      let command = String(match.output.1)
      if try known(command).isEmpty { faults.append("vipctl \(command)") }
      try check(match.output.2, command)
    }
    let rest = text.replacing(use, with: "")
    for command in commands { try check(rest[...], command) }
    if commands.isEmpty, let match = rest.firstMatch(of: flag) {
      faults.append("\(match.output.1) of no command")
    }
    return (faults, count)
  }

  @Test func `commands and flags that messages name exist`() throws {
    let binary = VipctlNode.binary
    try #require(FileManager.default.isExecutableFile(atPath: binary), "no \(binary)")
    var cache: [String: Set<String>] = [:]
    func known(_ command: String) throws -> Set<String> {
      let flags = try cache[command] ?? Self.flags(of: command)
      cache[command] = flags
      return flags
    }
    var count = 0
    for file in try Repository.swiftFiles(under: "Sources") {
      let path = file.path.hasPrefix("Sources/vipctl/") ? String(file.path.dropFirst(15)) : ""
      guard !Self.others.contains(path) else { continue }
      let text = try Self.text(of: file)
      // Libraries know no command line: their texts name no flag.
      let about =
        path.hasPrefix("Commands/")
        ? text.matches(of: #/commandName: "([a-z-]+)"/#).map { String($0.output.1) }
        : Self.commands[path] ?? []
      let result = try Self.faults(in: text, about: about, known)
      #expect(result.faults.isEmpty, "\(file.path): \(result.faults)")
      count += result.count
    }
    #expect(count > 150)
  }

  @Test func `a flag of another command is found`() {
    let flags = ["up": ["--no-probe", "--config"], "run": ["--no-probe"], "add": ["-i"]]
    func faults(_ text: String, about commands: [String] = []) -> [String] {
      Self.faults(in: text, about: commands) { Set(flags[$0] ?? []) }.faults
    }
    let text = "switch the probe off with --no-probe"
    #expect(faults(text, about: ["up", "run"]) == [])
    #expect(faults(text, about: ["up", "add"]) == ["vipctl add --no-probe"])
    #expect(faults(text) == ["--no-probe of no command"])
    #expect(
      faults("use 'vipctl up --config FILE', not 'vipctl run --config FILE'") == [
        "vipctl run --config"
      ])
    #expect(faults("end it with 'vipctl halt'; see 'vipctl up --help'") == ["vipctl halt"])
    #expect(faults("vipctl keeps it\nvipctl add web") == ["vipctl keeps"])
  }
}
