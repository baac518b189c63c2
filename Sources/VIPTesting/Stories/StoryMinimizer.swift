import VIPCore
import VRRPSimulation

extension Story {
  /// The shortest story found that still breaks the same promise.
  ///
  /// Takes out commands, nodes, addresses and settings as long as the promise stays broken, and makes
  /// times round.
  public func minimized(breaking promise: BrokenPromise.Promise) -> Story {
    func isBroken(_ story: Story) -> Bool {
      StoryRun(story).brokenPromises.contains { $0.promise == promise }
    }
    var best = self
    // What follows the first breach is of no interest.
    best = best.cutAfter(promise)
    var hasShrunk = true
    while hasShrunk {
      hasShrunk = false
      // Large pieces first.
      var size = max(best.statements.count / 2, 1)
      while size >= 1 {
        var start = best.statements.count
        while start > 0 {
          let range = max(start - size, 0)..<start
          let candidate = best.removing(range)
          if candidate != best, isBroken(candidate) {
            best = candidate
            hasShrunk = true
          }
          start = min(start - size, best.statements.count)
        }
        size /= 2
      }
      for candidate in best.simplifications() where isBroken(candidate) {
        best = candidate
        hasShrunk = true
        break
      }
    }
    return best
  }

  /// The story up to the command that breaks a promise.
  private func cutAfter(_ promise: BrokenPromise.Promise) -> Story {
    let player = StoryPlayer(self, isSilent: true)
    for (index, statement) in statements.enumerated() {
      _ = player.play(statement.command)
      if player.simulation.brokenPromises.contains(where: { $0.promise == promise }) {
        var copy = self
        copy.statements = Array(statements.prefix(index + 1))
        return copy
      }
    }
    return self
  }

  /// Without some commands; without a node also without all that mentions it.
  private func removing(_ range: Range<Int>) -> Story {
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

  /// Stories with one command made simpler.
  private func simplifications() -> [Story] {
    statements.indices.flatMap { index in
      statements[index].command.simplifications.map { command in
        var copy = self
        copy.statements[index].command = command
        return copy
      }
    }
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
