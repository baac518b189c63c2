import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Changes of a running node, as its peers and clients see them.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ChangeTests {
    private let segment: Segment
    private let first: IPAddress
    private let second: IPAddress

    init() throws {
      segment = try Segment(nodes: 2)
      first = segment.virtualAddress(.ipv4, 100)
      second = segment.virtualAddress(.ipv4, 101)
    }

    private func configuration(
      _ addresses: [IPAddress], priority: Int = 100, interval: String = "100ms", _ more: String = ""
    ) -> String {
      """
      routers:
        - name: lab
          interface: eth0
          vrid: 51
          priority: \(priority)
          interval: \(interval)
          addresses: [\(addresses.map(\.description).joined(separator: ", "))]
      \(more)
      """
    }

    /// Whether the only router of a node advertises a priority.
    private func hasPriority(_ priority: Int, _ node: VipctlNode) throws -> Bool {
      try node.command(["status", "--json"]).output.contains("\"effectivePriority\" : \(priority),")
    }

    private func expectSuccess(
      _ result: CommandResult, _ output: String, _ location: SourceLocation = #_sourceLocation
    ) {
      #expect(result.status == 0, "\(result.errors)", sourceLocation: location)
      #expect(result.output == output, sourceLocation: location)
    }

    @Test("An address that is added and removed does not disturb the one beside it")
    func addAndRemove() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [first.description])
      try node.waitUntil(.active)
      let pinger = try Pinger(from: segment.client, to: first)
      try pinger.waitForAnswer()
      let capture = try Capture(segment)

      expectSuccess(
        try node.command(["add", "lab", "\(second)"]), "lab: new: \(second)/32\n")
      #expect(try node.node.holds(second))
      let other = try Pinger(from: segment.client, to: second)
      try other.waitForAnswer()
      expectSuccess(try node.command(["add", "lab", "\(second)"]), "nothing has changed\n")
      try eventually("both are advertised") {
        try capture.adverts().contains { $0.vrid == 51 && $0.addresses.count == 2 }
      }
      expectSuccess(
        try node.command(["remove", "lab", "\(second)"]), "lab: gone: \(second)/32\n")
      #expect(try !node.node.holds(second))
      let refusal = try node.command(["remove", "lab", "\(first)"])
      #expect(refusal.status == 1)
      #expect(
        refusal.errors
          == "vipctl: lab: these are all its addresses; remove the router itself with 'vipctl "
          + "down lab'\n")
      try eventually("the first alone is advertised") {
        try capture.adverts().last { $0.vrid == 51 }?.addresses == [first]
      }
      pause(.milliseconds(300))

      #expect(try pinger.stop().outages(over: Bounds.margin) == [])
      let adverts = try capture.stop().filter { $0.vrid == 51 }
      #expect(adverts.map(\.addresses.count).contains(2))
      #expect(adverts.last?.addresses == [first])
      #expect(adverts.allSatisfy { $0.priority == 100 })
      #expect(adverts.pauses(over: Bounds.interval + Bounds.margin) == [])
    }

    @Test("A reload changes what is different, by signal and by command; an error changes nothing")
    func reload() throws {
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, configuration: configuration([first]))
      try node.waitUntil(.active)
      let pinger = try Pinger(from: segment.client, to: first)
      try pinger.waitForAnswer()

      try segment.directory.write(
        configuration([first, second], priority: 150), to: "vipctl-\(node.node.name).yaml")
      expectSuccess(
        try node.command(["reload"]), "lab: priority 100 → 150; new: \(second)/32\n")
      #expect(try node.node.holds(second))
      #expect(try node.routers()?.first?.priority == 150)

      try segment.directory.write(
        configuration([first], priority: 150, "    vird: 7"),
        to: "vipctl-\(node.node.name).yaml")
      let refusal = try node.command(["reload"])
      #expect(refusal.status == 65)
      #expect(
        refusal.errors
          == "vipctl: \(node.configurationPath):8:5: unknown key 'vird' in a router; did you mean "
          + "'vrid'?\n")
      #expect(try node.node.holds(second))

      try segment.directory.write(
        configuration([first], priority: 120), to: "vipctl-\(node.node.name).yaml")
      node.process.signal(SIGHUP)
      try eventually("the file is applied") { try node.routers()?.first?.priority == 120 }
      try eventually("the address is gone") { try !node.node.holds(second) }
      try node.waitUntil(.active, within: .zero)
      #expect(try pinger.stop().outages(over: Bounds.margin) == [])
      #expect(node.process.log.contains("priority 150 → 120; gone: \(second)/32"))
    }

    @Test("A router that is no longer in the file hands over first; the one beside it goes on")
    func removal() throws {
      func file(_ priority: Int, _ vrids: [Int]) -> String {
        "routers:\n"
          + vrids.map { vrid in
            "- {name: r\(vrid), interface: eth0, vrid: \(vrid), interval: 100ms, "
              + "priority: \(priority), addresses: [\(vrid == 51 ? first : second)]}\n"
          }.joined()
      }
      let high = try VipctlNode(
        on: segment.nodes[0], of: segment, configuration: file(150, [51, 52]))
      try high.waitUntil(.active)
      let low = try VipctlNode(
        on: segment.nodes[1], of: segment, configuration: file(100, [51, 52]))
      try low.waitUntil(.backup)
      let pinger = try Pinger(from: segment.client, to: first)
      try pinger.waitForAnswer()
      let capture = try Capture(segment)

      try segment.directory.write(file(150, [52]), to: "vipctl-\(high.node.name).yaml")
      expectSuccess(try high.command(["reload"]), "r51: down\n")
      #expect(try !high.node.holds(first), "it returns when they are gone")
      #expect(try low.node.holds(first), "they are gone when the other one has them")
      pause(Bounds.activeDown(priority: 100))
      #expect(try pinger.stop().outages(over: Bounds.margin) == [])
      let adverts = try capture.stop()
      #expect(adverts.contains { $0.vrid == 51 && $0.priority == 0 })
      let other = adverts.filter { $0.vrid == 52 }
      #expect(other.allSatisfy { $0.priority == 150 })
      #expect(other.pauses(over: Bounds.interval + Bounds.margin) == [])
    }

    @Test("One setting changes and no other, and the running state is a file")
    func set() throws {
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, [first.description], priority: 150, ["--no-preempt"])
      try node.waitUntil(.active)
      expectSuccess(
        try node.command(["set", "\(first)", "--priority", "120"]), "lab: priority 150 → 120\n")
      expectSuccess(
        try node.command(["set", "lab", "--priority", "120"]), "nothing has changed\n")
      let file = try node.command(["config", "show"]).output
      #expect(file.contains("    priority: 120\n") && file.contains("    preempt: false\n"))
      try segment.directory.write(file, to: "shown.yaml")
      let check = try node.node.namespace.run(
        [VipctlNode.binary, "check", segment.directory["shown.yaml"]])
      #expect(check.status == 0, "\(check)")

      let up = try node.command([
        "up", "\(first)", "-i", "eth0", "--vrid", "51", "--name", "lab", "--interval", "100ms",
      ])
      #expect(up.status == 64)
      #expect(
        up.errors.hasPrefix(
          "vipctl: lab runs with settings that are not repeated and would be reset: "
            + "priority 120 → 100; preempt false → true; "), "\(up)")
      try node.waitUntil(.active, within: .zero)
    }

    @Test("An address gets the prefix of its siblings; the end of a family is said")
    func siblings() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, ["\(first)/24"])
      try node.waitUntil(.active)
      expectSuccess(try node.command(["add", "lab", "\(second)"]), "lab: new: \(second)/24\n")
      let sixth = segment.virtualAddress(.ipv6, 100)
      expectSuccess(
        try node.command(["add", "\(first)", "\(sixth)/64"]), "lab: new: \(sixth)/64\n")
      expectSuccess(
        try node.command(["remove", "lab", "\(sixth)"]),
        "lab: gone: \(sixth)/64\n"
          + "lab ipv6: no address is left; this machine takes no part in its election any more\n")
    }

    @Test("A backup is promoted and resigns again without an outage")
    func promoteAndResign() throws {
      let high = try VipctlNode(
        on: segment.nodes[0], of: segment, [first.description], priority: 150)
      try high.waitUntil(.active)
      let low = try VipctlNode(on: segment.nodes[1], of: segment, [first.description])
      try low.waitUntil(.backup)
      try eventually("the backup knows its Active") {
        try low.command(["status", "--json"]).output.contains("\"isActive\" : true")
      }
      let pinger = try Pinger(from: segment.client, to: first)
      try pinger.waitForAnswer()

      let promoted = try low.command(["promote", "lab"])
      expectSuccess(promoted, "lab ipv4: active, holding \(first)/32 on eth0\n")
      try high.waitUntil(.backup)
      try eventually("its machine answers") { try pinger.waitForAnswer().mac == low.node.mac }
      pause(Bounds.activeDown(priority: 150) * 2)
      try low.waitUntil(.active, within: .zero)

      let resigned = try low.command(["resign", "lab", "--for", "1s"])
      expectSuccess(
        resigned,
        "lab ipv4: backup for \(first)/32 on eth0, \(high.node.ipv4) is active\n")
      try eventually("the other machine answers") {
        try pinger.waitForAnswer().mac == high.node.mac
      }
      try high.waitUntil(.active)
      #expect(try pinger.stop().outages(over: Bounds.interval + Bounds.margin) == [])
    }

    @Test("To resign although no other machine is there is answered with that")
    func resignAlone() throws {
      let node = try VipctlNode(on: segment.nodes[0], of: segment, [first.description])
      try node.waitUntil(.active)
      let pinger = try Pinger(from: segment.client, to: first)
      try pinger.waitForAnswer()
      let result = try node.command(["resign", "lab"])
      #expect(result.status == 1)
      #expect(
        result.errors.hasPrefix(
          "vipctl: lab: no other router took over; this machine is still serving the addresses"))
      try node.waitUntil(.active, within: .zero)
      #expect(try hasPriority(1, node))
      expectSuccess(
        try node.command(["resume", "\(first)"]), "lab ipv4: active, holding \(first)/32 on eth0\n")
      #expect(try hasPriority(100, node))
      #expect(try node.command(["drain"]).status == 1)
      expectSuccess(
        try node.command(["undrain"]), "lab ipv4: active, holding \(first)/32 on eth0\n")
      #expect(try pinger.stop().outages(over: Bounds.margin) == [], "it serves all the time")
      let events = try node.command(["events"]).output
      #expect(events.contains(" lab: command: resign, asked for by uid 0, pid "))
      #expect(events.contains("resume \(first)"))
      let unknown = try node.command(["promote", "web"])
      #expect(unknown.status == 1)
      #expect(unknown.errors == "vipctl: no router is called 'web'; known: lab\n")
    }

    @Test("With a strict handover a resignation without a successor says that there was a gap")
    func resignAloneStrictly() throws {
      let file = configuration([first]).replacing(
        "vrid: 51", with: "vrid: 51\n    handover: strict")
      let node = try VipctlNode(on: segment.nodes[0], of: segment, configuration: file)
      try node.waitUntil(.active)
      let result = try node.command(["resign", "lab"])
      #expect(result.status == 1)
      #expect(
        result.errors.hasPrefix(
          "vipctl: lab: no other router took over; this machine serves the addresses again, after "
            + "a gap"))
      try node.waitUntil(.active, within: .zero)
    }
  }
}
