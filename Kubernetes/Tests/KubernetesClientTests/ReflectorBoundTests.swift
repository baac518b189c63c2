import KubernetesClient
import Testing

// Objects and events that can't be read, are too large or too many.
@Suite(.timeLimit(.minutes(3))) struct ReflectorBoundTests {
  @Test func anObjectThatCanNotBeReadIsStillThere() async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else {
        let items =
          request.number == 0
          ? [Text.thing("a", 3), Text.badThing("b", 4), Text.thing("c", 5)]
          : [Text.badThing("a", 30), Text.thing("c", 5)]
        return try await reply.json(200, Text.list(request.number == 0 ? 10 : 40, items))
      }
      try await reply.head()
      guard request.number == 1 else { return try await reply.hang() }
      try await reply.send(Text.event("MODIFIED", Text.badThing("c", 11)))
      try await reply.send(Text.event("MODIFIED", Text.thing("a", 12, "blue")))
      try await reply.send(Text.event("ERROR", FakeReply.status(410, "Gone")))
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches again") { lab.server.watches.count == 2 }
        #expect(
          reflection.objects == [
            "listed a=red c=red ?b", "skipped b", "skipped c", "changed a blue",
            "listed c=red -b ?a", "skipped a",
          ])
      }
    }
  }

  @Test(arguments: ["nonsense\n", "{\"type\":1}\n", "[]\n", "\u{0}\n", "{\"type\":\"ADDED\"}\n"])
  func garbageLeadsToANewList(line: String) async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else {
        return try await reply.json(200, Text.list(10 * (request.number + 1), [Text.thing("a", 3)]))
      }
      try await reply.head()
      if request.number == 1 { try await reply.send(line) }
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches again") { lab.server.watches.count == 2 }
        #expect(reflection.objects == ["listed a=red", "skipped ?", "listed a=red"])
      }
    }
  }

  @Test func anObjectOfSomeMegabytesIsReadHoweverItIsCut() async throws {
    let color = String(repeating: "x", count: 3 << 20)
    try await Lab.run { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      var rest = Substring(Text.event("ADDED", Text.thing("a", 11, color)))
      while !rest.isEmpty {
        try await reply.send(String(rest.prefix(100_003)))
        rest = rest.dropFirst(100_003)
      }
      try await reply.send(Text.event("ADDED", Text.thing("b", 12)))
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("all is said") { reflection.objects.count == 3 }
        #expect(reflection.objects[1] == "changed a \(color)")
        #expect(reflection.objects[2] == "changed b red")
      }
    }
  }

  @Test func anObjectWithoutEndIsNotKept() async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else {
        return try await reply.json(200, Text.list(10 * (request.number + 1), []))
      }
      try await reply.head()
      if request.number == 1 {
        for _ in 0..<3 { try await reply.send(String(repeating: "x", count: 5_000)) }
        try await reply.send("\n")
      }
      try await reply.hang()
    } _: { lab in
      let options = ReflectorOptions(watch: WatchOptions(eventByteCountMax: 10_000))
      try await lab.reflect(options) { reflection in
        await eventually("it watches again") { lab.server.watches.count == 2 }
        #expect(reflection.objects == ["listed", "skipped ?", "listed"])
      }
    }
  }

  @Test func aWatchThatTheServerEndsIsMadeAgainAtOnce() async throws {
    try await Lab.run { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      guard request.number < 20 else { return try await reply.hang() }
      try await reply.send(Text.bookmark(10 + request.number))
      try await reply.end()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it has watched often") { lab.server.watches.count == 20 }
        #expect(lab.clock.now == .zero)
        #expect(!reflection.lines.contains { $0.hasPrefix("(interrupted") })
      }
    }
  }

  @Test func aWatchThatSaysNothingAndEndsIsAFailure() async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      guard request.number < 6 else { return try await reply.hang() }
      try await reply.end()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it has watched often") { lab.server.watches.count == 6 }
        // 0.4, 0.8, 1.6, 3.2 and 6.4 s.
        #expect(abs(lab.clock.now / .seconds(1) - 12.4) < 0.001)
        #expect(lab.server.requests.count == 7, "no second list")
      }
    }
  }

  @Test func nothingIsReadAheadOfASlowReceiver() async throws {
    let gate = Gate()
    try await Lab.run { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      let color = String(repeating: "x", count: 100_000)
      for version in 11..<311 {
        try await reply.send(Text.event("ADDED", Text.thing("a\(version)", version, color)))
      }
      gate.open()
      try await reply.hang()
    } _: { lab in
      let queue = BoundedQueue<String>(capacity: 1)
      await withTaskGroup(of: Void.self) { group in
        defer { group.cancelAll() }
        group.addTask {
          await Reflector(lab.client, .things).run(into: queue) { event in
            if case .changed(let reference, _) = event { reference.name.name } else { "" }
          }
        }
        // The list, and that it watches; all after that waits for the receiver.
        for _ in 0..<2 { _ = await queue.next() }
        // 30 MB do not fit into what the kernel keeps for the connection.
        for _ in 0..<100 { await shortPause() }
        #expect(!gate.isOpen)
        // A receiver that takes its time is no silence of the server.
        for _ in 0..<10 {
          lab.clock.advance(.seconds(100))
          await shortPause()
        }
        var names: [String] = []
        for await name in queue {
          if !name.isEmpty { names.append(name) }
          if names.count == 300 { break }
        }
        #expect(names == (11..<311).map { "a\($0)" })
        #expect(lab.server.watches.count == 1)
      }
    }
  }

  @Test func aListThatIsRefusedAsExpiredIsAskedForAgain() async throws {
    try await Lab.run(skips: true) { request, reply in
      if request.number < 2 { return try await reply.failure(410, "Expired") }
      guard request.isWatch else {
        return try await reply.json(200, Text.list(10, [Text.thing("a", 3)]))
      }
      try await reply.head()
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches") { lab.server.watches.count == 1 }
        #expect(reflection.objects == ["listed a=red"])
        #expect(lab.server.watches.first?.query["resourceVersion"] == "10")
      }
    }
  }
}
