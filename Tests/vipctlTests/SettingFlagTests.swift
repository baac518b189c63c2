import ArgumentParser
import TestSupport
import Testing
import VIPConfiguration
import VIPCore

@testable import VIP
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

  // MARK: What the flags do

  /// A value for each flag, if it takes one, and how what it sets differs from what is there
  /// without it.
  private static let samples: [String: (value: String?, difference: String)] = [
    "name": ("mail", "name web → mail"), "interface": ("eth1", "interface eth0 → eth1"),
    "vrid": ("52", "VRID 51 → 52"), "priority": ("150", "priority 100 → 150"),
    "interval": ("2s", "interval 1s → 2s"), "no-preempt": (nil, "preempt true → false"),
    "preempt-delay": ("30s", "preemption delay 0s → 30s"), "version": ("2", "version 3 → 2"),
    "checksum": ("message", "checksum auto → message"), "no-probe": (nil, "probe true → false"),
    "virtual-mac": (nil, "virtual MAC address false → true"),
    "track": ("eth2=20", "track none → eth2=20"), "peer": ("192.0.2.2", "peers none → 192.0.2.2"),
    "lease": ("10s", "lease auto → 10s"), "no-guard": (nil, "guard on → off"),
    "realtime": (nil, "realtime off → on"),
  ]

  /// What `up` or `run` makes of a router with addresses and some flags beside those that it needs.
  private func load(
    _ command: String, _ addresses: [String] = ["192.0.2.10/24"], flags: [String: String?] = [:]
  ) throws -> FileConfiguration {
    let needed: [String: String?] = ["name": "web", "interface": "eth0", "vrid": "51"]
    let all = needed.merging(flags) { $1 }
    let line =
      addresses
      + all.sorted { $0.key < $1.key }.flatMap { flag, value in
        ["--\(flag)"] + (value.map { [$0] } ?? [])
      }
    let options =
      try command == "up" ? UpCommand.parse(line).router : RunCommand.parse(line).router
    return try options.load(for: command, .refuse)
  }

  @Test(arguments: ["up", "run"], RouterSetting.allCases)
  func `a flag of a router sets its setting, and no other`(
    command: String, setting: RouterSetting
  ) throws {
    let before = try load(command)
    let old = try #require(before.routers.first)
    for flag in setting.flags {
      let sample = try #require(Self.samples[flag], "no value for --\(flag) is here")
      let file = try load(command, flags: [flag: sample.value])
      let new = try #require(file.routers.first)
      #expect(old.difference(to: new) == sample.difference, "--\(flag)")
      #expect(!setting.declaration.differences(old, new).isEmpty, "--\(flag)")
      #expect(file.settings == before.settings && file.given.isEmpty, "--\(flag)")
    }
  }

  @Test(arguments: ["up", "run"])
  func `addresses are those of the command line, in their order`(command: String) throws {
    let router = try #require(load(command, ["192.0.2.11/24", "2001:db8::10/64"]).routers.first)
    #expect(router.addresses.map(\.description) == ["192.0.2.11/24", "2001:db8::10/64"])
  }

  @Test(arguments: ["up", "run"], NodeSetting.allCases)
  func `a flag of the node sets its setting, and no other`(
    command: String, setting: NodeSetting
  ) throws {
    let before = try load(command)
    #expect(before.settings == FileConfiguration.defaultSettings && before.given.isEmpty)
    for flag in setting.flags {
      let sample = try #require(Self.samples[flag], "no value for --\(flag) is here")
      let file = try load(command, flags: [flag: sample.value])
      #expect(before.settings.differences(to: file.settings) == [sample.difference], "--\(flag)")
      #expect(file.given == [setting], "--\(flag)")
      #expect(file.routers == before.routers, "--\(flag)")
    }
  }
}
