import Foundation
import Testing
import VIP
import VIPConfiguration

/// The documents that say "every key" have every key.
@Suite struct SettingDocumentTests {
  private static let nodeKeys = NodeKey.allCases.map(\.name).sorted()
  private static let routerKeys = RouterSetting.allCases.map(\.key).sorted()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Repository.root.appending(path: path), encoding: .utf8)
  }

  @Test func `the example in the README`() throws {
    let text = try text("README.md")
    let begin = try #require(text.range(of: "Every key,")).upperBound
    let block = try #require(
      text[begin...].firstMatch(
        of: #/```yaml\nnode:\n(?<node>[^`]*)routers:\n(?<routers>[^`]*)```/#))
    #expect(keys(block.output.node, indent: 2) == Self.nodeKeys)
    #expect(
      keys(Substring(block.output.routers.replacing("  - ", with: "    ")), indent: 4)
        == Self.routerKeys)
  }

  private func keys(_ text: Substring, indent: Int) -> [String] {
    text.split(separator: "\n").compactMap { line in
      guard line.prefix(while: { $0 == " " }).count == indent else { return nil }
      return String(line.dropFirst(indent).prefix { $0 != ":" })
    }.sorted()
  }

  @Test(arguments: [("## `node`", nodeKeys), ("## `routers`", routerKeys)])
  func `the tables in the document about files`(heading: String, keys: [String]) throws {
    let text = try text("Docs/Configuration.md")
    let begin = try #require(text.range(of: heading + "\n")).upperBound
    let section = text[begin...].split(separator: "\n## ")[0]
    let listed = section.split(separator: "\n").compactMap { line in
      line.firstMatch(of: #/^\| `(\w+)` \|/#).map { String($0.output.1) }
    }
    #expect(listed.sorted() == keys)
  }
}
