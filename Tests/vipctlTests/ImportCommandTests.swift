import TestSupport
import Testing
import VIP
import VIPConfiguration
import VRRP

@testable import vipctl

/// `vipctl import`, the program itself.
@Suite struct ImportCommandTests {
  private static func instance(_ lines: String, before: String = "") -> String {
    """
    vrrp_instance web {
      interface eth0
      virtual_router_id 51
      virtual_ipaddress { 192.0.2.10/24
      }
      \(lines)
    }
    \(before)
    """
  }

  private func vipctl(_ arguments: [String], input: String = "") throws -> CommandResult {
    try run([VipctlNode.binary, "import"] + arguments, input: input)
  }

  @Test func `exit codes`() throws {
    let all = try vipctl(["-"], input: Self.instance("priority 150"))
    #expect(all.status == 0 && all.errors.isEmpty)
    #expect(all.output.hasPrefix("# From standard input; each setting has the line"))
    #expect(
      all.output.contains("priority: 150                   # standard input:6: priority 150\n"))

    let some = try vipctl(["-"], input: Self.instance("smtp_alert"))
    #expect(some.status == ExitStatus.failed.rawValue)
    #expect(some.output.contains("- 192.0.2.10/24"))
    #expect(
      some.errors == """
        standard input:6: 'smtp_alert' has no equivalent; no mail is sent; watch the log or \
        'vipctl status --json'
        vipctl: 1 thing is not carried over, see above; check the rest before you use it

        """)

    let none = try vipctl(["-"], input: "vrrp_instance a {\n}\n")
    #expect(none.status == ExitStatus.failed.rawValue && none.output.isEmpty)
    #expect(none.errors.hasSuffix("see above; no router could be carried over\n"))

    let stranger = try vipctl(["-"], input: "hello\n")
    #expect(stranger.status == ExitStatus.file.rawValue && stranger.output.isEmpty)
    #expect(
      stranger.errors
        == "vipctl: standard input: this is no keepalived configuration; it begins with 'hello'\n")
    let missing = try vipctl(["/none/k.conf"])
    #expect(missing.status == ExitStatus.file.rawValue)
    #expect(missing.errors == "vipctl: /none/k.conf: there is no such file\n")
  }

  @Test func `the result can be run`() throws {
    let folder = try TemporaryDirectory()
    let yaml = try vipctl(["-"], input: Self.instance("priority 150")).output
    try folder.write(yaml, to: "v.yaml")
    let file = try ConfigurationFile.load(folder["v.yaml"])
    #expect(file.routers.map(\.priority.rawValue) == [150])
  }
}
