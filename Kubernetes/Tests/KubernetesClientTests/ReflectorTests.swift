import KubernetesClient
import Testing

// The API server at its worst, one test for each way.
@Suite(.timeLimit(.minutes(3))) struct ReflectorTests {
  @Test func aListAndThenItsChanges() async throws {
    try await Lab.run { request, reply in
      guard request.isWatch else {
        return try await reply.json(200, Text.list(10, [Text.thing("a", 3), Text.thing("b", 4)]))
      }
      try await reply.head()
      try await reply.send(Text.event("ADDED", Text.thing("c", 11)))
      try await reply.send(Text.event("MODIFIED", Text.thing("a", 12, "blue")))
      try await reply.send(Text.event("NOVELTY", #"{"metadata":{}}"#))
      try await reply.send(Text.event("DELETED", Text.thing("b", 13)))
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("all is said") { reflection.objects.count == 4 }
        #expect(
          reflection.lines == [
            "listed a=red b=red", "(watching)", "changed c red", "changed a blue", "gone b",
          ])
        let watch = try #require(lab.server.watches.first)
        #expect(watch.query["resourceVersion"] == "10")
        #expect(watch.query["allowWatchBookmarks"] == "true")
        #expect(watch.query["timeoutSeconds"] == "300")
      }
    }
  }

  @Test func aWatchThatIsCutInAnEventGoesOnFromTheLastWholeOne() async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      guard request.query["resourceVersion"] == "10" else {
        try await reply.send(Text.event("ADDED", Text.thing("b", 12)))
        return try await reply.hang()
      }
      try await reply.send(Text.event("ADDED", Text.thing("a", 11)))
      try await reply.send(String(Text.event("ADDED", Text.thing("b", 12)).prefix(60)))
      throw FakeReply.Cut()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("all is said") { reflection.objects.count == 3 }
        #expect(reflection.objects == ["listed", "changed a red", "changed b red"])
        #expect(lab.server.watches.map { $0.query["resourceVersion"] } == ["10", "11"])
        #expect(lab.server.requests.count == 3, "no second list")
      }
    }
  }

  @Test func aWatchThatEndsInAnEventWithoutAnErrorIsTheSame() async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      if request.number == 1 {
        try await reply.send(String(Text.event("ADDED", Text.thing("a", 11)).dropLast(5)))
        return try await reply.end()
      }
      try await reply.send(Text.event("ADDED", Text.thing("a", 11)))
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("all is said") { reflection.objects.count == 2 }
        #expect(reflection.objects == ["listed", "changed a red"])
        #expect(lab.server.requests.count == 3)
      }
    }
  }

  @Test(arguments: [true, false])
  func aVersionThatHasExpiredLeadsToANewList(asEvent: Bool) async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else {
        let isFirst = request.number == 0
        let items =
          isFirst ? [Text.thing("a", 3), Text.thing("b", 4)] : [Text.thing("b", 90, "blue")]
        return try await reply.json(200, Text.list(isFirst ? 10 : 100, items))
      }
      guard request.query["resourceVersion"] == "10" else {
        try await reply.head()
        return try await reply.hang()
      }
      let status = FakeReply.status(410, "Expired", "too old resource version")
      if asEvent {
        try await reply.head()
        try await reply.send(Text.event("ERROR", status))
        try await reply.end()
      } else {
        try await reply.json(410, status)
      }
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches again") { lab.server.watches.count == 2 }
        // What has been deleted meanwhile is told, too.
        #expect(reflection.objects == ["listed a=red b=red", "listed b=blue -a"])
        #expect(lab.server.watches.map { $0.query["resourceVersion"] } == ["10", "100"])
      }
    }
  }

  @Test func aServerThatRestartsAfterCompactionIsListedOnceItIsBack() async throws {
    try await Lab.run(skips: true) { request, reply in
      switch request.number {
      case 0: try await reply.json(200, Text.list(10, [Text.thing("a", 3)]))
      case 1:
        try await reply.head()
        throw FakeReply.Cut()
      case 2...4: try await reply.failure(503, "ServiceUnavailable")
      case 5: try await reply.failure(410, "Expired")
      case 6: try await reply.failure(500, "InternalError")
      default:
        if !request.isWatch {
          return try await reply.json(200, Text.list(50, [Text.thing("a", 3)]))
        }
        try await reply.head()
        try await reply.hang()
      }
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches") { lab.server.watches.last?.query["resourceVersion"] == "50" }
        #expect(reflection.objects == ["listed a=red", "listed a=red"])
      }
    }
  }

  @Test func aBookmarkMovesTheVersionOn() async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      guard request.number == 1 else { return try await reply.hang() }
      for version in 11...20 { try await reply.send(Text.bookmark(version)) }
      try await reply.end()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches again") { lab.server.watches.count == 2 }
        #expect(lab.server.watches[1].query["resourceVersion"] == "20")
        #expect(reflection.objects == ["listed"])
        #expect(!reflection.lines.contains { $0.hasPrefix("(interrupted") })
      }
    }
  }

  @Test func whatIsSaidTwiceIsToldOnce() async throws {
    try await Lab.run { request, reply in
      guard request.isWatch else {
        return try await reply.json(200, Text.list(10, [Text.thing("a", 3)]))
      }
      try await reply.head()
      try await reply.send(Text.event("ADDED", Text.thing("a", 3)))
      for _ in 0..<3 { try await reply.send(Text.event("ADDED", Text.thing("b", 11))) }
      for _ in 0..<2 { try await reply.send(Text.event("DELETED", Text.thing("b", 12))) }
      try await reply.send(Text.event("ADDED", Text.thing("c", 13)))
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("all is said") { reflection.objects.last == "changed c red" }
        #expect(
          reflection.objects == ["listed a=red", "changed b red", "gone b", "changed c red"])
      }
    }
  }

  @Test func versionsThatGoBackLeadToANewList() async throws {
    try await Lab.run(skips: true) { request, reply in
      guard request.isWatch else {
        let version = request.number == 0 ? 1000 : 9
        return try await reply.json(200, Text.list(version, [Text.thing("a", version)]))
      }
      try await reply.head()
      if request.number == 1 {
        try await reply.send(Text.event("MODIFIED", Text.thing("a", 8, "blue")))
      }
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches again") { lab.server.watches.count == 2 }
        #expect(reflection.objects == ["listed a=red", "listed a=red"])
        #expect(lab.server.watches[1].query["resourceVersion"] == "9")
      }
    }
  }

  @Test func aSilentConnectionIsGivenUp() async throws {
    try await Lab.run { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      if request.number == 1 { try await reply.send(Text.bookmark(11)) }
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches") { reflection.lines.contains("(watching)") }
        lab.clock.advance(.seconds(80))
        await eventually("the silence is measured") {
          lab.clock.limits.contains { $0 >= .seconds(90) }
        }
        #expect(lab.server.watches.count == 1)
        lab.clock.advance(.seconds(100))
        await eventually("it is given up") {
          reflection.lines.contains { $0.hasPrefix("(interrupted") }
        }
        lab.clock.advance(.seconds(1))
        await eventually("it watches again") { lab.server.watches.count == 2 }
        #expect(lab.server.watches[1].query["resourceVersion"] == "11")
        #expect(reflection.objects == ["listed"])
      }
    }
  }

  @Test func anEventThatComesByteByByteWithoutEndIsGivenUp() async throws {
    let gate = Gate()
    try await Lab.run { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      guard request.number == 1 else { return try await reply.hang() }
      while true {
        try await reply.send("{")
        gate.open()
        await shortPause()
      }
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches") { gate.isOpen && reflection.lines.contains("(watching)") }
        await eventually("the silence is measured") { lab.clock.limits == [.seconds(90)] }
        lab.clock.advance(.seconds(90))
        await eventually("it is given up") {
          reflection.lines.contains { $0.hasPrefix("(interrupted") }
        }
      }
    }
  }

  @Test func anEmptyListAfterErrorsIsNotBelieved() async throws {
    try await Lab.run(skips: true) { request, reply in
      switch request.number {
      case 0: try await reply.json(200, Text.list(10, [Text.thing("a", 3)]))
      case 1: try await reply.failure(410, "Expired")
      case 2, 3: try await reply.json(200, Text.list(20, []))
      case 4: try await reply.failure(500, "InternalError")
      case 5, 6, 7: try await reply.json(200, Text.list(21, []))
      case 8: try await reply.json(200, Text.list(30, [Text.thing("a", 3), Text.thing("b", 25)]))
      default:
        try await reply.head()
        try await reply.hang()
      }
    } _: { lab in
      try await lab.reflect(ReflectorOptions(list: ListOptions(request: .once))) { reflection in
        await eventually("it watches again") { lab.server.requests.count == 10 }
        #expect(reflection.objects == ["listed a=red", "listed a=red b=red"])
        #expect(reflection.lines.filter { $0 == "(doubted)" }.count == 5)
      }
    }
  }

  @Test func anEmptyListIsBelievedWhenItStaysSo() async throws {
    try await Lab.run(skips: true) { request, reply in
      switch request.number {
      case 0: try await reply.failure(500, "InternalError")
      case 1...4: try await reply.json(200, Text.list(20, []))
      default:
        try await reply.head()
        try await reply.hang()
      }
    } _: { lab in
      let options = ReflectorOptions(list: ListOptions(request: .once))
      // Known from before this process.
      try await lab.reflect(options, known: [ObjectReference(ObjectName("a"))]) { reflection in
        await eventually("it watches") { reflection.lines.last == "(watching)" }
        #expect(reflection.objects == ["listed -a"])
        #expect(lab.clock.now >= .seconds(60))
      }
    }
  }

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
        await eventually("it watches") { lab.server.watches.count == 1 }
        // 30 MB do not fit into what the kernel keeps for the connection.
        for _ in 0..<100 { await shortPause() }
        #expect(!gate.isOpen)
        // A receiver that takes its time is no silence of the server.
        lab.clock.advance(.seconds(1000))
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
}
