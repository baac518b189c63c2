import Testing
import VIPTesting
import VRRPSimulation

/// A change that reaches all machines of a group at nearly the same time, as a rollout does.
@Suite struct RolloutTests {
  /// What is rolled out.
  enum Change: CaseIterable {
    case moreAddresses, fewerAddresses, swappedAddresses, newRouter, addedAddress, otherVRID,
      swappedVRIDs, otherPriorities

    /// Whether it is one command for one router, which needs no edited file.
    var isOneCommand: Bool {
      switch self {
      case .moreAddresses, .fewerAddresses, .newRouter, .addedAddress, .otherVRID: true
      case .swappedAddresses, .swappedVRIDs, .otherPriorities: false
      }
    }
  }

  private static let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]

  /// The commands of one machine.
  private func commands(_ change: Change, _ name: String, _ priority: UInt64) -> String {
    func web(_ addresses: String, vrid: Int = 51, priority: UInt64) -> String {
      "up \(name) web \(addresses) vrid \(vrid) priority \(priority)\n"
    }
    func db(_ addresses: String, vrid: Int = 52, priority: UInt64) -> String {
      "up \(name) db \(addresses) vrid \(vrid) priority \(priority)\n"
    }
    let (low, high) = ("192.0.2.100/24 2001:db8::100/64", "192.0.2.101/24 2001:db8::101/64")
    let other = 255 - priority
    switch change {
    case .moreAddresses:
      return web(low + " 192.0.2.110/24 2001:db8::110/64", priority: priority)
    case .addedAddress: return "add \(name) web 192.0.2.110/24 2001:db8::110/64\n"
    case .fewerAddresses: return "remove \(name) web 2001:db8::100\n"
    case .newRouter: return "up \(name) new 192.0.2.120/24 vrid 60 priority \(priority)\n"
    case .swappedAddresses: return web(high, priority: priority) + db(low, priority: other)
    case .otherVRID: return web(low, vrid: 61, priority: priority)
    case .swappedVRIDs:
      return web(low, vrid: 52, priority: priority) + db(high, vrid: 51, priority: other)
    case .otherPriorities:
      return web(low + " 192.0.2.110/24", priority: other) + db(high, priority: priority)
    }
  }

  private func story(_ change: Change, seed: UInt64) -> String {
    var random = SeededRandom(seed: seed)
    var text = "seed \(seed)\nsegment latency \(50 + random.below(400))us jitter 200us\n"
    var priorities: [UInt64] = []
    for name in Self.names {
      let priority = 20 + random.below(200)
      priorities.append(priority)
      text += "node \(name)\n"
      text +=
        "up \(name) web 192.0.2.100/24 2001:db8::100/64 priority \(priority)\n"
        + "up \(name) db 192.0.2.101/24 2001:db8::101/64 vrid 52 priority \(255 - priority)\n"
    }
    text += "tick 8s\n"
    var times = Self.names.indices.map { (random.below(2_000_000), $0) }
    times.sort { $0 < $1 }
    var now: UInt64 = 0
    for (time, index) in times {
      text += "tick \(time - now)us\n"
      now = time
      let name = Self.names[index]
      let commands = commands(change, name, priorities[index])
      let isDirect = change.isOneCommand && seed % 2 == 1
      text += isDirect ? commands : "edit \(name)\n\(commands)reload \(name)\n"
    }
    return text + "rest 300s\n"
  }

  @Test(
    "Ten machines that are changed at random within two seconds are never refused",
    arguments: Change.allCases)
  func rollout(_ change: Change) throws {
    for seed in UInt64(0)..<25 {
      let text = story(change, seed: seed) + outcome(change)
      let story = try Story(parsing: text)
      let run = StoryRun(story)
      #expect(run.refusals.isEmpty, "\(change), seed \(seed)")
      #expect(run.unrest == nil, "\(change), seed \(seed)")
      guard run.hasFailed || !run.brokenPromises.isEmpty else { continue }
      let broken = run.brokenPromises.first.map { StoryFailure.broken($0.promise) }
      let failure = try #require(broken ?? run.firstFailure)
      // One is enough to see what is wrong; the others are likely to have the same cause.
      let minimal = story.minimized(failing: failure)
      let transcript = try StoryTranscript(playing: minimal.description)
      Issue.record("\(change), seed \(seed): \(run.failures)\n\(transcript)")
      return
    }
  }

  /// A change that makes another virtual router of a group's.
  enum Replacement: CaseIterable {
    case otherVRID, otherVersion, virtualMAC, ownMAC, otherInterface, otherOwner
    case otherVRIDAndInterface, otherVersionAndInterface

    /// The settings of each machine before.
    var before: String {
      switch self {
      case .otherVRID, .otherInterface, .otherOwner, .virtualMAC, .otherVRIDAndInterface:
        "2001:db8::100/64"
      case .otherVersion, .otherVersionAndInterface: "192.0.2.101/24"
      case .ownMAC: "2001:db8::100/64 mac virtual"
      }
    }

    /// The settings that each of three machines gets, if it gets any.
    var after: [String?] {
      switch self {
      case .otherVRID: Array(repeating: "vrid 61", count: 3)
      case .otherVersion: Array(repeating: "version 2", count: 3)
      case .virtualMAC: Array(repeating: "mac virtual", count: 3)
      case .ownMAC: Array(repeating: "mac own", count: 3)
      case .otherInterface: Array(repeating: "interface eth1", count: 3)
      case .otherVRIDAndInterface: Array(repeating: "vrid 61 interface eth1", count: 3)
      case .otherVersionAndInterface: Array(repeating: "version 2 interface eth1", count: 3)
      case .otherOwner: [nil, "priority 255", nil]
      }
    }
  }

  /// Judged are the simulation's promises: a rollout from rest costs as little as a planned move.
  @Test(
    "Three machines whose routers become other ones serve all the time",
    arguments: Replacement.allCases, [0, 20, 5000] as [UInt64])
  func replacement(_ change: Replacement, pauseMilliseconds: UInt64) throws {
    for seed in UInt64(0)..<3 {
      var random = SeededRandom(seed: seed)
      let names = Self.names.prefix(3)
      var text = "seed \(seed)\nsegment latency \(50 + random.below(400))us jitter 200us\n"
      for name in names {
        text += "node \(name)\nlink \(name) eth1 joins\n"
        text += "up \(name) web 192.0.2.100/24 \(change.before)"
        text += " priority \(1 + random.below(200))\n"
      }
      text += "rest 300s\n"
      let order: [Int] = random.below(2) == 0 ? [0, 1, 2] : [2, 1, 0]
      for index in order {
        guard let settings = change.after[index] else { continue }
        text += "set \(names[index]) web \(settings)\n"
        guard pauseMilliseconds > 0 else { continue }
        text += "tick \(1 + random.below(pauseMilliseconds * 1000))us\n"
      }
      text += "rest 300s\n"
      if change == .otherOwner { text += "set b web priority 100\nrest 300s\n" }
      let run = StoryRun(try Story(parsing: text))
      #expect(run.refusals.isEmpty, "\(text)")
      #expect(run.brokenPromises.isEmpty && !run.hasFailed, "\(run.failures)\n\(text)")
    }
  }

  @Test(
    "An owner that gets another VRID after its Backups serves alone", arguments: [0, 200, 5000])
  func ownerLast(pauseMilliseconds: Int) throws {
    var text = "seed 1\nsegment latency 100us jitter 200us\n"
    for (name, priority) in [("a", 100), ("b", 150), ("c", 255)] {
      text += "node \(name)\nup \(name) web 192.0.2.100/24 2001:db8::100/64 priority \(priority)\n"
    }
    text += "rest 300s\n"
    for name in ["b", "a", "c"] {
      text += "set \(name) web vrid 61\ntick \(pauseMilliseconds)ms\n"
    }
    text += "rest 300s\n"
    for address in ["192.0.2.100", "2001:db8::100"] {
      text += "expect outage \(address) 0ms\nexpect overlap \(address) 0ms\n"
    }
    let run = StoryRun(try Story(parsing: text))
    #expect(run.brokenPromises.isEmpty && !run.hasFailed, "\(run.failures)\n\(text)")
  }

  /// What must be so in the end: every address is served, and has been, by one machine at a time,
  /// but for handovers, of which there may be a few in a row.
  private func outcome(_ change: Change) -> String {
    var kept = ["192.0.2.100", "192.0.2.101", "2001:db8::101"]
    if change != .fewerAddresses { kept.append("2001:db8::100") }
    return kept.map { "expect outage \($0) 2ms\nexpect overlap \($0) 1s\n" }.joined()
  }
}
