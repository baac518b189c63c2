public import VIPCore

/// A route that comes and goes with a router's addresses.
///
/// It carries the tag of this package as its protocol. A route of another program to the same
/// destination, with the same metric in the same table, is left alone and told as a problem.
public struct VirtualRoute: Sendable, Hashable {
  /// The destination, with no bits behind its prefix; `0.0.0.0/0` or `::/0` for all.
  public var destination: InterfaceAddress
  /// The next router; `nil` if the destination is on the link.
  public var via: IPAddress?
  /// The interface; `nil` if the next router decides it.
  public var interface: String?
  /// The address that this machine prefers to send from.
  public var source: IPAddress?
  /// The metric; `nil` for the kernel's default.
  public var metric: UInt32?
  /// The number of the table; 254 is the one that is used without rules.
  public var table: UInt32
  /// The reach of the destination, for IPv4; `nil` for the one that follows from the next router.
  public var scope: Scope?

  /// The reach of a destination.
  public enum Scope: String, Sendable, Hashable, Codable, CaseIterable {
    /// Beyond the link.
    case global
    /// On the link.
    case link
    /// On this machine.
    case host

    /// The number that the kernel has for it.
    var number: UInt8 {
      switch self {
      case .global: 0
      case .link: 253
      case .host: 254
      }
    }
  }

  /// The number of the table that is used without rules.
  public static let mainTable: UInt32 = 254

  /// Makes a route.
  ///
  /// - Parameters:
  ///   - destination: where it leads.
  ///   - via: the next router; none if left out.
  ///   - interface: the interface; decided by the next router if left out.
  ///   - source: the address to send from; the kernel's choice if left out.
  ///   - metric: the kernel's default if left out.
  ///   - table: the main one if left out.
  ///   - scope: the one that follows from the next router if left out.
  public init(
    to destination: InterfaceAddress, via: IPAddress? = nil, interface: String? = nil,
    source: IPAddress? = nil, metric: UInt32? = nil, table: UInt32 = mainTable,
    scope: Scope? = nil
  ) {
    self.destination = destination
    self.via = via
    self.interface = interface
    self.source = source
    self.metric = metric
    self.table = table
    self.scope = scope
  }

  /// The fault of the route, whatever the machine has; `nil` if there is none.
  var problem: String? {
    let family = destination.family
    guard destination.isNetwork else {
      return "\(destination) has bits behind its prefix; write \(destination.networkAddress)"
    }
    guard !destination.address.isMulticast, !destination.address.isLoopback else {
      return "\(destination) is no destination of a route"
    }
    for address in [via, source].compactMap({ $0 }) {
      guard address.family == family else {
        return "\(address) and \(destination) are of different families"
      }
      guard !address.isUnspecified, !address.isMulticast else {
        return "\(address) is no address that one machine can have"
      }
    }
    guard via != nil || interface != nil else {
      return "the route to \(destination) needs 'via' or 'interface'"
    }
    if let via, via.isLinkLocal, family == .ipv6, interface == nil {
      return "\(via) is link-local, so the route to \(destination) needs an 'interface'"
    }
    guard table != 0, table != Self.localTable else {
      return "table \(table) is the kernel's own; give another one"
    }
    guard family == .ipv4 || scope == nil else {
      return "routes of IPv6 have no scope; leave it out"
    }
    guard metric != Self.subnetMetric || table != Self.mainTable else {
      return "the metric \(Self.subnetMetric) is that of routes that addresses bring along"
    }
    return interface.flatMap { RouterConfiguration.problem(interfaceName: $0) }
  }

  /// RT_TABLE_LOCAL.
  private static let localTable: UInt32 = 255
  /// The metric of routes to subnets that addresses bring along.
  private static let subnetMetric: UInt32 = 0x7FFF_FFFF

  /// The properties that no two routes of a table have in common.
  package struct Place: Hashable {
    var destination: InterfaceAddress
    var metric: UInt32
    var table: UInt32
  }

  /// Its place among all routes; to the kernel a metric of 0 is none.
  package var place: Place {
    let usual: UInt32 = destination.family == .ipv6 ? 1024 : 0
    let given = metric ?? 0
    return Place(destination: destination, metric: given == 0 ? usual : given, table: table)
  }
}

extension VirtualRoute: LosslessStringConvertible, Codable {
  /// The route as `ip route` writes it, such as `198.18.5.0/24 via 192.0.2.1 dev eth1 metric 100`.
  public var description: String {
    var text = destination.description
    if let via { text += " via \(via)" }
    if let interface { text += " dev \(interface)" }
    if let source { text += " src \(source)" }
    if let metric { text += " metric \(metric)" }
    if table != Self.mainTable { text += " table \(table)" }
    if let scope { text += " scope \(scope.rawValue)" }
    return text
  }

  /// Reads what ``description`` writes; `nil` for anything else.
  public init?(_ description: String) {
    guard let words = KeyedWords(description, hasSubject: true),
      let destination = words.subject.flatMap({ InterfaceAddress($0) })
    else { return nil }
    self.init(to: destination)
    for (key, value) in words.pairs {
      switch key {
      case "via": via = IPAddress(value)
      case "dev": interface = value
      case "src": source = IPAddress(value)
      case "metric": metric = UInt32(value)
      case "table": table = UInt32(value) ?? 0
      case "scope": scope = Scope(rawValue: value)
      default: return nil
      }
    }
    guard self.description == description else { return nil }
  }

  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "a route")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws { try encodeText(description, to: encoder) }
}

/// A rule of routing that comes and goes with a router's addresses: which table some packets use.
public struct VirtualRule: Sendable, Hashable {
  /// The network that packets come from; `nil` for all.
  public var from: InterfaceAddress?
  /// The network that packets go to; `nil` for all.
  public var to: InterfaceAddress?
  /// The mark that packets have; `nil` for all.
  public var mark: UInt32?
  /// The number of the table.
  public var table: UInt32
  /// The place among the rules; smaller numbers come first.
  public var priority: UInt32

  /// The place of a rule that is given none: just before the main table's, as the kernel has it.
  public static let defaultPriority: UInt32 = 32_765

  /// Makes a rule.
  ///
  /// - Parameters:
  ///   - from: where packets come from; all if left out.
  ///   - to: where packets go to; all if left out.
  ///   - mark: the mark of packets; all if left out.
  ///   - table: the table.
  ///   - priority: just before the main table if left out.
  public init(
    from: InterfaceAddress? = nil, to: InterfaceAddress? = nil, mark: UInt32? = nil,
    table: UInt32, priority: UInt32 = defaultPriority
  ) {
    self.from = from
    self.to = to
    self.mark = mark
    self.table = table
    self.priority = priority
  }

  /// The family of its addresses; `nil` if it has none.
  var family: AddressFamily? { from?.family ?? to?.family }

  /// The fault of the rule, whatever the machine has; `nil` if there is none.
  var problem: String? {
    if let from, let to, from.family != to.family {
      return "\(from) and \(to) are of different families"
    }
    for network in [from, to].compactMap({ $0 }) where !network.isNetwork {
      return "\(network) has bits behind its prefix; write \(network.networkAddress)"
    }
    guard from != nil || to != nil || mark != nil else {
      return "a rule needs 'from', 'to' or 'fwmark'; without one it would be for all packets"
    }
    guard mark != 0 else { return "a mark is not 0" }
    guard table != 0 else { return "table 0 is none; give the number of another one" }
    guard (1...32_765).contains(priority) else {
      return "the priority \(priority) of a rule does not lie between 1 and 32765"
    }
    return nil
  }
}

extension VirtualRule: LosslessStringConvertible, Codable {
  /// The rule as `ip rule` takes it, such as `from 192.0.2.10/32 table 100 priority 1000`.
  public var description: String {
    var words: [String] = []
    if let from { words.append("from \(from)") }
    if let to { words.append("to \(to)") }
    if let mark { words.append("fwmark \(mark)") }
    return (words + ["table \(table)", "priority \(priority)"]).joined(separator: " ")
  }

  /// Reads what ``description`` writes; `nil` for anything else.
  public init?(_ description: String) {
    guard let words = KeyedWords(description, hasSubject: false) else { return nil }
    self.init(table: 0)
    for (key, value) in words.pairs {
      switch key {
      case "from": from = InterfaceAddress(value)
      case "to": to = InterfaceAddress(value)
      case "fwmark": mark = UInt32(value)
      case "table": table = UInt32(value) ?? 0
      case "priority": priority = UInt32(value) ?? 0
      default: return nil
      }
    }
    guard self.description == description else { return nil }
  }

  /// Decodes the text form.
  public init(from decoder: any Decoder) throws {
    self = try decodeText(from: decoder, what: "a rule")
  }

  /// Encodes the text form.
  public func encode(to encoder: any Encoder) throws { try encodeText(description, to: encoder) }
}

/// A text of words in pairs, the second of which says something about the first.
private struct KeyedWords {
  var subject: String?
  var pairs: [(String, String)] = []

  init?(_ text: String, hasSubject: Bool) {
    var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    if hasSubject {
      guard !words.isEmpty else { return nil }
      subject = words.removeFirst()
    }
    guard words.count % 2 == 0, !words.contains("") else { return nil }
    for place in stride(from: 0, to: words.count, by: 2) {
      pairs.append((words[place], words[place + 1]))
    }
  }
}

extension InterfaceAddress {
  /// Whether no bits are behind the prefix.
  var isNetwork: Bool { address == networkAddress.address }

  /// The network with its prefix length, for any length.
  package var networkAddress: InterfaceAddress {
    let length = prefixLength
    switch address {
    case .v4(let v4):
      let mask = length == 0 ? 0 : UInt32.max << UInt32(32 - length)
      return InterfaceAddress(.v4(IPv4Address(rawValue: v4.rawValue & mask)), prefixLength: length)
        ?? self
    case .v6(let v6):
      let high = length == 0 ? 0 : UInt64.max << UInt64(64 - min(length, 64))
      let low = length <= 64 ? 0 : UInt64.max << UInt64(128 - length)
      let network = IPv6Address(high: v6.high & high, low: v6.low & low)
      return InterfaceAddress(.v6(network), prefixLength: length) ?? self
    }
  }
}

extension RouterConfiguration {
  /// Checks the routes and rules.
  func validateRouting() throws(ConfigurationError) {
    var places: Set<VirtualRoute.Place> = []
    for (index, route) in routes.enumerated() {
      if let problem = route.problem {
        throw ConfigurationError(.route(index), router: name, problem)
      }
      guard places.insert(route.place).inserted else {
        throw ConfigurationError(
          .route(index), router: name,
          "there is a route to \(route.destination) with this metric and table already")
      }
    }
    for (index, rule) in rules.enumerated() {
      if let problem = rule.problem {
        throw ConfigurationError(.rule(index), router: name, problem)
      }
      guard !rules[..<index].contains(rule) else {
        throw ConfigurationError(.rule(index), router: name, "this rule is given twice")
      }
    }
  }
}
