import Foundation
import TestSupport
import Testing

/// The lists of mutations are of the sources as they are.
@Suite struct MutationTests {
  private static let lists = ["mutations.txt", "mutations-node.txt", "mutations-service.txt"]

  private func mutations(_ list: String) throws -> [[String]] {
    try String(contentsOf: Repository.root.appending(path: "Scripts/\(list)"), encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { $0.split(separator: "\t").map(String.init) }
  }

  @Test(arguments: lists)
  func `each mutation changes its file`(list: String) throws {
    let folder = Repository.root
    let mutations = try mutations(list)
    #expect(!mutations.isEmpty)
    for parts in mutations {
      try #require((3...4).contains(parts.count), "\(parts)")
      let path = folder.appending(path: "Sources/\(parts[1])").path
      let result = try run(["perl", "-0pe", parts[2], path], within: .seconds(60))
      let before = try String(contentsOfFile: path, encoding: .utf8)
      #expect(result.status == 0 && result.output != before, "\(parts[0])")
    }
  }

  /// The targets of each set are in the script.
  @Test(arguments: lists)
  func `the suites that should notice are among those that are run`(list: String) throws {
    let script = try String(
      contentsOf: Repository.root.appending(path: "Scripts/mutation-check"), encoding: .utf8)
    let set = try #require(
      script.split(separator: "mutations=Scripts/\(list)\n").last?.split(separator: ";;").first)
    let targets = set.matches(of: /targets\+?='([^']*)'/).map { String($0.1) }.joined()
    let isRun = try Regex("(?:\(targets))")
    var places: Set<String> = []
    for target in try FileManager.default.contentsOfDirectory(
      atPath: Repository.root.appending(path: "Tests").path)
    where try isRun.wholeMatch(in: target) != nil {
      places.insert(target)
      for file in try Repository.swiftFiles(under: "Tests/\(target)") {
        // A filter finds a test by its suite, or by the file that it is in.
        places.insert((file.path as NSString).lastPathComponent)
        let declared = try file.lines.flatMap { $0.text.matches(of: /(?:struct|extension) (\w+)/) }
        places.formUnion(declared.map { String($0.1) })
      }
    }
    for mutation in try mutations(list) where mutation.count == 4 {
      let isKnown = mutation[3].matches(of: /\w+/).allSatisfy { word in
        places.contains { $0.contains(word.0) }
      }
      #expect(isKnown, "\(mutation[0]): \(mutation[3])")
    }
  }
}
