import Foundation
import TestSupport
import Testing
import VIP
import VIPCore
import VRRP
import VRRPSimulation

@testable import VIPConfiguration
@testable import VIPImport

/// Translating configurations of keepalived.
@Suite struct KeepalivedImportTests {
  private func imported(_ text: String) throws -> KeepalivedImport {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    return try KeepalivedImport(folder["k.conf"])
  }

  /// An instance with an address and some more lines, which begin at line 6.
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

  /// The only router of a configuration, as our own reader reads the result.
  private func router(_ text: String) throws -> RouterConfiguration {
    let result = try imported(text)
    let file = try ConfigurationReader.read(result.yaml)
    #expect(file.routers == result.routers.map(\.configuration))
    #expect(file.settings.announcements == result.node.announcements)
    return try #require(file.routers.first)
  }

  // MARK: A whole file

  @Test func `everything that has an equivalent`() throws {
    let result = try imported(
      """
      ! Configuration File for keepalived
      global_defs {
          router_id LVS_DEVEL   # only a name
      }
      vrrp_instance VI_1 {
          state BACKUP
          interface eth0
          virtual_router_id 51
          priority 150
          advert_int 2
          preempt_delay 4.5
          authentication {
              auth_type PASS
              auth_pass "s3cret&*\\""
          }
          virtual_ipaddress {
              192.0.2.10/24 brd 192.0.2.255 dev eth0 scope global
              192.0.2.11/24 brd +
          }
          track_interface {
              eth0
          }
      }
      vrrp_instance VI_6 {
          version 3
          interface eth0.100
          virtual_router_id 51
          nopreempt
          advert_int 0.25
          virtual_ipaddress {
              fe80::10/64
              2001:db8::10/64 -nodad
          }
      }
      """)
    #expect(
      result.remarks.map(\.text) == [
        "'eth0' is left out: a router always waits while its own interface is down, and keepalived "
          + "ignores a weight there"
      ])
    #expect(result.remarks.map(\.kind) == [.note])
    let lines = result.yaml.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(
      lines.dropFirst().joined(separator: "\n") == """
        routers:
          - name: VI_1                      # k.conf:5: vrrp_instance VI_1 {
            interface: eth0                 # k.conf:7: interface eth0
            vrid: 51                        # k.conf:8: virtual_router_id 51
            priority: 150                   # k.conf:9: priority 150
            interval: 2s                    # k.conf:10: advert_int 2
            version: 2                      # keepalived's default
            preempt: { delay: 4.5s }        # k.conf:11: preempt_delay 4.5
            authentication: { password: "s3cret\\x26\\x2a" } # k.conf:14
            addresses:
              - 192.0.2.10/24               # k.conf:17: 192.0.2.10/24 brd 192.0.2.255 dev eth0 \
        scope global
              - 192.0.2.11/24               # k.conf:18: 192.0.2.11/24 brd +

          - name: VI_6                      # k.conf:24: vrrp_instance VI_6 {
            interface: eth0.100             # k.conf:26: interface eth0.100
            vrid: 51                        # k.conf:27: virtual_router_id 51
            interval: 250ms                 # k.conf:29: advert_int 0.25
            preempt: false                  # k.conf:28: nopreempt
            addresses:
              - fe80::10/64                 # k.conf:31: fe80::10/64
              - 2001:db8::10/64             # k.conf:32: 2001:db8::10/64 -nodad

        """)
    let routers = try ConfigurationReader.read(result.yaml).routers
    #expect(routers == result.routers.map(\.configuration))
    #expect(routers[0].version == .v2 && routers[1].version == .v3)
    #expect(routers[0].password == Authentication.Password("s3cret&*"))
    #expect(routers[0].preemptDelay == .milliseconds(4500) && !routers[1].preempts)
    #expect(routers.map(\.interval.description) == ["2s", "250ms"])
  }

  // MARK: Single settings

  @Test func `tracked interfaces`() throws {
    let lines = "track_interface {\neth0\neth1\neth2 weight -60\neth3 weight 0\n}\n"
    let router = try router(Self.instance(lines))
    #expect(
      router.tracks == [
        Track(interface: "eth1"), Track(interface: "eth2", decrement: 60), Track(interface: "eth3"),
      ])
    #expect(
      try imported(Self.instance(lines)).yaml.contains(
        "track: [eth1, { interface: eth2, decrement: 60 }, eth3] # "))
  }

  @Test func `unicast peers`() throws {
    let result = try imported(Self.instance("unicast_peer {\n192.0.2.2\n192.0.2.3\n}\n"))
    #expect(result.remarks == [])
    let router = try #require(ConfigurationReader.read(result.yaml).routers.first)
    #expect(router.peers.map(\.description) == ["192.0.2.2", "192.0.2.3"])
  }

  @Test func `a weight that raises is a higher priority that can fall`() throws {
    let router = try router(Self.instance("priority 150\ntrack_interface {\neth1 weight 20\n}"))
    #expect(router.priority.rawValue == 170)
    #expect(router.tracks == [Track(interface: "eth1", decrement: 20)])
    let result = try imported(Self.instance("track_interface {\neth1 weight 20\n}"))
    #expect(result.yaml.contains("priority: 120 "))
    #expect(try ConfigurationReader.read(result.yaml).routers.first?.priority.rawValue == 120)
  }

  @Test func `a virtual MAC address`() throws {
    #expect(try router(Self.instance("")).virtualMAC == false)
    let result = try imported(Self.instance("use_vmac"))
    #expect(result.yaml.contains("    virtualMac: true "))
    #expect(try router(Self.instance("use_vmac vrrp.51")).virtualMAC)
    let owner = try imported(Self.instance("use_vmac\npriority 255"))
    #expect(owner.routers.first?.configuration.virtualMAC == false)
    #expect(owner.remarks.contains { $0.text.hasPrefix("'use_vmac' is left out; an owner's") })
  }

  @Test func `versions`() throws {
    #expect(try router(Self.instance("")).version == .v2)
    #expect(try router(Self.instance("version 3")).version == .v3)
    let global = "global_defs {\n vrrp_version 3\n}"
    #expect(try router(Self.instance("", before: global)).version == .v3)
    #expect(try router(Self.instance("version 2", before: global)).version == .v2)
    let ipv6 =
      "vrrp_instance a {\ninterface e\nvirtual_router_id 1\nversion 2\n"
      + "virtual_ipaddress {\nfe80::1/64\n}\n}\n"
    #expect(try router(ipv6).version == .v3, "as keepalived takes it")
  }

  /// A line of an instance and the remark about it.
  static let remarks: [(String, String)] = [
    (
      "unicast_peer {\n192.0.2.2\nlocalhost\n}",
      "unicast_peer: 'localhost' is not an address; write it like"
    ),
    (
      "unicast_peer {\n192.0.2.2\n2001:db8::2\n}",
      "unicast_peer: 2001:db8::2 is not IPv4 as the addresses are; keepalived ignores it"
    ),
    (
      "unicast_peer {\n192.0.2.2 192.0.2.3\n}",
      "'192.0.2.3' on the line of 192.0.2.2 is left out, as keepalived does; give each peer a line"
    ),
    (
      "unicast_peer {\n192.0.2.2 max_ttl 9\n}",
      "'max_ttl 9' of 192.0.2.2 has no equivalent; TTL 255 is sent, and any"
    ),
    ("use_vmac 02:00:00:00:00:01", "the virtual MAC address is that of RFC 9568, not 02:00:00"),
    ("vmac_xmit_base", "'vmac_xmit_base' has no equivalent; advertisements leave under the"),
    ("track_script {\nchk\n}", "'track_script' has no equivalent; nothing runs scripts; let them"),
    ("notify_master \"x.sh a b\"", "'notify_master x.sh' names no absolute path and is left out"),
    ("notify_backup /bin/x web web", "'notify_backup' runs as web web in keepalived, here as the"),
    ("notify_stop /bin/x\nnotify /bin/y", "keepalived runs 'notify_stop' and then 'notify'; here"),
    ("notify_master_rx_lower_pri /bin/x", "'notify_master_rx_lower_pri /bin/x' has no equivalent"),
    ("garp_extra_if all 100", "'garp_extra_if all 100' has no equivalent; addresses are announced"),
    (
      "mcast_dst_ip 224.0.0.99", "'mcast_dst_ip 224.0.0.99' has no equivalent; advertisements go to"
    ),
    ("down_timer_adverts 4", "'down_timer_adverts 4' has no equivalent; a router takes over after"),
    ("strict_mode", "'strict_mode' has no equivalent; RFC 9568 is followed anyway, and addresses"),
    ("smtp_alert on", "'smtp_alert on' has no equivalent; no mail is sent"),
    ("virtual_routes {\n}", "'virtual_routes' has no equivalent; routes don't move"),
    ("flux_capacitor on", "'flux_capacitor on' has no equivalent; look whether you need it"),
    ("@high priority 200", "'@high priority 200' holds for one machine only; write a file for"),
    ("~SEQ(x, 1, 3) priority", "'~SEQ(x, 1, 3)' is not expanded; write it out"),
    ("priority 300", "priority: '300' is not a priority; give a number from 1 to 255"),
    ("priority", "priority: '' is not a priority"),
    ("priority 9\npriority 8", "'priority' is given again; the last one is taken"),
    ("version 4", "version: '4' is not a version of VRRP; give 2 or 3; it is left out"),
    ("advert_int 0.5", "'advert_int 0.5' is not possible in version 2, which has whole seconds"),
    ("advert_int 1s", "'advert_int 1s' is not possible in version 2"),
    ("version 3\nadvert_int 41", "'advert_int 41' is not possible in version 3, which has 0.01"),
    ("priority 9\nstate MASTER\nnopreempt", "keepalived ignores 'nopreempt' with 'state MASTER'"),
    (
      "priority 9\nstate MASTER\npreempt_delay 5",
      "keepalived ignores 'preempt_delay' with 'state MASTER'"
    ),
    ("nopreempt\npreempt_delay 5", "'preempt_delay' means nothing beside 'nopreempt'"),
    ("priority 255\nnopreempt", "'nopreempt' means nothing with priority 255"),
    ("preempt_delay 1001", "'preempt_delay' is a number of seconds from 0 to 1000"),
    ("authentication {\nauth_type AH\nauth_pass x\n}", "the IP Authentication Header is not"),
    ("authentication {\nauth_type PASS\nauth_pass \"a b\"\n}", "the password is not usable"),
    ("authentication {\nauth_type PASS\n}", "the password is not usable"),
    ("authentication {\nauth_pass x\n}", "an auth_type of PASS or AH is missing"),
    ("version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}", "version 3 has no authentic"),
    ("virtual_ipaddress {\n192.0.2.11 dev eth1\n}", "192.0.2.11/32 goes on eth1, not on eth0"),
    ("virtual_ipaddress {\n192.0.2.11 label eth0:1\n}", "'label eth0:1' of 192.0.2.11/32 is not"),
    ("virtual_ipaddress {\n192.0.2.11/24 brd 192.0.2.7\n}", "'brd 192.0.2.7' of 192.0.2.11/24"),
    ("virtual_ipaddress {\n192.0.2.11 scope link\n}", "'scope link' of 192.0.2.11/32 has no equi"),
    ("virtual_ipaddress {\n192.0.2.11 home\n}", "'home' of 192.0.2.11/32 has no equivalent"),
    ("virtual_ipaddress {\n192.0.2.10\n}", "'192.0.2.10' is listed twice; it is taken once"),
    ("virtual_ipaddress {\n2001:db8::1\n}", "'2001:db8::1' is not IPv4 as the first address is"),
    ("virtual_ipaddress {\nlocalhost\n}", "'localhost' is not an address; write it like"),
    ("virtual_ipaddress_excluded {\n192.0.2.9\n}", "'192.0.2.9' is held but not advertised by"),
    ("virtual_ipaddress {\n192.0.2.8 192.0.2.9\n}", "'192.0.2.9' stands on the line of another"),
    ("track_interface {\neth1\neth1\n}", "'eth1' is tracked twice; the first one is taken"),
    ("track_interface {\neth1 eth2\n}", "'eth2' on the line of eth1 is no option, and keepalived"),
    ("track_interface {\neth1 reverse\n}", "'eth1 reverse' has no equivalent; it is left out"),
  ]

  @Test(arguments: remarks)
  func `what has no equivalent`(lines: String, text: String) throws {
    let result = try imported(Self.instance(lines))
    #expect(result.remarks.count == 1)
    let remark = try #require(result.remarks.first)
    #expect(remark.text.hasPrefix(text), "\(remark.text)")
    let number = 6 + lines.split(separator: "\n").count
    #expect((6..<number).contains(remark.source.number))
    #expect(remark.kind == .lost)
    #expect(remark.line.hasSuffix("/k.conf:\(remark.source.number): \(remark.text)"))
    #expect(try ConfigurationReader.read(result.yaml).routers.count == 1, "the rest is there")
  }

  /// A line of an instance with which nothing is lost, and what there is to know of it.
  static let notes: [(String, String)] = [
    ("use_vmac vrrp.51", "the interface with the virtual MAC address gets another name than"),
    ("track_interface {\neth0\n}", "'eth0' is left out: a router always waits while its own"),
    ("track_interface {\neth0 weight 9\n}", "'eth0 weight 9' is left out: a router always waits"),
    ("track_interface {\neth1 weight 5\n}", "'eth1 weight 5' raises the priority while it is up;"),
    (
      "state MASTER",
      "without a priority, 'state MASTER' means 255 in keepalived, which is the owner"
    ),
    ("native_ipv6", "keepalived ignores 'native_ipv6' after IPv4 addresses, and so it is left out"),
    ("unicast_peer {\n192.0.2.2\n192.0.2.2\n}", "unicast_peer: 192.0.2.2 is named twice; it is"),
    (
      "garp_master_delay 0", "an address is announced again 1s and 3s after a takeover, not only at"
    ),
    ("garp_master_repeat 5", "'garp_master_repeat' needs no equivalent; instead of several copies"),
    ("garp_master_refresh_repeat 2", "'garp_master_refresh_repeat' needs no equivalent; one"),
    ("garp_lower_prio_repeat 2", "'garp_lower_prio_repeat 2' needs no equivalent; an Active that"),
    (
      "higher_prio_send_advert on",
      "'higher_prio_send_advert on' needs no equivalent; a router that"
    ),
    ("track_src_ip", "'track_src_ip' needs no equivalent; a router waits anyway while there is no"),
  ]

  @Test(arguments: notes)
  func `what is to be known although nothing is lost`(lines: String, text: String) throws {
    let result = try imported(Self.instance(lines))
    #expect(result.remarks.count == 1)
    let remark = try #require(result.remarks.first)
    #expect(remark.kind == .note)
    #expect(remark.text.hasPrefix(text), "\(remark.text)")
    #expect(remark.line.hasSuffix("/k.conf:\(remark.source.number): note: \(remark.text)"))
  }

  @Test func `what keepalived ignores is not carried over`() throws {
    let router = try router(Self.instance("state MASTER\nnopreempt\npreempt_delay 9"))
    #expect(router.preempts && router.preemptDelay == .zero)
    #expect(router.priority == .owner, "what keepalived takes without a priority")
    #expect(try self.router(Self.instance("nopreempt\npreempt")).preempts, "the later one holds")
    #expect(try self.router(Self.instance("preempt\nnopreempt")).preempts == false)
    #expect(try self.router(Self.instance("virtual_ipaddress {\n::1\n}")).addresses.count == 1)
  }

  @Test func `passwords are cut to eight characters, as keepalived does`() throws {
    let text = "authentication {\nauth_type PASS\nauth_pass 123456789\n}"
    #expect(try router(Self.instance(text)).password == Authentication.Password("12345678"))
    let result = try imported(Self.instance(text))
    #expect(!result.yaml.contains("auth_pass"), "written once")
  }

  @Test func `instances that can't be carried over`() throws {
    let result = try imported(
      """
      vrrp_instance a {
        interface eth0
      }
      vrrp_instance b {
        virtual_router_id 1
      }
      vrrp_instance c {
        interface eth0
        virtual_router_id 256
      }
      vrrp_instance d {
        interface eth0
        virtual_router_id 4
      }
      vrrp_instance e {
        interface eth0
        virtual_router_id 5
        virtual_ipaddress {
          224.0.0.1
        }
      }
      vrrp_instance "f ü" {
        interface eth0
        virtual_router_id 6
        virtual_ipaddress { 192.0.2.1 }
      }
      vrrp_instance g {
        interface eth0
        virtual_router_id 6
        virtual_ipaddress { 192.0.2.2 }
      }
      vrrp_sync_group G1 {
        group { a
          b }
        notify /bin/x
      }
      """)
    #expect(result.routers.map(\.configuration.name) == ["f--"])
    #expect(
      result.remarks.map { "\($0.source.number) \($0.text)" } == [
        "1 this vrrp_instance has no usable virtual_router_id and is left out",
        "4 this vrrp_instance has no interface and is left out; name one",
        "7 this vrrp_instance has no usable virtual_router_id and is left out",
        "9 virtual_router_id: '256' is not a VRID; give a number from 1 to 255; it is left out",
        "11 vrrp_instance d is left out: no addresses are given; name at least one virtual address",
        "19 vrrp_instance e is left out: 224.0.0.1 is a multicast address; a virtual address names "
          + "one host",
        "22 the name 'f ü' is not usable here and has become 'f--'",
        "27 vrrp_instance g is left out: VRID 6 is already used on eth0 for IPv4 by 'f--'; take "
          + "another VRID or put the addresses there",
        "32 vrrp_sync_group G1: a, b move one by one here; put addresses that must move together "
          + "into one router",
        "35 'notify /bin/x' has no equivalent; hooks are for single routers: 'on: { active: …, "
          + "backup: …, fault: … }'",
      ])
  }

  @Test func `scripts become hooks`() throws {
    let hooks = try router(
      Self.instance(
        """
        notify_master "/bin/up 'a b' *c \\"d\\""
        notify_backup /bin/down
        notify_fault "/bin/down {"
        """)
    ).hooks
    #expect(hooks.active == ["/bin/up", "a b", "*c", "d"])
    #expect(hooks.backup == ["/bin/down"])
    #expect(hooks.fault == ["/bin/down", "{"])
    #expect(hooks.stop.isEmpty)
  }

  @Test func `one script for all gets what keepalived gives it`() throws {
    let hooks = try router(Self.instance("priority 150\nnotify \"/bin/all -v\"")).hooks
    #expect(
      hooks.active == ["/bin/all", "-v", "INSTANCE", "web", "MASTER", "150"])
    #expect(hooks.states == Settlement.State.allCases)
    #expect(hooks.stop.suffix(2) == ["STOP", "150"])
  }

  @Test func `a family is what native_ipv6 or the first address says`() throws {
    let result = try imported(
      """
      vrrp_instance a {
        native_ipv6
        interface eth0
        virtual_router_id 1
        version 2
        virtual_ipaddress {
          192.0.2.1
          2001:db8::1/64
        }
      }
      """)
    #expect(result.routers.first?.configuration.version == .v3)
    #expect(result.routers.first?.configuration.addresses.map(\.description) == ["2001:db8::1/64"])
    #expect(
      result.remarks.map(\.text) == [
        "version 2 has no IPv6; keepalived takes version 3 here, and so does this",
        "'192.0.2.1' is not IPv6, as 'native_ipv6' demands; keepalived ignores it here, and it is left "
          + "out",
      ])
  }

  @Test func `addresses that are held but not advertised`() throws {
    let excluded =
      "virtual_ipaddress_excluded {\n192.0.2.5\n192.0.2.6\n192.0.2.7\n192.0.2.8\n2001:db8::5/64\n"
      + "192.0.2.9 dev eth1\nlocalhost\n}"
    #expect(
      try imported(Self.instance(excluded)).remarks.map(\.text) == [
        "'192.0.2.5', '192.0.2.6', '192.0.2.7' and 1 more are held but not advertised by keepalived, "
          + "and left out; here all addresses are advertised: add them to 'addresses' once all "
          + "machines run this program",
        "'2001:db8::5/64' is held but not advertised by keepalived, and left out; version 2 has no "
          + "IPv6: make a router with version 3 for it once all machines run this program",
        "'192.0.2.9' is held but not advertised by keepalived, and left out; make a router of its own "
          + "on eth1 for it once all machines run this program",
        "'localhost' is not an address; write it like 192.0.2.10/24 or 2001:db8::10/64; it is left out",
      ])
    #expect(
      try imported(Self.instance("version 3\n" + excluded)).remarks.map(\.text).contains(
        "'2001:db8::5/64' is held but not advertised by keepalived, and left out; add it to "
          + "'addresses' once all machines run this program: IPv6 then has an election of its own "
          + "under the VRID"))
  }

  @Test func `unicast without a usable peer does not become multicast`() throws {
    let result = try imported(Self.instance("unicast_peer {\nlocalhost\n}"))
    #expect(result.routers.isEmpty && result.yaml.isEmpty)
    #expect(
      result.remarks.first?.text
        == "vrrp_instance web is left out: no usable peer is named in 'unicast_peer', and without one "
        + "it would advertise by multicast")
  }

  @Test func `the members of a group stand on lines of their own or on one`() throws {
    for members in ["a b", "a\nb", "a\n b "] {
      let result = try imported(
        Self.instance("", before: "vrrp_sync_group G {\ngroup { \(members) }\n}"))
      #expect(
        result.remarks.map(\.text) == [
          "vrrp_sync_group G: a, b move one by one here; put addresses that must move together into "
            + "one router"
        ])
    }
  }

  // MARK: Grammar

  @Test func `comments, quotes, continued lines and braces anywhere`() throws {
    let router = try router(
      """
      vrrp_instance 'my'"-web"
      {
        interface \\
          eth0 ! the first
        virtual_router_id 5#1
        priority "1"'5'0
        virtual_ipaddress{
          192.0.2.10/24 # not 192.0.2.11
        }}
      """)
    #expect(router.name == "my-web" && router.vrid.rawValue == 5)
    #expect(router.priority.rawValue == 150 && router.addresses.count == 1)
  }

  @Test func `definitions`() throws {
    let router = try router(
      """
      $IF=eth7
      $IF_2=eth8
      $VIP = no definition, the name has a space
      vrrp_instance a {
        interface ${IF_2}
        virtual_router_id 1
        virtual_ipaddress { 192.0.2.1 dev $IF_2 }
      }
      """)
    #expect(router.interface == "eth8" && router.addresses.count == 1)
  }

  @Test func `files that include others`() throws {
    let folder = try TemporaryDirectory()
    try check(["mkdir", "-p", folder["conf.d/deep"]])
    try folder.write(
      "global_defs { vrrp_version 3 }\ninclude conf.d/*.conf\ninclude none/*.conf\n", to: "k.conf")
    for (name, number) in [("b", 2), ("a", 1)] {
      try folder.write(
        """
        vrrp_instance \(name) {
          interface eth0
          virtual_router_id \(number)
          include deep/addresses-\(name)
        }
        """, to: "conf.d/\(name).conf")
      try folder.write(
        "virtual_ipaddress {\n192.0.2.\(number)\n}\nsmtp_alert\n",
        to: "conf.d/deep/addresses-\(name)")
    }
    let result = try KeepalivedImport(folder["k.conf"])
    #expect(result.routers.map(\.configuration.name) == ["a", "b"])
    #expect(result.routers.map(\.configuration.version) == [.v3, .v3])
    #expect(result.yaml.contains("# addresses-b:2: 192.0.2.2\n"))
    #expect(
      result.remarks.map(\.line) == [
        "\(folder.path)/k.conf:3: no file matches 'none/*.conf'; whatever it should say is missing",
        "\(folder.path)/conf.d/deep/addresses-a:4: 'smtp_alert' has no equivalent; no mail is sent; "
          + "watch the log or the status of the node",
        "\(folder.path)/conf.d/deep/addresses-b:4: 'smtp_alert' has no equivalent; no mail is sent; "
          + "watch the log or the status of the node",
      ])
  }

  @Test func `a file that includes itself`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("include k.conf\n", to: "k.conf")
    let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
    #expect(
      failure?.description
        == "\(folder.path)/k.conf:1: files include one another more than 16 deep")
  }

  /// What is no configuration of keepalived, and what is said about it, without the file's name.
  static let strangers: [(String, String)] = [
    ("", ": this is no keepalived configuration; it is empty"),
    ("# nothing\n", ": this is no keepalived configuration; it is empty"),
    ("routers:\n- name: web\n", ": this is no keepalived configuration; it begins with 'routers:'"),
    (
      "server {\n listen 80;\n}\n",
      ": this is no keepalived configuration; it begins with 'server'"
    ),
    ("global_defs {\n}\n", ": there is no vrrp_instance in it; nothing to import"),
    ("vrrp_instance a {\n", ":1: the block 'vrrp_instance' has no end"),
    ("vrrp_instance a {\n}\n}\n", ":3: '}' closes nothing"),
    ("{\n}\n", ":1: '{' follows no keyword"),
    ("{\"routers\": []}\n", ": this is no keepalived configuration; it begins with '{routers:'"),
    (
      String(repeating: "a {\n", count: 20),
      ":17: blocks stand more than 16 deep"
    ),
  ]

  @Test(arguments: strangers)
  func `files of others`(text: String, message: String) throws {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
    #expect(failure?.kind == .invalid)
    #expect(failure?.description == folder["k.conf"] + message)
  }

  // MARK: Whatever comes

  @Test(.timeLimit(.minutes(10)))
  func `the result is always one that we read`() throws {
    var random = SeededRandom(seed: 5)
    let words = [
      "vrrp_instance", "x", "{", "}", "\n", "\n", "interface", "eth0", "yes", "null", "9", "a b",
      "virtual_router_id", "7", "51", "priority", "255", "advert_int", "1", "0.1", "version", "3",
      "virtual_ipaddress", "192.0.2.9/24", "fe80::1", "dev", "label", "\"", "'", "\\", "#", "!",
      "nopreempt", "preempt_delay", "state", "MASTER", "authentication", "auth_type", "PASS",
      "auth_pass", "&&&&&&", "****", "include", "$X=1", "$X", "@a", "\u{0}", "\u{1B}", "ü",
    ]
    var carried = 0
    let folder = try TemporaryDirectory()
    for _ in 0..<1000 {
      var text = Self.instance("priority 10\n", before: "")
      for _ in 0..<3 {
        let soup = (0..<random.below(14)).map { _ in random.pick(words) }.joined(separator: " ")
        text += "vrrp_instance y {\ninterface eth1\nvirtual_router_id 9\n\(soup)\n}\n"
      }
      try folder.write(text, to: "k.conf")
      guard let result = try? KeepalivedImport(folder["k.conf"]) else { continue }
      let file = try ConfigurationReader.read(result.yaml)
      #expect(file.routers == result.routers.map(\.configuration))
      carried += file.routers.count
    }
    #expect(carried > 400)
  }

  private static let samples =
    ((try? FileManager.default.contentsOfDirectory(
      atPath: "/usr/share/doc/keepalived/samples")) ?? [])
    .filter { $0.hasPrefix("keepalived.conf.") }.sorted()

  @Test(.enabled(if: !samples.isEmpty, "keepalived's samples are not installed"))
  func `keepalived's own samples`() throws {
    var count = 0
    for name in Self.samples {
      let result: KeepalivedImport
      do throws(FileError) {
        result = try KeepalivedImport("/usr/share/doc/keepalived/samples/\(name)")
      } catch {
        #expect(error.description.contains("there is no vrrp_instance in it; nothing to import"))
        continue
      }
      guard !result.routers.isEmpty else { continue }
      #expect(try ConfigurationReader.read(result.yaml).routers.count == result.routers.count)
      count += 1
    }
    #expect(count >= 5)
  }
}
