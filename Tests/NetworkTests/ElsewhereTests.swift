import Foundation
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Addresses on other interfaces, routes and rules come and go with the virtual addresses.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ElsewhereTests {
    /// Everything that a node could leave behind.
    private func picture(_ machine: LabNode) throws -> [String] {
      try ["-4", "-6"].flatMap { family in
        try [
          ["route", "show", "table", "all"], ["rule", "show"],
        ].map { try machine.namespace.check(["ip", family] + $0) }
      } + machine.addresses()
    }

    /// Starts a node from a file with all there is.
    private func start(
      _ segment: Segment, _ machine: LabNode, _ name: String, priority: Int, guarded: Bool = true,
      life: Int = 1
    ) throws -> ChildProcess {
      let vip = segment.virtualAddress(.ipv4)
      let file = segment.directory["\(name).yaml"]
      try """
      node: { guard: \(guarded) }
      routers:
      - name: web
        interface: eth0
        vrid: 51
        priority: \(priority)
        interval: 200ms
        probe: false
        addresses:
        - \(vip)/24
        - { address: \(segment.virtualAddress(.ipv4, 101))/24, advertised: false }
        - { address: 10.99.0.1/32, interface: lo }
        - { address: "2001:db8:99::1/128", interface: lo }
        routes:
        - { destination: 10.98.0.0/16, via: \(segment.client.ipv4), source: \(vip) }
        - { destination: 0.0.0.0/0, via: \(segment.client.ipv4), interface: eth0, table: 1000 }
        rules:
        - { from: \(vip)/32, table: 1000, priority: 1000 }
      """.write(toFile: file, atomically: true, encoding: .utf8)
      return try machine.namespace.start(
        [
          VipctlNode.binary, "run", "--config", file, "--runtime-dir", segment.directory[name],
        ], logPath: segment.directory["\(name)-\(life).log"])
    }

    private func waitUntil(_ machine: LabNode, is before: [String]) throws {
      func lines(_ picture: [String]) -> Set<Substring> {
        Set(picture.flatMap { $0.split(separator: "\n") })
      }
      try eventually(
        "all is as it was",
        detail: {
          let now = (try? picture(machine)) ?? []
          return "too many: \(lines(now).subtracting(lines(before))), "
            + "missing: \(lines(before).subtracting(lines(now)))"
        }
      ) { try picture(machine) == before }
    }

    private func isComplete(_ machine: LabNode) throws -> Bool {
      let text = try picture(machine).joined(separator: "\n")
      return ["10.99.0.1", "2001:db8:99::1", "10.98.0.0/16", "1000:\tfrom", "table 1000"]
        .allSatisfy(text.contains)
    }

    @Test("Nothing is left after an end in good order, nor after a kill")
    func nothingLeft() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      try machine.namespace.ip("link set lo up")
      let before = try picture(machine)
      for signal in [SIGTERM, SIGKILL] {
        let process = try start(segment, machine, "node\(signal)", priority: 100)
        try eventually("all is there") { try isComplete(machine) }
        process.signal(signal)
        #expect(process.waitForExit(within: .seconds(10)) != nil)
        try waitUntil(machine, is: before)
      }
    }

    @Test("An interface elsewhere that is down at the start keeps no router out")
    func interfaceDown() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      try machine.namespace.ip("link add left type veth peer name right")
      let file = segment.directory["down.yaml"]
      try """
      routers:
      - name: web
        interface: eth0
        vrid: 51
        interval: 200ms
        probe: false
        addresses:
        - \(segment.virtualAddress(.ipv4))/24
        - { address: 10.99.0.1/24, interface: left, advertised: false }
      """.write(toFile: file, atomically: true, encoding: .utf8)
      let process = try machine.namespace.start(
        [
          VipctlNode.binary, "run", "--config", file, "--runtime-dir", segment.directory["down"],
        ], logPath: segment.directory["down.log"])
      try eventually("it serves", detail: { process.log }) {
        try machine.addresses().contains { $0.contains(" 10.99.0.1/") }
      }
      #expect(process.log.contains("→ active"))
      try machine.namespace.ip("link set right up\nlink set left up")
      pause(.seconds(1))
      #expect(try machine.addresses().contains("left 10.99.0.1/24"))
      process.signal(SIGTERM)
      #expect(process.waitForExit(within: .seconds(10)) != nil)
    }

    @Test("What is on an interface that gets another name is removed there")
    func renamedInterface() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      try machine.namespace.ip(
        """
        link add late0 type dummy
        link set late0 up
        """)
      let file = segment.directory["renamed.yaml"]
      try """
      node: { lease: off }
      routers:
      - name: web
        interface: eth0
        vrid: 51
        interval: 200ms
        probe: false
        addresses:
        - \(segment.virtualAddress(.ipv4))/24
        - { address: 10.99.0.1/24, interface: late0, advertised: false }
        routes:
        - { destination: 10.98.0.0/16, via: 10.99.0.9, interface: late0 }
        - { destination: 10.97.0.0/16, interface: late0, table: 1000 }
      """.write(toFile: file, atomically: true, encoding: .utf8)
      let process = try machine.namespace.start(
        [
          VipctlNode.binary, "run", "--config", file, "--runtime-dir", segment.directory["renamed"],
        ], logPath: segment.directory["renamed.log"])
      func traces() throws -> [String] {
        let text = try picture(machine).joined(separator: "\n")
        return ["10.99.0.1", "10.98.0.0/16", "10.97.0.0/16"].filter(text.contains)
      }
      try eventually("all is there") { try traces().count == 3 }
      try machine.namespace.ip("link set late0 name later0")
      try eventually("nothing is left", detail: { "\((try? traces()) ?? [])" }) {
        try traces() == []
      }
      process.signal(SIGTERM)
      #expect(process.waitForExit(within: .seconds(10)) != nil)
    }

    @Test("A route that another program replaces is told of, and an IPv6 route has a lease")
    func replacedRoute() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let file = segment.directory["routes.yaml"]
      try """
      node: { guard: false }
      routers:
      - name: web
        interface: eth0
        vrid: 51
        interval: 200ms
        probe: false
        addresses: [\(segment.virtualAddress(.ipv4))/24]
        routes:
        - { destination: 10.98.0.0/16, via: \(segment.client.ipv4) }
        - { destination: "2001:db8:98::/48", via: "\(segment.client.ipv6)", interface: eth0 }
      """.write(toFile: file, atomically: true, encoding: .utf8)
      let process = try machine.namespace.start(
        [
          VipctlNode.binary, "run", "--config", file, "--runtime-dir", segment.directory["routes"],
        ], logPath: segment.directory["routes.log"])
      func leads(_ address: String) -> Bool {
        (try? machine.namespace.check(["ip", "route", "get", address])) != nil
      }
      try eventually("both are there") {
        leads("2001:db8:98::1") && leads("10.98.0.1")
      }
      try machine.namespace.ip("route replace 10.98.0.0/16 dev eth0")
      try eventually("it is told") {
        process.log.contains("another program has made such a one")
      }
      pause(.seconds(3))
      #expect(leads("2001:db8:98::1"), "the lease is refreshed")
      process.signal(SIGKILL)
      #expect(process.waitForExit(within: .seconds(10)) != nil)
      try eventually("the lease has ended") { !leads("2001:db8:98::1") }
      #expect(leads("10.98.0.1"), "the other program's route is left alone")
    }

    @Test("What neither node nor guard removed goes when the next one starts")
    func leftovers() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      try machine.namespace.ip("link set lo up")
      let before = try picture(machine)
      let first = try start(segment, machine, "node", priority: 100, guarded: false)
      try eventually("all is there") { try isComplete(machine) }
      first.signal(SIGKILL)
      #expect(first.waitForExit(within: .seconds(10)) != nil)
      #expect(try picture(machine) != before)
      let second = try start(segment, machine, "node", priority: 100, guarded: false, life: 2)
      // What the first one has left looks complete, too.
      try eventually("the second one serves") { second.log.contains("→ active") }
      try eventually("all is there again") { try isComplete(machine) }
      second.signal(SIGTERM)
      #expect(second.waitForExit(within: .seconds(10)) != nil)
      try waitUntil(machine, is: before)
    }

    @Test("Another machine takes all of it over, and what others remove comes back")
    func takeover() throws {
      let segment = try Segment(nodes: 2)
      for machine in segment.nodes { try machine.namespace.ip("link set lo up") }
      let (one, two) = (segment.nodes[0], segment.nodes[1])
      let before = try picture(one)
      let first = try start(segment, one, "one", priority: 200)
      try eventually("all is there") { try isComplete(one) }
      let second = try start(segment, two, "two", priority: 100)
      try one.namespace.ip(
        """
        route delete 10.98.0.0/16
        rule delete priority 1000
        address delete 10.99.0.1/32 dev lo
        """)
      try eventually("all is there again") { try isComplete(one) }
      let pinger = try Pinger(from: segment.client, to: segment.virtualAddress(.ipv4, 101))
      try pinger.waitForAnswer()
      first.signal(SIGTERM)
      #expect(first.waitForExit(within: .seconds(10)) != nil)
      try eventually("the other one has it") { try isComplete(two) }
      #expect(try picture(one) == before)
      try eventually("it answers") { try pinger.waitForAnswer().mac == two.mac }
      #expect(try pinger.stop().outages(over: Bounds.margin) == [])
      second.signal(SIGTERM)
      #expect(second.waitForExit(within: .seconds(10)) != nil)
    }

    @Test(
      "Two machines find each other in another multicast group", arguments: AddressFamily.allCases)
    func multicastGroup(family: AddressFamily) throws {
      let segment = try Segment(nodes: 2)
      let vip = segment.virtualAddress(family)
      let group = family == .ipv4 ? "224.0.0.100" : "ff02::100"
      var processes: [ChildProcess] = []
      for (machine, priority) in zip(segment.nodes, [200, 100]) {
        let file = segment.directory["\(machine.name).yaml"]
        try """
        routers:
        - { name: web, interface: eth0, vrid: 51, priority: \(priority), interval: 200ms,
            addresses: ["\(vip)/\(family == .ipv4 ? 24 : 64)"], multicastGroup: "\(group)" }
        """.write(toFile: file, atomically: true, encoding: .utf8)
        processes.append(
          try machine.namespace.start(
            [
              VipctlNode.binary, "run", "--config", file, "--runtime-dir",
              segment.directory[machine.name],
            ], logPath: segment.directory["\(machine.name).log"]))
        try eventually("one of them has it") {
          try segment.nodes.contains { try $0.holds(vip) }
        }
      }
      pause(.seconds(2))
      #expect(try segment.nodes[0].holds(vip) && !segment.nodes[1].holds(vip))
      for process in processes {
        process.signal(SIGTERM)
        #expect(process.waitForExit(within: .seconds(10)) != nil)
      }
    }
  }
}
