public import VIPCore
public import VRRP

/// Configuration of one group of virtual addresses on one interface.
///
/// Addresses of both families make two virtual routers with one VRID, as RFC 9568 §1.3 keeps the
/// families apart; they share this configuration and its name.
public struct RouterConfiguration: Sendable, Hashable, Codable {
  /// The router's name; unique on a node.
  public var name: String
  /// The interface whose segment it serves.
  public var interface: String
  /// The virtual router identifier.
  public var vrid: VRID
  /// This node's priority; 255 if the addresses are the interface's own.
  public var priority: Priority
  /// The time between advertisements.
  public var interval: AdvertisementInterval
  /// The virtual addresses on the interface, in the order in which they are advertised.
  public var addresses: [InterfaceAddress]
  /// Those of ``addresses`` that are held and announced like the others, but that advertisements
  /// don't list.
  public var unadvertised: Set<IPAddress> = []
  /// Virtual addresses on other interfaces; those that are advertised come behind ``addresses``.
  public var elsewhere: [ElsewhereAddress] = []
  /// The addresses of this machine that advertisements to single machines come from, one for each
  /// family at most; without one it is the interface's first address.
  public var unicastSource: [IPAddress] = []
  /// The multicast groups that advertisements go to, one for each family at most; without one it
  /// is the group of VRRP.
  public var multicastGroups: [IPAddress] = []
  /// The labels of IPv4 addresses, such as `eth0:1`; programs that know no addresses without one
  /// show these.
  public var labels: [IPAddress: String] = [:]
  /// Routes that come and go with the addresses.
  public var routes: [VirtualRoute] = []
  /// Rules of routing that come and go with the addresses.
  public var rules: [VirtualRule] = []
  /// Whether to replace an Active of lower priority.
  public var preempts: Bool
  /// The form of the checksums to send over IPv4.
  public var checksum: ChecksumPolicy
  /// The fate of the addresses when another node takes over in good order.
  public var handover: HandoverPolicy
  /// The version of VRRP to speak.
  public var version: ProtocolVersion
  /// The time for which an Active of lower priority is left alone before replacing it.
  public var preemptDelay: Duration
  /// The password of version 2, in clear text on the wire; `nil` if there is none.
  ///
  /// Descriptions, logs and statuses never show it.
  public var password: Authentication.Password?
  /// Whether to probe, before the first use, for a machine outside the group that has one of the
  /// addresses.
  public var probes: Bool
  /// Whether to serve the addresses under the virtual router's own Ethernet address (RFC 9568 §7.3)
  /// instead of the interface's.
  public var virtualMAC: Bool
  /// The time after the start of its node in which it does not become Active.
  public var startDelay: Duration = .zero
  /// The times for which the link of its interface must last.
  public var linkDelay = LinkDelay()
  /// The time for which it does not preempt once it has lost the role three times within a minute,
  /// none of them by a command; none if zero.
  public var holdDown: Duration = .zero
  /// Other interfaces that it depends on.
  public var tracks: [Track]
  /// Health checks that it depends on, by name.
  ///
  /// A ``Node`` only keeps them; `CheckService` of the product `VIPChecks` runs the checks and says
  /// what follows by ``Node/setFitness(_:of:for:)``.
  public var checks: [CheckUse]
  /// The other machines of the group, where advertisements go to each of them (unicast) instead of
  /// to the multicast group; empty for multicast.
  ///
  /// This machine's own address may be among them, so that all machines can be told the same.
  public var peers: [IPAddress]
  /// Programs to run when it becomes Active, Backup and so on.
  ///
  /// A ``Node`` only passes them on, in each ``Settlement``; `HookService` of the product
  /// `VIPHooks` runs them.
  public var hooks: Hooks

  /// The keys are those of configuration files where both have one.
  private enum CodingKeys: String, CodingKey {
    case name, interface, vrid, priority, interval, addresses, checksum, handover, version
    case preemptDelay, password, tracks, checks, peers, hooks
    case unadvertised, elsewhere, unicastSource, routes, rules
    case multicastGroups, labels
    case startDelay, linkDelay, holdDown
    case preempts = "preempt"
    case probes = "probe"
    case virtualMAC = "virtualMac"
  }

  /// Makes a configuration; what is left out has its default.
  ///
  /// - Parameters:
  ///   - name: what people call it; `INTERFACE-VRID` if left out.
  ///   - interface: the interface whose segment it serves.
  ///   - vrid: the virtual router identifier.
  ///   - priority: 100 if left out.
  ///   - interval: 1 s if left out.
  ///   - addresses: the virtual addresses; see ``validate()``.
  ///   - preempts: on if left out.
  ///   - checksum: `auto` if left out.
  ///   - handover: seamless if left out.
  ///   - version: 3 if left out.
  ///   - preemptDelay: none if left out.
  ///   - password: none if left out; for version 2 only.
  ///   - probes: on if left out.
  ///   - virtualMAC: off if left out.
  ///   - tracks: none if left out.
  ///   - checks: none if left out.
  ///   - peers: none, for multicast, if left out.
  ///   - hooks: none if left out.
  public init(
    name: String? = nil, interface: String, vrid: VRID, priority: Priority = .default,
    interval: AdvertisementInterval = .default, addresses: [InterfaceAddress],
    preempts: Bool = true, checksum: ChecksumPolicy = .auto,
    handover: HandoverPolicy = .seamless, version: ProtocolVersion = .v3,
    preemptDelay: Duration = .zero, password: Authentication.Password? = nil,
    probes: Bool = true, virtualMAC: Bool = false, tracks: [Track] = [],
    checks: [CheckUse] = [], peers: [IPAddress] = [],
    hooks: Hooks = Hooks()
  ) {
    self.name = name ?? "\(interface)-\(vrid)"
    self.interface = interface
    self.vrid = vrid
    self.priority = priority
    self.interval = interval
    self.addresses = addresses
    self.preempts = preempts
    self.checksum = checksum
    self.handover = handover
    self.version = version
    self.preemptDelay = preemptDelay
    self.password = password
    self.probes = probes
    self.virtualMAC = virtualMAC
    self.tracks = tracks
    self.checks = checks
    self.peers = peers
    self.hooks = hooks
  }

  /// The peers of one family, in order.
  public func peers(_ family: AddressFamily) -> [IPAddress] {
    peers.filter { $0.family == family }
  }

  /// The addresses of one family on its interface, in order.
  public func addresses(_ family: AddressFamily) -> [InterfaceAddress] {
    addresses.filter { $0.family == family }
  }
}

extension RouterConfiguration {
  /// The most addresses one router may have; more would make one event last too long.
  public static let addressCountMax = 20_000

  /// Checks what can be checked without looking at this machine.
  ///
  /// - Throws: the first thing that is wrong.
  public func validate() throws(ConfigurationError) {
    // The interface first: a name that was left out is made from it.
    if let problem = Self.problem(interfaceName: interface) {
      throw ConfigurationError(.interface, router: name, problem)
    }
    guard Self.isValidName(name) else {
      throw ConfigurationError(
        .name, router: name,
        "the name '\(name)' is not usable; take 1 to 64 letters, digits, '.', '_' or '-'")
    }
    guard !addresses.isEmpty || !elsewhere.isEmpty || canDoWithoutAddresses else {
      throw ConfigurationError(
        .addresses, router: name,
        "no addresses are given; name at least one virtual address, or hooks for an election "
          + "without one")
    }
    guard addresses.count <= Self.addressCountMax else {
      throw ConfigurationError(
        .addresses, router: name,
        "\(addresses.count) addresses are more than \(Self.addressCountMax) in one router")
    }
    var seen: Set<IPAddress> = []
    for (index, address) in addresses.enumerated() {
      if let reason = Self.reasonAgainst(address) {
        throw ConfigurationError(.address(index), router: name, "\(address.address) \(reason)")
      }
      guard seen.insert(address.address).inserted else {
        throw ConfigurationError(
          .address(index), router: name, "\(address.address) is given twice; name it once")
      }
    }
    try validateElsewhere(seen)
    try validateRouting()
    try validateElection()
    try validateTracks()
    try validateChecks()
    try validateDamping()
    try validatePeers()
  }

  /// The longest preemption delay: one of more than a day is a mistake.
  public static let preemptDelayMax = Duration.seconds(86_400)

  /// Checks what the protocol can't express.
  private func validateElection() throws(ConfigurationError) {
    for family in families {
      do throws(VirtualRouter.Configuration.Problem) {
        try election(family).validate()
      } catch {
        throw ConfigurationError(field(of: error), router: name, error.description)
      }
    }
    guard !virtualMAC || priority != .owner else {
      throw ConfigurationError(
        .virtualMAC, router: name,
        "an owner (priority 255) serves the interface's own addresses, which have its own Ethernet "
          + "address; take a lower priority, or leave out the virtual MAC address")
    }
    guard (.zero...Self.preemptDelayMax).contains(preemptDelay) else {
      throw ConfigurationError(
        .preempt, router: name, "a preemption delay lies between 0s and 24h")
    }
    guard preempts || preemptDelay == .zero else {
      throw ConfigurationError(
        .preempt, router: name, "a router that does not preempt has no preemption delay")
    }
    try validateHooks()
  }

  private func validateHooks() throws(ConfigurationError) {
    for state in Settlement.State.allCases {
      guard let problem = hooks.problem(state) else { continue }
      throw ConfigurationError(.hook(state), router: name, problem)
    }
    guard Hooks.timeoutRange.contains(hooks.timeout) else {
      throw ConfigurationError(
        .router, router: name, "the time limit of hooks lies between 100ms and 1h")
    }
  }

  private func field(
    of problem: VirtualRouter.Configuration.Problem
  ) -> ConfigurationError.Field {
    switch problem {
    case .version2NeedsIPv4:
      addresses.firstIndex { $0.family == .ipv6 }.map { .address($0) } ?? .version
    case .version2NeedsWholeSeconds, .version3IntervalTooLong: .interval
    case .version3HasNoAuthentication: .authentication
    case .priorityZero: .priority
    }
  }

  /// The settings of one family's election.
  ///
  /// The `rank` is this node's place among routers of equal priority, the `weight` what is added to
  /// the priority, which stays between 1 and 254; an owner's is always 255.
  func election(
    _ family: AddressFamily, rank: UInt8 = 0, weight: Int = 0
  ) -> VirtualRouter.Configuration {
    let weighed = Priority(rawValue: UInt8(min(max(1, Int(priority.rawValue) + weight), 254)))
    let isWeighed = weight != 0 && priority != .owner
    return VirtualRouter.Configuration(
      vrid: vrid, family: family, priority: isWeighed ? weighed : priority,
      interval: interval, preempts: preempts,
      checksum: checksum, tieBreakRank: rank, version: version,
      authentication: authentication, preemptDelay: preemptDelay)
  }

  /// The proof to others that this router belongs to the group.
  package var authentication: Authentication { password.map { .simpleText($0) } ?? .none }

  /// The reason why an address can't be a virtual address; `nil` if it can.
  static func reasonAgainst(_ address: InterfaceAddress) -> String? {
    let ip = address.address
    if ip.isUnspecified { return "is the unspecified address; a virtual address names one host" }
    if ip.isLoopback { return "is a loopback address; no other machine could reach it" }
    if ip.isMulticast { return "is a multicast address; a virtual address names one host" }
    if address.prefixLength == 0 { return "has prefix length 0; give the length of its network" }
    switch ip {
    case .v4(let v4):
      if v4.isReserved { return "is a reserved address" }
      if v4.rawValue >> 24 == 0 { return "lies in 0.0.0.0/8, which no host can have" }
      guard address.prefixLength <= 30 else { return nil }
      let hostMask = UInt32.max >> UInt32(address.prefixLength)
      if v4.rawValue & hostMask == 0 { return "is the network address of \(address)" }
      if v4.rawValue & hostMask == hostMask { return "is the broadcast address of \(address)" }
    case .v6(let v6):
      if v6.isIPv4Mapped { return "is an IPv4-mapped address; give the IPv4 address itself" }
    }
    return nil
  }

  /// Whether a text can be the name of a router, a check or a group.
  package static func isValidName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// The longest name that an interface can have: an alternative one (ALTIFNAMSIZ, less the zero).
  private static let interfaceNameByteCountMax = 127

  /// The reason why a text can't be the name of an interface; `nil` if it can.
  ///
  /// By the kernel's rules, but for the @, which nearly always comes from a listing.
  package static func problem(interfaceName text: String) -> String? {
    let what = "'\(text)' can't be the name of an interface"
    if let colon = text.firstIndex(of: ":"), colon > text.startIndex {
      return "\(what): what is behind the colon is the label of an address (an alias); write "
        + "\(text[..<colon])"
    }
    if let at = text.firstIndex(of: "@"), at > text.startIndex {
      return "\(what): what is behind the @ is what it is stacked on, as 'ip link' shows it; write "
        + "\(text[..<at])"
    }
    guard text.utf8.count <= interfaceNameByteCountMax else {
      return "\(what): it is longer than \(interfaceNameByteCountMax) bytes"
    }
    let isPossible =
      !text.isEmpty && text != "." && text != ".."
      && text.utf8.allSatisfy {
        $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":")
      }
    return isPossible ? nil : what
  }
}

/// The fate of the addresses when another node takes over in good order.
public enum HandoverPolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// The old holder serves until the new one has announced them, so that no client notices.
  case seamless
  /// The old holder removes them at once, as RFC 9568 §6.4.3 has it.
  case strict
}
