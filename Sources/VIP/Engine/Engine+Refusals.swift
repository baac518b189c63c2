import Netlink
import VIPCore

/// Requests about addresses that the kernel refuses: what that is told as.
///
/// The kernel's own words are told where nothing better is known. Where the interface itself is the
/// cause, that is told in its place, or nothing if it is told anyway.
extension Engine {
  /// The cause of refusals, as the interface shows it.
  enum RefusalCause {
    /// The interface is gone, which is reported next and is what keeps the router out then.
    case interfaceGone
    /// Another program has switched IPv6 off on a macvlan of this node.
    case macvlanWithoutIPv6
    /// The interface is without IPv6.
    case withoutIPv6(WaitingReason)
  }

  /// The cause for which requests about a router's addresses are refused; `nil` if the interface
  /// does not show it.
  ///
  /// Asks the kernel: what it has reported so far may be older than the refusal.
  func refusalCause(of instance: RouterInstance) -> RefusalCause? {
    guard let index = instance.addressInterface else { return nil }
    do throws(NetlinkError) {
      guard let link = try platform.kernel.link(index) else { return .interfaceGone }
      guard instance.family == .ipv6 else { return nil }
      guard link.hasRoom(for: .ipv6) else {
        return .withoutIPv6(.mtuTooSmall(interface: link.name, .ipv6, mtu: link.mtu))
      }
      guard isWithoutIPv6(link.name) else { return nil }
      return instance.macvlan == nil
        ? .withoutIPv6(.ipv6Off(interface: link.name)) : .macvlanWithoutIPv6
    } catch {
      return nil
    }
  }

  /// Whether the kernel has an interface no more, which it may not have reported yet.
  func isGone(_ index: Int32) -> Bool {
    do throws(NetlinkError) {
      return try platform.kernel.link(index) == nil
    } catch {
      return false
    }
  }

  /// Whether IPv6 is switched off on an interface by its setting.
  func isWithoutIPv6(_ name: String) -> Bool {
    platform.setting("ipv6/conf/\(name)/disable_ipv6") ?? 0 > 0
  }

  /// Switches IPv6 on again on a router's macvlan, and puts its addresses back.
  func restoreIPv6(of instance: RouterInstance) {
    guard let macvlan = instance.macvlan else { return }
    // Tells why, if it can't be switched on, and tries again in a second.
    followSettings(of: instance)
    guard !isWithoutIPv6(macvlan.name) else { return }
    // While the router waits, IPv6 may be off, or come back, on the whole machine: its own
    // interface and the macvlan are set one after the other.
    if instance.attendance.isRunning {
      handleFailure(
        ofMacvlanOf: instance,
        "something on this host switched IPv6 off on \(macvlan.name); exclude it from other network "
          + "managers")
    }
    putBackAddresses(of: instance)
  }

  /// Puts the addresses on a macvlan that has lost them with a setting.
  func putBackAddresses(of instance: RouterInstance) {
    work.add(instance.isHolding ? .install : .load, instance.slot)
  }
}

extension RouterInstance {
  /// A refusal of the kernel, with the name of the interface that has the addresses, not its
  /// number.
  func words(of error: NetlinkError) -> String {
    addressInterface.map { error.naming([$0: macvlan?.name ?? settings.interface]) }
      ?? error.description
  }
}

extension NetlinkError {
  /// The line for people, with the names of interfaces in the place of their numbers.
  func naming(_ names: [Int32: String]) -> String {
    names.reduce(description) { text, entry in
      [":", " "].reduce(text) { text, end in
        text.replacing("interface \(entry.key)\(end)", with: entry.value + end)
      }
    }
  }
}
