import Foundation
import Testing

/// A Markdown file of the repository.
struct Document: CustomTestStringConvertible {
  let path: String
  let text: String

  var testDescription: String { path }

  /// All documents, wherever they stand; not what was built or fetched.
  static let all: [Document] = {
    let skipped = [".build", ".git", "node_modules"]
    let paths =
      (try? FileManager.default.subpathsOfDirectory(atPath: Repository.root.path)) ?? []
    return paths.filter { path in
      path.hasSuffix(".md")
        && !path.split(separator: "/").contains { part in
          skipped.contains { part.hasPrefix($0) }
        }
    }.sorted().compactMap { path in
      (try? String(contentsOf: Repository.root.appending(path: path), encoding: .utf8))
        .map { Document(path: path, text: $0) }
    }
  }()

  static func named(_ path: String) throws -> Document {
    let url = Repository.root.appending(path: path)
    return Document(path: path, text: try String(contentsOf: url, encoding: .utf8))
  }

  /// A fenced block.
  struct Block {
    let language: String
    let text: String
  }

  var blocks: [Block] {
    var blocks: [Block] = []
    var open: (language: String, lines: [Substring])?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        if let block = open {
          blocks.append(Block(language: block.language, text: block.lines.joined(separator: "\n")))
          open = nil
        } else {
          open = (String(line.dropFirst(3)), [])
        }
      } else {
        open?.lines.append(line)
      }
    }
    return blocks
  }

  /// The text without its fenced blocks.
  var prose: String {
    var isInside = false
    var lines: [Substring] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") { isInside.toggle() } else if !isInside { lines.append(line) }
    }
    return lines.joined(separator: "\n")
  }

  /// Where the document's links lead.
  var links: [String] {
    prose.matches(of: #/\]\(([^)\s]+)\)/#).map { String($0.output.1) }
  }

  /// The names by which a link can lead to a heading.
  var anchors: Set<String> {
    Set(
      prose.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
        let title = line.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
        return String(
          title.compactMap { character -> Character? in
            if character == " " { return "-" }
            return character.isLetter || character.isNumber || "-_".contains(character)
              ? character : nil
          })
      })
  }

  /// Each use of a command of `vipctl` with its words: in inline code, or in a line of a block.
  var invocations: [[Substring]] {
    let inline = prose.matches(of: #/`([^`\n]+)`/#).map { $0.output.1 }
    let lines = blocks.flatMap { $0.text.split(separator: "\n") }
    // At the start, after a prompt, with the path of a program, or quoted in a message.
    let use = #/(?:^ *|[$#] |bin/|')vipctl ([a-z]+(?: [^|'#]*)?)/#
    return (inline + lines).flatMap { text in
      text.matches(of: use).map { $0.output.1.split(separator: " ") }
    }
  }
}
