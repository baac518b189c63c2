import Testing

/// Files and functions can be read in one go; see CONTRIBUTING.md.
@Suite struct SizeTests {
  @Test func `a file has one topic and at most 400 lines`() throws {
    for file in try Repository.swiftFiles(under: "Sources") {
      // The last line's end makes one more.
      let count = try file.lines.count - 1
      #expect(count <= 400, "\(file.path) has \(count) lines")
    }
  }

  @Test func `the program is thin, for the work is done in libraries`() throws {
    let files = try Repository.swiftFiles(under: "Sources/vipctl")
    let count = try files.reduce(0) { try $0 + $1.lines.count - 1 }
    #expect(!files.isEmpty && count <= 3_300, "Sources/vipctl has \(count) lines")
  }

  @Test func `a function has at most 70 lines`() throws {
    var found = 0
    for file in try Repository.swiftFiles(under: "Sources") {
      for function in Self.functions(try file.lines.map { String($0.text) }) {
        found += 1
        #expect(function.count <= 70, "\(file.path):\(function.start) has \(function.count) lines")
      }
    }
    #expect(found > 1000)
  }

  /// The formatter breaks lines of code only.
  @Test(arguments: ["Sources", "Tests"])
  func `a line of a comment has at most 100 columns`(folder: String) throws {
    var found = 0
    for file in try Repository.swiftFiles(under: folder) {
      for (number, line) in try file.lines.enumerated() where Self.isBreakable(line.text) {
        found += 1
        guard Self.isTooWide(line.text) else { continue }
        Issue.record("\(file.path):\(number + 1) has \(line.text.count) columns")
      }
    }
    #expect(found > 1000)
  }

  @Test(arguments: [
    ("  /// A node.", true), ("// A remark.", true), ("/// | `rest D` | a row of a table |", false),
    ("let a = 1 // a remark", false), ("", false),
  ])
  func `lines of comments are found but for tables`(line: String, isBreakable: Bool) {
    #expect(Self.isBreakable(line) == isBreakable)
  }

  @Test func `columns are characters`() {
    let mark = "/// "
    #expect(!Self.isTooWide(mark + String(repeating: "§", count: 96)))
    #expect(Self.isTooWide(mark + String(repeating: "§", count: 97)))
  }

  /// Whether a line is one of a comment, but for the row of a table, which can't be broken.
  private static func isBreakable(_ line: String) -> Bool {
    let text = line.drop { $0 == " " }
    return text.hasPrefix("//") && !text.hasPrefix("/// |")
  }

  /// Whether a line is wider than those of the formatter; nearly all are short in bytes already.
  private static func isTooWide(_ line: String) -> Bool {
    line.utf8.count > 100 && line.count > 100
  }

  @Test func `functions are found by the layout of the formatter`() {
    let text = """
      struct Some {
        func one() { 1 }
        func two(
          a: Int
        ) -> Int {
          let text = a // {
          return a
        }
        func requirement() -> Int
        private init?(_ b: Int) {
          if b { }
        }
      }
      """
    let functions = Self.functions(text.split(separator: "\n").map(String.init))
    #expect(functions.map(\.start) == [3, 10])
    #expect(functions.map(\.count) == [6, 3])
  }

  /// The functions with a body of several lines.
  ///
  /// The formatter puts the end of each in a line of its own, as far in as its beginning.
  private static func functions(_ lines: [String]) -> [(start: Int, count: Int)] {
    let beginning = #/^( *)(?:[a-z@][\w()@]* )*(?:func |init[(<?])/#
    return lines.indices.compactMap { start in
      let code = SourceFile.Line(text: lines[start]).code
      guard let match = code.prefixMatch(of: beginning), !code.hasSuffix("}") else { return nil }
      let indent = String(match.output.1)
      var body = start
      while !opensBody(lines[body]) {
        body += 1
        guard body < lines.count else { return nil }
        // A requirement of a protocol ends with its line.
        let goesOn = lines[body].hasPrefix(indent + " ") || lines[body].hasPrefix(indent + ")")
        guard goesOn else { return nil }
      }
      guard let end = lines[(body + 1)...].firstIndex(where: { $0.hasPrefix(indent + "}") }) else {
        return nil
      }
      return (start + 1, end - start + 1)
    }
  }

  private static func opensBody(_ line: String) -> Bool {
    SourceFile.Line(text: line).code.last { !$0.isWhitespace } == "{"
  }
}
