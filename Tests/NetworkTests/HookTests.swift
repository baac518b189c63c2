import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What a node tells the programs of its machine, and how little a stranger can make of it.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct HookTests {
    private let segment: Segment
    private let vip: IPAddress

    init() throws {
      segment = try Segment(nodes: 2)
      vip = segment.virtualAddress(.ipv4)
    }

    /// A hook that notes what it is told, and whether the machine has the address.
    private func writeHook() throws {
      try segment.directory.write(
        """
        #!/bin/sh
        count=$(ip -o address show dev eth0 to \(vip) | wc -l)
        echo "$1 $VIPCTL_PREVIOUS_STATE $VIPCTL_STATE $count $VIPCTL_ADDRESSES" \
        >>\(segment.directory["notes"])

        """, to: "hook")
      chmod(segment.directory["hook"], 0o755)
    }

    private var notes: [String] {
      readText(segment.directory["notes"]).split(separator: "\n").map(String.init)
    }

    private func waitForNote(_ note: String) throws {
      try eventually("'\(note)' is noted", detail: { notes.joined(separator: "\n") }) {
        notes.last == note
      }
    }

    @Test(
      "Programs are run when the addresses are where the state says, and read events from a pipe")
    func hooks() throws {
      try writeHook()
      let hook = segment.directory["hook"]
      let pipe = segment.directory["pipe"]
      let machine = segment.nodes[0]
      let node = try VipctlNode(
        on: machine, of: segment,
        configuration: """
          node:
            events: { fifo: \(pipe) }
          routers:
            - name: lab
              interface: eth0
              vrid: 51
              interval: 100ms
              addresses: [\(vip)/24]
              on:
                active: [\(hook), "a b"]
                backup: [\(hook), "b"]
                fault: [\(hook), "f"]
                stop: [\(hook), "s"]

          """)
      try waitForNote("a b backup active 1 \(vip)/24")
      #expect(notes == ["b stop backup 0 \(vip)/24", "a b backup active 1 \(vip)/24"])
      let reader = try machine.namespace.start(
        ["cat", pipe], logPath: segment.directory["pipe.log"])

      try machine.namespace.ip("link set eth0 down")
      try waitForNote("f active fault 0 \(vip)/24")
      try machine.namespace.ip("link set eth0 up")
      // Whether the one for backup gets its turn in between is a matter of time.
      try waitForNote("a b backup active 1 \(vip)/24")
      #expect(try node.command(["status", "--json"]).output.contains("\"failures\" : 0"))
      try node.stop()
      #expect(notes.last == "s active stop 0 \(vip)/24", "the node waits for it")
      #expect(reader.waitForExit(within: .seconds(10)) == 0, "the pipe has ended")
      let told = reader.log.split(separator: "\n")
      #expect(told.contains { $0.contains("\"event\":\"transition\"") && $0.hasSuffix("}") })
      #expect(told.last?.contains("\"event\":\"hook\"") == true, "\(reader.log)")
      #expect(access(pipe, F_OK) != 0)
    }

    @Test("A hook that can't be run is told and keeps nothing from being served")
    func missingHook() throws {
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment,
        configuration: """
          routers:
            - interface: eth0
              vrid: 51
              addresses: [\(vip)/24]
              on: { active: [/no/such/program] }

          """)
      let text = "there is no program '/no/such/program'; the hook fails until that is fixed"
      try eventually("the status says it", detail: { node.process.logTail }) {
        try node.command(["status"]).output.contains("! eth0-51 ipv4: \(text)")
      }
      #expect(node.process.log.contains(text))
      try node.waitUntil(.active)
      #expect(try segment.nodes[0].holds(vip))
      try node.stop()
      let strict = try segment.nodes[0].namespace.run([
        VipctlNode.binary, "run", "--strict", "--config", node.configurationPath, "--runtime-dir",
        node.runtimeDirectory,
      ])
      #expect(strict.status == 1)
      #expect(
        strict.errors
          == "vipctl: \(node.configurationPath):5:20: there is no program '/no/such/program'\n")
    }

    @Test("A flood of forged elections makes few lines in the log, which tell how many are missing")
    func flood() throws {
      let node = try VipctlNode(
        on: segment.nodes[0], of: segment, [vip.description], interval: "10ms", ["--no-probe"])
      try node.waitUntil(.active)
      guard case .v4(let address) = vip else { return }
      let forger = Forger(
        from: segment.nodes[1], vrid: 51, priorities: [250, 0], for: address,
        every: .milliseconds(20))
      try eventually("the log says what it left out", within: .seconds(40)) {
        node.process.log.contains("left out; the last was: ")
      }
      let sent = try forger.stop()
      try node.waitUntil(.active)
      // Before the end of the node tells of the rest.
      let lines = node.process.log.split(separator: "\n")
      #expect(sent > 200)
      #expect(lines.count < 60, "\(node.process.logTail)")
      let missing = lines.flatMap { line in
        line.matches(of: /suppressed=(\d+)/).compactMap { Int($0.output.1) }
      }.reduce(0, +)
      #expect(missing > 50)
      // What did not get into the log is there for those who ask.
      #expect(try node.command(["events"]).output.split(separator: "\n").count > lines.count)
      try node.stop()
    }
  }
}
