import Foundation
import TestSupport
import Testing

/// The programs under Snippets, where they were built beside the tests.
private enum Snippet {
  static func path(_ name: String) -> String {
    (VipctlNode.binary as NSString).deletingLastPathComponent + "/\(name)"
  }

  static let areBuilt = FileManager.default.isExecutableFile(atPath: path("EmbedNode"))
}

extension NetworkTests {
  /// The snippets that hold an address: a node of one's own, and one in a loop of one's own.
  @Suite(.enabled(if: Snippet.areBuilt, "the snippets are not built")) struct EmbeddingTests {
    /// How the first lines begin.
    private static let beginning = [
      "web IPv4: initialize → backup: started", "web IPv4: backup, the addresses are not here",
      "web IPv4: backup → active: no advertisement from anyone for ",
      "web IPv4: active, the addresses are in place",
    ]

    @Test(
      "A program that embeds a node holds an address and hands it over",
      arguments: [
        ("EmbedNode", ["web active [192.0.2.10/24]"]),
        (
          "OwnLoop",
          [
            "web IPv4: active → initialize: ", "web IPv4: taken down, the addresses are gone",
            "web: removed",
          ]
        ),
      ])
    func snippet(name: String, ending: [String]) throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0].namespace
      let result = try machine.run([Snippet.path(name), "eth0"], within: .seconds(60))
      #expect(result.status == 0, "\(result.errors)")
      let lines = result.output.split(separator: "\n")
      let expected = Self.beginning + ending
      #expect(lines.count == expected.count, "\(result.output)")
      for (line, text) in zip(lines, expected) { #expect(line.hasPrefix(text), "\(line)") }
      let left = try machine.run(["ip", "-o", "address", "show", "to", "192.0.2.10"])
      #expect(left.output.isEmpty, "nothing is left of it")
    }
  }
}
