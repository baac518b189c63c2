import Foundation
import Testing

/// A promise that a simulation declares is one that it judges.
@Suite struct PromiseTests {
  @Test(arguments: [
    ("Sources/VIPTesting", "Nodes/BrokenPromise.swift", "breach"),
    ("Sources/VRRPSimulation", "Violation.swift", "report"),
  ])
  func `each promise can be found broken`(folder: String, file: String, function: String) throws {
    let declaration = SourceFile(path: "\(folder)/\(file)")
    let body = try declaration.lines.drop { !$0.code.contains("enum Promise:") }.dropFirst()
      .prefix { $0.text != "  }" }
    let cases = body.compactMap { line in
      line.code.firstMatch(of: #/^    case (\w+)/#).map { String($0.output.1) }
    }
    #expect(cases.count > 5)
    let call = try Regex("\(function)\\(\\s*\\.(\\w+)", as: (Substring, Substring).self)
    var judged: Set<String> = []
    for file in try Repository.swiftFiles(under: folder) {
      let code = try file.lines.map { String($0.code) }.joined(separator: "\n")
      for match in code.matches(of: call) { judged.insert(String(match.output.1)) }
    }
    #expect(cases.filter { !judged.contains($0) } == [], "never passed to \(function)(…)")
  }
}
