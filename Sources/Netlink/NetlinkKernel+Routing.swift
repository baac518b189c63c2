import Glibc
import VIPCore

extension NetlinkKernel {
  /// Makes a route or a rule that is not there yet.
  ///
  /// Equivalent to: `ip route add … proto 112`, `ip rule add … protocol 112`
  public func install(_ entry: RoutingEntry) -> NetlinkError? { perform(entry, isRemoval: false) }

  /// Removes a route or a rule with our tag; one that is not there is no error.
  ///
  /// Equivalent to: `ip route delete … proto 112`, `ip rule delete … protocol 112`
  public func remove(_ entry: RoutingEntry) -> NetlinkError? {
    let error = perform(entry, isRemoval: true)
    return error?.isGone == true ? nil : error
  }

  private func perform(_ entry: RoutingEntry, isRemoval: Bool) -> NetlinkError? {
    discardStaleReplies()
    sequence &+= 1
    let number = sequence
    outgoing = [UInt8](capacity: RoutingMessage.maximumByteCount) { output in
      RoutingMessage.encode(entry, isRemoval: isRemoval, into: &output, sequence: number)
    }
    var result: NetlinkError?
    collectReplies(first: number, count: 1) { _, reply in
      result = entry.refused(reply.code, reply.message, reply.offset, isRemoval: isRemoval)
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
