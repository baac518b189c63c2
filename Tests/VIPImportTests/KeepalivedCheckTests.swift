import TestSupport
import Testing

@testable import VIPImport

/// Scripts, processes and files that are tracked, and the groups of instances.
@Suite struct KeepalivedCheckTests: ImportSuite {
  private func script(_ lines: String) -> String { "vrrp_script s {\n\(lines)\n}\n" }

  /// The check that a block becomes, as it is printed without comments.
  private func check(_ block: String, _ tracked: String) throws -> String {
    let result = try imported(block + Self.instance(tracked))
    return result.checks.map(\.yaml).joined().split(separator: "\n")
      .map { $0.split(separator: " #")[0].drop { " -".contains($0) } }
      .map { $0.reversed().drop { $0 == " " }.reversed().map(String.init).joined() }
      .joined(separator: "; ")
  }

  @Test func `a script is a command with its times`() throws {
    #expect(
      try check(
        script("script \"/bin/a 'b c' *\"\ninterval 2\nfall 3\nuser nobody"), "track_script {\ns\n}"
      )
        == "name: s; command: [/bin/a, \"b c\", \"\\x2a\"]; interval: 2s; timeout: 2s; fall: 3; "
        + "user: nobody")
  }

  @Test func `in reverse the opposite is a check`() throws {
    let text = script("script /bin/a\nweight 5 reverse\nfall 3\ninit_fail")
    #expect(
      try check(text, "track_script {\ns\n}")
        == "name: s-reverse; command: [/bin/sh, \"-c\", \"! \\\"$@\\\"\", sh, /bin/a]; interval: 1s; "
        + "timeout: 1s; rise: 3; initially: passed")
    #expect(
      try imported(text + Self.instance("track_script {\ns\n}")).routers.first?.checks
        == [ImportedCheckUse(check: "s-reverse", weight: -5)])
  }

  @Test(arguments: ["killall -0 nginx", "/usr/bin/pidof nginx", "pgrep -x nginx", "pidof -s nginx"])
  func `a program that looks for a process by its name is a check of it`(text: String) throws {
    #expect(
      try check(script("script \"\(text)\"\nfall 2"), "track_script {\ns\n}")
        == "name: s; process: { name: nginx }; interval: 1s; fall: 2")
  }

  @Test(arguments: [
    "/usr/bin/pgrep nginx", "/usr/bin/killall nginx", "/usr/bin/pgrep -f -x nginx",
    "/usr/bin/pidof a b", "/usr/bin/pgrep -x a-very-long-name", "/usr/bin/pgrep -x 'a.*'",
  ])
  func `one that looks for something else stays a command`(text: String) throws {
    #expect(
      try check(script("script \"\(text)\""), "track_script {\ns\n}")
        .hasPrefix("name: s; command: [/usr/bin/"))
  }

  @Test(arguments: [
    "/bin/a | /bin/b", "/bin/a && b", "/bin/a > /dev/null", "/bin/a 2>&1", "/bin/a; b",
    "/bin/a $(b)", "/bin/a `b`", "! /bin/a", "/bin/a >/dev/null",
  ])
  func `what needs a shell gets one, and a remark`(text: String) throws {
    let result = try imported(script("script \"\(text)\"") + Self.instance("track_script {\ns\n}"))
    #expect(result.yaml.contains("command: [/bin/sh, \"-c\", "))
    #expect(
      result.remarks.map(\.text) == [
        "keepalived starts programs without a shell, which '\(text)' needs; here /bin/sh runs it"
      ])
    #expect(result.remarks.first?.kind == .note)
  }

  @Test(arguments: ["/bin/sh -c 'a | b'", "/bin/a 'b | c'", "/bin/a a;b", "/bin/a x=y"])
  func `what only looks like it does not`(text: String) throws {
    let result = try imported(script("script \"\(text)\"") + Self.instance("track_script {\ns\n}"))
    #expect(result.remarks == [])
  }

  /// Blocks and lines of an instance, and the remark about them.
  static let remarks: [(String, String, String)] = [
    ("vrrp_script {\nscript /bin/a\n}", "", "lost this vrrp_script has no name and is left out"),
    ("vrrp_script s {\n}", "", "lost this vrrp_script names no script and is left out"),
    (
      "vrrp_script s {\nscript nosuchprogram\n}", "",
      "lost 'script nosuchprogram' is left out: 'nos"
    ),
    (
      "vrrp_script s {\nscript ./a\n}", "",
      "lost 'script ./a' is left out: './a' is no absolute path"
    ),
    (
      "vrrp_script s {\nscript /bin/a\n}", "",
      "note 'vrrp_script s' is tracked by no router, and so"
    ),
    (
      "vrrp_script s {\nscript /bin/a b\n}", "track_script {\ns\n}",
      "note keepalived gives 'b' not to the script, and so does this; put all of it in quotes if"
    ),
    (
      "vrrp_script s {\nscript /bin/a\nflux 9\n}", "track_script {\ns\n}",
      "lost 'flux 9' has no equivalent; look whether you need it"
    ),
    (
      "vrrp_script s {\nscript /bin/a\ninterval 1.5\n}", "track_script {\ns\n}",
      "note 'interval 1.5' is no whole number from 1 on; keepalived takes its default, and so does"
    ),
    (
      "vrrp_script s {\nscript /bin/a\ninterval 7200\n}", "track_script {\ns\n}",
      "lost 'interval 7200' is too much; 3600 is taken"
    ),
    (
      "vrrp_script s {\nscript /bin/a\nweight x\n}", "track_script {\ns\n}",
      "lost 'weight' names no number; 0 is taken, as keepalived does"
    ),
    (
      "vrrp_script s {\nscript /bin/a\nuser root\n}", "track_script {\ns\n}",
      "note the script runs as the node's user here; run the node as root if it must"
    ),
    (
      "vrrp_script s {\nscript \"</dev/tcp/127.0.0.1/80\"\n}", "track_script {\ns\n}",
      "note '</dev/tcp/127.0.0.1/80' has become a check that connects, without a shell"
    ),
    (
      "vrrp_script s {\nscript \"pidof a\"\n}", "track_script {\ns\n}",
      "note 'pidof a' has become a check of the process, which needs no program and no user"
    ),
    (
      "vrrp_script s {\nscript /bin/a\n}\nvrrp_script s {\nscript /bin/b\n}",
      "track_script {\ns\n}",
      "lost vrrp_script s is given again; the first one is taken"
    ),
    (
      "vrrp_script s {\nscript /bin/a\n}", "track_script {\ns weight x\n}",
      "lost 's' has no usable weight; it is left out"
    ),
    (
      "vrrp_script s {\nscript /bin/a\n}", "track_script {\ns t\n}",
      "lost 't' on the line of 's' is no option; it is left out: give each check a line of its own"
    ),
    (
      "vrrp_script s {\nscript /bin/a\n}", "track_script {\ns\ns\n}",
      "note 's' is tracked twice; the first one is taken"
    ),
    (
      "vrrp_script s {\nscript /bin/a\nweight 5\n}", "priority 255\ntrack_script {\ns\n}",
      "note 's' has a weight, which means nothing with priority 255"
    ),
    (
      "vrrp_track_process p {\n}", "",
      "lost this vrrp_track_process names no process and is left out"
    ),
    (
      "vrrp_track_process p {\nprocess a\nfull_command\n}", "",
      "lost 'full_command' has no equivalent, and the check is left out; let a script look for the"
    ),
    (
      "vrrp_track_process p {\nprocess a b\n}", "",
      "lost a process is known by its name, not by its arguments, and the check is left out; let a"
    ),
    (
      "vrrp_track_process p {\nprocess a\nquorum 2\n}", "track_process {\np weight 0 reverse\n}",
      "lost 'p' is to count in reverse, which has no equivalent; make a check of the opposite with"
    ),
    (
      "track_file f {\nfile a\n}", "", "lost this track_file names no absolute path and is left out"
    ),
    (
      "track_file f {\nfile /a\ninit_file 5\n}", "track_file {\nf\n}",
      "lost no file is made here; make /a before the node starts"
    ),
    (
      "track_file f {\nfile /a\n}", "track_file {\nf weight 255\n}",
      "lost 'f' is multiplied by 255 in keepalived, here by 254 at most; write greater numbers into"
    ),
    ("global_defs {\nscript_user root\n}", "", "note scripts run as the node's user here; run the"),
    (
      "global_defs {\nscript_user web\n}", "",
      "note checks and hooks run as web, for which the node"
    ),
    (
      "interface_up_down_delays {\neth0 256\n}", "",
      "lost 'eth0 256' names no delays from 0 to 255 seconds; it is left out"
    ),
    (
      "interface_up_down_delays {\neth9 1\n}", "",
      "lost 'linkDelay' is for a router's own interface, and eth9 is none; it is left out"
    ),
    (
      "interface_up_down_delays {\neth0 3 1\n}", "",
      "lost a link that is gone counts after 2s, two intervals, not after 3s"
    ),
    (
      "global_defs {\nvrrp_startup_delay 5\n}", "priority 255",
      "lost 'vrrp_startup_delay' is left out: an owner (priority 255) is Active at once"
    ),
  ]

  @Test(arguments: remarks)
  func `what is said of it`(block: String, lines: String, text: String) throws {
    let told = try imported(block + "\n" + Self.instance(lines)).remarks
      .map { "\($0.kind.rawValue) \($0.text)" }
    #expect(told.contains { $0.hasPrefix(text) }, "\(told)")
    #expect(told.count == 1)
  }

  @Test func `names are made usable, and unique`() throws {
    let block =
      "vrrp_script 'a b' {\nscript /bin/a\n}\nvrrp_script a-b {\nscript /bin/b\n}\n"
      + "track_file a-b {\nfile /c\n}\n"
    let result = try imported(
      block + Self.instance("track_script {\n'a b'\na-b\n}\ntrack_file {\na-b\n}"))
    #expect(result.remarks == [])
    #expect(result.checks.map(\.name) == ["a-b", "a-b-2", "a-b-3"])
  }

  @Test func `a file that is not there keeps no router from its role`() throws {
    let result = try imported(
      "track_file f {\nfile /c\n}\n" + Self.instance("track_file {\nf\n}"))
    #expect(
      result.routers.first?.checks
        == [ImportedCheckUse(check: "f", weight: 1, isNumberOfFile: true)])
  }

  @Test func `several routers share a check`() throws {
    let other = Self.instance("track_script {\ns weight 3\n}")
      .replacing("web", with: "db").replacing("51", with: "52").replacing("2.10", with: "2.11")
    let result = try imported(
      script("script /bin/a") + Self.instance("track_script {\ns\n}") + "\n" + other)
    #expect(result.checks.map(\.name) == ["s"])
    #expect(result.routers.flatMap(\.checks).map(\.weight) == [nil, 3])
  }

  // MARK: Groups

  private static let pair =
    "vrrp_instance a {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n"
    + "vrrp_instance b {\ninterface eth1\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.2\n}\n}\n"

  /// Lines of a group of two, and the remark about them.
  static let groupRemarks: [(String, String)] = [
    ("group {\na\nb\nc\n}", "lost vrrp_sync_group G: there is no router 'c'"),
    ("group {\na\n}", "note vrrp_sync_group G is left out: it has fewer than two routers"),
    (
      "group {\na\n}\nnotify /bin/x",
      "lost vrrp_sync_group G is left out: it has fewer than two routers; put what it tracks and"
    ),
    (
      "group {\na\nb\n}\ntrack_interface {\neth2 weight 5 reverse\n}",
      "lost 'eth2 weight 5 reverse' has no equivalent; it is left out"
    ),
    (
      "group {\na\nb\n}\ntrack_interface {\neth2 weight 200\n}",
      "note 'eth2 weight 200' has become a check of its carrier, whose weight is added while it is"
    ),
    (
      "group {\na\nb\n}\ntrack_interface {\neth2 weight 20\n}",
      "note 'eth2 weight 20' raises the priorities of the group while it is up; they have become"
    ),
    (
      "group {\na\nb\n}\ntrack_script {\ns\n}",
      "lost track_script: there is no usable 's'; it is left"
    ),
    ("group {\na\nb\n}\nnotify_master x", "lost 'notify_master x' is left out: 'x' is no absolute"),
    ("group {\na\nb\n}\nflux", "lost 'flux' has no equivalent; look whether you need it"),
  ]

  @Test(arguments: groupRemarks)
  func `what is said of a group`(lines: String, text: String) throws {
    let told = try imported(Self.pair + "vrrp_sync_group G {\n\(lines)\n}\n").remarks
      .map { "\($0.kind.rawValue) \($0.text)" }
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix(text) == true, "\(told)")
  }

  @Test func `a weight of the group that has no room is a check of the interface`() throws {
    let result = try imported(
      Self.pair
        + "vrrp_sync_group G {\ngroup {\na\nb\n}\ntrack_interface {\neth2 weight 200\n"
        + "eth3 weight -5\n}\n}\n")
    #expect(result.routers.allSatisfy { $0.configuration.priority == .default })
    #expect(
      result.groups.flatMap(\.checks) == [
        ImportedCheckUse(check: "eth2-up", weight: 200, isNumberOfFile: true)
      ])
    let group = try #require(result.groups.first)
    #expect(group.yaml.contains("track: [{ interface: eth3, decrement: 5 }]"))
    #expect(result.yaml.contains("file: /sys/class/net/eth2/carrier"))
  }

  @Test func `an owner's addresses can't move with others`() throws {
    let text =
      Self.pair.replacing("interface eth1\n", with: "interface eth1\npriority 255\n")
      + "vrrp_sync_group G {\ngroup {\na\nb\n}\n}\n"
    let result = try imported(text)
    #expect(result.groups.isEmpty)
    #expect(
      result.remarks.map(\.text) == [
        "vrrp_sync_group G is left out: 'b' has priority 255, and an owner's addresses can't move; "
          + "take a lower one"
      ])
  }

  @Test func `routers of a group that is left out are as if in none`() throws {
    let blocks =
      "vrrp_script s {\nscript /bin/a\nweight -9\n}\nvrrp_script t {\nscript /bin/b\n}\n"
      + "vrrp_script u {\nscript /bin/c\n}\n"
    let pair = Self.pair.replacing("interface eth1\n", with: "interface eth1\npriority 255\n")
      .replacing(
        "interface eth0\n",
        with: "interface eth0\ntrack_script {\ns\nu\n}\ntrack_interface {\neth2 weight -5\n}\n")
    let result = try imported(
      blocks + pair
        + "vrrp_sync_group G {\ngroup {\na\nb\n}\ntrack_script {\nt\nu\n}\nnotify /bin/x\n}\n")
    #expect(
      result.remarks.map(\.text) == [
        "vrrp_sync_group G is left out: 'b' has priority 255, and an owner's addresses can't move; "
          + "take a lower one, or put what it tracks and runs into the routers"
      ])
    let router = try #require(result.routers.first)
    #expect(
      router.checks == [
        ImportedCheckUse(check: "s", weight: -9), ImportedCheckUse(check: "u", weight: nil),
      ])
    #expect(router.configuration.tracks.map(\.decrement) == [5])
    #expect(result.checks.map(\.name) == ["s", "u"])
  }

  @Test func `in a group of one weights are ignored, as keepalived does`() throws {
    let member = Self.pair.replacing(
      "interface eth0\n", with: "interface eth0\ntrack_script {\ns\n}\n")
    let result = try imported(
      script("script /bin/a\nweight -9") + member + "vrrp_sync_group G {\ngroup {\na\n}\n}\n")
    #expect(
      result.remarks.map(\.text) == [
        "keepalived ignores 's' with its weight in an instance of a group, and so it is left out; "
          + "leave the group out if it should count",
        "vrrp_sync_group G is left out: it has fewer than two routers",
      ])
    #expect(result.routers.flatMap(\.checks).isEmpty)
  }

  @Test func `a check of the group is not one of its router too`() throws {
    let text =
      script("script /bin/a")
      + Self.pair.replacing("interface eth0\n", with: "interface eth0\ntrack_script {\ns\n}\n")
      + "vrrp_sync_group G {\ngroup {\na\nb\n}\ntrack_script {\ns weight -5\n}\n}\n"
    let result = try imported(text)
    #expect(
      result.remarks.map(\.text) == ["'s' is a check of the group 'G' too; it is left out here"])
    #expect(result.routers.flatMap(\.checks).isEmpty)
    #expect(result.groups.flatMap(\.checks) == [ImportedCheckUse(check: "s", weight: -5)])
  }
}
