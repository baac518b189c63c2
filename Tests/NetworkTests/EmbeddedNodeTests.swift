import Foundation
import TestSupport
import Testing
import VIPCore

/// The programs of `Snippets`, which `swift build` puts beside the tests.
private enum BuiltSnippet {
  static func path(_ name: String) -> String {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (tests as NSString).deletingLastPathComponent + "/" + name
  }

  static var areAll: Bool { FileManager.default.isExecutableFile(atPath: path("HealthCheck")) }
}

extension NetworkTests {
  /// Programs of `Snippets` that run a node of their own, beside a `vipctl` of the same group.
  @Suite(
    .enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"),
    .enabled(if: BuiltSnippet.areAll, "the snippets are not beside the tests"))
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
      #expect(program.log.contains("web IPv4: waiting: health: \(well) is not there"))

      try segment.directory.write("", to: "well")
      try expect(node, not: other, "the check succeeds again")
      try peer.waitUntil(.backup)

      try segment.directory.write("", to: "stop")
      try expect(other, not: node, "the program has ended in order")
      #expect(program.waitForExit(within: .seconds(10)) == 0)
    }
  }
}
