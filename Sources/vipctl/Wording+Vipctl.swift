import VIP
import VIPImport

extension Wording {
  /// The flags, keys and commands of `vipctl`.
  static let vipctl = Wording(
    probingOff: "'vipctl up' or 'vipctl run' with --no-probe", probeKey: "probe: false",
    removal: "vipctl down", virtualMACKey: "virtualMac", realtimeKey: "realtime",
    resumption: "vipctl resume")
}

extension ImportWording {
  /// The commands of `vipctl`.
  static let vipctl = ImportWording(
    status: "'vipctl status --json'", reload: "'vipctl reload'", check: "'vipctl check'",
    monitor: "'vipctl monitor'", configID: "'vipctl import --config-id NAME'")
}
