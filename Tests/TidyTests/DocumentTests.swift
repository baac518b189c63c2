import Foundation
import TestSupport
import Testing

/// What the documents say about the repository is so.
@Suite struct DocumentTests {
  @Test func `there are documents`() {
    let paths = Document.all.map(\.path)
    for path in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
      #expect(paths.contains(path))
    }
    #expect(paths.contains { $0.hasPrefix("Docs/") })
  }

  @Test(arguments: Document.all)
  func `links lead somewhere`(document: Document) throws {
    let folder = (document.path as NSString).deletingLastPathComponent
    for link in document.links where !link.contains("://") && !link.hasPrefix("mailto:") {
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      let path = parts[0].isEmpty ? document.path : "\(folder.isEmpty ? "." : folder)/\(parts[0])"
      let place = Repository.root.appending(path: path).standardizedFileURL
      #expect(FileManager.default.fileExists(atPath: place.path), "\(document.path): \(link)")
      guard parts.count == 2, let target = try? String(contentsOf: place, encoding: .utf8) else {
        continue
      }
      let anchors = Document(path: path, text: target).anchors
      #expect(anchors.contains(String(parts[1])), "\(document.path): \(link)")
    }
  }

  @Test(arguments: Document.all)
  func `no path of the machine that it was written on`(document: Document) throws {
    let place = /(^|[^A-Za-z0-9_.$])\/(tmp|work|root|home|Users)\//
    #expect(document.text.firstMatch(of: place) == nil, "\(document.path)")
  }

  @Test func `commands and flags that documents name exist`() throws {
    let binary = VipctlNode.binary
    try #require(FileManager.default.isExecutableFile(atPath: binary), "no \(binary)")
    var helps: [String: String] = [:]
    var checked = 0
    for document in Document.all {
      for words in document.invocations where words[0] != "help" {
        let command = String(words[0])
        let help = try helps[command] ?? run([binary, command, "--help"]).output
        helps[command] = help
        let isCommand = help.contains("USAGE: vipctl \(command) ")
        #expect(isCommand, "\(document.path): vipctl \(command)")
        let known = Set(help.split(whereSeparator: { " \n,<[]".contains($0) }))
        for word in words.dropFirst() where word.hasPrefix("-") && word.count > 1 {
          let flag = word.prefix { $0 == "-" || $0.isLetter }
          let isKnown = known.contains(flag)
          #expect(isKnown, "\(document.path): vipctl \(command) \(flag)")
          checked += 1
        }
      }
    }
    #expect(checked > 20)
  }

  @Test func `the status in the document is one that the schema allows`() throws {
    let folder = try TemporaryDirectory()
    let blocks = try Document.named("Docs/Status.md").blocks.filter { $0.language == "json" }
    let block = try #require(blocks.first)
    try folder.write(block.text, to: "status.json")
    #expect(try StatusSchema.objection(to: [folder["status.json"]]) == nil)
  }

  @Test func `the README is short, and has two commands to set up`() throws {
    let readme = try Document.named("README.md")
    let lines = readme.text.split(separator: "\n", omittingEmptySubsequences: false)
    // The last line's end makes one more.
    #expect(lines.count - 1 <= 200)
    let row = #/^\| `(make [a-z-]+)` \|/#.anchorsMatchLineEndings()
    let commands = readme.prose.matches(of: row).map { String($0.output.1) }
    #expect(commands == ["make demo", "make test"])
  }

  /// A page that no other one links to is not found.
  @Test func `the index by task links to each page`() throws {
    let links = Set(
      try Document.named("Docs/README.md").links.map { $0.prefix { $0 != "#" } }.map(String.init))
    let pages = Document.all.map(\.path).filter { $0.hasPrefix("Docs/") }
      .map { String($0.dropFirst(5)) }
    #expect(pages.count > 20)
    #expect(pages.filter { $0 != "README.md" && !links.contains($0) } == [])
  }

  @Test(arguments: ["nftables.conf", "systemd-networkd.conf", "NetworkManager.conf"])
  func `a file of the page about networks is an example`(name: String) throws {
    let example = try Document.named("Examples/network/\(name)").text
    let blocks = try Document.named("Docs/Networking.md").blocks.map { $0.text + "\n" }
    #expect(blocks.contains(example), "\(name)")
  }

  @Test func `the documents' Swift is compiled`() throws {
    let snippets = try Repository.swiftFiles(under: "Snippets").map { file in
      try file.lines.map(\.text).joined(separator: "\n")
    }
    var found = 0
    let blocks = try ["README.md", "Docs/Embedding.md"].flatMap { try Document.named($0).blocks }
    for block in blocks where block.language == "swift" && block.text.contains("import ") {
      // The imports stand at the top of a snippet, the rest further down.
      let parts = block.text.split(separator: "\n\n", maxSplits: 1)
      #expect(
        snippets.contains { snippet in parts.allSatisfy { snippet.contains($0) } }, "\(block.text)")
      found += 1
    }
    #expect(found >= 5)
  }

  @Test func `each guarantee names tests that exist`() throws {
    let tests = try Repository.swiftFiles(under: "Tests").map { file in
      try file.lines.map(\.text).joined(separator: "\n")
    }.joined(separator: "\n")
    // The first two rows are the heading and its line.
    let rows = try Document.named("Docs/Guarantees.md").prose.split(separator: "\n")
      .filter { $0.hasPrefix("|") }.dropFirst(2)
    #expect(rows.count >= 15 && rows.allSatisfy { $0.contains("“") })
    var found = 0
    for row in rows {
      for match in row.matches(of: /“([^”]+)”/) {
        let name = match.output.1
        #expect(tests.contains("\"\(name)\"") || tests.contains("`\(name)`"), "\(name)")
        found += 1
      }
    }
    #expect(found >= 15)
  }
}
