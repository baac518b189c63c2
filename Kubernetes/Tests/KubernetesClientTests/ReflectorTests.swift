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
        #expect(reflection.lines.contains { $0.contains("in the middle of an event") })
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

  @Test func aWatchOnWhichThereAreOnlyBookmarksLasts() async throws {
    let minutes = Counter()
    try await Lab.run { _, reply in
      try await reply.head()
      for minute in 1...10 {
        while minutes.value < minute { await shortPause() }
        try await reply.send(Text.bookmark(10 + minute))
      }
      try await reply.end()
    } _: { lab in
      let (isOpen, bookmarks) = (Gate(), Counter())
      async let end = lab.client.watch(.things, from: "10") {
        isOpen.open()
      } _: { (_: WatchEvent<Thing>) in
        bookmarks.increase()
        return .more
      }
      await eventually("it watches") { isOpen.isOpen }
      for minute in 1...10 {
        lab.clock.advance(.seconds(60))
        minutes.increase()
        await eventually("the bookmark has come") { bookmarks.value == minute }
      }
      let how = try await end
      #expect(how == .finished)
    }
  }

  @Test func aServerThatIsBusyIsLeftAlone() async throws {
    try await Lab.run { request, reply in
      guard request.isWatch else {
        if request.number < 2 {
          return try await reply.failure(429, "TooManyRequests", "", ["Retry-After": "7"])
        }
        return try await reply.json(200, Text.list(10, []))
      }
      try await reply.head()
      try await reply.hang()
    } _: { lab in
      try await lab.reflect(ReflectorOptions(list: ListOptions(request: .once))) { reflection in
        for number in 1...2 {
          await eventually("it waits") { lab.clock.waits == [.seconds(7 * number)] }
          #expect(lab.server.requests.count == number)
          lab.clock.advance(.seconds(7))
        }
        await eventually("it watches") { reflection.lines.last == "(watching)" }
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

  /// A server that has seen no change of a kind since it began has no bookmarks for it.
  @Test func aSilentConnectionIsReplacedWhichIsNoError() async throws {
    try await Lab.run { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(10, [])) }
      try await reply.head()
      if request.number == 1 {
        try await reply.send(Text.event("ADDED", Text.thing("a", 11)))
      }
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("the event has come") { reflection.objects.count == 2 }
        await eventually("it watches again") {
          if lab.server.watches.count >= 2 { return true }
          lab.clock.advance(.seconds(1))
          return false
        }
        #expect(lab.clock.now >= .seconds(90))
        #expect(lab.server.watches[1].query["resourceVersion"] == "11")
        await eventually("the server has answered") { reflection.lines.count == 4 }
        #expect(reflection.lines == ["listed", "(watching)", "changed a red", "(watching)"])
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
        await eventually("it is given up") {
          if lab.server.watches.count >= 2 { return true }
          lab.clock.advance(.seconds(1))
          return false
        }
        #expect(lab.clock.now >= .seconds(90))
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
}
