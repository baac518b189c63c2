import Testing
import VIPKubernetes
import VIPKubernetesImport

/// Files made to hurt: each ends in one clear line, soon.
///
/// Each would take hours, or never end, if the effort grew without bounds; so that a limit of
/// minutes tells the two apart on any machine.
@Suite(.timeLimit(.minutes(10))) struct HostileFileTests: ImportSuite {
  private func refusal(bytes: [UInt8]) throws -> String {
    let error = #expect(throws: PoolImportError.self) {
      try PoolImport([ImportSource(name: "o.yaml", bytes: bytes)])
    }
    return try #require(error).description
  }

  @Test(arguments: [150, 900])
  func `nested deeply`(depth: Int) throws {
    let lists = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    #expect(
      try refusal("a: " + lists)
        == "o.yaml:1: lists and mappings are nested more than 100 deep; no object to import is")
  }

  @Test func `nested without end`() throws {
    #expect(try refusal("a: " + String(repeating: "[", count: 200_000)).contains("not valid YAML"))
    #expect(try refusal(String(repeating: "- ", count: 200_000)).contains("o.yaml:"))
    #expect(try refusal(String(repeating: "{a: ", count: 200_000)).contains("not valid YAML"))
  }

  @Test func `lists within lists`() throws {
    var text = Objects.eip().split(separator: "\n").joined(separator: "\n")
    for _ in 0..<6 {
      let lines = text.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
      text = "apiVersion: v1\nkind: List\nitems:\n-\n\(lines)"
    }
    #expect(
      try refusal(text).contains("'items' of a List is a list of objects, which are no lists"))
  }

  @Test func `aliases that multiply`() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let names = [String](repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(names)]\n"
    }
    #expect(try refusal(text) == "o.yaml:5: more than 4 anchors (&name); write values out")
  }

  @Test func `aliases that multiply inside a key`() throws {
    var text = "a: &a [\(String(repeating: "x, ", count: 1000))x]\n"
    text += "b: &b [\([String](repeating: "*a", count: 8).joined(separator: ","))]\n"
    text += "c: &c [\([String](repeating: "*b", count: 9).joined(separator: ","))]\n"
    #expect(
      try refusal(text) == "o.yaml: more than 16 aliases (*name); write the values out")
    text = text.replacing("*b,*b", with: "*b")
    #expect(try refusal(text + "? *c\n: 1\n").contains("the name of a field is one word"))
  }

  @Test(arguments: [
    "[&a x", "{&a x: 1", "-\n- &a x", "\n&a x: 1", "[x,&a x", "!!str &a x", "? &a x",
  ])
  func `anchors are counted wherever they can stand`(beginning: String) throws {
    let text = String(repeating: beginning + "\n", count: 5)
    #expect(try refusal(text).contains("more than 4 anchors"))
  }

  @Test func `ampersands and asterisks in texts are no anchors`() throws {
    let text =
      "https://example.com/?a=1&b=2&c=3&d=4&e=5 R&D && a & b & c & d & e & f **a** */5 * * * *"
    let result = try imported(
      Objects.eip(metadata: "annotations: {note: '\(text)', other: '\(text)'}"))
    #expect(result.pools.count == 1)
  }

  @Test func `anchors that are used well`() throws {
    let text = Objects.eip("namespaces: &names [web, mail]") + "other: *names\n"
    #expect(try imported(text).pools.first?.spec.namespaces == ["web", "mail"])
  }

  @Test func `very many values`() throws {
    let text = "a: [" + String(repeating: "x,", count: 600_000) + "]"
    #expect(
      try refusal(text)
        == "o.yaml:1: the file has more than 500000 values; give only the objects that are to be imported"
    )
  }

  @Test func `very many objects`() throws {
    let objects = (0..<500).map { number in
      Objects.eip(
        name: "pool-\(number)", address: "10.0.\(number / 250).\(number % 250 + 1)",
        metadata: "labels: {a: b}")
    }
    let result = try imported(objects.joined(separator: "---\n"))
    #expect(result.pools.count == 500)
    // Two notes about each.
    #expect(result.lines.count == 1000)
  }

  @Test func `an Eip with all addresses of a network in use`() throws {
    let used = (0..<65_536).map { "    10.1.\($0 >> 8).\($0 & 255): default/web-\($0)\n" }.joined()
    let text =
      Objects.eip(address: "10.1.0.0-10.1.255.255", metadata: Objects.isDefault)
      + "status:\n  used:\n\(used)"
    #expect(try imported(text).pools.count == 1)
  }

  @Test func `very large files`() throws {
    let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: 8 << 20 + 1)
    #expect(
      try refusal(bytes: bytes)
        == "o.yaml: larger than 8 MiB; give only the objects that are to be imported")
    #expect(try refusal(bytes: Array(bytes.dropLast())).contains("there is no object in it"))
  }

  @Test func `bytes that are no UTF-8`() throws {
    let rest = "; give objects as YAML or JSON, as kubectl prints them"
    #expect(try refusal(bytes: [0xFF, 0xFE]) == "o.yaml:1: not UTF-8 text\(rest)")
    let text = Array("a: 1\nb: \"".utf8) + [0xC3, 0x28] + Array("\"\nc: 1\n".utf8)
    #expect(try refusal(bytes: text) == "o.yaml:2: not UTF-8 text\(rest)")
    #expect(try refusal(bytes: [0x1F, 0x8B, 8, 0, 0x80]) == "o.yaml:1: not UTF-8 text\(rest)")
    #expect(try refusal(bytes: Array("a: \u{0}\u{1}".utf8)).hasPrefix("o.yaml"))
  }

  @Test func `long texts are cut in messages`() throws {
    let long = String(repeating: "x", count: 100_000)
    // The parser takes no longer one.
    let key = String(long.prefix(1000))
    let result = try imported(
      Objects.eip("\(key): 1", metadata: Objects.isDefault),
      Objects.eip("interface: \(long)/"), Objects.eip(address: long), Objects.eip(name: long),
      Objects.eip("namespaces: [\(long)]"), Objects.eip("priority: \(long)"),
      Objects.kubevip("\(key): a", "cidr-web: \(long)"),
      Objects.eip(name: "b").replacing("kind: Eip", with: "kind: \(long)"))
    #expect(result.remarks.count > 8)
    for remark in result.remarks { #expect(remark.line.utf8.count < 600) }
    #expect(try refusal(long).utf8.count < 300)
    #expect(try refusal("\(key): 1\n\(key): 2\n").utf8.count < 300)
  }

  @Test func `arbitrary bytes and cut texts end in a line`() throws {
    let whole = Array(
      (Objects.eip("namespaces: &a [web]", "x: *a") + "---\n" + Objects.pool("avoidBuggyIPs: true")
        + "---\n" + Objects.kubevip("cidr-global: 192.0.2.0/24")).utf8)
    var state: UInt64 = 42
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    for round in 0..<2000 {
      var bytes = whole
      if round % 4 == 0 { bytes.removeLast(Int(next() % UInt64(bytes.count))) }
      for _ in 0..<(round % 5) where !bytes.isEmpty {
        bytes[Int(next() % UInt64(bytes.count))] =
          round % 2 == 0
          ? UInt8(next() & 0x7F) : Array("{}[]:,-&*?!|>'\"#% \n\t".utf8)[Int(next() % 20)]
      }
      do throws(PoolImportError) {
        let result = try PoolImport([ImportSource(name: "o.yaml", bytes: bytes)])
        for remark in result.remarks { #expect(!remark.line.contains("\n")) }
      } catch {
        #expect(error.description.hasPrefix("o.yaml") && !error.description.contains("\n"))
      }
    }
  }
}
