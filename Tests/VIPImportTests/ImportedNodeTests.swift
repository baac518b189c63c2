import ARP
import TestSupport
import Testing
import VIP
import VIPCore

@testable import VIPConfiguration
@testable import VIPImport

/// What keepalived sets for an instance or for all, and a node here for all its routers.
@Suite struct ImportedNodeTests {
  private struct Result {
    var yaml: String
    var settings: NodeSettings
    var remarks: [String]
  }

  /// Imports instances that have these lines, after lines of `global_defs` and blocks of their own.
  private func imported(
    _ instances: [String], global: String = "", blocks: String = ""
  ) throws -> Result {
    var text = "global_defs {\n\(global)\n}\n\(blocks)\n"
    for (index, lines) in instances.enumerated() {
      text +=
        "vrrp_instance r\(index) {\ninterface eth0\nvirtual_router_id \(index + 1)\n\(lines)\n"
        + "virtual_ipaddress {\n192.0.2.\(index + 1)/24\n}\n}\n"
    }
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    let result = try KeepalivedImport(folder["k.conf"])
    let file = try ConfigurationReader.read(result.yaml)
    #expect(file.routers.count == instances.count)
    #expect(file.settings.announcements == result.node.announcements)
    #expect(file.settings.isRealtime == result.node.isRealtime)
    return Result(
      yaml: result.yaml, settings: file.settings,
      remarks: result.remarks.map { "\($0.kind.rawValue) \($0.text)" })
  }

  @Test func `nothing is said of a node where keepalived has its defaults`() throws {
    let result = try imported([""])
    #expect(!result.yaml.contains("node:") && result.remarks == [])
    #expect(result.settings == FileConfiguration.defaultSettings)
  }

  @Test func `all of it`() throws {
    let result = try imported(
      [""],
      global: """
        vrrp_rt_priority 50
        vrrp_garp_interval 0.001
        vrrp_garp_master_delay 10
        vrrp_garp_master_refresh 60
        """)
    #expect(result.remarks == [])
    #expect(
      result.yaml.split(separator: "\n").dropFirst().prefix(7).joined(separator: "\n") == """
        node:
          realtime: true                    # k.conf:2: vrrp_rt_priority 50
          announcements:
            rate: 1000                      # k.conf:3: vrrp_garp_interval 0.001
            burst: 1                        # keepalived pauses after each of them
            repeat: [1s, 2s, 7s]            # k.conf:4: vrrp_garp_master_delay 10
            refresh: 60s                    # k.conf:5: vrrp_garp_master_refresh 60
        """)
  }

  @Test func `an instance's own value comes before that of all`() throws {
    let result = try imported(
      ["garp_master_refresh 30", "garp_master_refresh 0", ""],
      global: "vrrp_garp_master_refresh 60\nvrrp_garp_master_delay 20")
    #expect(result.settings.announcements.refresh == .seconds(30))
    #expect(
      result.remarks == [
        "note 'announcements: { refresh: 30s }' holds for all routers of a node, also for those that "
          + "keepalived refreshes less often or never"
      ])
    let delays = try imported(["garp_master_delay 8", "garp_master_delay 2"])
    #expect(delays.settings.announcements.pauses == [.seconds(1), .seconds(2), .seconds(5)])
    #expect(
      delays.remarks == [
        "note 'announcements: { repeat: … }' is the same for all routers; the longest delay, 8s, is "
          + "taken"
      ])
  }

  /// A delay of keepalived's second announcements, and the pauses that it becomes.
  @Test(arguments: [
    ("1", [1, 2]), ("2", [1, 1, 1]), ("3", [1, 2]), ("5", [1, 2, 2]), ("3600", [1, 2, 3597]),
    ("0", [1, 2]), ("9999", [1, 2]), ("x", [1, 2]),
  ])
  func `a second time after a delay`(delay: String, pauses: [Int]) throws {
    let result = try imported(["garp_master_delay \(delay)"])
    #expect(result.settings.announcements.pauses == pauses.map { .seconds($0) })
    #expect(result.remarks.count == (["0", "9999", "x"].contains(delay) ? 1 : 0))
  }

  @Test func `once only`() throws {
    let result = try imported([""], global: "vrrp_min_garp")
    #expect(result.settings.announcements.pauses == [] && result.remarks == [])
    #expect(try imported([""], global: "vrrp_min_garp false").yaml.contains("node:") == false)
    let both = try imported(["garp_master_delay 5"], global: "vrrp_min_garp true")
    #expect(both.settings.announcements.pauses == [.seconds(1), .seconds(2), .seconds(2)])
    #expect(both.remarks.map { $0.prefix(36) } == ["lost 'vrrp_min_garp' is left out: 'a"])
  }

  @Test func `the slowest rate of any interface is that of all`() throws {
    let result = try imported(
      [""], global: "vrrp_garp_interval 0.001\nvrrp_gna_interval 0.01",
      blocks: "garp_group {\ngarp_interval 0.1\ninterfaces {\neth0\n}\n}")
    #expect(result.settings.announcements.maximumRate == 10)
    #expect(result.settings.announcements.burst == 1)
    #expect(
      result.remarks == [
        "note 'announcements: { rate: … }' is the same for all interfaces and both families; the "
          + "slowest one, 10 a second, is taken",
        "lost announcements are paced on each interface here, not on several together",
      ])
    #expect(try imported([""], global: "vrrp_garp_interval 0").yaml.contains("node:") == false)
    #expect(
      try imported([""], global: "vrrp_garp_interval 3").settings.announcements.maximumRate == 1)
  }

  @Test func `what is no number is left out and said once`() throws {
    let result = try imported(["", ""], global: "vrrp_garp_master_refresh often")
    #expect(result.settings.announcements.refresh == nil)
    #expect(
      result.remarks == [
        "lost 'vrrp_garp_master_refresh often' is no number of seconds; it is left out"
      ])
  }
}
