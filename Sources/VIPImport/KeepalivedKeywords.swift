import VIP

/// The fate of each keyword of keepalived, block by block.
///
/// All that keepalived 2.2.7 knows is here, and a few of older and newer versions. Blocks about
/// load balancing and tracking are told as a whole.
enum KeepalivedKeywords {
  private typealias Word = ImportWording.Place

  private static let off: Set<String> = ["off", "false", "no"]

  // MARK: At the top of a file

  /// The keywords by which a file is known to be keepalived's are those of this table too.
  static let top: [String: KeywordFate] = [
    "global_defs": .translated, "vrrp_instance": .translated, "vrrp_sync_group": .translated,
    "garp_group": .translated, "vrrp_script": .translated, "vrrp_track_process": .translated,
    "vrrp_track_file": .translated, "track_file": .translated,
    "interface_up_down_delays": .translated,
    "use_pid_dir": .needless, "child_wait_time": .needless, "namespace_with_ipsets": .needless,
    "instance": .needless, "process_names": .needless,
    "linkbeat_use_polling": .note("the kernel reports the state of interfaces"),
    "linkbeat_interfaces": .note("the kernel reports the state of interfaces"),
    "net_namespace": .lost("start the node in the namespace: 'ip netns exec % …'"),
    "net_namespace_ipvs": .topic(.loadBalancer), "SSL": .topic(.loadBalancer),
    "virtual_server": .topic(.loadBalancer), "virtual_server_group": .topic(.loadBalancer),
    "local_address_group": .topic(.loadBalancer),
    "static_ipaddress": .lost("set it where the interface is configured"),
    "static_routes": .lost("set them where the interface is configured"),
    "static_rules": .lost("set them where the interface is configured"),
    "track_group": .lost("static addresses, routes and rules are not watched"),
    "bfd_instance": .lost("there is no BFD; a shorter interval finds failures about as fast"),
  ]

  // MARK: global_defs

  static let global: [String: KeywordFate] = globalElection.merging(globalProcess) { $1 }

  /// Keywords that concern elections, announcements and addresses.
  private static let globalElection: [String: KeywordFate] = [
    "vrrp_version": .translated, "vrrp_rt_priority": .translated,
    "vrrp_garp_master_delay": .translated, "vrrp_garp_master_repeat": .translated,
    "vrrp_garp_master_refresh": .translated, "vrrp_garp_master_refresh_repeat": .translated,
    "vrrp_garp_interval": .translated, "vrrp_gna_interval": .translated,
    "vrrp_min_garp": .translated,
    "vrrp_garp_lower_prio_delay": .note(lowerPriority),
    "vrrp_garp_lower_prio_repeat": .note(lowerPriority),
    "vrrp_garp_extra_if": .lost(extraInterfaces, unless: ["0"]),
    "vrrp_vmac_garp_intvl": .lost(extraInterfaces, unless: ["0"]),
    "vrrp_down_timer_adverts": .lost(downTimer, unless: ["3"]),
    "vrrp_lower_prio_no_advert": .note(lowerPriorityAnswer, unless: off),
    "vrrp_higher_prio_send_advert": .note(higherPriorityAnswer, unless: off),
    "vrrp_strict": .translated, "script_user": .translated, "vrrp_startup_delay": .translated,
    "vrrp_mcast_group4": .translated, "vrrp_mcast_group6": .translated,
    "vrrp_check_unicast_src": .needless,
    "vrrp_skip_check_adv_addr": .needless,
    "dynamic_interfaces": .note("a router waits for its interface until that is there"),
    "default_interface": .note("each router names its own interface"),
    "disable_local_igmp": .lost(
      "set the sysctl net.ipv4.igmp_link_local_mcast_reports to 0 yourself"),
    "log_unknown_vrids": .note("\(Word.monitor) lists all groups of a segment"),
    "vmac_prefix": .note(macvlanName), "vmac_addr_prefix": .note(macvlanName),
    "vrrp_iptables": .topic(.firewall), "vrrp_ipsets": .topic(.firewall),
    "nftables": .topic(.firewall), "nftables_priority": .topic(.firewall),
    "nftables_counters": .topic(.firewall), "nftables_ifindex": .topic(.firewall),
  ]

  /// Keywords that concern keepalived's processes, and the telling of what happens.
  private static let globalProcess: [String: KeywordFate] = {
    var table: [String: KeywordFate] = [
      "max_auto_priority": .topic(.autoPriority, unless: ["0", "-1"]),
      "min_auto_priority_delay": .needless,
      "vrrp_priority": .lost("use the service manager: 'Nice=%'"),
      "vrrp_cpu_affinity": .lost("use the service manager: 'CPUAffinity=%'"),
      "vrrp_no_swap": .lost("'realtime: true' under 'node' keeps the process in memory too"),
      "startup_script": .topic(.startScripts), "shutdown_script": .topic(.startScripts),
      "startup_script_timeout": .needless, "shutdown_script_timeout": .needless,
      "notify_fifo": .lost(fifo), "vrrp_notify_fifo": .lost(fifo),
      "notify_fifo_script": .lost(fifo), "vrrp_notify_fifo_script": .lost(fifo),
      "vrrp_notify_priority_changes": .lost(priorityChanges, unless: off),
      "fifo_write_vrrp_states_on_reload": .lost(
        "a reader of the events' FIFO asks \(Word.status) for the states"),
      "enable_script_security": .note("\(Word.check) warns of hooks that others can change"),
      "reload_time_file": .topic(.reloadTime), "reload_repeat": .topic(.reloadTime),
      "reload_file": .lost(
        "no file says that the configuration is being read; \(Word.reload) returns when it is"),
      "reload_check_config": .note("a file with an error changes nothing anyway"),
      "lvs_sync_daemon": .topic(.loadBalancer), "lvs_timeouts": .topic(.loadBalancer),
      "lvs_flush": .topic(.loadBalancer), "lvs_flush_on_stop": .topic(.loadBalancer),
      "lvs_flush_onstop": .topic(.loadBalancer), "lvs_notify_fifo": .topic(.loadBalancer),
      "lvs_notify_fifo_script": .topic(.loadBalancer), "nftables_ipvs": .topic(.loadBalancer),
      "nftables_ipvs_priority": .topic(.loadBalancer),
      "nftables_ipvs_start_fwmark": .topic(.loadBalancer),
      "smtp_alert": .topic(.mail, unless: off), "smtp_alert_vrrp": .topic(.mail, unless: off),
    ]
    for keyword in [
      "notification_email", "notification_email_from", "smtp_server", "smtp_helo_name",
      "smtp_connect_timeout",
    ] { table[keyword] = .topic(.mail) }
    for keyword in [
      "snmp_socket", "enable_traps", "enable_snmp_vrrp", "enable_snmp_keepalived",
      "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3", "enable_snmp_checker",
    ] { table[keyword] = .topic(.snmp) }
    for keyword in ["enable_dbus", "dbus_service_name"] { table[keyword] = .topic(.dbus) }
    for keyword in needlessGlobals { table[keyword] = .needless }
    return table
  }()

  /// Names of processes, sizes of buffers, where copies and process identifiers go, and what is
  /// about the processes for load balancing and BFD, which do not exist here.
  private static let needlessGlobals = [
    "router_id", "process_names", "process_name", "vrrp_process_name", "checker_process_name",
    "lvs_process_name", "bfd_process_name", "smtp_alert_checker", "checker_log_all_failures",
    "no_email_faults", "no_checker_emails", "rs_init_notifies", "checker_priority",
    "checker_no_swap", "checker_rt_priority", "checker_cpu_affinity", "checker_rlimit_rttime",
    "checker_rlimit_rtime", "bfd_priority", "bfd_no_swap", "bfd_rt_priority", "bfd_cpu_affinity",
    "bfd_rlimit_rttime", "bfd_rlimit_rtime", "vrrp_rlimit_rttime", "vrrp_rlimit_rtime",
    "vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force",
    "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs_force",
    "lvs_netlink_cmd_rcv_bufs", "lvs_netlink_cmd_rcv_bufs_force",
    "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force",
    "process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force", "vrrp_rx_bufs_policy",
    "vrrp_rx_bufs_multiplier", "umask", "random_seed", "include_check", "config_save_dir",
    "tmp_config_directory", "data_use_instance", "use_pid_dir", "instance", "child_wait_time",
    "namespace_with_ipsets",
  ]

  // MARK: vrrp_instance

  static let instance: [String: KeywordFate] = {
    var table: [String: KeywordFate] = [
      "state": .translated, "preempt": .translated, "native_ipv6": .translated,
      "virtual_ipaddress_excluded": .translated, "track_script": .translated,
      "track_file": .translated, "track_process": .translated, "virtual_routes": .translated,
      "virtual_rules": .translated, "unicast_src_ip": .translated, "mcast_dst_ip": .translated,
      "strict_mode": .translated, "accept": .translated,
      "garp_master_delay": .translated, "garp_master_repeat": .translated,
      "garp_master_refresh": .translated, "garp_master_refresh_repeat": .translated,
      "debug": .needless, "skip_check_adv_addr": .needless,
      "check_unicast_src": .needless, "kernel_rx_buf_size": .needless,
      "unicast_fault_no_peer": .note("a router without a usable peer is left out"),
      "use_vmac_addr": .lost("the addresses of a router are all on one interface"),
      "vmac_xmit_base": .lost(
        "advertisements leave under the virtual MAC address, as RFC 9568 says"),
      "use_ipvlan": .lost("virtual addresses go on the router's interface itself"),
      "mcast_src_ip": .lost("the interface's primary address is the source"),
      "unicast_ttl": .lost("advertisements have TTL 255", unless: ["255"]),
      "track_bfd": .lost("there is no BFD; a shorter interval finds failures about as fast"),
      "track_src_ip": .note("a router waits anyway while there is no address to send from"),
      "dont_track_primary": .lost("a router always waits while its interface is down"),
      "linkbeat_use_polling": .note("the kernel reports the state of interfaces"),
      "no_accept": .lost("the holder of an address always answers for it; use a firewall rule"),
      "promote_secondaries": .lost("set the sysctl net.ipv4.conf.IF.promote_secondaries yourself"),
      "old_unicast_checksum": .note(
        "checksums are as the standard has them; both forms are accepted"),
      "vrf": .lost("interfaces are named directly"),
      "lvs_sync_daemon_interface": .topic(.loadBalancer),
      "garp_lower_prio_delay": .note(lowerPriority),
      "garp_lower_prio_repeat": .note(lowerPriority),
      "garp_extra_if": .lost(extraInterfaces, unless: ["0"]),
      "vmac_garp_intvl": .lost(extraInterfaces, unless: ["0"]),
      "down_timer_adverts": .lost(downTimer, unless: ["3"]),
      "lower_prio_no_advert": .note(lowerPriorityAnswer, unless: off),
      "higher_prio_send_advert": .note(higherPriorityAnswer, unless: off),
      "smtp_alert": .topic(.mail, unless: off),
      "notify_deleted": .lost("'on: { stop: … }' is run when a router is taken down"),
      "notify_master_rx_lower_pri": .lost("a lower priority is answered and nothing is run"),
      "notify_priority_changes": .lost(priorityChanges, unless: off),
    ]
    for keyword in RouterSetting.allCases.flatMap(\.keepalivedKeywords) {
      table[keyword] = .translated
    }
    return table
  }()

  // MARK: vrrp_sync_group

  static let syncGroup: [String: KeywordFate] = {
    var table: [String: KeywordFate] = [
      "global_tracking": .needless, "sync_group_tracking_weight": .translated,
      "smtp_alert": .topic(.mail, unless: off),
      "notify_priority_changes": .lost(priorityChanges, unless: off),
    ]
    for keyword in [
      "group", "track_interface", "track_script", "track_file", "track_process", "notify",
      "notify_master", "notify_backup", "notify_fault", "notify_stop",
    ] { table[keyword] = .translated }
    for keyword in ["track_bfd", "notify_deleted"] { table[keyword] = instance[keyword] }
    return table
  }()

  // MARK: Checks

  /// The keywords of the blocks about checks.
  static let checks: [KeepalivedCheck.Kind: Set<String>] = [
    .script: ["script", "interval", "timeout", "weight", "rise", "fall", "user", "init_fail"],
    .process: [
      "process", "param_match", "weight", "quorum", "quorum_max", "fork_delay", "terminate_delay",
      "delay", "full_command",
    ],
    .file: ["file", "weight", "init_file"],
  ]

  // MARK: Advice that several give

  private static let lowerPriority =
    "an Active that hears a lower priority announces its addresses again, as after a takeover"
  private static let extraInterfaces =
    "addresses are announced where they are; 'announcements: { refresh: … }' under 'node' repeats it"
  private static let downTimer =
    "a router takes over after three intervals, as RFC 9568 says; set 3 on all machines first"
  private static let lowerPriorityAnswer =
    "a lower priority is answered with one advertisement in version 3 and with none in version 2, "
    + "as the standards say"
  private static let higherPriorityAnswer =
    "a router that yields is silent, and the new Active announces the addresses"
  private static let macvlanName =
    "the interface with the virtual MAC address has a name of its own; see \(Word.status)"
  private static let fifo = "set 'events: { fifo: PATH }' under 'node'; its lines are JSON"
  private static let priorityChanges = "only changes of state run hooks and are events"
}
