import Testing
import VIPTesting

/// Stories that fail are made short, in whichever way they fail.
@Suite struct StoryMinimizerTests {
  private func failing(_ text: String) throws -> (story: Story, failure: StoryFailure) {
    let story = try Story(parsing: text)
    return (story, try #require(StoryRun(story).firstFailure))
  }

  @Test func `what is no part of a failed expectation goes, what leads to it stays`() throws {
    let (story, failure) = try failing(
      """
      node a
      node b
      up a web 192.0.2.10/24 192.0.2.11/24 probe off
      freeze b 1s
      clock a +1%
      tick 10s
      rest 300s
      heal
      expect holder 192.0.2.11 a
      tick 1s
      expect holder 192.0.2.10 none
      show
      """)
    guard case .unmet(.holder) = failure else {
      Issue.record("\(failure)")
      return
    }
    let minimal = story.minimized(failing: failure)
    #expect(StoryRun(minimal).firstFailure == failure)
    let text = minimal.description
    for needless in ["node b", "freeze", "clock", "192.0.2.11", "show"] {
      #expect(!text.contains(needless), "\(text)")
    }
    #expect(text.hasSuffix("heal\ntick 1s\nexpect holder 192.0.2.10 none\n"), "\(text)")
  }

  @Test func `a story that finds no rest keeps what disturbs it`() throws {
    let (story, failure) = try failing(
      """
      node a
      node b
      up a web 192.0.2.10/24
      segment loss 10%
      tick 10s
      freeze b 1s
      rest 60s
      """)
    #expect(failure == .unrest(.troubled))
    let minimal = story.minimized(failing: failure)
    #expect(minimal.statements.count == 2, "\(minimal)")
    #expect(minimal.description.contains("loss"))
    #expect(StoryRun(minimal).firstFailure == failure)
  }

  @Test func `one that finds no rest does not become one that has another reason`() throws {
    let (story, failure) = try failing(
      """
      node a
      up a web 192.0.2.10/24
      tick 10s
      cut a
      tick 1s
      heal
      rest 1s
      """)
    #expect(failure == .unrest(.settling))
    let minimal = story.minimized(failing: failure)
    #expect(StoryRun(minimal).firstFailure == failure)
    #expect(!minimal.description.contains("cut"), "\(minimal)")
  }
}
