import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// What nodes of one machine claim, and what can keep them from it.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ClaimTests {
    private let segment: Segment
    private let folder: TemporaryDirectory
    private var machine: LabNode { segment.nodes[0] }
    private var vip: IPAddress { segment.virtualAddress(.ipv4) }

    init() throws {
      segment = try Segment(nodes: 1)
      folder = try TemporaryDirectory()
    }

    /// The arguments of a node with a runtime directory of its own.
    private func arguments(_ name: String, on interface: String = "eth0", vrid: Int) -> [String] {
      [
        VipctlNode.binary, "run", "\(vip)/24", "-i", interface, "--vrid", "\(vrid)", "--name", name,
        "--no-probe", "--interval", "100ms", "--runtime-dir", folder[name],
      ]
    }

    private func node(
      _ name: String, on interface: String = "eth0", vrid: Int, by command: [String] = []
    ) throws -> ChildProcess {
      try machine.namespace.start(
        command + arguments(name, on: interface, vrid: vrid), logPath: folder["\(name).log"])
    }

    private func wait(for text: String, from process: ChildProcess) throws {
      try eventually("'\(text)'", detail: { process.log }) {
        try process.requireRunning()
        return process.log.contains(text)
      }
    }

    private func stop(_ process: ChildProcess) {
      process.signal(SIGTERM)
      #expect(process.waitForExit(within: .seconds(20)) == 0, "\(process.log)")
    }

    @Test("Processes that can't be nodes keep none from its groups and addresses, and hide none")
    func strangers() throws {
      let index = try machine.namespace.check(["cat", "/sys/class/net/eth0/ifindex"])
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let names = [7, 8].map { "vipctl/vip4-\(index)-\($0)" }
      let commands = [
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
          + Claimant.command(names: [names[0]]),
        // With all capabilities, in a user namespace of its own.
        ["unshare", "--map-root-user"] + Claimant.command(names: [names[1]]),
        Claimant.command(owner: .file),
      ]
      let strangers = try commands.enumerated().map { number, command in
        try machine.namespace.start(command, logPath: folder["stranger\(number).log"])
      }
      for stranger in strangers { try wait(for: "taken", from: stranger) }

      for vrid in [7, 8] {
        let first = try node("first\(vrid)", vrid: vrid)
        try eventually("the address is there", detail: { first.log }) { try machine.holds(vip) }
        let holder = "another node on this machine (process \(first.pid) of user 0)"
        let second = try node("second\(vrid)", vrid: vrid)
        try wait(for: "\(holder) serves VRID \(vrid) of IPv4 on eth0", from: second)
        let third = try node("third\(vrid)", vrid: vrid + 10)
        try wait(for: "\(holder) has \(vip) on eth0 in another group", from: third)
        for process in [third, second, first] { stop(process) }
        #expect(try !machine.holds(vip))
      }
      for stranger in strangers { try stranger.requireRunning() }
    }

    @Test("A node in another PID namespace is seen by the one in it")
    func otherProcessNamespace() throws {
      let first = try node("first", vrid: 7)
      try eventually("the address is there", detail: { first.log }) { try machine.holds(vip) }
      let unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
      let second = try node("second", vrid: 7, by: unshare)
      let holder =
        "another node on this machine (a process in another PID namespace, which is taken for a node)"
      try wait(for: "\(holder) serves VRID 7 of IPv4 on eth0", from: second)
      let third = try node("third", vrid: 8, by: unshare)
      try wait(for: "\(holder) has \(vip) on eth0 in another group", from: third)
      #expect(try machine.holds(vip))
      stop(first)
      try eventually("one of the others serves") { try machine.holds(vip) }
    }

    @Test("An address on two interfaces of one network is told of by the second node, and a check")
    func twoInterfaces() throws {
      try machine.namespace.ip(
        """
        link add mv0 link eth0 type macvlan mode bridge
        address add 198.19.7.1/24 dev mv0
        link set mv0 up
        """)
      let first = try node("first", vrid: 7)
      try eventually("the address is there", detail: { first.log }) { try machine.holds(vip) }
      let text =
        "another node on this machine (process \(first.pid) of user 0) has \(vip) on eth0, as this one "
        + "on mv0: both answer for it in one network; take it from one of the two"
      try folder.write(
        "routers: [{interface: mv0, vrid: 8, addresses: [\(vip)/32]}]", to: "mv0.yaml")
      let check = try machine.namespace.run([VipctlNode.binary, "check", folder["mv0.yaml"]])
      #expect((check.output + check.errors).contains(text), "\(check)")

      let second = try node("second", on: "mv0", vrid: 8)
      try wait(for: text, from: second)
      let status = try machine.namespace.run(
        [VipctlNode.binary, "status", "--runtime-dir", folder["second"]])
      #expect(status.output.contains("as this one on mv0"), "\(status)")
      for process in [second, first] { stop(process) }
    }
  }
}
