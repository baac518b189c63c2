import Foundation
import Testing

@testable import VIPConfiguration

/// The configuration files that the documents show are ones.
@Suite struct DocumentedFileTests {
  @Test(arguments: ["README.md", "Docs/Configuration.md", "Docs/Hooks.md"])
  func `a documented file can be read`(document: String) throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: document), encoding: .utf8)
    let files = text.matches(of: #/```yaml\n([^`]+)```/#).map { String($0.output.1) }
    #expect(!files.isEmpty)
    for file in files {
      #expect(throws: Never.self) { try ConfigurationReader.read(file) }
    }
  }

  @Test func `the example can be read`() throws {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(
      contentsOf: root.appending(path: "Examples/vipctl.yaml"), encoding: .utf8)
    #expect(throws: Never.self) { try ConfigurationReader.read(text) }
    #expect(text.hasPrefix("# yaml-language-server: $schema=/"))
  }
}
