import VIPCore
import VRRP

extension Scenario {
  /// Reads a scenario.
  ///
  /// - Throws: the first mistake, with its line and column.
  public init(parsing text: String) throws(ScenarioError) {
    var parser = ScenarioParser()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      try parser.read(line, number: index + 1)
    }
    self.init([])
    statements = parser.statements
  }
}

/// Words of one line, each with its column.
private struct Words {
  struct Word {
    let text: String
    let column: Int
  }
  let line: Int
  private var words: [Word] = []
  private var next = 0
  private let endColumn: Int

  init(_ text: Substring, line: Int) {
    self.line = line
    var column = 1
    var word = ""
    var start = 1
    var end = 1
    for character in text + " " {
      if character == " " || character == "\t" || character == "\r" {
        if !word.isEmpty {
          words.append(Word(text: word, column: start))
          end = column
        }
        word = ""
        start = column + 1
      } else {
        word.append(character)
      }
      column += 1
    }
    endColumn = end
  }

  var isAtEnd: Bool { next == words.count }
  var peek: String? { isAtEnd ? nil : words[next].text }

  mutating func take(_ what: String) throws(ScenarioError) -> Word {
    guard !isAtEnd else {
      throw ScenarioError(line: line, column: endColumn, message: "\(what) is missing here")
    }
    next += 1
    return words[next - 1]
  }

  func error(_ message: String, at word: Word) -> ScenarioError {
    ScenarioError(line: line, column: word.column, message: message)
  }

  /// The next word, turned into a value.
  mutating func value<Value>(
    _ what: String, _ convert: (String) -> Value?
  ) throws(ScenarioError) -> Value {
    let word = try take(what)
    guard let value = convert(word.text) else {
      throw error("'\(word.text)' is not \(what)", at: word)
    }
    return value
  }

  mutating func duration() throws(ScenarioError) -> Duration {
    try value("a duration such as 250ms") { Duration(text: $0) }
  }

  mutating func nanoseconds() throws(ScenarioError) -> UInt64 {
    try value("a duration such as 250ms") { Duration(text: $0)?.inNanoseconds }
  }

  mutating func probability() throws(ScenarioError) -> Probability {
    try value("a probability from 0% to 100%") { text in
      guard text.last == "%", let value = Decimal.value(text.dropLast(), times: 10_000),
        (0...1_000_000).contains(value)
      else { return nil }
      return Probability(partsPerMillion: UInt32(value))
    }
  }
}

/// Reads line after line; knows the routers declared so far.
private struct ScenarioParser {
  var statements: [Scenario.Statement] = []
  private var names: Set<String> = []

  mutating func read(_ line: Substring, number: Int) throws(ScenarioError) {
    // Indented lines are the output of an earlier run.
    guard line.first != " ", line.first != "\t" else { return }
    var words = Words(line.prefix { $0 != "#" }, line: number)
    guard !words.isAtEnd else { return }
    let verb = try words.take("a command")
    guard let command = try command(verb.text, &words) else {
      throw words.error("there is no command '\(verb.text)'", at: verb)
    }
    if !words.isAtEnd {
      let rest = try words.take("")
      throw words.error("'\(rest.text)' is too much here", at: rest)
    }
    statements.append(Scenario.Statement(command, line: number))
  }

  /// The command that a verb begins; `nil` for an unknown verb.
  private mutating func command(
    _ verb: String, _ words: inout Words
  ) throws(ScenarioError) -> Scenario.Command? {
    switch verb {
    case "seed": .seed(try words.value("a number") { UInt64($0) })
    case "segment": .segment(try conditions(&words))
    case "router": .router(try router(&words))
    case "tick": .tick(try words.duration())
    case "start": .start(try nameList(&words))
    case "stop": .stop(try nameList(&words))
    case "crash": .crash(try nameList(&words))
    case "pause": .pause(try name(&words), try words.duration())
    case "cut": .setCut(try nameList(&words), true)
    case "plug": .setCut(try nameList(&words), false)
    case "drop": try way(&words, isBlocked: true)
    case "pass": try way(&words, isBlocked: false)
    case "partition": try partition(&words)
    case "heal": .heal
    case "clock": .clock(try name(&words), try drift(&words))
    case "promote": .promote(try name(&words))
    case "resign": .resign(try name(&words), words.isAtEnd ? nil : try words.duration())
    case "forge": try forge(&words)
    case "trace": .trace(try words.value("on or off", Self.onOff))
    case "show": .show
    case "expect": try expectation(&words)
    default: nil
    }
  }

  private static func preemption(_ text: String) -> (Bool, Duration)? {
    if let isOn = onOff(text) { return (isOn, .zero) }
    return Duration(text: text).map { (true, $0) }
  }

  private static func onOff(_ text: String) -> Bool? {
    ["on": true, "off": false][text]
  }

  // MARK: Names

  private func name(_ words: inout Words) throws(ScenarioError) -> String {
    let word = try words.take("a router's name")
    return try known(word.text, word, words)
  }

  private func known(
    _ name: String, _ word: Words.Word, _ words: Words
  ) throws(ScenarioError) -> String {
    guard names.contains(name) else {
      throw words.error("there is no router '\(name)' yet", at: word)
    }
    return name
  }

  private func nameList(_ words: inout Words) throws(ScenarioError) -> [String] {
    var list = [try name(&words)]
    while !words.isAtEnd { list.append(try name(&words)) }
    return list
  }

  private func way(_ words: inout Words, isBlocked: Bool) throws(ScenarioError) -> Scenario.Command
  {
    let word = try words.take("A->B")
    let ends = word.text.split(separator: ">", omittingEmptySubsequences: false)
    guard ends.count == 2, ends[0].last == "-" else {
      throw words.error("'\(word.text)' is not of the form A->B", at: word)
    }
    return .setBlocked(
      from: try known(String(ends[0].dropLast()), word, words),
      to: try known(String(ends[1]), word, words), isBlocked)
  }

  private func partition(_ words: inout Words) throws(ScenarioError) -> Scenario.Command {
    var sides: [[String]] = [[try name(&words)]]
    while !words.isAtEnd {
      if words.peek == "|" {
        _ = try words.take("|")
        sides.append([try name(&words)])
      } else {
        sides[sides.count - 1].append(try name(&words))
      }
    }
    return .partition(sides)
  }

  // MARK: Values

  private func drift(_ words: inout Words) throws(ScenarioError) -> Int64 {
    try words.value("a drift from -50% to +50%") { text in
      guard text.last == "%", let value = Decimal.value(text.dropLast(), times: 10_000),
        (-500_000...500_000).contains(value)
      else { return nil }
      return value
    }
  }

  private func conditions(_ words: inout Words) throws(ScenarioError) -> LinkConditions {
    var conditions = LinkConditions()
    while !words.isAtEnd {
      let key = try words.take("")
      switch key.text {
      case "latency": conditions.latencyNanoseconds = try words.nanoseconds()
      case "jitter": conditions.jitterNanoseconds = try words.nanoseconds()
      case "loss": conditions.loss = try words.probability()
      case "duplicate": conditions.duplication = try words.probability()
      case "reorder": conditions.reordering = try words.probability()
      case "corrupt": conditions.corruption = try words.probability()
      default:
        throw words.error(
          "'\(key.text)' is none of latency, jitter, loss, duplicate, reorder, corrupt", at: key)
      }
    }
    return conditions
  }

  private func forge(_ words: inout Words) throws(ScenarioError) -> Scenario.Command {
    let address = try words.value("an IP address") { IPAddress($0) }
    var priority = Priority.default
    var interval = AdvertisementInterval.default
    while !words.isAtEnd {
      let key = try words.take("")
      switch key.text {
      case "priority":
        priority = Priority(rawValue: try words.value("a priority from 0 to 255") { UInt8($0) })
      case "interval": interval = try self.interval(&words)
      default: throw words.error("'\(key.text)' is neither priority nor interval", at: key)
      }
    }
    return .forge(address, priority, interval)
  }

  /// An interval of either version; which one is known once the whole line was read.
  private func anyInterval(_ words: inout Words) throws(ScenarioError) -> AdvertisementInterval {
    try words.value("an interval: 10ms to 40.95s in steps of 10ms, or 1s to 255s in version 2") {
      text in
      Duration(text: text).flatMap {
        AdvertisementInterval($0) ?? AdvertisementInterval($0, version: .v2)
      }
    }
  }

  private func interval(_ words: inout Words) throws(ScenarioError) -> AdvertisementInterval {
    try words.value("an interval from 10ms to 40.95s in steps of 10ms") { text in
      Duration(text: text).flatMap { AdvertisementInterval($0) }
    }
  }

  private func expectation(_ words: inout Words) throws(ScenarioError) -> Scenario.Command {
    let state = try words.value("active, backup or initialize") {
      VirtualRouter.State(rawValue: $0)
    }
    if words.peek == "none" {
      _ = try words.take("")
      return .expect(state, [])
    }
    return .expect(state, try nameList(&words))
  }

  // MARK: Routers

  private mutating func router(_ words: inout Words) throws(ScenarioError) -> Scenario.Router {
    let word = try words.take("the router's name")
    let isName = word.text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
    guard isName, word.text != "none" else {
      throw words.error("a name has letters, digits, '_' and '.' only", at: word)
    }
    guard names.insert(word.text).inserted else {
      throw words.error("there is a router '\(word.text)' already", at: word)
    }
    guard names.count <= Simulation.nodeCountMax else {
      throw words.error("a segment has at most \(Simulation.nodeCountMax) routers", at: word)
    }
    guard let first = VRID(exactly: 1) else { preconditionFailure("1 is a VRID") }
    var settings = RouterSettings(
      configuration: VirtualRouter.Configuration(vrid: first, family: .ipv4))
    while !words.isAtEnd { try setting(&words, &settings) }
    let family = settings.configuration.family
    let number = UInt8(names.count)
    let address =
      settings.address
      ?? (family == .ipv4
        ? .v4(IPv4Address(192, 0, 2, number))
        : .v6(IPv6Address(high: 0xFE80 << 48, low: UInt64(number))))
    var addresses = settings.addresses
    if addresses.isEmpty {
      addresses =
        family == .ipv4
        ? [.v4(IPv4Address(192, 0, 2, 100))]
        : [.v6(IPv6Address(high: 0xFE80 << 48, low: 0x100))]
    }
    guard ([address] + addresses).allSatisfy({ $0.family == family }) else {
      throw words.error("all addresses of '\(word.text)' must be \(family)", at: word)
    }
    do throws(VirtualRouter.Configuration.Problem) {
      try settings.configuration.validate()
    } catch {
      throw words.error("\(error)", at: word)
    }
    return Scenario.Router(
      name: word.text, configuration: settings.configuration, address: address,
      addresses: addresses, starts: settings.starts)
  }

  private struct RouterSettings {
    var configuration: VirtualRouter.Configuration
    var address: IPAddress?
    var addresses: [IPAddress] = []
    var starts = true
  }

  private func setting(
    _ words: inout Words, _ settings: inout RouterSettings
  ) throws(ScenarioError) {
    let key = try words.take("")
    switch key.text {
    case "priority":
      settings.configuration.priority = try words.value("a priority from 1 to 255") { text in
        Int(text).flatMap { Priority(configured: $0) }
      }
    case "interval":
      settings.configuration.interval = try anyInterval(&words)
    case "preempt":
      (settings.configuration.preempts, settings.configuration.preemptDelay) =
        try words.value("on, off or a delay", Self.preemption)
    case "version":
      settings.configuration.version = try words.value("2 or 3") { text in
        UInt8(text).flatMap { ProtocolVersion(rawValue: $0) }
      }
    case "password":
      settings.configuration.authentication = .simpleText(
        try words.value("a password of 1 to 8 visible characters") { Authentication.Password($0) })
    case "vrid":
      settings.configuration.vrid = try words.value("a VRID from 1 to 255") { VRID($0) }
    case "family":
      settings.configuration.family = try words.value("ipv4 or ipv6") {
        AddressFamily(rawValue: $0)
      }
    case "checksum":
      settings.configuration.checksum = try words.value("auto, message or pseudo-header") {
        ChecksumPolicy(rawValue: $0)
      }
    case "rank":
      settings.configuration.tieBreakRank = try words.value("a rank from 0 to 15") { text in
        UInt8(text).flatMap { $0 < Timing.tieBreakRankCount ? $0 : nil }
      }
    case "address": settings.address = try words.value("an IP address") { IPAddress($0) }
    case "vip": settings.addresses.append(try words.value("an IP address") { IPAddress($0) })
    case "off": settings.starts = false
    default: throw words.error("there is no setting '\(key.text)'", at: key)
    }
  }
}
