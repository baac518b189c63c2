public import VIP
public import VIPCore

/// A health check: what to look at, how often, and how many results in a row count.
public struct Check: Sendable, Hashable {
  /// The name by which routers use it; unique on a node.
  public var name: String
  /// The thing that it looks at.
  public var kind: Kind
  /// The time from the start of a run to the start of the next one, unless a run takes longer.
  public var interval: Duration
  /// The time after which a run has failed and is ended.
  public var timeout: Duration
  /// Number of successes in a row after which a failing check passes.
  public var rise: Int
  /// Number of failures in a row after which a passing check fails.
  public var fall: Int
  /// The standing before the first result; if it is unknown, the first result counts at once.
  public var initially: CheckStatus.Standing

  /// The things that a check can look at.
  public enum Kind: Sendable, Hashable {
    /// A program without a shell, its path and what it is given; it succeeds if its exit code is 0.
    /// A user is `NAME`, `NAME:GROUP` or numbers; `nil` for that of the node.
    case command([String], user: String?)
    /// The answer to a request over HTTP.
    case http(HTTPRequest)
    /// A TCP port that accepts connections.
    case tcp(IPAddress, port: UInt16)
    /// A number or `true` or `false` in a file.
    case file(path: String)
    /// Processes that run.
    case process(ProcessSelector)
    /// An interface that exists.
    case interface(String)
    /// A route in one of the kernel's tables.
    case route(RouteSelector)
    /// A machine of a network that this one is connected to, and that answers.
    case neighbour(IPAddress, interface: String)
  }

  /// The processes that a check looks for.
  public enum ProcessSelector: Sendable, Hashable {
    /// Processes of a name, and how many there must be at least.
    case named(String, count: Int)
    /// The process whose number stands in a file.
    case inFile(String)
  }

  /// The route that a check looks for.
  public struct RouteSelector: Sendable, Hashable {
    /// The first address of the destination.
    public var destination: IPAddress
    /// The length of its prefix; 0 with an address of zeros for the default route.
    public var prefixLength: Int
    /// The interface it leads over; `nil` for any.
    public var interface: String?
    /// The number of the routing table; `nil` for any.
    public var table: UInt32?

    /// Describes a route.
    public init(
      destination: IPAddress, prefixLength: Int, interface: String? = nil, table: UInt32? = nil
    ) {
      self.destination = destination
      self.prefixLength = prefixLength
      self.interface = interface
      self.table = table
    }
  }

  /// The time between two runs unless one is set; as long may a run take.
  public static let defaultInterval = Duration.seconds(1)
  /// The times between runs that can be set.
  public static let intervalRange: ClosedRange<Duration> = .milliseconds(100)...(.seconds(3600))
  /// The time limits that can be set.
  public static let timeoutRange: ClosedRange<Duration> = .milliseconds(10)...(.seconds(3600))
  /// The numbers of results in a row that can be set.
  public static let countRange = 1...1000
  /// The most checks of one node.
  public static let countMax = 1000

  /// Makes a check; what is left out has its default.
  ///
  /// - Parameters:
  ///   - name: what routers call it.
  ///   - kind: what it looks at.
  ///   - interval: 1 s if left out.
  ///   - timeout: the interval if left out.
  ///   - rise: 1 if left out.
  ///   - fall: 1 if left out.
  ///   - initially: unknown if left out.
  public init(
    name: String, _ kind: Kind, interval: Duration = Check.defaultInterval,
    timeout: Duration? = nil, rise: Int = 1, fall: Int = 1,
    initially: CheckStatus.Standing = .unknown
  ) {
    self.name = name
    self.kind = kind
    self.interval = interval
    self.timeout = timeout ?? interval
    self.rise = rise
    self.fall = fall
    self.initially = initially
  }
}

/// A request over HTTP, and the answer that is expected.
public struct HTTPRequest: Sendable, Hashable {
  /// The address, which begins with `http://` or `https://`.
  public var url: String
  /// The status codes that count as success.
  public var statuses: [Int]
  /// A text that the answer must have in it; `nil` if any will do.
  public var contains: String?
  /// The name to ask for (`Host`); `nil` for that of the address.
  public var host: String?
  /// The path of a file with the certificates to trust; `nil` for those of the system.
  public var certificates: String?
  /// Whether any certificate will do.
  public var isInsecure: Bool

  /// Makes a request; what is left out has its default.
  public init(
    _ url: String, statuses: [Int] = [200], contains: String? = nil, host: String? = nil,
    certificates: String? = nil, isInsecure: Bool = false
  ) {
    self.url = url
    self.statuses = statuses
    self.contains = contains
    self.host = host
    self.certificates = certificates
    self.isInsecure = isInsecure
  }
}

extension Check {
  /// The thing that it looks at in words, such as "command /usr/bin/pgrep -x nginx".
  public var subject: String {
    switch kind {
    case .command(let arguments, let user):
      "command \(arguments.joined(separator: " "))" + (user.map { " as \($0)" } ?? "")
    case .http(let request): "http \(request.url)"
    case .tcp(let address, let port): "tcp \(Self.text(address, port))"
    case .file(let path): "file \(path)"
    case .process(.named(let name, let count)):
      "process \(name)" + (count == 1 ? "" : ", at least \(count)")
    case .process(.inFile(let path)): "process of \(path)"
    case .interface(let name): "interface \(name)"
    case .route(let route): "route \(route)"
    case .neighbour(let address, let interface):
      "neighbour \(address) on \(interface)"
    }
  }

  /// `192.0.2.1:80`, `[2001:db8::1]:80`.
  static func text(_ address: IPAddress, _ port: UInt16) -> String {
    address.family == .ipv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
  }

  /// The path of the program that it runs; `nil` if it runs none that is named.
  public var program: String? {
    if case .command(let arguments, _) = kind { arguments.first } else { nil }
  }
}

extension Check.RouteSelector: CustomStringConvertible {
  /// Such as "0.0.0.0/0 over eth1 in table 254".
  public var description: String {
    "\(destination)/\(prefixLength)" + (interface.map { " over \($0)" } ?? "")
      + (table.map { " in table \($0)" } ?? "")
  }
}

extension Check {
  /// The differences between some checks and others, in words; empty if there are none.
  ///
  /// What a check looks at may have a secret in it and is not told.
  public static func differences(from old: [Check], to new: [Check]) -> [String] {
    let before = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let after = Dictionary(new.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    func list(_ words: String, _ names: [String]) -> [String] {
      names.isEmpty ? [] : ["\(words): \(names.sorted().joined(separator: " "))"]
    }
    return list("new checks", after.keys.filter { before[$0] == nil })
      + list("other checks", after.keys.filter { before[$0] != nil && before[$0] != after[$0] })
      + list("checks gone", before.keys.filter { after[$0] == nil })
  }
}
