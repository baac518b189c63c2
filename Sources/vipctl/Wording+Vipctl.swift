import VIP

extension Wording {
  /// The flags, keys and commands of `vipctl`.
  static let vipctl = Wording(
    probeFlag: "--no-probe", probeKey: "probe: false", downCommand: "vipctl down",
    virtualMACKey: "virtualMac", realtimeKey: "realtime")
}
