import Foundation
import Testing

/// Comments and documents are about the program, in the words of the field.
@Suite struct WordTests {
  /// Words by which a sentence gets a person as its subject that plays no part, or an old-fashioned
  /// turn; see Docs/Glossary.md for those to take.
  private static var banned: Regex<Substring> {
    #/\b(?i:whoever|nobody|somebody|anybody|for ever|anew|manieth)\b/#
  }

  /// Modules whose comments have been looked through.
  private static let modules = [
    "VIP", "VIPControl", "VIPMonitor", "VIPConfiguration", "VIPImport", "VIPReports", "VIPService",
    "vipctl",
  ]

  @Test(arguments: modules)
  func `comments`(module: String) throws {
    for file in try Repository.swiftFiles(under: "Sources/\(module)") {
      for (number, line) in try file.lines.enumerated() {
        let comment = line.text.dropFirst(line.code.count)
        let word = comment.firstMatch(of: Self.banned)?.output
        #expect(word == nil, "\(file.path):\(number + 1)")
        #expect(!comment.hasPrefix("/// Who "), "\(file.path):\(number + 1)")
      }
    }
  }

  /// What is quoted is left as it is: messages, commands and the names of tests.
  @Test(arguments: ["README.md", "CONTRIBUTING.md"])
  func `documents`(path: String) throws {
    let text = try String(contentsOf: Repository.root.appending(path: path), encoding: .utf8)
    let prose = text.replacing(#/```[^`]*```|`[^`]*`|“[^”]*”/#, with: "")
    for line in prose.split(separator: "\n") {
      #expect(line.firstMatch(of: Self.banned) == nil, "\(path): \(line.prefix(120))")
    }
  }
}
