import Foundation
import Testing

/// The rules of the engine that no compiler checks.
@Suite struct EngineRulesTests {
  private static let engine = "Sources/VIP/Engine"

  private func engineFiles() throws -> [SourceFile] {
    let files = try Repository.swiftFiles(under: Self.engine)
    #expect(files.count > 10)
    return files
  }

  /// A turn and each command read the clock once; a second place would let time pass within them.
  @Test func `the engine's clock is set in one place`() throws {
    let assignment = try Regex("(^|[^.\\w]|self\\.|engine\\.)now = ")
    var places: [String] = []
    for file in try engineFiles() {
      for line in try file.lines
      where line.code.contains(assignment) && !line.code.contains("let now = ") {
        places.append("\(file.path):\(line.code)")
      }
    }
    #expect(
      places == [
        "\(Self.engine)/Engine.swift:    now = startedAt",
        "\(Self.engine)/Engine.swift:  private func readClock() { now = platform.now() }",
      ])
  }

  /// What a command sets in motion leaves with it only if it goes through `step`.
  @Test func `a package function of the engine is a command, a turn or a question`() throws {
    /// Those that change nothing, or only hand out what has happened.
    let questions: Set<String> = [
      "turn", "takeEvents", "takeDueHooks", "releaseGuard", "status", "contains", "isLeaving",
      "settings", "routerNames", "obstacle", "refusal", "isProbing", "fitness", "unknownRouter",
    ]
    let declaration = try Regex("package func ([a-zA-Z]+)", as: (Substring, Substring).self)
    var commands: Set<String> = []
    var stepping: Set<String> = []
    for file in try engineFiles() {
      var isEngine = false
      var current: String?
      for line in try file.lines {
        if line.text.contains(" class ") || line.text.hasPrefix("extension ") {
          isEngine = line.text.contains(" class Engine ") || line.text == "extension Engine {"
        }
        if isEngine, let match = line.code.firstMatch(of: declaration) {
          let name = String(match.output.1)
          current = name
          if !questions.contains(name) { commands.insert(name) }
        }
        if let name = current, line.code.contains("step {") { stepping.insert(name) }
        // The end of a function of an extension or class.
        if line.text == "  }" { current = nil }
      }
    }
    #expect(commands.isSuperset(of: ["add", "remove", "change", "promote", "check"]))
    #expect(commands == stepping, "each command goes through step { … }, and nothing else does")
  }
}
