import Foundation
import TestSupport
import Testing
import VIPReports
import VRRP
import VRRPSimulation

@testable import vipctl

/// `vipctl simulate`, the program itself.
@Suite struct SimulateCommandTests {
  private static let examples = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Examples/scenarios")

  static let exampleNames =
    ((try? FileManager.default.contentsOfDirectory(atPath: examples.path)) ?? [])
    .filter { $0.hasSuffix(".txt") }.sorted()

  private func simulate(_ arguments: [String], input: String = "") throws -> CommandResult {
    // No privileges at all: simulating needs none.
    let plain =
      geteuid() == 0
      ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"] : []
    return try run(plain + [VipctlNode.binary, "simulate"] + arguments, input: input)
  }

  @Test func `there are examples`() { #expect(Self.exampleNames.count >= 5) }

  @Test(arguments: exampleNames)
  func `an example does what it says`(name: String) throws {
    let path = Self.examples.appending(path: name).path
    let result = try simulate([path])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    let source = try String(contentsOfFile: path, encoding: .utf8)
    #expect(source.contains("\nexpect active "))
    #expect(result.output.hasPrefix(source.prefix { $0 != "\n" }))
    #expect(result.output.contains("A client is served from "))
    #expect(result.output.split(separator: "\n").allSatisfy { $0.count <= 110 })
  }

  @Test func `standard input`() throws {
    let result = try simulate(["-"], input: "router a priority 255\ntick 1s\n")
    #expect(result.status == 0)
    #expect(
      result.output.hasPrefix(
        """
        router a priority 255
            0.000000s a: Initialize → Active, started as address owner
        tick 1s

               0s            200ms          400ms         600ms          800ms
        a      #

        """.dropLast()))
    #expect(result.output.contains("\na      " + String(repeating: "#", count: 73) + "\n"))
  }

  @Test func `a mistake has its place`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("router a\ntick soon\n", to: "s.txt")
    let result = try simulate([folder["s.txt"]])
    #expect(result.status == ExitStatus.file.rawValue && result.output.isEmpty)
    #expect(
      result.errors
        == "vipctl: \(folder["s.txt"]):2:6: 'soon' is not a duration such as 250ms\n")
    #expect(
      try simulate(["-"], input: "rooter a\n").errors
        == "vipctl: standard input:1:1: there is no command 'rooter'\n")
  }

  @Test func `an expectation that is not met`() throws {
    let result = try simulate(
      ["-"], input: "router a\nrouter b\ntick 1s\nexpect active a\ntick 9s\nexpect active a\n")
    #expect(result.status == ExitStatus.failed.rawValue)
    #expect(
      result.errors == """
        vipctl: standard input:4: expected 'active a', found 'active none'
        vipctl: standard input:6: expected 'active a', found 'active b'

        """)
    #expect(result.output.contains("EXPECTATION FAILED"))
  }

  @Test func `a broken promise`() throws {
    let result = try simulate(
      ["-"], input: "router a address 192.0.2.7\nrouter b address 192.0.2.7\ntick 1m\n")
    #expect(result.status == ExitStatus.failed.rawValue)
    #expect(result.errors.hasPrefix("vipctl: standard input:3: broken promise at "))
  }

  @Test func `files that can't be played`() throws {
    let folder = try TemporaryDirectory()
    let missing = try simulate([folder["none.txt"]])
    #expect(missing.status == ExitStatus.file.rawValue)
    #expect(missing.errors == "vipctl: \(folder["none.txt"]): there is no such file\n")
    #expect(
      try simulate([folder.path]).errors
        == "vipctl: \(folder.path): is a directory; give the path of a file\n")
    try check(["sh", "-c", "printf 'router a\\n\\377' > \(folder["bad.txt"])"])
    #expect(
      try simulate([folder["bad.txt"]]).errors
        == "vipctl: \(folder["bad.txt"]):2:1: not UTF-8 text; is this a scenario?\n")
    #expect(
      try simulate(["/dev/zero"]).errors
        == "vipctl: /dev/zero: larger than 4 MiB; is this a scenario?\n")
  }

  @Test func `flags make a scenario that can be printed and played`() throws {
    let flags = ["--routers", "5", "--loss", "2%", "--seed", "7", "--cut", "10s", "--for", "20s"]
    let played = try simulate(flags)
    #expect(played.status == 0)
    let printed = try simulate(flags + ["--print"])
    #expect(printed.output.hasPrefix("seed 7\nsegment loss 2%\nrouter a priority 200 address"))
    #expect(try simulate(["-"], input: printed.output).output == played.output)
    #expect(try simulate(flags).output == played.output, "equal input, equal output")
  }

  @Test func `JSON`() throws {
    let result = try simulate(
      ["--json", "--priorities", "100,200", "--interval", "100ms", "--crash", "3s", "--for", "5s"])
    let report = try JSONDecoder().decode(ScenarioRecord.self, from: Data(result.output.utf8))
    #expect(report.passed && report.duration == 5)
    #expect(report.groups.first?.routers.map(\.priority.rawValue) == [100, 200])
    #expect(report.groups.first?.client.outages.map(\.from) == [3])
    #expect(report.events.contains { $0.event == "crashed" && $0.router == "b" })
  }

  @Test func `a terminal gets no control characters`() throws {
    let result = try simulate(["-"], input: "# \u{1B}[31mred\nrouter a\ntick 1s\n")
    #expect(!result.output.contains("\u{1B}"))
  }

  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/tcpdump")),
    arguments: ["ipv4", "ipv6"])
  func `tcpdump accepts the packets`(family: String) throws {
    let folder = try TemporaryDirectory()
    let scenario =
      "router a family \(family) priority 200\nrouter b family \(family)\ntick 5s\nstop a\ntick 3s\n"
    let result = try simulate(["-", "--pcap", folder["s.pcap"]], input: scenario)
    #expect(result.status == 0)
    let dump = try check(["tcpdump", "-n", "-vvv", "-r", folder["s.pcap"]])
    #expect(dump.contains("VRRPv3, Advertisement, vrid 1, prio 200, intvl 100cs"))
    #expect(dump.contains("prio 0,"))
    #expect(!dump.contains("bad") && !dump.contains("truncated") && !dump.contains("incorrect"))
    let refused = try simulate(["-", "--pcap", folder["none/s.pcap"]], input: scenario)
    #expect(refused.status == ExitStatus.failed.rawValue)
    #expect(
      refused.errors
        == "vipctl: \(folder["none/s.pcap"]): can't be written: No such file or directory\n")
  }
}
