import TestSupport
import Testing
import VIP

@testable import vipctl

/// The flags of `up` and `run` are those of the tables of settings.
@Suite struct SettingFlagTests {
  @Test(
    arguments: [
      ("up", ["config", "dry-run", "help", "runtime-dir", "strict", "timeout"]),
      ("run", ["config", "help", "log-format", "runtime-dir", "strict"]),
    ])
  func `each setting has its flags, and no flag is without a setting`(
    command: String, others: [String]
  ) throws {
    let help = try check([VipctlNode.binary, command, "--help"])
    let flags = help.split(separator: "\n")
      .compactMap { $0.firstMatch(of: #/^  (?:-\w, )?--([a-z-]+)/#).map { String($0.output.1) } }
    let known =
      RouterSetting.allCases.flatMap(\.flags) + NodeSetting.allCases.flatMap(\.flags) + others
    #expect(flags.sorted() == known.sorted())
  }

  @Test func `no flag stands for two settings`() {
    let flags = RouterSetting.allCases.flatMap(\.flags) + NodeSetting.allCases.flatMap(\.flags)
    #expect(Set(flags).count == flags.count)
  }
}
