import VIP
public import VIPControl
import VIPCore
import VRRP

/// The state of a router in one line.
public enum StatusText {
  /// One line for a virtual router: `web ipv4: active, holding 192.0.2.10/24 on eth0`.
  public static func summary(_ router: RouterRecord) -> String {
    let who = "\(router.name) \(router.family.rawValue)"
    switch router.state {
    case .active:
      return "\(who): active, holding \(addresses(router)) on \(router.interface)"
    case .backup:
      let active = router.activeRouter.map { "\($0) is active" } ?? "the active is not known yet"
      return "\(who): backup for \(addresses(router)) on \(router.interface), \(active)"
    case .initialize:
      return "\(who): fault, \(router.reason)"
    }
  }

  private static func addresses(_ router: RouterRecord) -> String {
    let first = router.addresses.first?.address.description ?? "no address"
    let more = router.addresses.count - 1
    return more > 0 ? "\(first) and \(more) more" : first
  }
}
