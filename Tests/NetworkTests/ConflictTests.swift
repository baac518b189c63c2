import Foundation
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Machines outside the group that use its addresses: noticed, named, answered, and kept from
  /// being run over.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ConflictTests {
    private static let words = "is also used by the machine with Ethernet address"

    private struct Conflicts: Decodable {
      let claims: Int
      let defenses: Int
    }

    private func conflicts(_ node: VipctlNode) throws -> [Conflicts] {
      struct Status: Decodable { let routers: [Router] }
      struct Router: Decodable { let conflicts: Conflicts }
      let text = try node.command(["status", "--json"]).output
      return try JSONDecoder().decode(Status.self, from: Data(text.utf8)).routers
        .map(\.conflicts)
    }

    /// Lets a machine claim an address, as one does that has it too.
    private func claim(_ vip: IPAddress, by node: LabNode, count: Int) throws {
      try node.namespace.check([
        VipctlNode.binary, "announce", "\(vip)", "-i", "eth0", "--count", "\(count)",
      ])
    }

    @Test(
      "A stranger is named and its claim answered, once in ten seconds", arguments: AddressFamily.allCases)
    func stranger(family: AddressFamily) throws {
      let segment = try Segment(nodes: 2)
      let vip = segment.virtualAddress(family)
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description])
      try node.waitUntil(.active)
      let pinger = try Pinger(from: segment.client, to: vip)
      try pinger.waitForAnswer()
      pause(Bounds.interval * 4)

      try claim(vip, by: segment.nodes[1], count: 4)
      try eventually("the status names the stranger") {
        try node.command(["status"]).output.contains("\(Self.words) \(segment.nodes[1].mac)")
      }
      try eventually("it has heard all of them") { try conflicts(node).first?.claims == 4 }
      #expect(try conflicts(node).first?.defenses == 1)
      let told = node.process.log.split(separator: "\n").filter { $0.contains(Self.words) }
      #expect(told.count == 1)
      // The client hears the real holder again, when the ten seconds are over.
      try claim(vip, by: segment.nodes[1], count: 1)
      try eventually("the holder answers again", within: .seconds(30)) {
        let isAnswered = try pinger.waitForAnswer().mac == segment.nodes[0].mac
        return try isAnswered && conflicts(node).first?.defenses == 2
      }
      try node.waitUntil(.active, within: .zero)
      try node.stop()
    }

    @Test(
      "No takeover by a peer is a conflict, in either direction", arguments: AddressFamily.allCases)
    func takeovers(family: AddressFamily) throws {
      let segment = try Segment(nodes: 3)
      let vip = segment.virtualAddress(family)
      let low = try VipctlNode(on: segment.nodes[0], of: segment, [vip.description], priority: 100)
      try low.waitUntil(.active)
      var settings = Keepalived.Settings(addresses: [vip.description])
      settings.priority = 150
      let keepalived = try Keepalived(on: segment.nodes[1], of: segment, settings)
      try keepalived.waitUntil(.active)
      try low.waitUntil(.backup)
      let high = try VipctlNode(on: segment.nodes[2], of: segment, [vip.description], priority: 200)
      try high.waitUntil(.active)
      pause(Bounds.interval * 5)
      try high.stop()
      try keepalived.waitUntil(.active)
      try keepalived.stop()
      try low.waitUntil(.active)
      pause(Bounds.interval * 5)
      for node in [low, high] {
        #expect(!node.process.log.contains(Self.words), "\(node.process.logTail)")
      }
      #expect(try conflicts(low).first?.claims == 0)
    }

    @Test("A storm of broadcasts makes no advertisement late")
    func storm() throws {
      let segment = try Segment(nodes: 2)
      // More than the kernel's filter compares, so that all of the storm reaches the node.
      let vips = (1...40).map { segment.virtualAddress(.ipv4, UInt8($0) + 100) }
      let capture = try Capture(segment)
      let node = try VipctlNode(on: segment.nodes[0], of: segment, vips.map(\.description))
      try node.waitUntil(.active)
      let others = (0..<5000).map { "198.19.\($0 / 250).\($0 % 250 + 1)" }
      let noise = try (0..<3).map { index in
        try segment.nodes[1].namespace.start(
          [VipctlNode.binary, "announce"] + others + ["-i", "eth0", "--count", "100"],
          logPath: segment.directory["noise-\(index).log"])
      }
      func received() throws -> Int {
        let text = try segment.nodes[0].namespace.check([
          "ip", "-s", "-j", "link", "show", "eth0",
        ])
        let count = text.firstMatch(of: /"rx":\{"bytes":\d+,"packets":(\d+)/)?.output.1
        return try #require(count.flatMap { Int($0) })
      }
      // However fast the machine is: as much as it can send for as long as it takes.
      let before = try received()
      try eventually("many have come", within: .seconds(60)) { try received() - before > 10_000 }
      let quiet = try capture.adverts().count
      try eventually("the node goes on") { try capture.adverts().count > quiet + 20 }
      for process in noise { process.signal(SIGKILL) }
      let adverts = try capture.stop()
      #expect(adverts.pauses(over: Bound(Bounds.interval, machine: Bounds.interval)) == [])
      try node.waitUntil(.active, within: .zero)
    }

    // MARK: Before the first use

    private func up(
      _ vip: IPAddress, on segment: Segment, _ options: [String] = []
    ) throws -> CommandResult {
      try segment.nodes[0].namespace.run(
        [
          VipctlNode.binary, "up", "\(vip)", "-i", "eth0", "--vrid", "51", "--interval", "100ms",
          "--name", "lab", "--runtime-dir", segment.directory["run"],
        ] + options)
    }

    @Test(
      "An address that a stranger uses is refused with its MAC", arguments: AddressFamily.allCases)
    func refused(family: AddressFamily) throws {
      let segment = try Segment(nodes: 2)
      let vip = segment.virtualAddress(family)
      let length = family == .ipv4 ? 32 : 128
      let nodad = family == .ipv6 ? " nodad" : ""
      try segment.nodes[1].namespace.ip("address add \(vip)/\(length) dev eth0\(nodad)")
      let before = try segment.nodes[0].addresses()
      let result = try up(vip, on: segment)
      #expect(result.status == 1)
      #expect(
        result.errors.contains(
          "\(vip) is used by the machine with Ethernet address \(segment.nodes[1].mac)"))
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(try segment.nodes[0].addresses() == before)
      try eventually("nothing is left running") {
        try segment.nodes[0].namespace.processes().isEmpty
      }
      let foreground = try VipctlNode(
        on: segment.nodes[0], of: segment, [vip.description], ["--strict"])
      #expect(foreground.process.waitForExit(within: .seconds(20)) == 1)
      #expect(foreground.process.log.contains("is used by the machine with"))

      // The same for an address that a router is to get which serves another one.
      let free = segment.virtualAddress(family, 101)
      #expect(try up(free, on: segment).status == 0)
      let runtime = segment.directory["run"]
      let added = try segment.nodes[0].namespace.run([
        VipctlNode.binary, "add", "lab", "\(vip)", "--runtime-dir", runtime,
      ])
      #expect(added.status == 1 && added.errors.contains("\(segment.nodes[1].mac)"))
      #expect(try !segment.nodes[0].holds(vip))
      #expect(try segment.nodes[0].holds(free))
      // What it proposes helps, for a command that has no such flag itself.
      let way = try #require(
        added.errors.firstMatch(
          of: #/switch the probe off \('vipctl (\w+)' or 'vipctl run' with (--[a-z-]+), or/#),
        "\(added.errors)")
      #expect(way.output.1 == "up")
      #expect(try up(free, on: segment, [String(way.output.2)]).status == 0)
      let again = try segment.nodes[0].namespace.run([
        VipctlNode.binary, "add", "lab", "\(vip)", "--runtime-dir", runtime,
      ])
      #expect(again.status == 0, "\(again)")
      try eventually("it is held") { try segment.nodes[0].holds(vip) }
      #expect(
        try segment.nodes[0].namespace.run(
          [VipctlNode.binary, "down", "--all", "--runtime-dir", runtime]
        ).status == 0)

      #expect(try up(vip, on: segment, ["--no-probe"]).status == 0)
      #expect(
        try segment.nodes[0].namespace.run(
          [VipctlNode.binary, "down", "--all", "--runtime-dir", segment.directory["run"]]
        ).status == 0)
    }

    @Test("An Active whose peer is not heard is not told to switch the probe off")
    func peerUnheard() throws {
      let segment = try Segment(nodes: 2)
      let vips = [segment.virtualAddress(.ipv4), segment.virtualAddress(.ipv4, 101)]
      let first = try VipctlNode(on: segment.nodes[0], of: segment, [vips[0].description])
      try first.waitUntil(.active)
      // Each is Active, and the second has the new address already.
      for node in segment.nodes { try segment.lose(.vrrp, .both, node) }
      let second = try VipctlNode(
        on: segment.nodes[1], of: segment, vips.map(\.description), ["--no-probe"])
      try second.waitUntil(.active)
      try eventually("the first hears the other holder", within: .seconds(60)) {
        try first.command(["status"]).output.contains("\(Self.words) \(segment.nodes[1].mac)")
      }
      let added = try first.command(["add", "lab", "\(vips[1])"])
      #expect(added.status == 1, "\(added)")
      #expect(added.errors.contains("so it probably is the group's Active; let its"), "\(added)")
      #expect(!added.errors.contains("probe off"), "\(added)")
      #expect(try !segment.nodes[0].holds(vips[1]))
      // What it proposes: its advertisements get here.
      for node in segment.nodes { try segment.deliver(node) }
      try eventually("one of them is Active") {
        let states = try [first, second].map { try $0.routers()?.first?.state }
        return states.contains(.backup) && states.contains(.active)
      }
      let done = try first.command(["add", "lab", "\(vips[1])"])
      #expect(done.status == 0, "\(done)")
    }

    @Test(
      "An address that the group's Active holds is no obstacle", arguments: AddressFamily.allCases)
    func groupHolds(family: AddressFamily) throws {
      let segment = try Segment(nodes: 2)
      let vip = segment.virtualAddress(family)
      var settings = Keepalived.Settings(addresses: [vip.description])
      settings.priority = 150
      let keepalived = try Keepalived(on: segment.nodes[1], of: segment, settings)
      try keepalived.waitUntil(.active)
      let result = try up(vip, on: segment)
      #expect(result.status == 0, "\(result)")
      #expect(result.output.contains("backup"))
      _ = try segment.nodes[0].namespace.run(
        [VipctlNode.binary, "down", "--all", "--runtime-dir", segment.directory["run"]])
    }
  }
}
