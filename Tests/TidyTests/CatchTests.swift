import Foundation
import Testing

/// What is caught has one type, and the source says which.
///
/// Where calls throw errors of two types within one `do`, the `catch` gets an error of no known
/// type, and an optimised build has taken it for one of the two and crashed.
@Suite struct CatchTests {
  /// Where the other end is a library that throws what it likes, it may be any error.
  private static let anyError = [
    "Sources/VIPConfiguration/Reading/YAMLTree.swift", "Sources/vipctl/Vipctl.swift",
  ]

  @Test func `each do with a catch names the type of the error`() throws {
    var count = 0
    var unnamed: [String] = []
    var any: [String] = []
    for file in try Repository.swiftFiles(under: "Sources") {
      let lines = try file.lines
      for (index, line) in lines.enumerated() where line.text.contains("do ") {
        guard let start = line.code.firstMatch(of: #/(^|[^\w.])do( throws\((.+)\))? \{\s*$/#)
        else { continue }
        // Its end stands where it began.
        let indentation = line.text.prefix { $0 == " " }
        let end = lines[(index + 1)...].first { $0.text.hasPrefix("\(indentation)}") }
        guard let end, end.code.contains("catch") else { continue }
        count += 1
        switch start.output.3 {
        case nil: unnamed.append("\(file.path):\(index + 1)")
        case "any Error": any.append(file.path)
        default: break
        }
      }
    }
    #expect(count > 20)
    #expect(unnamed == [], "write 'do throws(SomeError) {'")
    #expect(any.sorted() == Self.anyError)
  }
}
