import Foundation
import Testing

/// Golden runs: `Stories/*.txt` tell what happens to a cluster, with what is written then.
///
/// `VIP_UPDATE_TRANSCRIPTS=1` writes what is planned now into them; then read the difference.
@Suite struct StoryTests {
  private static let directory =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Stories")

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? [])
    .filter { $0.hasSuffix(".txt") }.sorted()

  @Test func `there are stories`() { #expect(Self.names.count >= 15) }

  @Test(arguments: names)
  func `a story goes as recorded`(_ name: String) throws {
    let file = Self.directory.appendingPathComponent(name)
    let recorded = try String(contentsOf: file, encoding: .utf8)
    let story = Story(playing: recorded)
    #expect(story.mistakes == [])
    if ProcessInfo.processInfo.environment["VIP_UPDATE_TRANSCRIPTS"] == "1" {
      try story.text.write(to: file, atomically: true, encoding: .utf8)
    } else {
      #expect(story.text == recorded)
    }
  }
}
