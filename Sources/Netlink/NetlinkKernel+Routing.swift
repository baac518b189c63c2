import Glibc
import VIPCore

extension NetlinkKernel {
  /// Makes a route or a rule that is not there yet.
  ///
  /// Equivalent to: `ip route add … proto 112 expires SECONDS`, `ip rule add … protocol 112`
  public func install(_ entry: RoutingEntry, lifetime: Duration?) -> NetlinkError? {
    perform(entry, .addition, lifetime)
  }

  /// Looks whether a route or a rule is there as this package has made it, and gives an IPv6 route
  /// with a lifetime that lifetime again.
  ///
  /// Linux has no question for it that does not list a table, so it is asked to make the entry:
  /// - an IPv4 route without permission to create it, which fails with EEXIST exactly if the same
  ///   route is there, with the same tag;
  /// - an IPv6 route beside others to the same destination. One with the same next router is kept,
  ///   and given the lifetime. What is made although it was not there is removed at once;
  /// - a rule, which is likewise removed.
  public func confirm(_ entry: RoutingEntry, lifetime: Duration?) -> Bool {
    guard let error = perform(entry, .confirmation, lifetime) else {
      _ = remove(entry)
      return false
    }
    // A route that can't be any more is gone: its gateway, its source or its interface.
    return !error.isGone && !error.isWithoutRoute
  }

  /// Removes a route or a rule with our tag; one that is not there is no error.
  ///
  /// Equivalent to: `ip route delete … proto 112`, `ip rule delete … protocol 112`
  public func remove(_ entry: RoutingEntry) -> NetlinkError? {
    let error = perform(entry, .removal)
    return error?.isGone == true ? nil : error
  }

  private func perform(
    _ entry: RoutingEntry, _ purpose: RoutingMessage.Purpose, _ lifetime: Duration? = nil
  ) -> NetlinkError? {
    discardStaleReplies()
    sequence &+= 1
    let number = sequence
    outgoing = [UInt8](capacity: RoutingMessage.maximumByteCount) { output in
      RoutingMessage.encode(
        entry, purpose, lifetime: lifetime, into: &output, sequence: number)
    }
    var result: NetlinkError?
    collectReplies(first: number, count: 1) { _, reply in
      result = entry.refused(
        reply.code, reply.message, reply.offset, isRemoval: purpose == .removal)
    }
    return result
  }
}

extension NetlinkError {
  /// Whether there is such a route or rule already (EEXIST).
  public var isAlreadyThere: Bool { code == EEXIST }

  /// Whether a route or rule that is to be removed is not there, or its table or interface is gone
  /// (ESRCH, ENOENT, ENODEV).
  ///
  /// EAFNOSUPPORT is what a kernel without IPv6, or without rules, answers.
  fileprivate var isGone: Bool {
    isNoSuchRoute || isNotThere || code == ENOENT || code == EAFNOSUPPORT || code == ENETDOWN
  }
}

extension RoutingEntry {
  /// An error about this entry.
  package func refused(
    _ code: Int32, _ message: String? = nil, _ offset: Int? = nil, isRemoval: Bool = false
  ) -> NetlinkError {
    let what =
      switch self {
      case .route(let route): "route to \(route.destination)"
      case .rule(let rule): "rule \(rule.priority)"
      }
    return NetlinkError(
      operation: "\(isRemoval ? "remove" : "add") the \(what)", code: code, message: message,
      offset: offset)
  }
}
