import Foundation
import TestSupport
import Testing

/// The lists of mutations are of the sources as they are.
@Suite struct MutationTests {
  @Test(arguments: ["mutations.txt", "mutations-node.txt"])
  func `each mutation changes its file`(list: String) throws {
    let folder = Repository.root
    let lines = try String(
      contentsOf: folder.appending(path: "Scripts/\(list)"), encoding: .utf8
    ).split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines.count >= 60)
    for line in lines {
      let parts = line.split(separator: "\t").map(String.init)
      try #require((3...4).contains(parts.count), "\(line)")
      let path = folder.appending(path: "Sources/\(parts[1])").path
      let result = try run(["perl", "-0pe", parts[2], path], within: .seconds(60))
      let before = try String(contentsOfFile: path, encoding: .utf8)
      #expect(result.status == 0 && result.output != before, "\(parts[0])")
    }
  }
}
