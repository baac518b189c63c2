import TestSupport
import Testing
import VIP

@testable import VIPConfiguration

/// Files made to hurt: each ends in one clear line, soon.
@Suite struct HostileFileTests {
  private func refusal(_ text: String) throws -> String {
    let error = #expect(throws: Diagnostic.self) { try ConfigurationReader.read(text) }
    return try #require(error).description
  }

  @Test(.timeLimit(.minutes(10)), arguments: [100, 900])
  func `nested deeply`(depth: Int) throws {
    let lists = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    #expect(
      try refusal("routers: " + lists)
        == "1:26: lists and mappings are nested more than 16 deep")
  }

  @Test(.timeLimit(.minutes(10)))
  func `nested without end`() throws {
    let text = "routers: " + String(repeating: "[", count: 200_000)
    #expect(try refusal(text).contains("not valid YAML"))
  }

  @Test(.timeLimit(.minutes(10)))
  func `aliases that multiply`() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let names = [String](repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(names)]\n"
    }
    #expect(try refusal(text) == "5:5: more than 4 anchors (&name); write values out")
  }

  @Test(.timeLimit(.minutes(10)))
  func `aliases that multiply inside a key`() throws {
    var text = "a: &a [\(String(repeating: "x, ", count: 1000))x]\n"
    text += "b: &b [\([String](repeating: "*a", count: 8).joined(separator: ", "))]\n"
    text += "c: &c [\([String](repeating: "*b", count: 9).joined(separator: ", "))]\n"
    #expect(try refusal(text) == "more than 16 aliases (*name); write the values out")
    text = text.replacing("*b, *b", with: "*b")
    #expect(try refusal(text + "? *c\n: 1\n").hasPrefix("1:1: unknown key 'a' at the top"))
  }

  @Test(.timeLimit(.minutes(10)))
  func `very many values`() throws {
    let text = "routers: [" + String(repeating: "x,", count: 300_000) + "]"
    #expect(try refusal(text).hasSuffix("the file has more than 200000 values"))
  }

  @Test(.timeLimit(.minutes(10)))
  func `aliases that stand for many values`() throws {
    let text =
      "a: &a [\(String(repeating: "x, ", count: 30_000))x]\n"
      + "b: [\([String](repeating: "*a", count: 8).joined(separator: ", "))]\n"
    #expect(try refusal(text) == "2:25: the file has more than 200000 values")
  }

  @Test(.timeLimit(.minutes(10)))
  func `an alias to what it stands in`() throws {
    #expect(try refusal("a: &a [*a]\n") == "1:8: not valid YAML: found undefined alias")
  }

  @Test(.timeLimit(.minutes(10)), arguments: ["- ", "[", "{a: ", "? "])
  func `far more nested than any file`(opening: String) throws {
    let text = String(repeating: opening, count: 200_000)
    #expect(try refusal(text).hasSuffix("lists and mappings are nested more than 1000 deep"))
  }

  @Test(.timeLimit(.minutes(10)))
  func `too much, and then no YAML either`() throws {
    let text = "routers: [" + String(repeating: "x,", count: 300_000) + "]]"
    #expect(try refusal(text).contains("not valid YAML"))
    let more = "routers: [" + String(repeating: "x,", count: 900_000) + "]]"
    #expect(try refusal(more).hasSuffix("the file has more than 200000 values"))
  }

  @Test(.timeLimit(.minutes(10)))
  func `very many directives`() throws {
    let lines = (0..<200_000).map { "%TAG !\($0)! x\n" }.joined()
    #expect(
      try refusal(lines + "---\nrouters: []\n")
        == "17:1: more than 16 directives (lines that begin with %); remove them")
  }

  @Test func `20,000 addresses are welcome`() throws {
    let addresses = (0..<20_000).map { "2001:db8::\(String($0 + 1, radix: 16))/64" }
    let text =
      "routers: [{interface: e, vrid: 1, addresses: [\(addresses.joined(separator: ", "))]}]"
    #expect(try ConfigurationReader.read(text).routers.first?.addresses.count == 20_000)
  }

  private func refusal(ofFile path: String) throws -> String {
    let failure = #expect(throws: FileError.self) { try ConfigurationFile.load(path) }
    #expect(failure?.kind == .invalid)
    return try #require(failure).description
  }

  @Test func `a file that is missing`() throws {
    let path = try TemporaryDirectory()["web.yaml"]
    #expect(try refusal(ofFile: path) == "\(path): there is no such file")
  }

  @Test func `a directory`() throws {
    let folder = try TemporaryDirectory()
    #expect(
      try refusal(ofFile: folder.path)
        == "\(folder.path): is a directory; give the path of a file")
  }

  @Test func `bytes that are no text`() throws {
    let folder = try TemporaryDirectory()
    let path = folder["web.yaml"]
    try check(["sh", "-c", "printf 'routers:\\n- name: \\377\\n' > \(path)"])
    #expect(
      try refusal(ofFile: path)
        == "\(path):2:9: not UTF-8 text; is this a configuration file?")
  }

  @Test func `a file without an end`() throws {
    #expect(
      try refusal(ofFile: "/dev/zero")
        == "/dev/zero: larger than 4 MiB; is this a configuration file?")
  }
}
