import Glibc
import TestSupport
import Testing
import VIP
import VIPControl
import VIPCore
import VIPReports

@testable import VIPConfiguration

/// Programs and pipes in a configuration file: how they are written, and whether they can be run.
@Suite struct HookFileTests {
  private static let router = "interface: eth0, vrid: 1, addresses: [192.0.2.9]"

  @Test func `everything about hooks that a file can say`() throws {
    let file = try ConfigurationReader.read(
      """
      node:
        events: { fifo: /run/vipctl/events }
        on: { fault: [/bin/page, "all of it"] }
      routers:
        - interface: eth0
          vrid: 1
          addresses: [192.0.2.9]
          on:
            active: [/bin/up, web, 51, true, "", "&x"]
            backup:
              - /bin/down
            stop: []
            timeout: 1m
        - {interface: eth0, vrid: 2, addresses: [192.0.2.10]}
        - {interface: eth0, vrid: 3, addresses: [192.0.2.11], on: {}}
      """)
    #expect(file.eventsPath == "/run/vipctl/events")
    #expect(
      file.routers.map(\.hooks) == [
        Hooks(
          active: ["/bin/up", "web", "51", "true", "", "&x"], backup: ["/bin/down"],
          timeout: .seconds(60)),
        Hooks(fault: ["/bin/page", "all of it"]), Hooks(),
      ])
    // As they go to a background node.
    let request = ControlRequest.up(file.routers, timeout: .seconds(1))
    #expect(JSONCoding.decode(ControlRequest.self, from: JSONCoding.line(request)) == request)
  }

  @Test func `a hook of 100,000 arguments is refused, and that takes no time`() throws {
    let arguments = String(repeating: "x, ", count: 100_000)
    let error = #expect(throws: Diagnostic.self) {
      try ConfigurationReader.read(
        "routers: [{\(Self.router), on: {active: [/bin/true, \(arguments)]}}]")
    }
    #expect(error?.description.contains("a hook has at most 256 arguments") == true)
  }

  @Test(arguments: [
    ("on: [x]", "expected 'active', 'backup', 'fault', 'stop', 'timeout' in 'on', found a list"),
    ("on: {master: [/x]}", "unknown key 'master' in 'on'; known here: 'active', 'backup', 'fault'"),
    ("on: {activ: [/x]}", "unknown key 'activ' in 'on'; did you mean 'active'?"),
    (
      "on: {active: /x}",
      "'active' is a list, such as [/usr/local/bin/program, argument]; found '/x'"
    ),
    ("on: {active: [x.sh]}", "'x.sh' is not an absolute path; hooks are run without a shell"),
    ("on: {active: [/x, [y]]}", "an argument of 'active' is text, found a list"),
    ("on: {timeout: 30}", "'30' has no unit; write 30s"),
    ("on: {timeout: 2h}", "'2h' is not a time limit; give 100ms to 1h, such as 30s"),
  ])
  func `hooks that make no sense`(line: String, message: String) throws {
    let text = "routers:\n- {\(Self.router),\n   \(line)}\n"
    let error = #expect(throws: Diagnostic.self) { try ConfigurationReader.read(text) }
    #expect(error?.place?.line == 3)
    #expect(error?.text.hasPrefix(message) == true, "\(error?.description ?? "")")
  }

  @Test func `a FIFO needs a whole path`() {
    let text = "node: {events: {fifo: pipe}}\nrouters: [{\(Self.router)}]\n"
    let error = #expect(throws: Diagnostic.self) { try ConfigurationReader.read(text) }
    #expect(
      error?.description == "1:23: 'pipe' is not an absolute path; give its whole path")
  }

  @Test func `a program that can't be run is an error with its place`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("#!/bin/sh\n", to: "plain")
    try folder.write("#!/bin/sh\n", to: "good")
    chmod(folder["good"], 0o755)
    func failure(_ program: String) throws -> String? {
      try folder.write(
        "routers:\n- {\(Self.router),\n   on: {backup: [\"\(program)\", x]}}\n", to: "f.yaml")
      do throws(FileError) {
        _ = try ConfigurationFile.load(folder["f.yaml"])
        return nil
      } catch {
        #expect(error.kind == .unusable)
        return error.description
      }
    }
    let file = folder["f.yaml"]
    #expect(try failure("/no/such") == "\(file):3:18: there is no program '/no/such'")
    #expect(
      try failure(folder["plain"])
        == "\(file):3:18: '\(folder["plain"])' can't be run; make it executable with chmod +x")
    #expect(try failure(folder.path) == "\(file):3:18: '\(folder.path)' is no program but a folder")
    #expect(try failure(folder["good"]) == nil)
  }

  @Test func `a program that others can change is a warning`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("#!/bin/sh\n", to: "hook")
    chmod(folder["hook"], 0o755)
    #expect(ProgramCheck.weakness(folder["hook"]) == nil)
    #expect(symlink(folder["hook"], folder["link"]) == 0)
    #expect(ProgramCheck.weakness(folder["link"]) == nil)
    chmod(folder["hook"], 0o777)
    for name in ["hook", "link"] {
      #expect(
        ProgramCheck.weakness(folder[name]) == "\(folder["hook"]) can be written by every user")
    }
    chmod(folder["hook"], 0o755)
    chmod(folder.path, 0o777)
    #expect(ProgramCheck.weakness(folder["hook"]) == "\(folder.path) can be written by every user")

    var routers: [PlacedRouter] = []
    _ = try ConfigurationReader.read(
      "routers:\n- {\(Self.router),\n   on: {stop: [\(folder["hook"])]}}\n"
    ) { routers.append($0) }
    let remark = try #require(routers.flatMap(ProgramCheck.remarks).first)
    #expect(remark.kind == .warning)
    #expect(remark.line(in: "f").hasPrefix("f:3:16: \(folder.path) can be written by every user"))
  }
}
