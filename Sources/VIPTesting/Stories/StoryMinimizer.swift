import VIPCore
import VRRPSimulation

extension Story {
  /// The shortest story found that still breaks the same promise.
  ///
  /// Takes out commands, nodes, addresses and settings as long as the promise stays broken, and makes
  /// times round. It ends after a bounded number of steps, with what it has found by then.
  public func minimized(breaking promise: BrokenPromise.Promise) -> Story {
    var search = StoryMinimizer(self, breaking: promise)
    return search.run()
  }
}

/// The search for a short story that breaks a promise.
private struct StoryMinimizer {
  /// Number of steps that all replays together may take: a few tens of seconds.
  private static let stepsMax = 150_000

  private let promise: BrokenPromise.Promise
  private var best: Story
  private var stepsLeft = stepsMax

  init(_ story: Story, breaking promise: BrokenPromise.Promise) {
    self.promise = promise
    best = story
  }

  mutating func run() -> Story {
    // What follows the first breach is of no interest.
    if let story = play(best) { best = story }
    var hasShrunk = true
    while hasShrunk, stepsLeft > 0 {
      hasShrunk = removePieces()
      if simplify() { hasShrunk = true }
    }
    return best
  }

  /// Takes a story for the best one if it still breaks the promise.
  private mutating func take(_ candidate: Story) -> Bool {
    guard candidate != best, stepsLeft > 0, let story = play(candidate) else { return false }
    best = story
    return true
  }

  /// A story up to the command that breaks the promise; `nil` if none does, or the steps are used up.
  private mutating func play(_ story: Story) -> Story? {
    let player = StoryPlayer(story, isSilent: true)
    defer { stepsLeft -= player.simulation.stepCount }
    for (index, statement) in story.statements.enumerated() {
      _ = player.play(statement.command)
      if player.simulation.brokenPromises.contains(where: { $0.promise == promise }) {
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
    var size = max(best.statements.count / 2, 1)
    while size >= 1 {
      var start = best.statements.count
      while start > 0 {
        if take(best.removing(max(start - size, 0)..<start)) { hasShrunk = true }
        start = min(start - size, best.statements.count)
      }
      size /= 2
    }
    return hasShrunk
  }

  /// Makes each command as simple as it can be.
  private mutating func simplify() -> Bool {
    var hasShrunk = false
    var index = 0
    while index < best.statements.count {
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
  /// Without some commands; without a node also without all that mentions it.
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
