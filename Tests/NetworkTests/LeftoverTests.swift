import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What a node finds when it starts and what it leaves when it ends; and a holder that was
  /// frozen.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct LeftoverTests {
    /// A node with a runtime directory of its own, beside others on the same machine.
    private func node(
      _ name: String, on segment: Segment, _ vip: IPAddress, vrid: Int, _ options: [String] = []
    ) throws -> ChildProcess {
      try segment.nodes[0].namespace.start(
        [
          VipctlNode.binary, "run", "\(vip)", "-i", "eth0", "--vrid", "\(vrid)", "--name", name,
          "--no-probe", "--runtime-dir", segment.directory[name],
        ] + options, logPath: segment.directory["\(name).log"])
    }

    private func kill(_ process: ChildProcess) {
      process.signal(SIGKILL)
      #expect(process.waitForExit(within: .seconds(5)) != nil)
    }

    @Test("After a crash the next life removes what the first has left, and nothing else")
    func crash() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vips = AddressFamily.allCases.map { segment.virtualAddress($0) }
      let other = segment.virtualAddress(.ipv4, 101)
      let foreign = segment.virtualAddress(.ipv4, 102)
      let permanent = segment.virtualAddress(.ipv4, 103)
      for vip in vips {
        // No lease and no guard: nothing else cleans up.
        let options = ["--lease", "off", "--no-guard", "--interval", "100ms"]
        let first = try node("first", on: segment, vip, vrid: 1, options)
        let second = try node("second", on: segment, other, vrid: 2, ["--interval", "100ms"])
        try eventually("both nodes hold their address") {
          try machine.holds(vip) && machine.holds(other)
        }
        // The tag alone does not make an address ours: a third node's, whichever that was.
        let third = try node("third", on: segment, foreign, vrid: 3, options)
        try eventually("the third holds its address") { try machine.holds(foreign) }
        kill(third)
        try machine.namespace.ip("address replace \(permanent)/32 dev eth0")
        kill(first)
        pause(.milliseconds(300))
        #expect(try machine.holds(vip))

        // With an interval of a second nothing is put up for more than three.
        let again = try node("first", on: segment, vip, vrid: 1, ["--interval", "1s"])
        try eventually("the leftover is removed at once", within: .seconds(2)) {
          try !machine.holds(vip)
        }
        for address in [other, foreign, permanent, .v4(machine.ipv4)] {
          #expect(try machine.holds(address), "\(address)")
        }
        again.signal(SIGTERM)
        #expect(again.waitForExit(within: .seconds(5)) == 0)
        #expect(try machine.holds(other))
        // The other node keeps its address for longer than its lease.
        pause(.seconds(4))
        #expect(try machine.holds(other))
        second.signal(SIGTERM)
        #expect(second.waitForExit(within: .seconds(5)) == 0)
        #expect(try !machine.holds(other))
        #expect(try machine.holds(foreign) && machine.holds(permanent))
      }
    }

    @Test("A leased address of another node on the machine is left alone")
    func otherNode() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vip = segment.virtualAddress(.ipv4)
      let first = try node("first", on: segment, vip, vrid: 1, ["--interval", "100ms"])
      try eventually("the first node holds the address") { try machine.holds(vip) }
      // By mistake the same address in another group; it stays Backup for three intervals.
      let second = try node("second", on: segment, vip, vrid: 2, ["--interval", "10s"])
      pause(.seconds(5))
      #expect(try machine.holds(vip))
      // Nor was it gone for a moment, after which its node would have put it back.
      #expect(!first.log.contains("put back"), "\(first.log)")
      for process in [second, first] {
        process.signal(SIGTERM)
        #expect(process.waitForExit(within: .seconds(20)) == 0)
      }
      #expect(try !machine.holds(vip))
    }

    /// All that `ip` and the kernel's settings tell of a machine.
    private func portrait(_ machine: LabNode) throws -> String {
      let namespace = machine.namespace
      var text = try namespace.check(["ip", "-d", "-j", "address", "show"])
      text += try namespace.check(["ip", "-d", "-j", "link", "show"])
      text += try namespace.check(["ip", "-j", "route", "show", "table", "all"])
      text += try namespace.check(["ip", "-j", "-6", "route", "show", "table", "all"])
      text += try namespace.check(["ip", "-j", "maddress", "show"])
      let settings = try namespace.check(["sysctl", "-a", "-r", "^net[.]ipv[46]"])
      // The kernel itself counts and makes up these.
      return text
        + settings.split(separator: "\n").filter {
          !$0.contains("stable_secret") && !$0.contains("pingpong") && !$0.contains("_key")
        }.joined(separator: "\n")
    }

    @Test("After a clean end addresses, links, routes, groups and settings are as before")
    func nothingIsLeft() throws {
      let segment = try Segment(nodes: 1)
      let machine = segment.nodes[0]
      let vips = [
        "\(segment.virtualAddress(.ipv4))/24", "\(segment.virtualAddress(.ipv4, 101))",
        "\(segment.virtualAddress(.ipv6))/64", "198.19.7.1/24", "198.19.7.2/24",
      ]
      let before = try portrait(machine)
      for command in ["run", "up"] {
        if command == "run" {
          let node = try VipctlNode(on: machine, of: segment, vips)
          try node.waitUntil(.active)
          #expect(try portrait(machine) != before)
          try node.stop()
        } else {
          let directory = segment.directory["background"]
          for arguments in [
            ["up"] + vips + ["-i", "eth0", "--vrid", "7", "--interval", "100ms"],
            ["down", "--all"],
          ] {
            let result = try machine.namespace.run(
              [VipctlNode.binary] + arguments + ["--runtime-dir", directory])
            #expect(result.status == 0, "\(result)")
            if arguments[0] == "up" {
              try eventually("all are held") { try machine.holds(segment.virtualAddress(.ipv6)) }
            }
          }
          #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
              == ["vipctl.events", "vipctl.log"])
        }
        try eventually("the guard is gone") { try machine.namespace.processes().isEmpty }
        let after = try portrait(machine)
        #expect(after == before)
      }
    }

    @Test("A frozen holder that wakes up says and adds nothing before it has listened")
    func frozen() throws {
      let segment = try Segment(nodes: 2)
      let vips = AddressFamily.allCases.map { segment.virtualAddress($0) }
      let texts = vips.map(\.description)
      let options = ["--lease", "2s", "--no-preempt"]
      let old = try VipctlNode(on: segment.nodes[0], of: segment, texts, priority: 150, options)
      try old.waitUntil(.active)
      let new = try VipctlNode(on: segment.nodes[1], of: segment, texts, priority: 100, options)
      try new.waitUntil(.backup)
      // By now it has heard that the machine which answers for the addresses is its peer.
      pause(.seconds(1))
      let frozen = try old.node.namespace.processes()
      for process in frozen { Glibc.kill(process, SIGSTOP) }
      try new.waitUntil(.active)
      for vip in vips {
        try eventually("the lease of \(vip) ends", within: .seconds(4)) { try !old.node.holds(vip) }
      }
      let noise = segment.directory["noise.pcap"]
      let tap = try segment.switchboard.start(
        [
          "tcpdump", "-i", old.node.port, "-Q", "in", "-w", noise, "-U", "-n", "-Z", "root",
          "--immediate-mode",
          "ip proto 112 or ip6 proto 112 or arp or (icmp6 and ip6[40] == 136)",
        ], logPath: segment.directory["noise.log"])
      try eventually("tcpdump listens") { tap.log.contains("listening on") }
      for process in frozen { Glibc.kill(process, SIGCONT) }
      try old.waitUntil(.backup)
      let end = ContinuousClock.now + .seconds(1)
      while ContinuousClock.now < end {
        for vip in vips { #expect(try !old.node.holds(vip)) }
      }
      tap.signal(SIGINT)
      #expect(tap.waitForExit(within: .seconds(5)) != nil)
      let file = try #require(FileManager.default.contents(atPath: noise))
      let frames = try PcapFile(Array(file)).frames
      let adverts = frames.compactMap(Advert.init)
      #expect(adverts.isEmpty, "\(adverts)")
      for vip in vips {
        let own = octets(vip)
        // Neither an announcement nor an answer about a virtual address.
        #expect(!frames.contains { $0.bytes.dropFirst(14).contains(subsequence: own) })
      }
      try new.waitUntil(.active, within: .zero)
    }

    private func octets(_ address: IPAddress) -> [UInt8] {
      func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        stride(from: value.bitWidth - 8, through: 0, by: -8).map {
          UInt8(truncatingIfNeeded: value >> $0)
        }
      }
      switch address {
      case .v4(let address): return bytes(address.rawValue)
      case .v6(let address): return bytes(address.high) + bytes(address.low)
      }
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate func contains(subsequence: [UInt8]) -> Bool {
    indices.contains { self[$0...].starts(with: subsequence) }
  }
}
