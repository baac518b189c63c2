import VIPCore

/// Requests about routes and rules that come and go with virtual addresses.
enum RoutingMessage {
  private enum RouteAttribute {
    static let destination: UInt16 = 1
    static let interface: UInt16 = 4
    static let gateway: UInt16 = 5
    static let priority: UInt16 = 6
    static let preferredSource: UInt16 = 7
    static let table: UInt16 = 15
    static let expires: UInt16 = 23
  }

  private enum RuleAttribute {
    static let destination: UInt16 = 1
    static let source: UInt16 = 2
    static let priority: UInt16 = 6
    static let mark: UInt16 = 10
    static let table: UInt16 = 15
    static let proto: UInt16 = 21
  }

  /// The purpose of a request.
  enum Purpose {
    /// To make an entry; it is refused if there is such a one already.
    case addition
    /// To see whether the entry is there, and to give an IPv6 route its lifetime again.
    case confirmation
    /// To remove an entry with our tag.
    case removal
  }

  /// The longest message.
  static let maximumByteCount = 128

  private static let unicast: UInt8 = 1
  private static let toTable: UInt8 = 1
  /// RT_TABLE_COMPAT: the number stands in the attribute.
  private static let tableElsewhere: UInt8 = 252

  /// RTM_NEWROUTE or RTM_NEWRULE, or RTM_DELROUTE or RTM_DELRULE for an entry with our tag.
  static func encode(
    _ entry: RoutingEntry, _ purpose: Purpose, lifetime: Duration? = nil,
    isAcknowledged: Bool = true, into output: inout OutputSpan<UInt8>, sequence: UInt32
  ) {
    let isRemoval = purpose == .removal
    let flags =
      MessageFlags.request | (isAcknowledged ? MessageFlags.acknowledge : 0)
      | flags(for: purpose, of: entry)
    let body = [UInt8](capacity: maximumByteCount) { output in
      switch entry {
      case .route(let route):
        append(route, isRemoval: isRemoval, to: &output)
        if !isRemoval, route.destination.family == .ipv6, let lifetime {
          output.append(RouteAttribute.expires, lifetime.wholeSeconds)
        }
      case .rule(let rule): append(rule, to: &output)
      }
    }
    output.appendHeader(
      length: Message.headerByteCount + body.count, type: type(of: entry, isRemoval: isRemoval),
      flags: flags, sequence: sequence)
    for byte in body { output.append(byte) }
  }

  private static func flags(for purpose: Purpose, of entry: RoutingEntry) -> UInt16 {
    switch (purpose, entry) {
    case (.removal, _): 0
    case (.confirmation, .route(let route)):
      // IPv6 creates it in any case, and says in the kernel's log if it was not told to.
      route.destination.family == .ipv4 ? 0 : MessageFlags.create
    case (.addition, _), (.confirmation, .rule): MessageFlags.create | MessageFlags.exclusive
    }
  }

  private static func type(of entry: RoutingEntry, isRemoval: Bool) -> UInt16 {
    switch entry {
    case .route: isRemoval ? MessageType.deleteRoute : MessageType.newRoute
    case .rule: isRemoval ? MessageType.deleteRule : MessageType.newRule
    }
  }

  private static func append(
    _ route: RoutingEntry.Route, isRemoval: Bool, to output: inout OutputSpan<UInt8>
  ) {
    let destination = route.destination
    output.append(destination.family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6)
    output.append(UInt8(destination.prefixLength))
    output.append(repeating: 0, count: 2)  // source, type of service
    output.append(route.table < 256 ? UInt8(route.table) : tableElsewhere)
    output.append(vipProtocolTag)
    output.append(scope(of: route, isRemoval: isRemoval))
    output.append(unicast)
    output.append(native: UInt32(0))
    if destination.prefixLength > 0 {
      output.append(RouteAttribute.destination, destination.address)
    }
    if let gateway = route.gateway { output.append(RouteAttribute.gateway, gateway) }
    if let index = route.interfaceIndex {
      output.append(RouteAttribute.interface, UInt32(bitPattern: index))
    }
    if let source = route.source { output.append(RouteAttribute.preferredSource, source) }
    if let metric = route.metric { output.append(RouteAttribute.priority, metric) }
    output.append(RouteAttribute.table, route.table)
  }

  /// IPv6 has no scopes; in a removal RT_SCOPE_NOWHERE matches any.
  private static func scope(of route: RoutingEntry.Route, isRemoval: Bool) -> UInt8 {
    guard route.destination.family == .ipv4 else { return 0 }
    // RT_SCOPE_LINK, RT_SCOPE_UNIVERSE
    return isRemoval ? 255 : route.scope ?? (route.gateway == nil ? 253 : 0)
  }

  private static func append(_ rule: RoutingEntry.Rule, to output: inout OutputSpan<UInt8>) {
    output.append(rule.family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6)
    output.append(UInt8(rule.destination?.prefixLength ?? 0))
    output.append(UInt8(rule.source?.prefixLength ?? 0))
    output.append(0)  // type of service
    output.append(rule.table < 256 ? UInt8(rule.table) : tableElsewhere)
    output.append(repeating: 0, count: 2)  // reserved
    output.append(toTable)
    output.append(native: UInt32(0))
    // First, where the guard looks for it.
    output.appendAttribute(RuleAttribute.proto, payloadByteCount: 1)
    output.append(vipProtocolTag)
    output.append(repeating: 0, count: 3)
    if let destination = rule.destination, destination.prefixLength > 0 {
      output.append(RuleAttribute.destination, destination.address)
    }
    if let source = rule.source, source.prefixLength > 0 {
      output.append(RuleAttribute.source, source.address)
    }
    output.append(RuleAttribute.priority, rule.priority)
    if let mark = rule.mark { output.append(RuleAttribute.mark, mark) }
    output.append(RuleAttribute.table, rule.table)
  }
}

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func append(_ type: UInt16, _ value: UInt32) {
    appendAttribute(type, payloadByteCount: 4)
    append(native: value)
  }

  fileprivate mutating func append(_ type: UInt16, _ address: IPAddress) {
    appendAttribute(type, payloadByteCount: address.family.addressByteCount)
    append(address)
  }
}

extension RoutingEntry {
  /// The bytes of a removal for each of some entries, one after the other.
  ///
  /// The guard sends them: the kernel answers only to those that fail.
  package static func removals(_ entries: [RoutingEntry]) -> [UInt8] {
    [UInt8](capacity: entries.count * RoutingMessage.maximumByteCount) { output in
      for entry in entries {
        RoutingMessage.encode(
          entry, .removal, isAcknowledged: false, into: &output, sequence: 0)
      }
    }
  }
}

extension Duration {
  /// The number of seconds that have begun in it, for the kernel.
  var wholeSeconds: UInt32 {
    let (seconds, attoseconds) = components
    return UInt32(clamping: seconds + (attoseconds > 0 ? 1 : 0))
  }
}
