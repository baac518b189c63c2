import Foundation
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Programs of `Snippets` that run a node of their own, beside a `vipctl` of the same group, or
  /// ask one.
  @Suite(
    .enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"),
    .enabled(if: BuiltSnippet.areAll || Laboratory.isCI, "the snippets are not beside the tests"))
  struct EmbeddedNodeTests {
    @Test("A health check takes a router out of the election and puts it back")
    func healthCheck() throws {
      let segment = try Segment(nodes: 2)
      let (node, other) = (segment.nodes[0], segment.nodes[1])
      let address = try #require(IPAddress("192.0.2.10"))
      let well = segment.directory["well"]
      let stop = segment.directory["stop"]
      try segment.directory.write("", to: "well")
      // Its input ends when the test says so.
      let program = try node.namespace.start(
        [
          "sh", "-c",
          "while [ ! -e \(stop) ]; do sleep 0.1; done | \(BuiltSnippet.path("HealthCheck")) eth0 \(well)",
        ], logPath: segment.directory["health.log"])
      func expect(_ holder: LabNode, not loser: LabNode, _ why: String) throws {
        try eventually(
          "\(holder.name) alone has the address: \(why)", within: .seconds(15),
          poll: .milliseconds(50), detail: { program.logTail }
        ) {
          try holder.holds(address) && !loser.holds(address)
        }
      }
      try expect(node, not: other, "it is alone")
      let peer = try VipctlNode(
        on: other, of: segment, ["\(address)/24"], priority: 50, interval: "1s")
      try peer.waitUntil(.backup)

      try FileManager.default.removeItem(atPath: well)
      try expect(other, not: node, "the check fails")
      try peer.waitUntil(.active)
      #expect(program.log.contains("web IPv4: fault: health: \(well) is not there"))

      try segment.directory.write("", to: "well")
      try expect(node, not: other, "the check succeeds again")
      try peer.waitUntil(.backup)

      try segment.directory.write("", to: "stop")
      try expect(other, not: node, "the program has ended in order")
      #expect(program.waitForExit(within: .seconds(10)) == 0)
    }

    @Test("A program asks a node over its control socket")
    func askNode() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let node = try VipctlNode(on: machine, of: segment, ["192.0.2.10/24"])
      try node.waitUntil(.active)
      func ask() throws -> CommandResult {
        try machine.namespace.run([BuiltSnippet.path("AskNode"), node.runtimeDirectory])
      }
      let answer = try ask()
      #expect(answer.status == 0, "\(answer.errors)")
      let lines = answer.output.split(separator: "\n")
      let pid = try #require(try node.nodeStatus()).pid
      #expect(lines.first?.hasPrefix("node ") == true, "\(answer.output)")
      #expect(lines.first?.hasSuffix(", pid \(pid)") == true, "\(answer.output)")
      #expect(lines.dropFirst() == ["lab IPv4 active"], "\(answer.output)")

      try node.stop()
      let refusal = try ask()
      #expect(refusal.output.hasPrefix("no node runs here"), "\(refusal.output)")
    }

    /// How the first lines begin.
    private static let beginning = [
      "web IPv4: backup: started", "web IPv4: backup, the addresses are not here",
      "web IPv4: backup → active: no advertisement from anyone for ",
      "web IPv4: active, the addresses are in place",
    ]

    @Test(
      "A program that embeds a node holds an address and hands it over",
      arguments: [
        ("EmbedNode", ["web active [192.0.2.10/24]"]),
        (
          "OwnLoop",
          [
            "web IPv4: active → stop: ", "web IPv4: taken down, the addresses are gone",
            "web: removed",
          ]
        ),
      ])
    func snippet(name: String, ending: [String]) throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0].namespace
      let result = try machine.run([BuiltSnippet.path(name), "eth0"], within: .seconds(60))
      #expect(result.status == 0, "\(result.errors)")
      let lines = result.output.split(separator: "\n")
      let expected = Self.beginning + ending
      #expect(lines.count == expected.count, "\(result.output)")
      for (line, text) in zip(lines, expected) { #expect(line.hasPrefix(text), "\(line)") }
      let left = try machine.run(["ip", "-o", "address", "show", "to", "192.0.2.10"])
      #expect(left.output.isEmpty, "nothing is left of it")
    }

    @Test("A program puts parts of its own around those of Linux")
    func ownParts() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0].namespace
      let result = try machine.run([BuiltSnippet.path("OwnParts"), "eth0"], within: .seconds(60))
      #expect(result.status == 0, "\(result.errors)")
      for text in [
        "install 192.0.2.10/24", "announce 192.0.2.10 at ", "192.0.2.10/24 is here",
        "192.0.2.11/24 is not here",
      ] {
        #expect(result.output.contains(text), "\(result.output)")
      }
      #expect(!result.output.contains("install 192.0.2.11"), "it is not in the list")
      let left = try machine.run(["ip", "-o", "address", "show", "to", "192.0.2.8/29"])
      #expect(left.output.isEmpty, "nothing is left of it")
    }
  }
}
