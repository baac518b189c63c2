import Testing

@testable import VIPConfiguration

/// What is offered for a mistyped word.
@Suite struct SuggestionTests {
  @Test(arguments: [
    ("vird", "vrid"), ("intervall", "interval"), ("VRID", "vrid"), ("adresses", "addresses"),
    ("prio", "priority"), ("pr", nil), ("x", nil), ("", nil),
  ])
  func `the word that was probably meant`(word: String, meant: String?) {
    let known = ["name", "vrid", "priority", "interval", "addresses"]
    #expect(Suggestion.nearest(to: word, among: known) == meant)
  }
}
