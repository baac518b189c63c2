import VIP

extension RouterSetting {
  /// The flags that set it on a command line, without dashes; none if it can't be set there.
  var flags: [String] {
    switch self {
    case .name: ["name"]
    case .interface: ["interface"]
    case .vrid: ["vrid"]
    case .priority: ["priority"]
    case .interval: ["interval"]
    case .preempt: ["no-preempt", "preempt-delay"]
    case .version: ["version"]
    case .checksum: ["checksum"]
    case .probe: ["no-probe"]
    case .virtualMAC: ["virtual-mac"]
    case .track: ["track"]
    case .peers: ["peer"]
    // Only a file can say these, but for the addresses, which stand without a flag.
    case .addresses, .authentication, .handover, .checks, .startDelay, .linkDelay, .holdDown,
      .hooks, .multicastGroup, .unicastSource, .routes, .rules:
      []
    }
  }
}

extension NodeSetting {
  /// The flags that set it on a command line, without dashes; none if it can't be set there.
  var flags: [String] {
    switch self {
    case .lease: ["lease"]
    case .guard: ["no-guard"]
    case .realtime: ["realtime"]
    // Only a file can say it.
    case .announcements: []
    }
  }
}
