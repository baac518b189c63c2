import Foundation
import Glibc
import TestSupport
import Testing
import VIPCore

extension NetworkTests {
  /// Two nodes on one machine, and what others may have put where a node has its files.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct OneNodeTests {
    private let segment: Segment
    private let folder: TemporaryDirectory
    private var machine: LabNode { segment.nodes[0] }
    private var vip: IPAddress { segment.virtualAddress(.ipv4) }

    init() throws {
      segment = try Segment(nodes: 1)
      folder = try TemporaryDirectory()
    }

    private func up(
      _ directory: String, vrid: Int = 7, _ options: [String] = []
    ) throws -> CommandResult {
      try machine.namespace.run(
        [
          VipctlNode.binary, "up", "\(vip)/24", "-i", "eth0", "--vrid", "\(vrid)", "--name", "web",
          "--interval", "100ms", "--runtime-dir", folder[directory],
        ] + options, within: .seconds(60))
    }

    private func vipctl(_ directory: String, _ arguments: String...) throws -> CommandResult {
      try machine.namespace.run(
        [VipctlNode.binary] + arguments + ["--runtime-dir", folder[directory]],
        within: .seconds(60))
    }

    @Test(
      "Two nodes on one machine: the second waits for the first, and names it",
      arguments: [(7, "serves VRID 7 of IPv4 on eth0"), (8, "has VIP on eth0 in another group")])
    func twoNodes(vrid: Int, text: String) throws {
      #expect(try up("a").status == 0)
      let pid = readText(folder["a/vipctl.pid"]).trimmingCharacters(in: .newlines)
      try eventually("the address is there") { try machine.holds(vip) }
      let second = try up("b", vrid: vrid, ["--timeout", "1s"])
      #expect(second.status == 1, "\(second)")
      #expect(
        second.errors.contains(
          "another node on this machine (process \(pid) of user 0) "
            + text.replacing("VIP", with: "\(vip)")),
        "\(second)")
      #expect(try machine.holds(vip))
      // Nor does its end take anything from the first.
      #expect(try vipctl("b", "down", "web").status == 0)
      #expect(try machine.holds(vip))
      #expect(try up("b", vrid: vrid, ["--timeout", "1s"]).status == 1)
      #expect(try vipctl("a", "down", "web").status == 0)
      try eventually("the second serves") { try machine.holds(vip) }
      #expect(try vipctl("b", "down", "web").status == 0)
      #expect(try !machine.holds(vip))
    }

    @Test("A FIFO, a link or a stranger's directory is refused in one line, at once")
    func strangeFiles() throws {
      func refused(_ directory: String, _ text: String) throws {
        let result = try up(directory)
        #expect(result.status == 1 && result.errors.contains(text), "\(result)")
        #expect(result.errors.split(separator: "\n").count == 1, "\(result)")
        #expect(try machine.namespace.processes().isEmpty)
      }
      #expect(mkdir(folder["rt"], 0o755) == 0)
      try folder.write("precious", to: "other")
      for file in ["vipctl.pid", "vipctl.log", "vipctl.addresses"] {
        let path = folder["rt/\(file)"]
        #expect(mkfifo(path, 0o600) == 0)
        try refused("rt", "rt/\(file) is no file; remove it")
        unlink(path)
        #expect(link(folder["other"], path) == 0)
        try refused("rt", "rt/\(file) is a file with other names (hard links); remove it")
        unlink(path)
      }
      #expect(readText(folder["other"]) == "precious")
      #expect(mkdir(folder["rt/vipctl.sock"], 0o755) == 0)
      try refused("rt", "rt/vipctl.sock is in the place of the control socket")
      rmdir(folder["rt/vipctl.sock"])
      #expect(chmod(folder["rt"], 0o777) == 0)
      try folder.write("", to: "rt/other")
      try refused("rt", "others may write to the directory")
      #expect(chmod(folder["rt"], 0o755) == 0 && chown(folder["rt"], 65_534, 65_534) == 0)
      try refused("rt", "is owned by user 65534, not by 0")
      #expect(chown(folder["rt"], 0, 0) == 0)
      #expect(try up("rt").status == 0)
      for file in ["vipctl.pid", "vipctl.log", "vipctl.addresses", "vipctl.sock"] {
        var status = stat()
        #expect(stat(folder["rt/\(file)"], &status) == 0 && status.st_mode & 0o777 == 0o600)
      }
      #expect(try vipctl("rt", "down", "--all").status == 0)
    }

    @Test("Clients that are gone leave their places to others")
    func abandoned() throws {
      #expect(try up("a").status == 0)
      try machine.namespace.ip("link set eth0 down")
      let clients = (0..<64).map { number in
        Result {
          try machine.namespace.start(
            [
              "timeout", "0.5", VipctlNode.binary, "up", "\(vip)/24", "-i", "eth0", "--vrid", "7",
              "--name", "web", "--interval", "100ms", "--timeout", "10m", "--runtime-dir",
              folder["a"],
            ], logPath: folder["client\(number)"])
        }
      }
      for client in clients { #expect(try client.get().waitForExit(within: .seconds(60)) != nil) }
      let status = try vipctl("a", "status")
      #expect(status.status == 0, "\(status)")
      #expect(try vipctl("a", "down", "--all").status == 0)
    }
  }
}
