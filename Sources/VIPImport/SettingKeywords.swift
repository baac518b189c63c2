import VIP

extension RouterSetting {
  /// The keywords of a `vrrp_instance` of keepalived that say the same; none if it has no such
  /// thing.
  var keepalivedKeywords: [String] {
    switch self {
    case .interface: ["interface"]
    case .vrid: ["virtual_router_id"]
    case .priority: ["priority"]
    case .interval: ["advert_int"]
    case .addresses: ["virtual_ipaddress"]
    case .preempt: ["nopreempt", "preempt_delay"]
    case .version: ["version"]
    case .authentication: ["authentication"]
    case .virtualMAC: ["use_vmac"]
    case .track: ["track_interface"]
    case .peers: ["unicast_peer"]
    case .hooks: ["notify_master", "notify_backup", "notify_fault", "notify_stop", "notify"]
    // What keepalived has of these is not carried over.
    case .multicastGroup, .unicastSource, .routes, .rules: []
    // The name is the block's own, and the others are not keepalived's.
    case .name, .checksum, .handover, .probe, .checks, .startDelay, .linkDelay, .holdDown: []
    }
  }
}
