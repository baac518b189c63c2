import Foundation
import TestSupport
import Testing

extension NetworkTests {
  /// What an import makes of a configuration is what keepalived itself makes of it.
  @Suite(.enabled(if: VipctlNode.obstacle == nil, "\(VipctlNode.obstacle ?? "")"))
  struct ImportTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Keepalived")

    static let names =
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
      .filter { $0.hasSuffix(".conf") }.map { String($0.dropLast(5)) }.sorted()

    @Test("There are configurations to compare")
    func thereAreSome() {
      #expect(Self.names.count >= 40)
    }

    @Test("keepalived says of each field what the import prints", arguments: names)
    func fields(name: String) throws {
      let path = Self.folder.appending(path: "\(name).conf").path
      let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
      let marks = text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("#= ") }
        .map { $0.dropFirst(3).split(separator: " ", maxSplits: 1).map(String.init) }
      let identifier = marks.first { $0[0] == "id" }?[1]
      // Where something else is meant to be said.
      let apart = marks.filter { $0[0] == "apart" }.map { $0[1] }

      let dump = KeepalivedDump(try Self.dump(of: path, identifier)).fields
      let printed = try run(
        [VipctlNode.binary, "import", path] + (identifier.map { ["--config-id", $0] } ?? []))
      let imported = try #require(ImportedFields(printed.output)).fields
      #expect(dump.count > 10)

      let different = Set(dump.keys).union(imported.keys).filter { dump[$0] != imported[$0] }
      for key in different.sorted() where !apart.contains(where: key.hasPrefix) {
        Issue.record(
          "\(key): keepalived has '\(dump[key] ?? "none")', the import '\(imported[key] ?? "none")'"
        )
      }
      for prefix in apart {
        #expect(different.contains { $0.hasPrefix(prefix) }, "\(prefix) is the same")
      }
    }

    /// What keepalived writes when it has read a configuration on a machine with four interfaces.
    private static func dump(of path: String, _ identifier: String?) throws -> String {
      let namespace = try Namespace("import")
      try namespace.ip(
        (0...3).map {
          "link add eth\($0) type veth peer name p\($0)\nlink set eth\($0) up\nlink set p\($0) up"
        }.joined(separator: "\n")
          + "\naddress add 192.0.2.7/24 dev eth0\naddress add 2001:db8::7/64 dev eth0 nodad")
      let files = try TemporaryDirectory()
      let process = try namespace.start(
        [
          "keepalived", "--dont-fork", "--log-console", "--no-syslog", "--log-detail",
          "--dump-conf",
          "--vrrp", "--use-file", path, "--pid", files["pid"], "--vrrp_pid", files["vrrp.pid"],
        ] + (identifier.map { ["--config-id", $0] } ?? []), logPath: files["log"])
      defer { process.signalGroup(SIGKILL) }
      try eventually(
        "keepalived tells its configuration", within: .seconds(60), detail: { process.logTail },
        { KeepalivedDump.isComplete(process.log) })
      return process.log
    }
  }
}
