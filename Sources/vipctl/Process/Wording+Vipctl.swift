import VIP
import VIPControl

extension Wording {
  /// The flags, keys and commands of `vipctl`.
  static let vipctl = Wording(
    probeFlag: "--no-probe", probeKey: "probe: false", downCommand: "vipctl down")
}

extension NodeError {
  /// The line with what a user of `vipctl` can do about it.
  var advice: String {
    kind == .alreadyRunning
      ? "\(self); use it with 'vipctl up', or give this one another --runtime-dir" : description
  }
}

extension ControlClientError {
  /// The line with what a user of `vipctl` can do about it.
  var advice: String {
    kind == .pathTooLong ? "\(self); choose a shorter --runtime-dir" : description
  }
}
