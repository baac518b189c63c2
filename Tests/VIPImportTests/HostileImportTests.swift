import Foundation
import TestSupport
import Testing
import VIP

@testable import VIPConfiguration
@testable import VIPImport

/// Files that are meant to keep an import busy without an end.
///
/// Each would take hours, or never end, if the effort grew with the square of the file, or without
/// bounds; so that a limit of minutes tells the two apart on any machine.
@Suite(.timeLimit(.minutes(5))) struct HostileImportTests {
  private func imported(_ text: String) throws -> KeepalivedImport {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    return try KeepalivedImport(folder["k.conf"])
  }

  private func refusal(_ text: String) throws -> String {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
    return (failure?.description ?? "").replacing(folder["k.conf"], with: "k.conf")
  }

  private static func instance(_ number: Int, _ lines: String) -> String {
    "vrrp_instance r\(number) {\ninterface e\(number / 200)\nvirtual_router_id \(number % 200 + 1)\n"
      + "\(lines)}\n"
  }

  @Test func `many addresses`() throws {
    let addresses = (0..<20_000).map { "10.\($0 >> 8).\($0 & 255).1\n" }.joined()
    let result = try imported(Self.instance(1, "virtual_ipaddress {\n\(addresses)}\n"))
    #expect(result.routers.first?.configuration.addresses.count == 20_000)
    let blocks = (0..<40_000).map { "virtual_ipaddress {\n10.\($0 >> 8).\($0 & 255).1\n}\n" }
      .joined()
    #expect(try imported(Self.instance(1, blocks)).routers.isEmpty, "too many for a router")
    let excluded = (0..<100_000).map { "10.1.\($0 >> 8).\($0 & 255)\n" }.joined()
    let left = "virtual_ipaddress {\n10.0.0.1\n}\nvirtual_ipaddress_excluded {\n\(excluded)}\n"
    #expect(try imported(Self.instance(1, left)).remarks.count < 100_000)
  }

  @Test func `many instances, and many remarks`() throws {
    let instances = (0..<20_000).map { number in
      Self.instance(
        number, "flux_capacitor\ngarp_master_delay x\nvirtual_ipaddress {\n10.0.0.1\n}\n")
    }
    let result = try imported(instances.joined())
    #expect(result.routers.count > 90)
    #expect(result.remarks.count > 20_000)
  }

  @Test func `many definitions`() throws {
    let definitions = (0..<60_000).map { "$N\($0)=10.0.0.\($0 & 127)\n" }.joined()
    let addresses = (0..<20_000).map { "${N\($0)}\n" }.joined()
    let result = try imported(
      definitions + Self.instance(1, "virtual_ipaddress {\n\(addresses)}\n"))
    #expect(result.routers.first?.configuration.addresses.count == 128)
  }

  @Test func `definitions without end`() throws {
    let endless = "vrrp_instance a {\ninterface ${A}\n}\n"
    let text =
      "k.conf:3: the definitions in '${A}' have no end or become too long; write out what they stand "
      + "for"
    #expect(try refusal("$A=${A}\n" + endless) == text)
    #expect(try refusal("$A=x${A}${A}\n" + endless) == text)
    let chain = (0..<30).map { "$A\($0)=${A\($0 + 1)}${A\($0 + 1)}\n" }.joined()
    #expect(
      try refusal(chain + "$A30=\(String(repeating: "x", count: 100))\n" + "a ${A0}\n")
        .contains("have no end or become too long"))
  }

  @Test func `patterns of any size`() throws {
    let braces = String(repeating: "{a,b}", count: 40)
    #expect(
      try refusal("include \(braces)\n")
        == "k.conf:1: '\(braces.prefix(50))…' is too much: more than 256 alternatives in braces; name "
        + "fewer files")
    for depth in [8, 2000] {
      #expect(
        try refusal("include /\(String(repeating: "*/", count: depth))x\n").contains(
          "is too much: more than 50000 files and folders would have to be looked at"))
    }
    let deep = String(repeating: "x/", count: 2000)
    #expect(try refusal("include /\(deep)*\n").contains("no file matches '/x"), "no such folder")
    #expect(
      try refusal("include \(String(repeating: "x", count: 5000))\n").contains(
        "is too much: no path is longer than 4096 bytes"))
    #expect(
      try refusal("include \(String(repeating: "{", count: 4000))\n").contains(
        "nothing of it could be read: k.conf:1: "))
  }

  @Test func `patterns as shells have them`() throws {
    let folder = try TemporaryDirectory()
    try check(["mkdir", "-p", folder["d/one"], folder["d/two"]])
    for name in ["one/a.conf", "one/b.conf", "two/a.conf", "two/.hidden.conf", "two/c.txt"] {
      try folder.write("", to: "d/" + name)
    }
    var patterns = IncludePattern()
    func names(_ pattern: String) throws -> [String] {
      try patterns.files(matching: folder[pattern]).map {
        String($0.dropFirst(folder["d"].count + 1))
      }
    }
    #expect(try names("d/*/*.conf") == ["one/a.conf", "one/b.conf", "two/a.conf"])
    #expect(try names("d/{two,one}/a.c*") == ["two/a.conf", "one/a.conf"])
    #expect(try names("d/{t{w,x}o,}/?.{conf,txt}") == ["two/a.conf", "two/c.txt"])
    #expect(try names("d/one/[bc].conf") == ["one/b.conf"])
    #expect(try names("d/one/b.conf") == ["one/b.conf"])
    #expect(try names("d/one/none") == [])
  }

  @Test func `what is no ordinary file is not waited for`() throws {
    let folder = try TemporaryDirectory()
    for index in 0..<20 { try check(["mkfifo", folder["fifo\(index)"]]) }
    try folder.write(
      "include fifo*\ninclude /dev/zero\n" + Self.instance(1, "virtual_ipaddress {\n10.0.0.1\n}\n"),
      to: "k.conf")
    let result = try KeepalivedImport(folder["k.conf"])
    #expect(result.routers.count == 1)
    #expect(result.remarks.count == 21)
    #expect(
      result.remarks.last?.text == "/dev/zero: is no ordinary file; it is missing here")
  }

  @Test func `a file of which nothing could be read is not called empty`() throws {
    let folder = try TemporaryDirectory()
    try check(["mkfifo", folder["pipe"]])
    func failure(_ text: String) throws -> String {
      try folder.write(text, to: "k.conf")
      let error = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
      return try #require(error).description
    }
    let path = folder["k.conf"]
    let remark = "\(path):1: \(folder["pipe"]): is no ordinary file; it is missing here"
    #expect(try failure("include pipe\n") == "\(path): nothing of it could be read: \(remark)")
    #expect(
      try failure("include pipe\ninclude none\n")
        == "\(path): nothing of it could be read: \(remark), and 1 more")
    #expect(
      try failure("include pipe\nglobal_defs {\n}\n")
        == "\(path): there is no vrrp_instance in it; nothing to import (and \(remark))")
    #expect(try failure("# nothing\n").hasSuffix("it is empty"))
  }

  @Test func `files that include one another twice each`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("include a.conf\ninclude a.conf\n", to: "a.conf")
    let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["a.conf"]) }
    #expect(failure?.description.contains("include") == true)
  }

  @Test func `large files that are included again and again`() throws {
    let folder = try TemporaryDirectory()
    try folder.write(String(repeating: "#", count: 3 << 20), to: "large")
    try folder.write(String(repeating: "include large\n", count: 200), to: "k.conf")
    let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
    #expect(failure?.description == "\(folder.path)/large: more than 16 MiB with its includes")
  }
}
