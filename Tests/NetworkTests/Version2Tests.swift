import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Elections in version 2 between `vipctl` and keepalived, both ways, without and with a
  /// password.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct Version2Tests {
    private static let passwords = [nil, "s3same"]

    private struct Pair {
      let segment: Segment
      let capture: Capture
      let vip: IPAddress

      init() throws {
        segment = try Segment(nodes: 2)
        capture = try Capture(segment)
        vip = segment.virtualAddress(.ipv4)
      }

      func startVipctl(priority: Int, password: String?) throws -> VipctlNode {
        try VipctlNode(
          on: segment.nodes[0], of: segment,
          configuration: """
            routers:
              - name: lab
                interface: eth0
                vrid: 51
                priority: \(priority)
                version: 2
                addresses: [\(vip)]
                authentication: \(password.map { "{ password: \($0) }" } ?? "null")
            """)
      }

      func startKeepalived(priority: Int, password: String?) throws -> Keepalived {
        var settings = Keepalived.Settings(addresses: [vip.description])
        settings.priority = priority
        settings.interval = .seconds(1)
        settings.version = 2
        settings.password = password
        return try Keepalived(on: segment.nodes[1], of: segment, settings)
      }
    }

    @Test("The higher priority preempts, and its end is noticed", arguments: passwords)
    func keepalivedFollows(password: String?) throws {
      let pair = try Pair()
      let keepalived = try pair.startKeepalived(priority: 100, password: password)
      try keepalived.waitUntil(.active)
      let vipctl = try pair.startVipctl(priority: 150, password: password)
      try vipctl.waitUntil(.active)
      try keepalived.waitUntil(.backup)
      #expect(try !keepalived.node.holds(pair.vip))

      try vipctl.stop()
      try keepalived.waitUntil(.active)
      #expect(try keepalived.node.holds(pair.vip))
      #expect(try !vipctl.node.holds(pair.vip))
      let adverts = try pair.capture.stop()
      #expect(adverts.allSatisfy { $0.version == 2 })
      #expect(adverts.contains { $0.source == vipctl.node.advertiser(.ipv4) && $0.priority == 0 })
      #expect(!vipctl.process.log.contains("level=warning"), "\(vipctl.process.log)")
      #expect(!vipctl.process.log.contains("s3same"))
    }

    @Test("vipctl follows keepalived and takes over when it resigns", arguments: passwords)
    func vipctlFollows(password: String?) throws {
      let pair = try Pair()
      let vipctl = try pair.startVipctl(priority: 100, password: password)
      try vipctl.waitUntil(.active)
      let keepalived = try pair.startKeepalived(priority: 150, password: password)
      try keepalived.waitUntil(.active)
      try vipctl.waitUntil(.backup)
      let status = try vipctl.command(["status", "--json"]).output
      #expect(status.contains("\"version\" : 2"))
      #expect(status.contains("\(keepalived.node.ipv4)"))
      #expect(!status.contains("s3same"))

      try keepalived.stop()
      try vipctl.waitUntil(.active)
      #expect(try vipctl.node.holds(pair.vip))
    }

    @Test("Without the password an advertisement moves no node, and status says so")
    func wrongPassword() throws {
      let pair = try Pair()
      let vipctl = try pair.startVipctl(priority: 100, password: "s3same")
      try vipctl.waitUntil(.active)
      let keepalived = try pair.startKeepalived(priority: 150, password: "other")
      try keepalived.waitUntil(.active)
      try eventually("the status warns") {
        try vipctl.command(["status"]).output
          .contains("\(keepalived.node.ipv4) authenticates itself otherwise")
      }
      try vipctl.waitUntil(.active, within: .zero)
    }
  }
}
