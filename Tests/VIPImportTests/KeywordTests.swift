import TestSupport
import Testing
import VIP

@testable import VIPImport

/// What the table of settings says of keepalived is what an import does.
@Suite struct KeywordTests {
  /// A statement for each keyword; `name` is that of the instance.
  private static let statements: [String: String] = [
    "interface": "interface eth0", "virtual_router_id": "virtual_router_id 7",
    "priority": "priority 150", "advert_int": "advert_int 2", "version": "version 2",
    "nopreempt": "nopreempt", "preempt_delay": "preempt_delay 3",
    "authentication": "authentication {\n auth_type PASS\n auth_pass sesame\n}",
    "virtual_ipaddress": "virtual_ipaddress {\n 192.0.2.10/24\n}",
    "track_interface": "track_interface {\n eth1 weight -5\n}",
    "unicast_peer": "unicast_peer {\n 192.0.2.2\n}", "use_vmac": "use_vmac",
    "notify_master": "notify_master /bin/true", "notify_backup": "notify_backup /bin/true",
    "notify_fault": "notify_fault /bin/true", "notify_stop": "notify_stop /bin/true",
    "notify": "notify /bin/true",
  ]

  @Test func `no keyword stands for two settings`() {
    let keywords = RouterSetting.allCases.flatMap(\.keepalivedKeywords)
    #expect(Set(keywords).count == keywords.count)
    #expect(Set(keywords) == Set(Self.statements.keys))
  }

  @Test(arguments: RouterSetting.allCases)
  func `each keyword of a setting becomes that setting`(setting: RouterSetting) throws {
    for keyword in setting.keepalivedKeywords {
      let statement = try #require(Self.statements[keyword], "\(keyword)")
      var lines = ["version 2", "interface eth0", "virtual_router_id 51"]
      lines.removeAll { $0.hasPrefix(keyword + " ") }
      if keyword != "virtual_ipaddress" { lines.append("virtual_ipaddress {\n 192.0.2.9/24\n}") }
      let folder = try TemporaryDirectory()
      try folder.write(
        "vrrp_instance web {\n" + (lines + [statement]).joined(separator: "\n") + "\n}\n",
        to: "k.conf")
      let result = try KeepalivedImport(folder["k.conf"])
      #expect(result.remarks == [], "\(keyword)")
      let router = try #require(result.routers.first)
      let isThere =
        setting == .addresses
        ? router.configuration.addresses.contains { statement.contains("\($0)") }
        : router.settings.contains { $0.key == setting.key }
      #expect(isThere, "\(keyword) is not carried over as \(setting.key)")
    }
  }
}
