import Foundation
import Testing
import VIPTesting

/// Random nodes in bulk.
///
/// `VIP_STORIES` sets how many (default 2,000), `VIP_STORY_SEED` where the seeds begin (default 0).
/// A failure is printed with its seed, and one of each kind as a minimal story. A trap ends the
/// process before anything can be printed: the seeds that were played then are in a file for each
/// worker, whose folder is told first.
@Suite struct RandomStoryTests {
  private static func setting(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name]
  }

  @Test("Every promise holds in random stories", .timeLimit(.minutes(60)))
  func randomStories() async {
    let count = Self.setting("VIP_STORIES").flatMap { UInt64($0) } ?? 2000
    let first = Self.setting("VIP_STORY_SEED").flatMap { UInt64($0) } ?? 0
    let workers = UInt64(max(ProcessInfo.processInfo.activeProcessorCount, 1))
    let clock = ContinuousClock()
    let start = clock.now
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "vip-stories-\(ProcessInfo.processInfo.processIdentifier)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    print("random stories: should this process crash, the seeds are in \(folder.path)")
    let results = await withTaskGroup(of: (Int, [UInt64], [UInt64]).self) { group in
      for worker in 0..<workers {
        group.addTask {
          var audits = 0
          var failures: [UInt64] = []
          var restless: [UInt64] = []
          for seed in stride(from: first + worker, to: first + count, by: Int(workers)) {
            try? "\(seed)\n".write(
              to: folder.appending(path: "\(worker)"), atomically: false, encoding: .utf8)
            let run = StoryRun(Story.random(seed: seed))
            audits += run.auditCount
            if run.hasFailed { failures.append(seed) }
            if run.unrest != nil { restless.append(seed) }
          }
          return (audits, failures, restless)
        }
      }
      var sum = (audits: 0, failures: [UInt64](), restless: [UInt64]())
      for await (audits, failures, restless) in group {
        sum.audits += audits
        sum.failures += failures
        sum.restless += restless
      }
      return sum
    }
    print(
      "\(count) random stories of nodes from seed \(first), looked at \(results.audits) times at rest, "
        + "in \((clock.now - start).components.seconds) s")
    // Promises about segments at rest are worth nothing if segments never come to rest.
    let restless = results.restless.sorted()
    #expect(restless.isEmpty, "\(restless.count) seeds end without rest: \(restless.prefix(20))")
    let failures = results.failures.sorted()
    for text in Self.reports(failures) { Issue.record("\(text)") }
    #expect(failures.isEmpty, "\(failures.count) seeds failed: \(failures.prefix(20))")
  }

  /// Number of seeds that are told of.
  private static let toldMax = 40
  /// Number of those that are made as small as can be, which takes up to a few tens of seconds
  /// each.
  private static let minimizedMax = 6

  /// The seeds and what failed first in each; of the first of each kind of failure the smallest
  /// story that shows it.
  private static func reports(_ seeds: [UInt64]) -> [String] {
    var kinds: Set<String> = []
    return seeds.prefix(toldMax).map { seed in
      let story = Story.random(seed: seed)
      let run = StoryRun(story)
      let broken = run.brokenPromises.first
      let first = broken?.description ?? run.failures.first
      let summary = "seed=\(seed): \(first ?? "it passes now")"
      guard let failure = broken.map({ StoryFailure.broken($0.promise) }) ?? run.firstFailure,
        kinds.count < minimizedMax, kinds.insert(kind(of: failure)).inserted
      else { return summary }
      let minimal = story.minimized(failing: failure)
      let text = (try? StoryTranscript(playing: minimal.description))?.text ?? minimal.description
      return "\(summary)\n\(text)"
    }
  }

  /// The same for failures that are likely to have one cause.
  private static func kind(of failure: StoryFailure) -> String {
    switch failure {
    case .broken(let promise): promise.rawValue
    // Whatever machine or address it is about.
    case .unmet(let expectation): String("\(expectation)".prefix { $0 != "(" })
    case .unrest(let unrest): "\(unrest)"
    }
  }

  @Test("A story's text reads back as the same story, and the same seed gives the same run")
  func reproducible() throws {
    for seed in UInt64(0)..<20 {
      let story = Story.random(seed: seed)
      let text = story.description
      let again = try Story(parsing: text)
      #expect(again.statements.map(\.command) == story.statements.map(\.command))
      #expect(try StoryTranscript(playing: text).text == StoryTranscript(playing: text).text)
    }
  }

  @Test("Minimizing keeps the broken promise and drops what has nothing to do with it")
  func minimizing() throws {
    // Nothing keeps an interface from going up and down without end, and each time is told.
    let unrest = "link b eth0 down\ntick 100ms\nlink b eth0 up\ntick 100ms\n"
    let story = try Story(
      parsing: """
        node a
        node b
        node c
        up a web 192.0.2.10/24 probe off
        up b web 192.0.2.10/24 priority 200 probe off
        up c web 192.0.2.10/24
        tick 10s
        freeze c 1s
        clock c +1%
        \(String(repeating: unrest, count: 15))tick 60s
        """)
    let broken = StoryRun(story).brokenPromises
    #expect(broken.contains { $0.promise == .noFlood })
    let minimal = story.minimized(breaking: .noFlood)
    for needless in ["node c", "freeze", "clock"] {
      #expect(!minimal.description.contains(needless), "\(minimal)")
    }
    #expect(StoryRun(minimal).brokenPromises.contains { $0.promise == .noFlood })
    #expect(minimal.statements.count < story.statements.count)
  }

  @Test("The guard has room for a router that is changed hundreds of times")
  func manyChanges() throws {
    let addresses = (10..<80).map { "192.0.2.\($0)/24" }.joined(separator: " ")
    var text = "node a\nup a web \(addresses) probe off\ntick 5s\n"
    for _ in 0..<60 {
      text += "add a web 192.0.2.200/24\ntick 10ms\nremove a web 192.0.2.200\ntick 10ms\n"
    }
    text += "kill a\ntick 1500ms\nexpect untouched a\n"
    let run = StoryRun(try Story(parsing: text))
    #expect(run.brokenPromises.isEmpty)
    #expect(!run.hasFailed)
  }
}
