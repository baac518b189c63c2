import Netlink

/// The interfaces of a virtual router: the one that it is attached to, and the macvlan on top of it
/// that has its addresses if it serves them under a virtual MAC address.
struct Attachment {
  /// Whether the addresses belong on a macvlan; another router comes in the place of one for which
  /// that changes.
  let usesMacvlan: Bool
  /// The interface, as the kernel last described it.
  private(set) var link: Link?
  /// The macvlan, which may have to be made yet.
  private(set) var macvlan: RouterMacvlan?

  init(usesMacvlan: Bool) { self.usesMacvlan = usesMacvlan }

  /// The kernel's number for the interface that the addresses are on.
  var addressInterface: Int32? { usesMacvlan ? macvlan?.index : link?.index }

  /// Whether what is installed can be reached: a macvlan may be switched off.
  var isReachable: Bool { usesMacvlan ? macvlan?.isUp ?? false : true }

  // MARK: Events

  /// The router is attached to an interface, or that has changed.
  mutating func attach(to link: Link) { self.link = link }

  /// The router has no interface any more.
  mutating func detach() { link = nil }

  /// The router gets a macvlan.
  mutating func add(_ macvlan: RouterMacvlan) { self.macvlan = macvlan }

  /// The router has no macvlan any more.
  mutating func dropMacvlan() { macvlan = nil }

  /// Takes the macvlan of the router in whose place this one comes, with all that is on it.
  mutating func takeMacvlan(of former: inout Attachment) {
    macvlan = former.macvlan
    former.macvlan = nil
  }

  /// Tells the macvlan of an event; nothing happens if there is none.
  ///
  /// - Parameter event: the call.
  /// - Returns: the answer.
  mutating func tellMacvlan<Answer>(_ event: (inout RouterMacvlan) -> Answer) -> Answer? {
    guard var told = macvlan else { return nil }
    defer { macvlan = told }
    return event(&told)
  }
}
