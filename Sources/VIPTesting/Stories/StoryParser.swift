import VIP
import VIPCore
import VRRP
import VRRPSimulation

extension Story {
  /// Reads a story.
  ///
  /// - Throws: the first mistake, with its line.
  public init(parsing text: String) throws(StoryError) {
    var parser = StoryParser()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() { try parser.read(line, number: index + 1) }
    self.init([])
    statements = parser.statements
  }
}

/// Reads line after line; knows the nodes declared so far.
private struct StoryParser {
  var statements: [Story.Statement] = []
  private var nodes: Set<String> = []
  private var words: [Substring] = []
  private var number = 0

  mutating func read(_ line: Substring, number: Int) throws(StoryError) {
    // Indented lines are the output of an earlier run.
    guard line.first != " ", line.first != "\t" else { return }
    words = line.prefix { $0 != "#" }.split(separator: " ")
    self.number = number
    guard !words.isEmpty else { return }
    let verb = try word("a command")
    let command = try command(verb)
    guard words.isEmpty else { throw error("'\(words[0])' is too much here") }
    statements.append(Story.Statement(command, line: number))
  }

  private func error(_ message: String) -> StoryError {
    StoryError(line: number, message: message)
  }

  // MARK: Words

  private mutating func word(_ what: String) throws(StoryError) -> String {
    guard !words.isEmpty else { throw error("\(what) is missing at the end") }
    return String(words.removeFirst())
  }

  private mutating func value<Value>(
    _ what: String, _ convert: (String) -> Value?
  ) throws(StoryError) -> Value {
    let word = try word(what)
    guard let value = convert(word) else { throw error("'\(word)' is not \(what)") }
    return value
  }

  private mutating func duration() throws(StoryError) -> Duration {
    try value("a duration such as 250ms") { Duration(text: $0) }
  }

  private mutating func onOff() throws(StoryError) -> Bool {
    try value("on or off") { ["on": true, "off": false][$0] }
  }

  private mutating func node() throws(StoryError) -> String {
    let name = try word("a node's name")
    guard nodes.contains(name) else { throw error("there is no node '\(name)' yet") }
    return name
  }

  private mutating func nodeList() throws(StoryError) -> [String] {
    var list = [try node()]
    while !words.isEmpty { list.append(try node()) }
    return list
  }

  private mutating func nodesOrNone() throws(StoryError) -> [String] {
    guard words.first != "none" else {
      words.removeFirst()
      return []
    }
    return try nodeList()
  }

  private mutating func address() throws(StoryError) -> IPAddress {
    try value("an IP address") { IPAddress($0) }
  }

  private mutating func interfaceAddress() throws(StoryError) -> InterfaceAddress {
    try value("an address with its prefix length") { InterfaceAddress($0) }
  }

  // MARK: Commands

  private mutating func command(_ verb: String) throws(StoryError) -> StoryCommand {
    switch verb {
    case "seed": return .seed(try value("a number") { UInt64($0) })
    case "segment": return .segment(try conditions())
    case "node": return try newNode()
    case "tick": return .tick(try duration())
    case "rest": return .rest(try duration())
    case "cut": return .setCut(try nodeList(), true)
    case "plug": return .setCut(try nodeList(), false)
    case "drop": return try way(isBlocked: true)
    case "pass": return try way(isBlocked: false)
    case "partition": return try partition()
    case "heal": return .heal
    case "stranger": return .stranger(try stranger())
    case "trace": return .trace(try onOff())
    case "show": return .show
    case "expect": return .expect(try expectation())
    case "up", "set", "add", "remove", "down", "resign", "promote", "resume",
      "fitness":
      let node = try node()
      let router = try word("a router's name")
      return .router(node, router, try routerDeed(verb))
    case "kill" where words.first == "guard":
      words.removeFirst()
      guard try word("of") == "of" else { throw error("'kill guard of NODE' is meant") }
      return .node(try node(), .killGuard)
    case "start", "stop", "kill", "freeze", "sleep", "clock", "lease", "link", "rename", "host",
      "refuse", "lose", "edit", "reload", "group":
      let node = try node()
      return .node(node, try deed(verb))
    default: throw error("there is no command '\(verb)'")
    }
  }

  private mutating func newNode() throws(StoryError) -> StoryCommand {
    let name = try word("the node's name")
    guard name.allSatisfy({ $0.isLetter || $0.isNumber }), !["none", "guard"].contains(name) else {
      throw error("a name has letters and digits only")
    }
    guard nodes.insert(name).inserted else { throw error("there is a node '\(name)' already") }
    guard nodes.count <= 16 else { throw error("a segment has at most 16 machines") }
    var lease: String?
    var isGuarded = true
    while !words.isEmpty {
      switch try word("") {
      case "lease": lease = try leaseText()
      case "unguarded": isGuarded = false
      case let other: throw error("'\(other)' is neither lease nor unguarded")
      }
    }
    return .newNode(name, lease: lease, isGuarded: isGuarded)
  }

  private mutating func leaseText() throws(StoryError) -> String {
    try value("a lease of 2s to 1h, auto or off") { LeasePolicy($0) == nil ? nil : $0 }
  }

  private mutating func deed(_ verb: String) throws(StoryError) -> StoryCommand.Deed {
    switch verb {
    case "start": return .start
    case "stop": return .stop
    case "kill": return try kill()
    case "freeze": return .freeze(try duration())
    case "sleep": return .sleep(try duration())
    case "clock": return .clock(try drift())
    case "lease": return .lease(try leaseText())
    case "link":
      let interface = try word("an interface")
      return .link(
        interface,
        try value(
          "down, up, no-carrier, carrier, gone, new, joins, strays, mtu-576 or mtu-1500"
        ) {
          StoryCommand.LinkDeed(rawValue: $0)
        })
    case "rename": return .rename(try word("an interface"), try word("its new name"))
    case "host":
      switch try word("adds, replaces, removes, promotes or forgets groups") {
      case "adds": return .hostAdds(try interfaceAddress())
      case "replaces": return .hostReplaces(try interfaceAddress())
      case "removes": return .hostRemoves(try interfaceAddress())
      case "promotes": return .hostPromotes(try onOff())
      case "forgets":
        guard try word("groups") == "groups" else { throw error("'forgets groups' is meant") }
        return .forgetGroups
      case let other:
        throw error("'\(other)' is none of adds, replaces, removes, promotes and forgets")
      }
    case "refuse":
      let kinds = "install, remove, link, send, permission, neighbours, announce or open"
      let what = try value(kinds) {
        Machine.Refusal(rawValue: $0)?.rawValue
      }
      return .refuse(what, try duration())
    case "edit": return .edit
    case "reload": return .reload
    case "group":
      let group = try word("the group's name")
      defer { words = [] }
      return .group(group, words.map(String.init))
    default: return .lose
    }
  }

  private mutating func kill() throws(StoryError) -> StoryCommand.Deed {
    switch words.first {
    case "and":
      words.removeFirst()
      guard try word("guard") == "guard" else { throw error("'kill NODE and guard' is meant") }
      return .kill(withGuard: true)
    case "after":
      words.removeFirst()
      return .killAfter(try value("a number from 0") { Int($0).flatMap { $0 < 0 ? nil : $0 } })
    default: return .kill(withGuard: false)
    }
  }

  private mutating func drift() throws(StoryError) -> Int64 {
    try value("a drift from -50% to +50%") { text in
      guard text.last == "%", let value = Decimal.value(text.dropLast(), times: 10_000),
        (-500_000...500_000).contains(value)
      else { return nil }
      return value
    }
  }

  private mutating func routerDeed(_ verb: String) throws(StoryError) -> StoryCommand.RouterDeed {
    switch verb {
    case "up":
      let addresses = try addressList()
      guard !addresses.isEmpty else { throw error("an address is missing") }
      return .up(addresses, try settings())
    case "set": return .set(try settings())
    case "add": return .add(try addressList())
    case "remove":
      var list: [IPAddress] = []
      while !words.isEmpty { list.append(try address()) }
      return .remove(list)
    case "down": return .down
    case "resign": return .resign(words.isEmpty ? nil : try duration())
    case "resume": return .resume
    case "fitness": return .fitness(try word("a cause"), try fitness())
    default: return .promote
    }
  }

  private mutating func fitness() throws(StoryError) -> StoryCommand.Fitness {
    switch try word("fit, weaker, stronger or unfit") {
    case "fit": return .fit
    case "unfit": return .unfit
    case "weaker":
      return .weaker(
        try value("a number from 1 to 254") { UInt8($0).flatMap { $0 == 0 ? nil : $0 } })
    case "stronger":
      return .stronger(
        try value("a number from 1 to 254") { UInt8($0).flatMap { $0 == 0 ? nil : $0 } })
    case let other: throw error("'\(other)' is none of fit, weaker, stronger and unfit")
    }
  }

  /// Addresses up to the first word that is none.
  private mutating func addressList() throws(StoryError) -> [InterfaceAddress] {
    var list: [InterfaceAddress] = []
    while let word = words.first, word.contains("/") {
      words.removeFirst()
      guard let address = InterfaceAddress(String(word)) else {
        throw error("'\(word)' is not an address with its prefix length")
      }
      list.append(address)
    }
    return list
  }

  private mutating func settings() throws(StoryError) -> [StorySetting] {
    var list: [StorySetting] = []
    while !words.isEmpty {
      let key = try value("a setting") { StorySetting.Key(rawValue: $0) }
      list.append(StorySetting(key, try word("a value")))
      guard StorySetting.router("x", [], [list[list.count - 1]]) != nil else {
        throw error("'\(list[list.count - 1].value)' is no value for \(key.rawValue)")
      }
    }
    return list
  }

  // MARK: The segment

  private mutating func conditions() throws(StoryError) -> LinkConditions {
    var conditions = LinkConditions()
    func probability(_ text: String) -> Probability? {
      guard text.last == "%", let value = Decimal.value(text.dropLast(), times: 10_000),
        (0...1_000_000).contains(value)
      else { return nil }
      return Probability(partsPerMillion: UInt32(value))
    }
    let what = "a probability from 0% to 100%"
    while !words.isEmpty {
      switch try word("") {
      case "latency": conditions.latency = try duration()
      case "jitter": conditions.jitter = try duration()
      case "loss": conditions.loss = try value(what, probability)
      case "duplicate": conditions.duplication = try value(what, probability)
      case "reorder": conditions.reordering = try value(what, probability)
      case "corrupt": conditions.corruption = try value(what, probability)
      case let other:
        throw error(
          "'\(other)' is none of latency, jitter, loss, duplicate, reorder, corrupt")
      }
    }
    return conditions
  }

  private mutating func way(isBlocked: Bool) throws(StoryError) -> StoryCommand {
    let word = try word("A->B")
    let ends = word.split(separator: ">", omittingEmptySubsequences: false)
    guard ends.count == 2, ends[0].last == "-" else {
      throw error("'\(word)' is not of the form A->B")
    }
    let (from, to) = (String(ends[0].dropLast()), String(ends[1]))
    for name in [from, to] where !nodes.contains(name) {
      throw error("there is no node '\(name)' yet")
    }
    return .setBlocked(from: from, to: to, isBlocked)
  }

  private mutating func partition() throws(StoryError) -> StoryCommand {
    var sides: [[String]] = [[try node()]]
    while !words.isEmpty {
      if words.first == "|" {
        words.removeFirst()
        sides.append([try node()])
      } else {
        sides[sides.count - 1].append(try node())
      }
    }
    return .partition(sides)
  }

  private mutating func stranger() throws(StoryError) -> StoryCommand.StrangerDeed {
    switch try word("has, leaves, announces, advertises or falls silent") {
    case "has": return .has(try address())
    case "leaves": return .leaves(try address())
    case "announces": return .announces(try address())
    case "advertises":
      let vrid = try value("a VRID from 1 to 255") { VRID($0) }
      let priority = try value("a priority from 1 to 255") {
        Int($0).flatMap { Priority(configured: $0) }
      }
      var addresses: [IPAddress] = []
      while !words.isEmpty { addresses.append(try address()) }
      return .advertises(vrid, priority, addresses)
    case "falls":
      guard try word("silent") == "silent" else { throw error("'falls silent' is meant") }
      return .silence
    case let other:
      throw error("'\(other)' is none of has, leaves, announces, advertises, falls silent")
    }
  }

  private mutating func expectation() throws(StoryError) -> StoryCommand.Expectation {
    switch try word("holder, served, active, backup, initialize, untouched, overlap or outage") {
    case "holder": return .holder(try address(), try nodesOrNone())
    case "served":
      let address = try address()
      return .served(address, try nodesOrNone().first)
    case "untouched": return .untouched(try node())
    case "overlap": return .overlap(try address(), try duration())
    case "outage": return .outage(try address(), try duration())
    case let word:
      guard let state = VirtualRouter.State(rawValue: word) else {
        throw error(
          "'\(word)' is none of holder, served, active, backup, initialize, untouched, overlap, "
            + "outage")
      }
      let router = try self.word("a router's name")
      return .state(state, router, try nodesOrNone())
    }
  }
}
