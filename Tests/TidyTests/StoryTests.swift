import Foundation
import Testing

/// The pages that tell what happens name a story of nodes in which it does.
@Suite struct StoryTests {
  private static let folder = "Tests/VIPTestingTests/Stories"

  /// The pages that tell what a node does when something happens.
  static let pages = [
    "Docs/Architecture.md", "Docs/Configuration.md", "Docs/Conflicts.md", "Docs/Elsewhere.md",
    "Docs/Groups.md", "Docs/Guarantees.md", "Docs/Guard.md", "Docs/Handover.md",
    "Docs/Healing.md", "Docs/Hooks.md",
    "Docs/KernelSettings.md", "Docs/Leases.md", "Docs/Monitoring.md", "Docs/Operations.md",
    "Docs/VirtualMAC.md",
  ]

  private static func named(in page: String) throws -> Set<String> {
    let text = try String(contentsOf: Repository.root.appending(path: page), encoding: .utf8)
    return Set(text.matches(of: /Stories\/([a-z0-9-]+\.txt)/).map { String($0.1) })
  }

  private static var stories: Set<String> {
    get throws {
      let path = Repository.root.appending(path: folder).path
      return Set(try FileManager.default.contentsOfDirectory(atPath: path))
    }
  }

  @Test(arguments: pages)
  func `a page that tells what happens names a story`(page: String) throws {
    let named = try Self.named(in: page)
    #expect(!named.isEmpty, "\(page) names no story in \(Self.folder)")
    #expect(named.subtracting(try Self.stories).isEmpty, "\(page) names stories that are not there")
  }

  @Test func `every story is named by a page`() throws {
    let named = try Self.pages.reduce(into: Set<String>()) { try $0.formUnion(Self.named(in: $1)) }
    #expect(try Self.stories.subtracting(named).isEmpty)
    #expect(try Self.stories.count >= 25)
  }
}
