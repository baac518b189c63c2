import VIPCore
import VRRPSimulation

extension Story {
  /// The shortest story found that still breaks the same promise.
  ///
  /// Takes out commands, nodes, addresses and settings as long as the promise stays broken, and
  /// makes times round. It ends after a bounded number of steps, with what it has found by then.
  public func minimized(breaking promise: BrokenPromise.Promise) -> Story {
    minimized(failing: .broken(promise))
  }

  /// The shortest story found that still fails in the same way; see ``minimized(breaking:)``.
  ///
  /// What leads to an expectation stays: any story fails that expects a node to have left nothing
  /// and does not end it. So it is taken out of what comes before the last `rest`, if there is one.
  package func minimized(failing failure: StoryFailure) -> Story {
    var search = StoryMinimizer(self, failing: failure)
    return search.run()
  }
}

/// The search for a short story that fails in a way.
private struct StoryMinimizer {
  /// Number of steps that all replays together may take: a few tens of seconds.
  private static let stepsMax = 150_000

  private let failure: StoryFailure
  private var best: Story
  private var stepsLeft = stepsMax

  /// The line of commands that stay, all of which come last.
  private static let keptLine = -1
  /// Number of commands that may be left out or made simpler.
  private var looseCount: Int { best.statements.prefix { $0.line != Self.keptLine }.count }

  init(_ story: Story, failing failure: StoryFailure) {
    self.failure = failure
    best = story
  }

  mutating func run() -> Story {
    // What follows the first failure is of no interest.
    if let story = play(best) { best = story }
    if case .unmet = failure { keepEnding() }
    var hasShrunk = true
    while hasShrunk, stepsLeft > 0 {
      hasShrunk = removePieces()
      if simplify() { hasShrunk = true }
    }
    for index in best.statements.indices { best.statements[index].line = 0 }
    return best
  }

  /// Keeps what stands behind the last rest, but for other expectations.
  private mutating func keepEnding() {
    let rest = best.statements.lastIndex { if case .rest = $0.command { true } else { false } }
    guard let rest, let last = best.statements.last else { return }
    let ending = best.statements[(rest + 1)...].dropLast().filter {
      if case .expect = $0.command { false } else { true }
    }
    let kept = (ending + [last]).map { Story.Statement($0.command, line: Self.keptLine) }
    best.statements = best.statements[...rest] + kept
  }

  /// Takes a story for the best one if it still fails so.
  private mutating func take(_ candidate: Story) -> Bool {
    guard candidate != best, stepsLeft > 0, let story = play(candidate) else { return false }
    best = story
    return true
  }

  /// A story up to the command that fails so; `nil` if none does, or the steps are used up.
  private mutating func play(_ story: Story) -> Story? {
    let player = StoryPlayer(story, isSilent: true)
    defer { stepsLeft -= player.simulation.stepCount }
    for (index, statement) in story.statements.enumerated() {
      if player.play(statement.command).failures.contains(failure) {
        var copy = story
        copy.statements = Array(story.statements.prefix(index + 1))
        return copy
      }
      guard player.simulation.stepCount < stepsLeft else { return nil }
    }
    return nil
  }

  /// Leaves out what can be left out, large pieces first.
  private mutating func removePieces() -> Bool {
    var hasShrunk = false
    var size = max(looseCount / 2, 1)
    while size >= 1 {
      var start = looseCount
      while start > 0 {
        if take(best.removing(max(start - size, 0)..<start)) { hasShrunk = true }
        start = min(start - size, looseCount)
      }
      size /= 2
    }
    return hasShrunk
  }

  /// Makes each command as simple as it can be.
  private mutating func simplify() -> Bool {
    var hasShrunk = false
    var index = 0
    while index < looseCount {
      var isSimpler = false
      for command in best.statements[index].command.simplifications where !isSimpler {
        var candidate = best
        candidate.statements[index].command = command
        isSimpler = take(candidate)
      }
      if isSimpler { hasShrunk = true } else { index += 1 }
    }
    return hasShrunk
  }
}

extension Story {
  /// The story without some commands; without a node also without all that mentions it.
  fileprivate func removing(_ range: Range<Int>) -> Story {
    var copy = self
    let removed = copy.statements[range]
    copy.statements.removeSubrange(range)
    for case .newNode(let name, _, _) in removed.map(\.command) {
      copy.statements = copy.statements.compactMap { statement in
        statement.command.without(name).map { Statement($0, line: statement.line) }
      }
    }
    return copy
  }
}

extension StoryCommand {
  /// The command without a node; `nil` if nothing is left of it.
  fileprivate func without(_ name: String) -> StoryCommand? {
    func rest(_ names: [String]) -> [String]? {
      let rest = names.filter { $0 != name }
      return rest.isEmpty ? nil : rest
    }
    switch self {
    case .node(name, _), .router(name, _, _): return nil
    case .setCut(let names, let isCut): return rest(names).map { .setCut($0, isCut) }
    case .partition(let sides):
      let left = sides.compactMap(rest)
      return left.count < 2 ? nil : .partition(left)
    case .setBlocked(let from, let to, _) where from == name || to == name: return nil
    case .expect(.untouched(name)): return nil
    default: return self
    }
  }

  /// Simpler forms of the command, the simplest first.
  fileprivate var simplifications: [StoryCommand] {
    switch self {
    case .segment(let conditions) where conditions != .init(): return [.segment(.init())]
    case .rest(let duration): return [.tick(duration)]
    case .tick(let duration): return Self.rounder(duration).map { .tick($0) }
    case .node(let name, .freeze(let duration)):
      return Self.rounder(duration).map { .node(name, .freeze($0)) }
    case .node(let name, .sleep(let duration)):
      return Self.rounder(duration).map { .node(name, .sleep($0)) }
    case .node(let name, .refuse(let what, let duration)):
      return Self.rounder(duration).map { .node(name, .refuse(what, $0)) }
    case .newNode(let name, .some, let isGuarded):
      return [.newNode(name, lease: nil, isGuarded: isGuarded)]
    case .newNode(let name, let lease, false):
      return [.newNode(name, lease: lease, isGuarded: true)]
    case .router(let node, let name, .up(let addresses, let settings)):
      var simpler: [StoryCommand] = []
      if addresses.count > 1 {
        simpler.append(.router(node, name, .up([addresses[0]], settings)))
        simpler.append(.router(node, name, .up(Array(addresses.dropLast()), settings)))
        simpler.append(.router(node, name, .up(Array(addresses.dropFirst()), settings)))
      }
      for index in settings.indices {
        var rest = settings
        rest.remove(at: index)
        simpler.append(.router(node, name, .up(addresses, rest)))
      }
      return simpler
    default: return []
    }
  }

  /// Rounder durations than one.
  private static func rounder(_ duration: Duration) -> [Duration] {
    [Duration.seconds(1), .milliseconds(100), .milliseconds(1)].compactMap { unit in
      let count = duration / unit
      let rounded = unit * Int(count)
      return rounded < duration && rounded > .zero ? rounded : nil
    }
  }
}
