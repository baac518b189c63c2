import VIP
public import VIPChecks
import VIPCore

/// A health check of a file and where it stands.
public struct PlacedCheck: Sendable {
  /// The check.
  public let check: Check
  /// The place where it begins.
  public let place: Place

  private static let kindKeys = [
    "command", "http", "tcp", "file", "process", "interface", "route", "neighbour",
  ]
  private static let otherKeys = [
    "name", "interval", "timeout", "rise", "fall", "initially", "user",
  ]

  /// Reads all checks of a file.
  static func read(_ tree: YAMLTree) throws(Diagnostic) -> [PlacedCheck] {
    if tree.isEmpty { return [] }
    var checks: [PlacedCheck] = []
    var names: Set<String> = []
    let example = "- { name: web, command: [/usr/bin/pgrep, -x, nginx] }"
    for item in try tree.items("checks", example: example) {
      let check = try PlacedCheck(item)
      guard names.insert(check.check.name).inserted else {
        throw Diagnostic(check.place, "the name '\(check.check.name)' is used twice")
      }
      guard checks.count < Check.countMax else {
        throw Diagnostic(check.place, "a file has at most \(Check.countMax) checks")
      }
      checks.append(check)
    }
    return checks
  }

  /// Reads `{ name: NAME, command: […], … }`.
  init(_ tree: YAMLTree) throws(Diagnostic) {
    place = tree.place
    var keys = try KeyedValues(
      tree, knownKeys: Self.otherKeys + Self.kindKeys, where: "in a check")
    guard let name = try keys.take("name")?.text("name", example: "nginx") else {
      throw Diagnostic(place, "this check has no 'name', by which routers use it")
    }
    let user = try keys.take("user")?.text("user", example: "www-data")
    var kinds: [(key: String, value: YAMLTree)] = []
    for key in Self.kindKeys {
      if let value = keys.take(key) { kinds.append((key, value)) }
    }
    guard let kind = kinds.first, kinds.count == 1 else {
      let list = Self.kindKeys.map { "'\($0)'" }.joined(separator: ", ")
      throw Diagnostic(
        kinds.last?.value.place ?? place,
        kinds.isEmpty
          ? "the check '\(name)' looks at nothing; give one of \(list)"
          : "the check '\(name)' looks at two things; make two checks of '\(kinds[0].key)' and "
            + "'\(kinds[1].key)'")
    }
    guard user == nil || kind.key == "command" else {
      throw Diagnostic(place, "only a check with 'command' has a 'user'")
    }
    var check = Check(name: name, try Self.kind(kind.key, kind.value, user: user))
    if let interval = try keys.take("interval")?.setting("interval", SettingText.checkInterval) {
      check.interval = interval
      check.timeout = interval
    }
    if let timeout = try keys.take("timeout")?.setting("timeout", SettingText.checkTimeout) {
      check.timeout = timeout
    }
    if let rise = try keys.take("rise")?.number("rise", SettingText.checkCount) {
      check.rise = rise
    }
    if let fall = try keys.take("fall")?.number("fall", SettingText.checkCount) {
      check.fall = fall
    }
    if let initially = try keys.take("initially")?.setting("initially", SettingText.initially) {
      check.initially = initially
    }
    self.check = check
    do throws(CheckError) {
      try check.validate()
    } catch {
      throw Diagnostic(kind.value.place, error.description)
    }
  }

  private static func kind(
    _ key: String, _ value: YAMLTree, user: String?
  ) throws(Diagnostic) -> Check.Kind {
    switch key {
    case "command": return .command(try value.arguments(key), user: user)
    case "http": return .http(try value.httpRequest())
    case "tcp":
      let (address, port) = try value.setting(key, SettingText.endpoint)
      return .tcp(address, port: port)
    case "file": return .file(path: try value.text(key, example: "/run/vip.weight"))
    case "process": return .process(try value.processSelector())
    case "interface": return .interface(try value.text(key, example: "tun0"))
    case "route": return .route(try value.routeSelector())
    default: return try value.neighbour()
    }
  }
}

extension YAMLTree {
  /// A program and its arguments.
  fileprivate func arguments(_ key: String) throws(Diagnostic) -> [String] {
    var arguments: [String] = []
    for item in try items(key, example: "[/usr/bin/pgrep, -x, nginx]") {
      guard case .scalar(let text, let isQuoted) = item.content, isQuoted || !text.isEmpty else {
        throw Diagnostic(item.place, "an argument of '\(key)' is text, found \(item.kind)")
      }
      arguments.append(text)
    }
    return arguments
  }

  /// `https://…`, or `{ url: …, status: [200], contains: …, host: …, ca: …, insecure: … }`.
  fileprivate func httpRequest() throws(Diagnostic) -> HTTPRequest {
    let example = "https://127.0.0.1:6443/readyz"
    guard case .map = content else { return HTTPRequest(try text("http", example: example)) }
    var keys = try KeyedValues(
      self, knownKeys: ["url", "status", "contains", "host", "ca", "insecure"], where: "in 'http'")
    guard let url = try keys.take("url")?.text("url", example: example) else {
      throw Diagnostic(place, "'http' needs a 'url'")
    }
    var request = HTTPRequest(url)
    if let status = keys.take("status") {
      request.statuses = []
      let items: [YAMLTree] =
        if case .scalar = status.content { [status] } else {
          try status.items("status", example: "[200, 204]")
        }
      for item in items { request.statuses.append(try item.number("status", SettingText.status)) }
    }
    request.contains = try keys.take("contains")?.text("contains", example: "ok")
    request.host = try keys.take("host")?.text("host", example: "www.example.org")
    request.certificates = try keys.take("ca")?.text("ca", example: "/etc/ssl/ca.pem")
    request.isInsecure = try keys.take("insecure")?.flag("insecure") ?? false
    return request
  }

  /// `nginx`, `{ name: nginx, count: 1 }` or `{ pidFile: /run/nginx.pid }`.
  fileprivate func processSelector() throws(Diagnostic) -> Check.ProcessSelector {
    guard case .map = content else {
      return .named(try text("process", example: "nginx"), count: 1)
    }
    var keys = try KeyedValues(
      self, knownKeys: ["name", "count", "pidFile"], where: "in 'process'")
    let name = try keys.take("name")?.text("name", example: "nginx")
    let file = try keys.take("pidFile")?.text("pidFile", example: "/run/nginx.pid")
    let count = try keys.take("count")?.number("count", SettingText.processCount)
    switch (name, file) {
    case (let name?, nil): return .named(name, count: count ?? 1)
    case (nil, let file?):
      guard count == nil else {
        throw Diagnostic(place, "a 'pidFile' names one process; leave 'count' out")
      }
      return .inFile(file)
    default: throw Diagnostic(place, "'process' needs either a 'name' or a 'pidFile'")
    }
  }

  /// `{ destination: 0.0.0.0/0, interface: eth1, table: 254 }`.
  fileprivate func routeSelector() throws(Diagnostic) -> Check.RouteSelector {
    var keys = try KeyedValues(
      self, knownKeys: ["destination", "interface", "table"], where: "in 'route'")
    guard let destination = keys.take("destination") else {
      throw Diagnostic(place, "'route' needs a 'destination'")
    }
    let (address, length) = try destination.setting("destination", SettingText.destination)
    return Check.RouteSelector(
      destination: address, prefixLength: length,
      interface: try keys.take("interface")?.text("interface", example: "eth1"),
      table: try keys.take("table")?.number("table", SettingText.table))
  }

  /// `{ address: 192.0.2.1, interface: eth1 }`.
  fileprivate func neighbour() throws(Diagnostic) -> Check.Kind {
    var keys = try KeyedValues(self, knownKeys: ["address", "interface"], where: "in 'neighbour'")
    guard let address = try keys.take("address")?.setting("address", SettingText.host),
      let interface = try keys.take("interface")?.text("interface", example: "eth1")
    else { throw Diagnostic(place, "'neighbour' needs an 'address' and an 'interface'") }
    return .neighbour(address, interface: interface)
  }

  /// `nginx` or `{ check: nginx, weight: -20 }`.
  func checkUse() throws(Diagnostic) -> CheckUse {
    guard case .map = content else {
      let example = "nginx or { check: nginx, weight: -20 }"
      return CheckUse(try text("checks", example: example))
    }
    var keys = try KeyedValues(self, knownKeys: ["check", "weight"], where: "in 'checks'")
    guard let name = try keys.take("check")?.text("check", example: "nginx") else {
      throw Diagnostic(place, "an entry of 'checks' needs a 'check'")
    }
    let weight = try keys.take("weight")?.number("weight", SettingText.weight)
    return CheckUse(name, weight: weight == 0 ? nil : weight)
  }
}

extension SettingText {
  /// Reads what a check adds to a priority; 0 stands for none, with which the router leaves the
  /// election.
  package static func weight(_ text: String) throws(SettingError) -> Int {
    let sign = text.hasPrefix("-") ? -1 : 1
    let digits = text.hasPrefix("-") || text.hasPrefix("+") ? String(text.dropFirst()) : text
    guard let number = decimal(digits), CheckUse.weightRange.contains(sign * number) else {
      throw SettingError("'\(text)' is not a weight; give a number from -254 to 254")
    }
    return sign * number
  }

  static func checkInterval(_ text: String) throws(SettingError) -> Duration {
    try duration(text, Check.intervalRange, "an interval of a check; give 100ms to 1h, such as 1s")
  }

  static func checkTimeout(_ text: String) throws(SettingError) -> Duration {
    try duration(text, Check.timeoutRange, "a time limit; give 10ms to 1h, such as 1s")
  }

  private static func duration(
    _ text: String, _ range: ClosedRange<Duration>, _ what: String
  ) throws(SettingError) -> Duration {
    if let duration = Duration(text: text), range.contains(duration) { return duration }
    try refuseMissingUnit(text) { Duration(text: $0).map(range.contains) ?? false }
    throw SettingError("'\(text)' is not \(what)")
  }

  static func checkCount(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), Check.countRange.contains(number) else {
      throw SettingError("'\(text)' is not a number of results; give 1 to 1000")
    }
    return number
  }

  static func processCount(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), (1...100_000).contains(number) else {
      throw SettingError("'\(text)' is not a number of processes; give 1 to 100000")
    }
    return number
  }

  static func status(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), (100...599).contains(number) else {
      throw SettingError("'\(text)' is not a status code of HTTP; give a number such as 200")
    }
    return number
  }

  static func table(_ text: String) throws(SettingError) -> UInt32 {
    guard let number = decimal(text), let table = UInt32(exactly: number), table > 0 else {
      throw SettingError("'\(text)' is not the number of a routing table, such as 254")
    }
    return table
  }

  static func initially(_ text: String) throws(SettingError) -> CheckStatus.Standing {
    switch text {
    case "failed": return .failing
    case "passed": return .passing
    case "unknown": return .unknown
    default: throw SettingError("'\(text)' is not a first state; give failed, passed or unknown")
    }
  }

  /// `127.0.0.1:5432` or `[::1]:5432`.
  static func endpoint(_ text: String) throws(SettingError) -> (IPAddress, UInt16) {
    let wrong = SettingError(
      "'\(text)' is not an address and a port; write 127.0.0.1:5432 or [::1]:5432")
    guard let colon = text.lastIndex(of: ":"),
      let number = decimal(String(text[text.index(after: colon)...])),
      let port = UInt16(exactly: number), port > 0
    else { throw wrong }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw wrong
    }
    guard let address = IPAddress(String(host)) else { throw wrong }
    return (address, port)
  }

  /// `0.0.0.0/0`, `default` for IPv4, or any other destination of a route.
  static func destination(_ text: String) throws(SettingError) -> (IPAddress, Int) {
    if text == "default" { return (.any(.ipv4), 0) }
    let wrong = SettingError(
      "'\(text)' is not a destination; write it like 198.51.100.0/24, 0.0.0.0/0 or ::/0")
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let address = IPAddress(String(parts[0])), parts.count <= 2 else { throw wrong }
    let most = address.family.addressBitCount
    guard parts.count == 2 else { return (address, most) }
    guard let length = decimal(String(parts[1])), length <= most else { throw wrong }
    return (address, length)
  }
}

/// The checks of a file beside the routers and groups that use them.
enum CheckUses {
  /// The first check that a router uses and the file does not have.
  static func unknown(in routers: [PlacedRouter], _ checks: [PlacedCheck]) -> Diagnostic? {
    for router in routers {
      for (index, use) in router.configuration.checks.enumerated() {
        let place = router.place(of: .check(index))
        if let unknown = unknown(use, at: place, checks) { return unknown }
      }
    }
    return nil
  }

  /// The first check that a group uses and the file does not have.
  static func unknown(in groups: [PlacedGroup], _ checks: [PlacedCheck]) -> Diagnostic? {
    for (use, place) in groups.flatMap(\.checks) {
      if let unknown = unknown(use, at: place, checks) { return unknown }
    }
    return nil
  }

  private static func unknown(
    _ use: CheckUse, at place: Place, _ checks: [PlacedCheck]
  ) -> Diagnostic? {
    let names = checks.map(\.check.name)
    if names.contains(use.check) { return nil }
    let hint =
      Suggestion.nearest(to: use.check, among: names).map { "did you mean '\($0)'?" }
      ?? (names.isEmpty
        ? "define it under 'checks'" : "known: \(names.joined(separator: ", "))")
    return Diagnostic(place, "there is no check '\(use.check)'; \(hint)")
  }
}
