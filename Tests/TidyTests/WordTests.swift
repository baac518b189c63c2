import Foundation
import Testing

/// Comments, messages and documents are about the program, in the words of the field.
@Suite struct WordTests {
  /// Words by which a sentence gets a person as its subject that plays no part, or an old-fashioned
  /// turn; see Docs/Glossary.md for those to take.
  private static var banned: Regex<Substring> {
    #/\b(?i:whoever|whomever|nobody|somebody|anybody|everybody|someone|everyone|for ever|anew|manieth|business|befalls?|befell|in peace|fend(?:s|ed|ing)? off|(?:is|are) no news)\b/#
  }

  /// A program or a machine is no person: "which node", "the machine that".
  private static var who: Regex<Substring> { #/\b(?i:who|whom)\b/# }

  /// Where a person is meant, and the question of ARP as tools print it.
  private static var rightly: Regex<Substring> {
    #/\b(?i:(?:those|users?|people|operators?) who|who[ -]has)\b/#
  }

  /// Parts of the words above: a text without any of them, as nearly all are, needs no slow search.
  private static let marks = [
    "who", "body", "someone", "everyone", "for ever", "anew", "manieth", "business", "no news",
    "befall", "befell", "in peace", "fend",
  ]

  /// The first word that does not belong there.
  private static func find(in text: some StringProtocol) -> String? {
    let text = String(text)
    let lowercased = text.lowercased()
    guard marks.contains(where: { strstr(lowercased, $0) != nil }) else { return nil }
    if let word = text.firstMatch(of: banned)?.output { return String(word) }
    return text.replacing(rightly, with: "").firstMatch(of: who).map { String($0.output) }
  }

  @Test(arguments: ModuleTests.allowed.keys.sorted())
  func `comments and messages`(module: String) throws {
    for file in try Repository.swiftFiles(under: "Sources/\(module)") {
      for (number, text) in try file.texts.enumerated() {
        #expect(Self.find(in: text) == nil, "\(file.path):\(number + 1): \(text)")
      }
    }
  }

  @Test func `comments of tests`() throws {
    for file in try Repository.swiftFiles(under: "Tests") where file.path != Self.path {
      for (number, line) in try file.lines.enumerated() {
        let comment = line.text.dropFirst(line.code.count)
        #expect(Self.find(in: comment) == nil, "\(file.path):\(number + 1): \(comment)")
      }
    }
  }

  @Test func `names of tests`() throws {
    var found = 0
    for file in try Repository.swiftFiles(under: "Tests") where file.path != Self.path {
      let text = try file.lines.map(\.text).joined(separator: "\n")
      let titles = text.matches(of: #/@(?:Test|Suite)\(\s*"([^"]*)"/#).map(\.output.1)
      let names = text.matches(of: #/func `([^`]+)`/#).map(\.output.1)
      for name in titles + names {
        found += 1
        #expect(Self.find(in: name) == nil, "\(file.path): \(name)")
      }
    }
    #expect(found > 1000)
  }

  /// This file, which names the words.
  private static let path = "Tests/TidyTests/WordTests.swift"

  /// Beginnings of a summary that is neither a noun phrase nor a verb phrase.
  private static var vague: Regex<Substring> {
    #/^/// (?:It|They|What|How|Why|When|Which|That|Where|Whose|Since|Until|For|By|As|In|To|Has no)\b/#
  }

  /// The summaries that don't say what they are about, with the numbers of their lines.
  private static func vagueSummaries(_ lines: [String]) -> [(number: Int, text: String)] {
    var isInside = false
    var found: [(number: Int, text: String)] = []
    for (number, line) in lines.enumerated() {
      let text = String(line.trimmingPrefix(while: \.isWhitespace))
      let isComment = text.hasPrefix("///")
      if isComment, !isInside, text.firstMatch(of: vague) != nil { found.append((number, text)) }
      isInside = isComment
    }
    return found
  }

  @Test(arguments: ModuleTests.allowed.keys.sorted())
  func `a summary is a noun phrase or a verb phrase`(module: String) throws {
    for file in try Repository.swiftFiles(under: "Sources/\(module)") {
      for (number, text) in Self.vagueSummaries(try file.lines.map { String($0.text) }) {
        Issue.record("\(file.path):\(number + 1): \(text)")
      }
    }
  }

  @Test func `a vague summary is found, further lines are not`() {
    let lines = [
      "/// What a node does.", "let a = 1", "  /// How fast.", "  let b = 1",
      "/// The time after which", "/// What a node does is over.", "let c = 1",
      "/// Whether it is on.", "let d = 1", "/// It is on.", "let e = 1", "/// Howling.",
      "let f = 1", "/// Why it is on.", "let g = 1", "/// Where it is.", "let h = 1",
      "/// For how long it is on.", "let i = 1", "/// Has no interface any more.", "let j = 1",
      "/// Has all bounds begin again.", "let k = 1", "/// Forgets what it was.",
    ]
    #expect(Self.vagueSummaries(lines).map(\.number) == [0, 2, 9, 13, 15, 17, 19])
  }

  @Test(arguments: ["CGuard", "CLinux"])
  func `comments in C`(module: String) throws {
    let folder = "Sources/\(module)"
    let paths = try FileManager.default
      .subpathsOfDirectory(atPath: Repository.root.appending(path: folder).path)
      .filter { $0.hasSuffix(".c") || $0.hasSuffix(".h") }
    #expect(!paths.isEmpty)
    for path in paths {
      for (number, line) in try SourceFile(path: "\(folder)/\(path)").lines.enumerated() {
        #expect(Self.find(in: line.text) == nil, "\(path):\(number + 1)")
      }
    }
  }

  /// What is quoted is left as it is: messages, commands and the names of tests.
  @Test(arguments: Document.all)
  func documents(_ document: Document) throws {
    for line in document.prose.split(separator: "\n") {
      let text = line.replacing(#/`[^`]*`|“[^”]*”|"[^"]*"/#, with: "")
      #expect(Self.find(in: text) == nil, "\(document.path): \(line.prefix(120))")
    }
  }

  @Test func `the manual page`() throws {
    for line in try Document.named("Docs/vipctl.8").text.split(separator: "\n") {
      #expect(Self.find(in: line) == nil, "\(line)")
    }
  }

  @Test(arguments: [
    ("/// A program, whoever started it.", "whoever"), (#"  let a = "Nobody is there""#, "Nobody"),
    (#"  let b = "x""# + " // who asks", "who"), ("  /// Those who embed a node.", nil),
    (#"  let who = text("\(who): it has who-has")"#, nil), ("  let nobody = 1", nil),
  ])
  func `a word is found in a comment and in a message`(line: String, word: String?) {
    let texts = SourceFile.texts(of: [SourceFile.Line(text: line)])
    #expect(texts.compactMap { Self.find(in: $0) } == (word.map { [$0] } ?? []))
  }

  @Test func `a word is found in a text of several lines`() {
    let lines = [#"  let a = """"#, "    and who", #"    """"#, "  let who = 1"]
    let texts = SourceFile.texts(of: lines.map { SourceFile.Line(text: $0) })
    #expect(texts.map { Self.find(in: $0) } == [nil, "who", nil, nil])
  }
}

extension SourceFile {
  /// What each line says to a reader: its comment and its string literals, without what these
  /// interpolate.
  var texts: [String] {
    get throws { Self.texts(of: try lines) }
  }

  static func texts(of lines: [Line]) -> [String] {
    var isInside = false
    return lines.map { line in
      let marks = line.text.components(separatedBy: #"""""#).count - 1
      defer { if marks % 2 == 1 { isInside.toggle() } }
      if isInside { return marks > 0 ? "" : withoutValues(line.text) }
      let code = withoutValues(String(line.code))
      let literals =
        strchr(code, 0x22) == nil ? [] : code.matches(of: #/"([^"]*)"/#).map { String($0.output.1) }
      let comment = String(line.text.dropFirst(line.code.count))
      return (literals + [comment]).joined(separator: " ")
    }
  }

  /// A line without `\(…)`, with parentheses up to two deep in it.
  private static func withoutValues(_ line: String) -> String {
    guard strstr(line, #"\("#) != nil else { return line }
    return line.replacing(#/\\\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)/#, with: "")
  }
}
