import Testing

@testable import VIPImport

/// Taking lines apart.
@Suite struct KeepalivedLexerTests {
  /// Each line once more for each that it continues would take minutes.
  @Test(.timeLimit(.minutes(10)))
  func `a line continued as often as fits into a file is read in one go`() {
    let count = 400_000
    let lines = KeepalivedLexer.lines(
      of: String(repeating: "word \\\n", count: count) + "end\n")
    #expect(lines.map(\.number) == [1])
    #expect(lines.first?.text.utf8.count == count * 5 + 3)
  }
}
