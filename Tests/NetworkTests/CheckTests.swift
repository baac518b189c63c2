import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Health checks of the real program: what a client sees when one fails, and what is left behind.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct CheckTests {
    private static let move = Bound(machine: .milliseconds(100))
    private let segment: Segment
    private let vip: IPAddress

    init() throws {
      segment = try Segment(nodes: 2)
      vip = segment.virtualAddress(.ipv4)
    }

    private func node(
      _ index: Int, priority: Int, checks: String = "", uses: String = ""
    ) throws -> VipctlNode {
      try VipctlNode(
        on: segment.nodes[index], of: segment,
        configuration: """
          \(checks.isEmpty ? "" : "checks:\n\(checks)")
          routers:
            - name: lab
              interface: eth0
              vrid: 51
              interval: 1s
              priority: \(priority)
              addresses: [\(vip)/24]
              checks: [\(uses)]

          """)
    }

    private func waitForAnswer(of node: LabNode, _ pinger: Pinger) throws {
      try eventually("\(node.name) answers", within: .seconds(30)) {
        try pinger.waitForAnswer().mac == node.mac
      }
    }

    @Test("A failing check moves the address without a gap, and back when it passes again")
    func failing() throws {
      let flag = segment.directory["up"]
      try segment.directory.write("", to: "up")
      let first = try node(
        0, priority: 150,
        checks:
          "  - {name: service, command: [/usr/bin/test, -e, \(flag)], timeout: 10s}\n",
        uses: "service")
      try first.waitUntil(.active)
      let second = try node(1, priority: 100)
      try second.waitUntil(.backup)
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()
      unlink(flag)
      try waitForAnswer(of: segment.nodes[1], pinger)
      try first.waitUntil(.initialize)
      let detail = try first.command(["status", "lab"]).output
      #expect(detail.contains("why        check service: exit code 1"), "\(detail)")
      #expect(detail.contains("checks     service fails, out of the election"), "\(detail)")
      try eventually("the old holder has let go") { try !segment.nodes[0].holds(vip) }
      try segment.directory.write("", to: "up")
      try waitForAnswer(of: segment.nodes[0], pinger)
      let report = try pinger.stop()
      #expect(
        report.holders == [segment.nodes[0].mac, segment.nodes[1].mac, segment.nodes[0].mac])
      #expect(report.outages(over: Self.move) == [])
      let events = try first.command(["events"]).output
      #expect(events.contains("check service fails: exit code 1"), "\(events)")
      let metrics = try first.command(["metrics"]).output
      #expect(metrics.contains("vipctl_check_standing{check=\"service\",standing=\"passing\"} 1"))
      try second.stop()
      try first.stop()
    }

    @Test("Weights that cross move the address without a gap; a file is followed")
    func weights() throws {
      let weight = segment.directory["weight"]
      let first = try node(
        0, priority: 150, checks: "  - {name: drain, file: \(weight), interval: 1h}\n",
        uses: "drain")
      try first.waitUntil(.active)
      let second = try node(1, priority: 100)
      try second.waitUntil(.backup)
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()
      try segment.directory.write("-100\n", to: "weight")
      try waitForAnswer(of: segment.nodes[1], pinger)
      try first.waitUntil(.backup)
      #expect(try first.command(["status", "lab"]).output.contains("drain passes, priority -100"))
      try segment.directory.write("10\n", to: "new")
      #expect(rename(segment.directory["new"], weight) == 0)
      try waitForAnswer(of: segment.nodes[0], pinger)
      let detail = try first.command(["status", "lab"]).output
      #expect(detail.contains("150, but raised by its checks: 160"), "\(detail)")
      let report = try pinger.stop()
      #expect(report.outages(over: Self.move) == [])
      try segment.directory.write(try first.command(["status", "--json"]).output, to: "status")
      #expect(try StatusSchema.objection(to: [segment.directory["status"]]) == nil)
      try second.stop()
      try first.stop()
    }

    @Test("A reload brings checks and takes them away; the end leaves no program behind")
    func reload() throws {
      let pid = segment.directory["pid"]
      try segment.directory.write("#!/bin/sh\necho $$ >\(pid)\nexec sleep 1000\n", to: "hang")
      chmod(segment.directory["hang"], 0o755)
      let hang = segment.directory["hang"]
      let first = try node(0, priority: 150)
      try first.waitUntil(.active)
      let text = readText(first.configurationPath)
      let with =
        text.replacingOccurrences(of: "checks: []", with: "checks: [hang]")
        + "checks:\n  - {name: hang, command: [\(hang)], timeout: 1h}\n"
      try with.write(toFile: first.configurationPath, atomically: true, encoding: .utf8)
      let report = try first.command(["reload"]).output
      #expect(report.contains("checks none → hang"), "\(report)")
      try eventually("the command runs") { readText(pid).hasSuffix("\n") }
      let child = try #require(pid_t(readText(pid).dropLast()))
      // Nothing is known of it yet: a router that is Active stays.
      #expect(try first.command(["status"]).output.contains("active"))
      try text.write(toFile: first.configurationPath, atomically: true, encoding: .utf8)
      _ = try first.command(["reload"])
      try eventually("it is ended") { Glibc.kill(child, 0) != 0 }
      try with.write(toFile: first.configurationPath, atomically: true, encoding: .utf8)
      _ = try first.command(["reload"])
      try eventually("it runs again") {
        guard let other = pid_t(readText(pid).dropLast()), other != child else { return false }
        return Glibc.kill(other, 0) == 0
      }
      let other = try #require(pid_t(readText(pid).dropLast()))
      try first.stop()
      #expect(Glibc.kill(other, 0) != 0)
    }

    @Test("A router does not take its addresses before its check has said something")
    func firstResult() throws {
      let gate = segment.directory["gate"]
      try segment.directory.write(
        "#!/bin/sh\nwhile [ ! -e \(gate) ]; do sleep 0.1; done\n", to: "slow")
      chmod(segment.directory["slow"], 0o755)
      let slow = segment.directory["slow"]
      let first = try node(
        0, priority: 150, checks: "  - {name: slow, command: [\(slow)], timeout: 1h}\n",
        uses: "slow")
      try eventually("it waits") {
        try first.command(["status", "lab"]).output
          .contains("check slow: it has not said anything yet")
      }
      // Without a peer it would become Active after 3.4 s.
      for _ in 0..<25 {
        #expect(try !segment.nodes[0].holds(vip))
        usleep(200_000)
      }
      try segment.directory.write("", to: "gate")
      try first.waitUntil(.active)
      try first.stop()
    }

    @Test("A check's program ends with a node that is killed")
    func killed() throws {
      let pid = segment.directory["pid"]
      try segment.directory.write("#!/bin/sh\necho $$ >\(pid)\nexec sleep 1000\n", to: "hang")
      chmod(segment.directory["hang"], 0o755)
      let hang = segment.directory["hang"]
      let first = try node(
        0, priority: 150, checks: "  - {name: hang, command: [\(hang)], timeout: 1h}\n",
        uses: "hang")
      try eventually("the command runs") { readText(pid).hasSuffix("\n") }
      let child = try #require(pid_t(readText(pid).dropLast()))
      #expect(Glibc.kill(child, 0) == 0)
      try first.kill()
      try eventually("it is ended") {
        Glibc.kill(child, 0) != 0 || readText("/proc/\(child)/stat").contains(") Z ")
      }
    }

    @Test("check --probe runs each check once and says what would follow")
    func trial() throws {
      let namespace = segment.nodes[0].namespace
      try namespace.ip("route add 203.0.113.0/24 via \(segment.client.ipv4)")
      try namespace.ip("route add 203.0.113.0/25 via \(segment.client.ipv4) table 77")
      try segment.directory.write(
        """
        checks:
          - name: client
            neighbour: {address: \(segment.client.ipv4), interface: eth0}
            timeout: 10s
          - name: client6
            neighbour: {address: "\(segment.client.ipv6)", interface: eth0}
            timeout: 10s
          - {name: silent, neighbour: {address: \(vip), interface: eth0}, timeout: 1s}
          - {name: route, route: {destination: 203.0.113.0/24, interface: eth0, table: 254}}
          - {name: other, route: {destination: 203.0.113.0/25, table: 77}}
          - {name: wrong, route: {destination: 203.0.113.0/25, table: 254}}
          - {name: link, interface: eth0}
          - {name: web, http: "http://127.0.0.1:9/", timeout: 10s}
        routers:
          - name: lab
            interface: eth0
            vrid: 51
            addresses: [\(vip)/24]
            checks: [client, client6, silent, {check: route, weight: 5}, other, link, web,
              {check: wrong, weight: -7}]

        """, to: "file.yaml")
      let result = try namespace.run([
        VipctlNode.binary, "check", segment.directory["file.yaml"], "--probe",
      ])
      for line in [
        "check client: success: \(segment.client.ipv4) answers on eth0",
        "check client6: success: \(segment.client.ipv6) answers on eth0",
        "check silent: failure: \(vip) does not answer on eth0",
        "  lab would leave the election", "check route: success: the route is there",
        "  lab would have a priority 5 higher", "check other: success: the route is there",
        "check wrong: failure: there is no route 203.0.113.0/25 in table 254",
        "  lab would have a priority 7 lower", "check link: success: eth0 is there",
      ] {
        #expect(result.output.contains(line + "\n"), "\(line)\n\(result.output)\(result.errors)")
      }
      #expect(result.output.contains("check web: "))
      #expect(result.status == 0)
    }
  }
}
