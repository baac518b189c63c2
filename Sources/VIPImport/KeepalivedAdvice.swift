/// What to do about settings of keepalived that have no equivalent.
enum KeepalivedAdvice {
  /// Settings that need no equivalent, since things are so anyway or concern only keepalived.
  static let needless: Set<String> = [
    "state", "accept", "native_ipv6", "debug", "skip_check_adv_addr", "preempt", "router_id",
    "vrrp_version", "vrrp_skip_check_adv_addr",
  ]

  /// The keywords at the top of a file by which it is known to be keepalived's.
  static let topLevel: Set<String> = [
    "global_defs", "vrrp_instance", "vrrp_sync_group", "vrrp_script", "vrrp_track_process",
    "vrrp_track_file", "track_file", "virtual_server", "virtual_server_group",
    "static_ipaddress", "static_routes", "static_rules", "track_group", "garp_group",
    "interface_up_down_delays", "linkbeat_interfaces", "net_namespace", "instance",
    "bfd_instance", "SSL", "local_address_group", "process_names", "use_pid_dir",
  ]

  private static let byKeyword: [String: String] = [
    "use_vmac_addr": "the addresses of a router are all on one interface",
    "vmac_xmit_base": "advertisements leave under the virtual MAC address, as RFC 9568 says",
    "use_ipvlan": "virtual addresses go on the router's interface itself",
    "unicast_src_ip": "the interface's primary address is the source",
    "mcast_src_ip": "the interface's primary address is the source",
    "mcast_dst_ip": "advertisements go to the standard group 224.0.0.18 or ff02::12",
    "unicast_ttl": "advertisements have TTL 255",
    "track_script":
      "nothing runs scripts; let them call 'vipctl resign NAME' and 'vipctl promote NAME'",
    "track_file":
      "no file changes the priority; use 'vipctl resign NAME' and 'vipctl promote NAME'",
    "track_process":
      "no process is watched; let its manager call 'vipctl resign NAME' when it fails",
    "track_bfd": "there is no BFD; a shorter interval finds failures about as fast",
    "track_src_ip": "the source address is the interface's own anyway",
    "dont_track_primary": "a router always waits while its interface is down",
    "smtp_alert": "no mail is sent; watch the log or 'vipctl status --json'",
    "virtual_routes": "routes don't move with addresses; set them on all nodes",
    "virtual_rules": "rules don't move with addresses; set them on all nodes",
    "no_accept": "the holder of an address always answers for it; use a firewall rule",
    "promote_secondaries": "set the sysctl net.ipv4.conf.IF.promote_secondaries yourself",
    "down_timer_adverts": "three intervals, as RFC 9568 says, on all nodes",
    "lower_prio_no_advert": "a lower priority is answered at once, as RFC 9568 says",
    "higher_prio_send_advert": "a router that yields is silent, as RFC 9568 says",
    "strict_mode": "RFC 9568 is followed anyway; there is nothing to switch",
    "vrrp_strict": "RFC 9568 is followed anyway; there is nothing to switch",
    "old_unicast_checksum": "checksums are as the standard has them; both forms are accepted",
    "vrf": "interfaces are named directly",
    "linkbeat_use_polling": "the kernel reports the state of interfaces",
    "lvs_sync_daemon_interface": "there is no load balancer here",
    "vrrp_script": "nothing runs scripts; a service manager or a timer can",
    "vrrp_track_process": "no process is watched; let its manager call 'vipctl resign NAME'",
    "vrrp_track_file": "no file changes the priority; use 'vipctl resign NAME'",
    "virtual_server": "there is no load balancer here; keep keepalived or use IPVS tools for it",
    "virtual_server_group": "there is no load balancer here",
    "static_ipaddress": "set it where the interface is configured",
    "static_routes": "set them where the interface is configured",
    "static_rules": "set them where the interface is configured",
    "bfd_instance": "there is no BFD; a shorter interval finds failures about as fast",
    "net_namespace": "start the node in the namespace: 'ip netns exec NAME vipctl run …'",
    "enable_script_security": "'vipctl check' warns of hooks that others can change",
    "script_user": "hooks run as the node's user; let them use setpriv or runuser",
    "notify_deleted": "'on: { stop: … }' is run when a router is taken down",
    "notify_master_rx_lower_pri": "a lower priority is answered and nothing is run",
    "notify_priority_changes": "only changes of state run hooks",
  ]

  private static let byPrefix: [(String, String)] = [
    ("notify_fifo", "set 'events: { fifo: PATH }' under 'node'; its lines are JSON"),
    ("notify", "hooks are for single routers: 'on: { active: …, backup: …, fault: … }'"),
    ("garp_", "see 'announcements' under 'node'; mostly there is nothing to do"),
    ("vrrp_garp_", "see 'announcements' under 'node'; mostly there is nothing to do"),
    ("vrrp_gna_", "see 'announcements' under 'node'; mostly there is nothing to do"),
    ("smtp", "no mail is sent; watch the log or 'vipctl status --json'"),
    ("notification_email", "no mail is sent; watch the log or 'vipctl status --json'"),
    ("lvs_", "there is no load balancer here"),
    ("enable_snmp", "there is no SNMP; 'vipctl status --json' has the counters of RFC 8347"),
    ("snmp", "there is no SNMP; 'vipctl status --json' has the counters of RFC 8347"),
    ("enable_dbus", "there is no D-Bus; use 'vipctl status --json'"),
    ("vrrp_iptables", "no firewall rules are made"),
    ("vrrp_ipsets", "no firewall rules are made"),
    ("nftables", "no firewall rules are made"),
    ("vrrp_priority", "use the service manager: 'Nice=' or 'CPUSchedulingPolicy='"),
    ("vrrp_rt_priority", "set 'realtime: true' in 'node' instead"),
    ("vrrp_no_swap", "use the service manager"),
  ]

  /// The remark about a statement.
  static func text(_ node: KeepalivedNode) -> String {
    let words = ([node.keyword] + node.arguments.prefix(2)).joined(separator: " ")
    if node.keyword.hasPrefix("@") {
      return "'\(words)' holds for one machine only; write a file for each"
    }
    if node.keyword.hasPrefix("~") || node.keyword.hasPrefix("$") {
      return "'\(words)' is not expanded; write it out"
    }
    let advice =
      byKeyword[node.keyword]
      ?? byPrefix.first { node.keyword.hasPrefix($0.0) }?.1
      ?? "look whether you need it"
    return "'\(words)' has no equivalent; \(advice)"
  }
}
