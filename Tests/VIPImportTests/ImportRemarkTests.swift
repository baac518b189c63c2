import Testing
import VIP
import VIPCore
import VRRP

@testable import VIPConfiguration
@testable import VIPImport

/// What is said of statements of keepalived that have no equivalent, or not quite the same.
@Suite struct ImportRemarkTests: ImportSuite {
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
}
