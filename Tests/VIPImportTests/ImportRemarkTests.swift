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
      "unicast_peer {\n192.0.2.2 max_ttl 9\n}",
      "'max_ttl 9' of 192.0.2.2 has no equivalent; TTL 255 is sent, and any"
    ),
    (
      "unicast_peer {\n192.0.2.2\n}\nunicast_src_ip localhost",
      "'unicast_src_ip' names no address; the interface's own is the source"
    ),
    ("unicast_src_ip 192.0.2.7", "'unicast_src_ip' without 'unicast_peer' is multicast in keepali"),
    ("mcast_dst_ip 192.0.2.1", "'mcast_dst_ip' names no multicast address of the family; it is"),
    ("mcast_dst_ip ff02::99", "'mcast_dst_ip' names no multicast address of the family; it is"),
    ("mcast_src_ip 192.0.2.9", "'mcast_src_ip 192.0.2.9' has no equivalent; the interface's"),
    ("use_vmac 02:00:00:00:00:01", "the virtual MAC address is that of RFC 9568, not 02:00:00"),
    ("vmac_xmit_base", "'vmac_xmit_base' has no equivalent; advertisements leave under the"),
    ("track_script {\nchk\n}", "track_script: there is no usable 'chk'; it is left out"),
    ("track_file {\nf\n}", "track_file: there is no usable 'f'; it is left out"),
    ("track_process {\np\n}", "track_process: there is no usable 'p'; it is left out"),
    ("track_bfd {\nb\n}", "'track_bfd' has no equivalent; there is no BFD; a shorter interval"),
    ("notify_master \"x.sh a b\"", "'notify_master x.sh a b' is left out: 'x.sh' is no absolute"),
    ("notify_master \"\"", "'notify_master ' is left out: it names no program"),
    ("notify_master_rx_lower_pri /bin/x", "'notify_master_rx_lower_pri /bin/x' has no equivalent"),
    ("garp_extra_if all 100", "'garp_extra_if all 100' has no equivalent; addresses are announced"),
    ("down_timer_adverts 4", "'down_timer_adverts 4' has no equivalent; a router takes over after"),
    ("strict_mode", "in strict mode keepalived drops what is sent to addresses of routers without"),
    ("no_accept", "'no_accept' has no equivalent; the holder of an address always answers for it"),
    ("smtp_alert on", "'smtp_alert on' has no equivalent; no mail is sent"),
    ("flux_capacitor on", "'flux_capacitor on' has no equivalent; look whether you need it"),
    ("~SEQ(x, 1, 0, 3) priority", "'~SEQ(x, 1, 0,' is not expanded; write it out"),
    ("~LST(x) priority", "'~LST(x) priority' is not expanded; write it out"),
    ("~NONE(x, 1) priority", "'~NONE(x, 1) priority' is not expanded; write it out"),
    ("$X priority 200", "'$X priority 200' is not expanded; write it out"),
    ("priority 300", "priority: '300' is not a priority; give a number from 1 to 255"),
    ("priority", "priority: '' is not a priority"),
    ("version 4", "version: '4' is not a version of VRRP; give 2 or 3; it is left out"),
    ("advert_int 1s", "'advert_int 1s' is not possible, and keepalived takes 1s, as is done here"),
    ("advert_int 256", "'advert_int 256' is not possible, and keepalived takes 1s, as is done"),
    ("version 3\nadvert_int 0.001", "'advert_int 0.001' is not possible, and keepalived takes 1s"),
    ("preempt_delay 1001", "'preempt_delay' is a number of seconds from 0 to 1000"),
    ("authentication {\nauth_type AH\nauth_pass x\n}", "the IP Authentication Header is not"),
    ("authentication {\nauth_type PASS\nauth_pass \"a b\"\n}", "the password is not usable"),
    ("authentication {\nauth_type PASS\n}", "the password is not usable"),
    ("authentication {\nauth_pass x\n}", "an auth_type of PASS or AH is missing"),
    ("virtual_ipaddress {\n192.0.2.11/24 brd 192.0.2.7\n}", "'brd 192.0.2.7' of 192.0.2.11/24"),
    ("virtual_ipaddress {\n192.0.2.11 scope link\n}", "'scope link' of 192.0.2.11/32 has no equi"),
    ("virtual_ipaddress {\n192.0.2.11 home\n}", "'home' of 192.0.2.11/32 has no equivalent"),
    ("virtual_ipaddress {\nlocalhost\n}", "'localhost' is not an address; write it like"),
    ("virtual_ipaddress_excluded {\nlocalhost\n}", "'localhost' is not an address; write it like"),
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
      "priority 254\ntrack_interface {\neth1 weight 5\n}",
      "'eth1 weight 5' can't raise the priority, in keepalived neither; it is left out"
    ),
    (
      "priority 253\ntrack_interface {\neth1 weight 5\neth2 weight -5\n}",
      "'eth1 weight 5' has become a check of its carrier, whose weight is added while it is up"
    ),
    ("track_interface {\neth1\neth1\n}", "'eth1' is tracked twice; the first one is taken"),
    ("track_interface {\neth1 eth2\n}", "'eth2' on the line of eth1 is no option, and keepalived"),
    (
      "priority 255\ntrack_interface {\neth1 weight 5\n}",
      "'weight 5' means nothing with priority 255; it is left out"
    ),
    (
      "unicast_peer {\n192.0.2.2\n2001:db8::2\n}",
      "unicast_peer: 2001:db8::2 is not IPv4 as the addresses are; keepalived ignores it"
    ),
    (
      "unicast_peer {\n192.0.2.2 192.0.2.3\n}",
      "'192.0.2.3' on the line of 192.0.2.2 is left out, as keepalived does; give each peer a line"
    ),
    ("notify_backup /bin/x web web", "'notify_backup' runs as web:web by way of runuser, for"),
    ("notify_backup \"/bin/x | /bin/y\"", "keepalived starts programs without a shell, which"),
    ("priority 9\npriority 8", "'priority' is given again; the last one is taken"),
    ("advert_int 0.5", "keepalived takes 1s for 'advert_int 0.5', as version 2 has whole seconds"),
    ("version 3\nadvert_int 41", "keepalived takes 40.95s for 'advert_int 41', as version 3 has"),
    ("priority 9\nstate MASTER\nnopreempt", "keepalived ignores 'nopreempt' with 'state MASTER'"),
    (
      "priority 9\nstate MASTER\npreempt_delay 5",
      "keepalived ignores 'preempt_delay' with 'state MASTER'"
    ),
    ("nopreempt\npreempt_delay 5", "'preempt_delay' means nothing beside 'nopreempt'"),
    ("priority 255\nnopreempt", "'nopreempt' means nothing with priority 255"),
    ("version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}", "version 3 has no authentic"),
    ("virtual_ipaddress {\n192.0.2.10\n}", "'192.0.2.10' is listed twice; it is taken once"),
    ("virtual_ipaddress_excluded {\n192.0.2.10\n}", "'192.0.2.10' is listed twice; it is taken"),
    ("virtual_ipaddress {\n2001:db8::1\n}", "'2001:db8::1' is not IPv4 as the first address is"),
    ("virtual_ipaddress {\n192.0.2.8 192.0.2.9\n}", "'192.0.2.9' stands on the line of another"),
    ("virtual_ipaddress {\n192.0.2.8 no_track\n}", "'no_track' of 192.0.2.8/32 needs no equivale"),
    (
      "virtual_ipaddress_excluded {\n2001:db8::8 label x\n}",
      "keepalived ignores the label of an IPv6 address, and it is left out"
    ),
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
        "11 vrrp_instance d is left out: no addresses are given; name at least one virtual address, or "
          + "hooks for an election without one",
        "19 vrrp_instance e is left out: 224.0.0.1 is a multicast address; a virtual address names "
          + "one host",
        "22 the name 'f ü' is not usable here and has become 'f--'",
        "27 vrrp_instance g is left out: VRID 6 is already used on eth0 for IPv4 by 'f--'; take "
          + "another VRID or put the addresses there",
        "32 vrrp_sync_group G1 is left out: it has fewer than two routers; put what it tracks and runs "
          + "into the router",
        "33 vrrp_sync_group G1: there is no router 'a'",
        "34 vrrp_sync_group G1: there is no router 'b'",
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
        "keepalived sends version 2 over IPv6, which no standard has; here IPv6 has version 3: set "
          + "'version 3' on all machines first",
        "'192.0.2.1' is not IPv6, as 'native_ipv6' demands; keepalived ignores it here, and it is left "
          + "out",
      ])
  }

  @Test func `unicast without a usable peer does not become multicast`() throws {
    let result = try imported(Self.instance("unicast_peer {\nlocalhost\n}"))
    #expect(result.routers.isEmpty && result.yaml.isEmpty)
    #expect(
      result.remarks.first?.text
        == "vrrp_instance web is left out: no usable peer is named in 'unicast_peer', and without one "
        + "it would advertise by multicast")
  }
}
