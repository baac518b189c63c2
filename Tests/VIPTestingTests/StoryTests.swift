import Foundation
import Testing
import VIPTesting

/// Golden runs of whole nodes: `Stories/*.txt` are stories with their output, and documentation.
///
/// `VIP_UPDATE_TRANSCRIPTS=1` writes what the nodes do now into them; then read the difference.
@Suite struct StoryTests {
  private static let directory =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Stories")

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? [])
    .filter { $0.hasSuffix(".txt") }.sorted()

  @Test("A story gives the recorded output", arguments: names)
  func story(_ name: String) throws {
    let file = Self.directory.appendingPathComponent(name)
    let recorded = try String(contentsOf: file, encoding: .utf8)
    let transcript = try StoryTranscript(playing: recorded)
    let failures = transcript.failureLines.joined(separator: "\n")
    #expect(!transcript.failed, "\(failures)")
    if ProcessInfo.processInfo.environment["VIP_UPDATE_TRANSCRIPTS"] == "1" {
      try transcript.text.write(to: file, atomically: true, encoding: .utf8)
    } else {
      #expect(transcript.text == recorded)
    }
  }
}
