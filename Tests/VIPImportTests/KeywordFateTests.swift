import TestSupport
import Testing
import VIP

@testable import VIPConfiguration
@testable import VIPImport

/// Every keyword that keepalived 2.2.7 installs is translated, told of, or needs nothing.
///
/// The lists are what that program registers with its own parser.
@Suite struct KeywordFateTests {
  private static func words(_ text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  static let top = words(
    """
    linkbeat_use_polling net_namespace net_namespace_ipvs namespace_with_ipsets use_pid_dir
    instance child_wait_time global_defs track_group static_ipaddress static_routes
    static_rules vrrp_sync_group garp_group linkbeat_interfaces vrrp_instance vrrp_script
    vrrp_track_process interface_up_down_delays SSL virtual_server_group virtual_server
    bfd_instance track_file vrrp_track_file
    """)

  static let global = words(
    """
    process_names process_name vrrp_process_name checker_process_name lvs_process_name
    bfd_process_name router_id notification_email_from smtp_server smtp_helo_name
    smtp_connect_timeout notification_email smtp_alert startup_script startup_script_timeout
    shutdown_script shutdown_script_timeout max_auto_priority min_auto_priority_delay
    smtp_alert_vrrp smtp_alert_checker checker_log_all_failures dynamic_interfaces
    no_email_faults default_interface disable_local_igmp lvs_timeouts lvs_flush
    lvs_flush_on_stop lvs_flush_onstop lvs_sync_daemon vrrp_mcast_group4 vrrp_mcast_group6
    vrrp_garp_master_delay vrrp_garp_master_repeat vrrp_garp_master_refresh
    vrrp_garp_master_refresh_repeat vrrp_garp_lower_prio_delay vrrp_garp_lower_prio_repeat
    vrrp_down_timer_adverts vrrp_garp_interval vrrp_gna_interval vrrp_min_garp
    vrrp_garp_extra_if vrrp_vmac_garp_intvl vrrp_lower_prio_no_advert
    vrrp_higher_prio_send_advert vrrp_version vrrp_iptables nftables nftables_priority
    nftables_ifindex nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark
    nftables_counters vrrp_check_unicast_src vrrp_skip_check_adv_addr vrrp_strict
    vrrp_priority vrrp_no_swap vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rttime
    vrrp_rlimit_rtime notify_fifo notify_fifo_script vrrp_notify_fifo
    vrrp_notify_fifo_script vrrp_notify_priority_changes fifo_write_vrrp_states_on_reload
    lvs_notify_fifo lvs_notify_fifo_script checker_priority checker_no_swap
    checker_rt_priority checker_cpu_affinity checker_rlimit_rttime checker_rlimit_rtime
    bfd_priority bfd_no_swap bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rttime
    bfd_rlimit_rtime snmp_socket enable_traps enable_snmp_vrrp enable_snmp_keepalived
    enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_checker enable_dbus
    dbus_service_name script_user enable_script_security vrrp_netlink_cmd_rcv_bufs
    vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs
    vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs
    process_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force
    lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force rs_init_notifies
    no_checker_emails vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier vrrp_startup_delay
    log_unknown_vrids vmac_prefix vmac_addr_prefix umask random_seed reload_check_config
    reload_time_file reload_repeat reload_file include_check config_save_dir
    tmp_config_directory data_use_instance
    """)

  static let instance = words(
    """
    use_vmac use_vmac_addr vmac_xmit_base use_ipvlan unicast_peer unicast_fault_no_peer
    check_unicast_src old_unicast_checksum native_ipv6 state interface vrf
    dont_track_primary track_interface track_script track_file track_process track_bfd
    mcast_src_ip unicast_src_ip mcast_dst_ip track_src_ip virtual_router_id unicast_ttl
    version priority advert_int virtual_ipaddress virtual_ipaddress_excluded
    promote_secondaries linkbeat_use_polling virtual_routes virtual_rules accept no_accept
    skip_check_adv_addr strict_mode preempt nopreempt preempt_delay debug notify_backup
    notify_master notify_fault notify_stop notify_deleted notify notify_master_rx_lower_pri
    smtp_alert notify_priority_changes lvs_sync_daemon_interface garp_master_delay
    garp_master_refresh garp_master_repeat garp_master_refresh_repeat garp_lower_prio_delay
    garp_lower_prio_repeat down_timer_adverts garp_extra_if vmac_garp_intvl
    lower_prio_no_advert higher_prio_send_advert kernel_rx_buf_size authentication
    """)

  static let syncGroup = words(
    """
    group track_interface track_script track_file track_process track_bfd notify_backup
    notify_master notify_fault notify_stop notify smtp_alert global_tracking
    sync_group_tracking_weight notify_priority_changes
    """)

  private func remarks(_ text: String) throws -> [ImportRemark] {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    return try KeepalivedImport(folder["k.conf"], wording: Self.wording).remarks
  }

  /// Words that can be told from the general ones.
  static let wording = ImportWording(
    status: "'S'", reload: "'L'", check: "'C'", monitor: "'M'", configID: "'I'")

  /// A router without a remark; `lines` are more of its settings.
  private static func router(_ lines: String = "") -> String {
    "vrrp_instance web {\ninterface eth0\nvirtual_router_id 7\nvirtual_ipaddress {\n192.0.2.9/24\n}\n"
      + "\(lines)\n}\n"
  }

  /// Checks what an import says of a statement, which is not among the lines of `router`.
  private func check(_ keyword: String, _ fate: KeywordFate?, _ text: String) throws {
    let fate = try #require(fate, "nothing is known of '\(keyword)'")
    let remarks = try remarks(text)
    switch fate.kind {
    case .translated: break
    case .needless: #expect(remarks == [], "\(keyword)")
    case .note, .lost:
      #expect(remarks.map(\.kind) == [fate.kind == .note ? .note : .lost], "\(keyword)")
      let told = try #require(remarks.first).text
      #expect(told.hasPrefix("'\(keyword)"), "\(told)")
      #expect(told.contains("no equivalent; "), "\(told)")
      #expect(!told.contains("look whether you need it"), "\(told)")
      #expect(
        ImportWording.Place.allCases.allSatisfy { !told.contains($0.description) }, "\(told)")
      // A list of what is said so would take what is to be said elsewhere.
      #expect(told.utf8.count < 250, "\(told)")
    }
  }

  @Test(arguments: top)
  func `at the top of a file`(keyword: String) throws {
    let fate = KeepalivedKeywords.top[keyword]
    guard fate?.kind != .translated else { return }
    try check(keyword, fate, "\(keyword) 9 {\n}\n" + Self.router())
  }

  @Test(arguments: global)
  func `in global_defs`(keyword: String) throws {
    try check(
      keyword, KeepalivedKeywords.global[keyword],
      "global_defs {\n\(keyword) 9\n}\n" + Self.router())
  }

  @Test(arguments: instance)
  func `in a vrrp_instance`(keyword: String) throws {
    try check(keyword, KeepalivedKeywords.instance[keyword], Self.router("\(keyword) 9"))
  }

  @Test(arguments: syncGroup)
  func `in a vrrp_sync_group`(keyword: String) throws {
    let fate = try #require(KeepalivedKeywords.syncGroup[keyword], "nothing is known of it")
    guard fate.kind != .translated else { return }
    let remarks = try remarks("vrrp_sync_group G {\n\(keyword) 9\n}\n" + Self.router())
    // That the group has no routers is said in any case.
    #expect(remarks.count == (fate.kind == .lost ? 2 : 1))
    #expect(remarks.first?.text.hasPrefix("vrrp_sync_group G is left out: ") == true)
  }

  @Test func `what asks for what is so anyway is not told`() throws {
    let globals = [
      "vrrp_mcast_group4 224.0.0.18", "vrrp_mcast_group6 ff02::12", "vrrp_down_timer_adverts 3",
      "max_auto_priority -1", "vrrp_startup_delay 0", "smtp_alert off", "vrrp_version 2",
      "vrrp_garp_extra_if 0", "vrrp_lower_prio_no_advert false",
    ]
    let lines = [
      "mcast_dst_ip 224.0.0.18", "down_timer_adverts 3", "smtp_alert no", "strict_mode off",
      "unicast_ttl 255", "garp_master_repeat 1", "garp_master_refresh 0", "state BACKUP",
    ]
    let text =
      "global_defs {\n\(globals.joined(separator: "\n"))\n}\n"
      + Self.router(lines.joined(separator: "\n"))
    #expect(try remarks(text) == [])
  }

  @Test func `what belongs together is told in one line`() throws {
    let remarks = try remarks(
      """
      global_defs {
        notification_email {
          root@example.org
        }
        notification_email_from k@example.org
        vrrp_priority -5
        smtp_server 127.0.0.1
        smtp_server 127.0.0.2
        max_auto_priority 50
        min_auto_priority_delay 1000
      }
      """ + "\n" + Self.router())
    #expect(
      remarks.map { "\($0.source.number) \($0.text)" } == [
        "2 'notification_email', 'notification_email_from', 'smtp_server' have no equivalent; no mail "
          + "is sent; watch the log or 'S'",
        "6 'vrrp_priority -5' has no equivalent; use the service manager: 'Nice=-5'",
        "9 'max_auto_priority 50' has no equivalent; a node does not raise its own scheduling "
          + "priority; set 'realtime: true' under 'node' if the machine can be too busy",
      ])
  }

  @Test(arguments: [
    ("log_unknown_vrids", "'M' lists all groups of a segment"),
    ("enable_script_security", "'C' warns of hooks that others can change"),
    ("reload_repeat", "nothing is reloaded at a set time; let a timer run 'L'"),
    ("enable_dbus", "there is no D-Bus; use 'S'"),
  ])
  func `advice has the words of the program`(keyword: String, advice: String) throws {
    let text =
      if Self.instance.contains(keyword) {
        Self.router("\(keyword) 9")
      } else if Self.global.contains(keyword) {
        "global_defs {\n\(keyword) 9\n}\n" + Self.router()
      } else {
        "\(keyword) 9 {\n}\n" + Self.router()
      }
    let remark = try #require(try remarks(text).first).text
    #expect(remark.hasSuffix("; " + advice), "\(remark)")
  }

  @Test func `whatever is translated says so in a setting or in a remark`() {
    let settings = Set(RouterSetting.allCases.flatMap(\.keepalivedKeywords))
    let others: Set<String> = [
      "state", "preempt", "native_ipv6", "virtual_ipaddress_excluded", "garp_master_delay",
      "garp_master_repeat", "garp_master_refresh", "garp_master_refresh_repeat", "track_script",
      "track_file", "track_process", "virtual_routes", "virtual_rules", "unicast_src_ip",
      "mcast_dst_ip", "strict_mode", "accept",
    ]
    let translated = KeepalivedKeywords.instance.filter { $0.value.kind == .translated }
    #expect(Set(translated.keys) == settings.union(others))
  }
}
