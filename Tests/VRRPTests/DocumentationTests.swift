import Foundation
import Testing

/// Documentation that names code and tests is checked like code.
@Suite struct DocumentationTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test("Docs/RFC9568.md names files and tests that exist")
  func requirements() throws {
    let document = Self.root.appendingPathComponent("Docs/RFC9568.md")
    // The mutation check copies the modules and their tests, not the documentation.
    guard FileManager.default.fileExists(atPath: document.path) else { return }
    let text = try String(contentsOf: document, encoding: .utf8)
    var sources = ""
    for folder in ["Tests/VRRPTests", "Tests/VRRPSimulationTests"] {
      let tests = Self.root.appendingPathComponent(folder)
      sources += try FileManager.default.contentsOfDirectory(atPath: tests.path)
        .filter { $0.hasSuffix(".swift") && $0 != "DocumentationTests.swift" }
        .map { try String(contentsOf: tests.appendingPathComponent($0), encoding: .utf8) }
        .joined()
    }

    let titles = text.matches(of: /"([^"]+)"/).map { String($0.1) }
    #expect(titles.count > 70)
    for title in titles {
      #expect(sources.contains("\"\(title)\""), "no test is called \(title)")
    }
    let files = text.matches(of: /`([^` ]+\.swift)`/).map { String($0.1) }
    #expect(files.count > 40)
    for file in Set(files) {
      let folders = [
        "Sources/VRRP", "Tests/VRRPTests", "Sources/VRRPSimulation", "Tests/VRRPSimulationTests",
      ]
      let exists = folders.contains {
        FileManager.default.fileExists(
          atPath: Self.root.appendingPathComponent("\($0)/\(file)").path)
      }
      #expect(exists, "there is no \(file)")
    }
  }
}
