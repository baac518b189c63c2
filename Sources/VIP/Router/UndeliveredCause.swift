import VIPCore

/// The probable reason why advertisements that reach an interface are not delivered to its router.
enum UndeliveredCause: Equatable {
  /// The sender has an address of this machine.
  case ownAddress
  /// The kernel's check of sources drops them, in a mode.
  case reversePathFilter(mode: Int)
  /// The process does not read them in time.
  case notRead
  /// Nothing else that can be seen: a firewall.
  case firewall

  /// Judges by what can be seen on this machine; each is asked for only if it matters.
  ///
  /// - Parameters:
  ///   - source: the address that they come from.
  ///   - isOwn: whether it is this machine's own too.
  ///   - filter: the mode of the check of IPv4 sources on the interface; `nil` if there is none.
  ///   - isNear: whether an address is in one of the interface's networks.
  ///   - hasLost: whether the socket has lost messages since the sender was first seen.
  init(
    of source: IPAddress, isOwn: Bool, filter: @autoclosure () -> Int?,
    isNear: (IPv4Address) -> Bool, hasLost: @autoclosure () -> Bool
  ) {
    if isOwn {
      self = .ownAddress
    } else if case .v4(let address) = source, let mode = filter(), !isNear(address) {
      self = .reversePathFilter(mode: mode)
    } else {
      self = hasLost() ? .notRead : .firewall
    }
  }

  /// Says the reason in words.
  ///
  /// - Parameters:
  ///   - sender: the machine that is not heard.
  ///   - vrid: the group.
  ///   - name: the interface.
  /// - Returns: one line, with what to do.
  func text(_ sender: GroupSightings.Sender, _ vrid: VRID, on name: String) -> String {
    let source = sender.source
    let what =
      "advertisements for VRID \(vrid) from \(source) (\(sender.mac)) reach \(name) and are not "
      + "delivered: "
    switch self {
    case .ownAddress:
      return what + "\(source) is this machine's own address too; give one of the two machines "
        + "another"
    case .reversePathFilter(let mode):
      return what + "\(source) is in none of \(name)'s networks, so this machine's reverse path "
        + "filter (rp_filter \(mode)) drops them; give \(name) an address in that network, or switch "
        + "the filter off for all and for \(name)"
    case .notRead:
      return what + "this process does not read them in time, and the kernel drops them; see what "
        + "keeps it from running"
    case .firewall:
      return what + "this machine's firewall drops them; let protocol 112 in on \(name)"
    }
  }
}
