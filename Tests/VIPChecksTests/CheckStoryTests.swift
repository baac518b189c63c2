import TestSupport
import Testing
import VIP
import VIPCore
import VIPTesting

@testable import VIPChecks

/// Checks of simulated nodes: what their results do to an election, in virtual time.
@Suite(.timeLimit(.minutes(20))) struct CheckStoryTests {
  /// A story whose routers have checks, written result by result.
  private struct Writer {
    private(set) var lines: [String] = []
    private var now = Instant.zero
    private var states: [String: (state: CheckState, use: CheckUse)] = [:]

    /// A node whose router uses a check.
    mutating func add(_ node: String, priority: Int, _ use: CheckUse) {
      lines += ["node \(node)", "up \(node) web 192.0.2.10/24 priority \(priority)"]
      let check = Check(name: use.check, .interface("eth1"), interval: .milliseconds(100))
      states[node] = (CheckState(check, at: now), use)
    }

    mutating func tick(_ time: Duration) {
      let end = now + time
      // What a check is held back for is over in between.
      while let due = states.values.compactMap(\.state.deadline).filter({ $0 <= end }).min() {
        if due > now { lines.append("tick \((due - now).text)") }
        now = max(now, due)
        for node in states.keys.sorted() where states[node]?.state.advance(to: now) == true {
          say(node)
        }
      }
      if end > now { lines.append("tick \((end - now).text)") }
      now = end
    }

    mutating func take(_ result: CheckResult, _ node: String) {
      if states[node]?.state.take(result, at: now) == true { say(node) }
    }

    mutating func expect(_ text: String) { lines.append(text) }

    private mutating func say(_ node: String) {
      guard let (state, use) = states[node] else { return }
      let fitness =
        switch CheckEffect(state.saying, use) {
        case .none: "fit"
        case .out: "unfit"
        case .weight(let weight): weight < 0 ? "weaker \(-weight)" : "stronger \(weight)"
        }
      lines.append("fitness \(node) web check \(fitness)")
    }

    /// Plays it.
    ///
    /// - Returns: how often a router became Active.
    func play() throws -> Int {
      let transcript = try StoryTranscript(playing: lines.joined(separator: "\n") + "\n")
      #expect(!transcript.failed, "\(transcript)")
      return transcript.text.split(separator: "\n").count { $0.contains("backup → active") }
    }
  }

  private static let good = CheckResult.success("fine"), bad = CheckResult.failure("exit code 1")

  @Test(arguments: [100, 300, 700, 1500, 4000])
  func `a check that toggles for a minute moves the address a bounded number of times`(
    pause: Int
  ) throws {
    var writer = Writer()
    writer.add("a", priority: 200, CheckUse("web"))
    writer.add("b", priority: 100, CheckUse("web"))
    writer.take(Self.good, "a")
    writer.take(Self.good, "b")
    writer.tick(.seconds(20))
    for round in 1...(60_000 / pause) {
      writer.take(round.isMultiple(of: 2) ? Self.good : Self.bad, "a")
      writer.tick(.milliseconds(Int64(pause)))
    }
    writer.take(Self.good, "a")
    writer.tick(.seconds(90))
    for line in ["expect served 192.0.2.10 a", "expect outage 192.0.2.10 0s", "rest 300s"] {
      writer.expect(line)
    }
    // There and back for each time that it comes back, the first takeover, and the last way back.
    let moves = try writer.play()
    #expect((2...(2 * 7 + 3)).contains(moves), "\(moves)")
  }

  @Test(arguments: [0, 10, 100, 500, 610, 613, 620, 650, 700, 1000, 2000, 5000])
  func `a check may come back in the middle of the handover`(pause: Int) throws {
    var writer = Writer()
    writer.add("a", priority: 200, CheckUse("web"))
    writer.add("b", priority: 100, CheckUse("web"))
    writer.take(Self.good, "a")
    writer.take(Self.good, "b")
    writer.tick(.seconds(20))
    writer.take(Self.bad, "a")
    if pause > 0 { writer.tick(.milliseconds(Int64(pause))) }
    writer.take(Self.good, "a")
    writer.tick(.seconds(20))
    for line in ["expect served 192.0.2.10 a", "expect outage 192.0.2.10 0s", "rest 300s"] {
      writer.expect(line)
    }
    #expect(try writer.play() <= 3)
  }

  @Test(arguments: 1...12)
  func `weights that cross on three nodes leave the best one Active, without a gap`(
    seed: Int
  ) throws {
    var numbers = SplitMix64(seed: UInt64(seed))
    let nodes = ["a", "b", "c"]
    let priorities = [200, 150, 100]
    var uses: [String: CheckUse] = [:]
    var writer = Writer()
    for (node, priority) in zip(nodes, priorities) {
      let weight = [-120, -70, 40, 90].randomElement(using: &numbers) ?? -70
      uses[node] = CheckUse("web", weight: weight)
      writer.add(node, priority: priority, CheckUse("web", weight: weight))
      writer.take(Self.good, node)
    }
    writer.tick(.seconds(20))
    var last = Dictionary(uniqueKeysWithValues: nodes.map { ($0, true) })
    for _ in 0..<12 {
      for node in nodes where Bool.random(using: &numbers) {
        let isGood = Bool.random(using: &numbers)
        last[node] = isGood
        writer.take(isGood ? Self.good : Self.bad, node)
      }
      writer.tick(.milliseconds(Int64.random(in: 1...6000, using: &numbers)))
    }
    // Until nothing is held back any more, and the best one has preempted.
    writer.tick(.seconds(120))
    let effective = zip(nodes, priorities).map { node, priority in
      let weight = uses[node]?.weight ?? 0
      let isGood = last[node] ?? true
      let adds = weight > 0 ? isGood : !isGood
      return (node, min(max(priority + (adds ? weight : 0), 1), 254))
    }
    let most = effective.map(\.1).max()
    let best = effective.filter { $0.1 == most }.map(\.0)
    if best.count == 1 { writer.expect("expect served 192.0.2.10 \(best[0])") }
    writer.expect("expect outage 192.0.2.10 0s")
    writer.expect("rest 300s")
    _ = try writer.play()
  }
}
