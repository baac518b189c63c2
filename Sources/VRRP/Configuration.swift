public import VIPCore

extension VirtualRouter {
  /// The settings of a virtual router, given by its operator (RFC 9568 §6.1).
  public struct Configuration: Sendable, Hashable {
    /// The virtual router's identifier on its segment.
    public var vrid: VRID
    /// The family of its addresses.
    public var family: AddressFamily
    /// This node's priority; 255 if it owns the addresses.
    public var priority: Priority
    /// Advertisement_Interval.
    public var interval: AdvertisementInterval
    /// Preempt_Mode: whether to replace an Active of lower priority.
    ///
    /// An owner preempts always.
    public var preempts: Bool
    /// The checksum form to send in version 3 over IPv4.
    public var checksum: ChecksumPolicy
    /// This node's place among routers of equal priority, `0..<16`; the lowest moves first.
    public var tieBreakRank: UInt8
    /// The version to speak.
    public var version: ProtocolVersion
    /// The authentication of version 2 advertisements.
    public var authentication: Authentication
    /// The time for which an Active of lower priority is left alone before it is preempted.
    ///
    /// Counted from the first advertisement heard from it (`hold-time` of RFC 8347). An owner never
    /// waits.
    public var preemptDelay: Duration

    /// Makes a configuration; what is left out has the RFC's default.
    public init(
      vrid: VRID, family: AddressFamily, priority: Priority = .default,
      interval: AdvertisementInterval = .default, preempts: Bool = true,
      checksum: ChecksumPolicy = .auto, tieBreakRank: UInt8 = 0,
      version: ProtocolVersion = .v3, authentication: Authentication = .none,
      preemptDelay: Duration = .zero
    ) {
      self.vrid = vrid
      self.family = family
      self.priority = priority
      self.interval = interval
      self.preempts = preempts
      self.checksum = checksum
      self.tieBreakRank = tieBreakRank
      self.version = version
      self.authentication = authentication
      self.preemptDelay = preemptDelay
    }

    /// Refuses what no packet could express.
    public func validate() throws(Problem) {
      guard priority != .farewell else { throw .priorityZero }
      switch version {
      case .v2:
        guard family == .ipv4 else { throw .version2NeedsIPv4 }
        guard interval.wholeSeconds != nil else { throw .version2NeedsWholeSeconds }
      case .v3:
        guard interval.nanoseconds <= AdvertisementInterval.version3Max.nanoseconds else {
          throw .version3IntervalTooLong
        }
        guard authentication == .none else { throw .version3HasNoAuthentication }
      }
    }
  }
}

extension VirtualRouter.Configuration {
  /// A reason not to run a configuration.
  public enum Problem: Error, Sendable, Hashable {
    /// Version 2 exists for IPv4 only.
    case version2NeedsIPv4
    /// Version 2 counts its interval in whole seconds from 1 to 255.
    case version2NeedsWholeSeconds
    /// Version 3 can't express intervals above 40.95 s.
    case version3IntervalTooLong
    /// Version 3 has no authentication.
    case version3HasNoAuthentication
    /// Priority 0 is no router's; it announces that an Active leaves.
    case priorityZero
  }
}

extension VirtualRouter.Configuration.Problem: CustomStringConvertible {
  /// The fault and the remedy.
  public var description: String {
    switch self {
    case .version2NeedsIPv4: "version 2 exists for IPv4 only; use version 3 for IPv6"
    case .version2NeedsWholeSeconds: "version 2 needs an interval of whole seconds, 1s to 255s"
    case .version3IntervalTooLong: "version 3 can't express intervals above 40.95s"
    case .version3HasNoAuthentication:
      "version 3 has no authentication (RFC 5798 removed it); remove the password or use version 2"
    case .priorityZero: "priority 0 announces a leaving Active; use 1 to 255"
    }
  }
}
