import KubernetesClient
import Testing

@testable import VIPKubernetesManifests

/// Values that are written, and read by another program.
@Suite struct YAMLTests {
  private static func readBack(_ value: YAMLValue) throws -> JSONValue? {
    try JSONValue.documents(
      in: YAMLWriter.text([YAMLDocument(value, comment: "It: # is.\n\n  - a")])
    )
    .first
  }

  @Test(arguments: [
    "", " ", "a", "yes", "No", "ON", "off", "y", "N", "True", "null", "NULL", "~", "1", "1.5",
    "0x10",
    "1_000", "1e3", "12:30:45", "1-255", "250ms", "2026-11-30", ".5", ".inf", "a: b", "a:b", "a:",
    "a #b", "#a", "- a", "-a", "-", "?", "? a", ": a", "@x", "`x", "%x", "!x", "&x", "*x", "|", ">",
    "'a'", "it's", "\"a\"", "a\"b", "a\\b", "'\\'", "a\nb", "\n", "tab\tx", "a  b", " a", "a ",
    "[a]",
    "{a}", "a, b", "a,b", "Größe", "=", "<<", "a\u{1}b", "--- a", "...", "/healthz", "x=y;z(1)+",
  ])
  func `a text`(text: String) throws {
    let long = text + " " + String(repeating: "word ", count: 40) + text
    for text in [text, long, text + String(repeating: "x", count: 120)] {
      let value: YAMLValue = [
        "field": .text(text), "list": [.text(text), [:], .text(text)],
        "short": [.text(text), .text(text)],
        "objects": [["a": .text(text), "b": 1], ["c": ["d": .text(text)]]],
      ]
      #expect(try Self.readBack(value) == JSONValue(value), "\(text)")
    }
  }

  @Test func `a name of a field that means something else`() throws {
    let value: YAMLValue = ["on": 1, "": 2, "a: b": 3, "1": 4, "x.y/z": 5, "null": 6]
    #expect(try Self.readBack(value) == JSONValue(value))
  }

  @Test func `other values, empty and nested`() throws {
    let value: YAMLValue = [
      "numbers": [0, -1, 9_223_372_036_854_775_807], "truths": [true, false], "none": [],
      "empty": [:],
      "lists": [[["a"], []], [[:]], [["b": ["c": [["d": [["e": false]]]]]]]],
    ]
    #expect(try Self.readBack(value) == JSONValue(value))
  }

  @Test func `comments stand before what they are about`() throws {
    let value: YAMLValue = .fields([
      YAMLField("a", 1, comment: "First.\nSecond."),
      YAMLField("b", [.fields([YAMLField("c", 2, comment: "Third."), YAMLField("d", 3)])]),
    ])
    let text = YAMLWriter.text([
      YAMLDocument(value, comment: "All.\n\n  as it is"), YAMLDocument([:]),
    ])
    #expect(
      text == """
        # All.
        #
        #  as it is
        # First.
        # Second.
        a: 1
        b:
          # Third.
          - c: 2
            d: 3
        ---
        {}

        """)
    #expect(try JSONValue.documents(in: text) == [JSONValue(value), [:]])
  }

  @Test func `lines are no longer than they have to be`() throws {
    for line in try Manifests().text.split(separator: "\n") where line.count > YAMLWriter.width {
      let words = line.drop { $0 == " " }.split(separator: " ")
      #expect(words.count <= 2, "\(line)")
    }
  }
}
