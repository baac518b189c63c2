import FoundationEssentials
import KubernetesClient
import Testing

@Suite(.timeLimit(.minutes(3))) struct RequestTests {
  private let thing = ObjectName("a")

  @Test func anObjectIsRead() async throws {
    try await Lab.run { request, reply in
      try await reply.json(200, Text.thing("a", 5))
    } _: { lab in
      let thing = try await lab.client.get(.things, ObjectName("a"))
      #expect(thing.spec.color == "red")
      let request = try #require(lab.server.requests.first)
      #expect(request.method == "GET" && request.path == "/apis/example.com/v1/things/a")
      #expect(request.header("Accept") == "application/json")
      #expect(request.header("Authorization") == nil)
    }
  }

  @Test func writesSayWhatTheyAre() async throws {
    try await Lab.run { request, reply in
      try await reply.json(request.method == "POST" ? 201 : 200, Text.thing("a", 6))
    } _: { lab in
      let (client, name) = (lab.client, ObjectName("a"))
      let reference = try await client.create(.things, ["metadata": ["name": "a"]])
      #expect(reference.resourceVersion == "6")
      try await client.patch(.things, name, .merge(["x": nil]), subresource: .status)
      try await client.patch(
        .things, name, .json([.test("/metadata/generation", 3), .remove("/spec/b")]))
      try await client.patch(.things, name, .apply(["kind": "Thing"], force: true))
      try await client.delete(.things, name, Preconditions(uid: "u", resourceVersion: "7"))
      let requests = lab.server.requests
      #expect(requests.map(\.method) == ["POST", "PATCH", "PATCH", "PATCH", "DELETE"])
      #expect(
        requests.map { $0.header("Content-Type") ?? "" } == [
          "application/json", "application/merge-patch+json", "application/json-patch+json",
          "application/apply-patch+yaml", "application/json",
        ])
      #expect(requests[1].path.hasSuffix("/a/status") && requests[1].body == #"{"x":null}"#)
      #expect(
        requests[2].body
          == #"[{"op":"test","path":"/metadata/generation","value":3},{"op":"remove","path":"/spec/b"}]"#
      )
      #expect(requests[3].query == ["fieldManager": "vipctl", "force": "true"])
      #expect(requests[4].body.contains(#""preconditions":{"resourceVersion":"7","uid":"u"}"#))
    }
  }

  @Test func aRefusalIsTyped() async throws {
    try await Lab.run { request, reply in
      switch request.number {
      case 0: try await reply.failure(404, "NotFound", "no thing")
      case 1: try await reply.failure(409, "Conflict")
      case 2: try await reply.failure(409, "AlreadyExists")
      case 3:
        try await reply.failure(
          422, "Invalid", "the server rejected our request due to an error in our request")
      case 4: try await reply.failure(422, "Invalid", "Thing a is invalid: spec.color")
      default: try await reply.json(403, "<html>no</html>\n<p>")
      }
    } _: { lab in
      func error() async -> APIError? {
        do throws(APIError) {
          try await lab.client.patch(.things, ObjectName("a"), .merge([:]))
          return nil
        } catch {
          return error
        }
      }
      let missing = await error()
      #expect(missing?.isNotFound == true && missing?.status?.message == "no thing")
      #expect(await error()?.isConflict == true)
      let existing = await error()
      #expect(existing?.isAlreadyExists == true && existing?.isConflict == false)
      #expect(await error()?.isConflict == true)
      #expect(await error()?.isConflict == false)
      let page = await error()
      #expect(page?.status == APIStatus(code: 403, message: "<html>no</html>"))
    }
  }

  @Test(arguments: ["", "{", "[]", "nonsense", #"{"metadata":{}}"#, "\u{0}"])
  func garbageIsAnErrorAndNothingElse(text: String) async throws {
    try await Lab.run { _, reply in
      try await reply.json(200, text)
    } _: { lab in
      let error = await failure { () async throws(APIError) in
        _ = try await lab.client.get(.things, ObjectName("a"))
      }
      guard case .unreadable = error else {
        return #expect(Bool(false), "\(String(describing: error))")
      }
    }
  }

  @Test func aReplyIsReadUpToItsLimit() async throws {
    try await Lab.run(configure: { $0.replyByteCountMax = 1000 }) { _, reply in
      try await reply.head()
      // Without end, as far as the client knows.
      while true { try await reply.send(String(repeating: " ", count: 512)) }
    } _: { lab in
      let error = await failure { () async throws(APIError) in
        _ = try await lab.client.get(.things, ObjectName("a"))
      }
      #expect(error == .tooLarge(byteCountMax: 1000))
      await eventually("the connection is closed") { lab.server.openConnections == 0 }
    }
  }

  @Test func aServerThatIsBusyIsLeftAloneForAsLongAsItWants() async throws {
    try await Lab.run { request, reply in
      if request.number == 0 {
        try await reply.failure(429, "TooManyRequests", "", ["Retry-After": "7"])
      } else {
        try await reply.json(200, Text.thing("a", 5))
      }
    } _: { lab in
      async let thing = lab.client.get(.things, ObjectName("a"))
      await eventually("it waits") { lab.clock.waits == [.seconds(7)] }
      #expect(lab.server.requests.count == 1)
      lab.clock.advance(.seconds(7))
      let color = try await thing.spec.color
      #expect(color == "red")
    }
  }

  @Test func aServerThatWantsTooMuchPatienceIsGivenUp() async throws {
    try await Lab.run { _, reply in
      try await reply.failure(503, "ServiceUnavailable", "", ["Retry-After": "3600"])
    } _: { lab in
      let error = await failure { () async throws(APIError) in
        _ = try await lab.client.get(.things, ObjectName("a"))
      }
      #expect(error?.status?.retryAfter == .seconds(3600))
      #expect(lab.server.requests.count == 1)
    }
  }

  @Test func readingIsRepeatedAFewTimes() async throws {
    try await Lab.run(skips: true) { _, reply in
      try await reply.failure(500, "InternalError")
    } _: { lab in
      let error = await failure { () async throws(APIError) in
        _ = try await lab.client.get(.things, ObjectName("a"))
      }
      #expect(error?.status?.code == 500)
      #expect(lab.server.requests.count == 5)
      // 0.4, 0.8, 1.6 and 3.2 s: no more by chance here.
      #expect(lab.clock.now == .seconds(6))
    }
  }

  @Test func aWriteThatMayHaveBeenMadeIsNotRepeated() async throws {
    try await Lab.run(skips: true) { request, reply in
      if request.number == 0 { throw FakeReply.Cut() }
      try await reply.failure(500, "InternalError")
    } _: { lab in
      for _ in 0..<2 {
        let error = await failure { () async throws(APIError) in
          try await lab.client.patch(.things, ObjectName("a"), .merge([:]))
        }
        #expect(error?.isAmbiguous == true)
      }
      #expect(lab.server.requests.count == 2)
    }
  }

  @Test func aWriteThatWasNotMadeIsRepeated() async throws {
    try await Lab.run(skips: true) { request, reply in
      if request.number < 2 { return try await reply.failure(429, "TooManyRequests") }
      try await reply.json(200, Text.thing("a", 5))
    } _: { lab in
      try await lab.client.patch(.things, ObjectName("a"), .merge([:]))
      #expect(lab.server.requests.count == 3)
    }
  }

  @Test func aServerThatIsNotThereHasSeenNothing() async throws {
    let clock = ManualClock()
    // Nothing listens there.
    let client = KubernetesClient(
      ClientConfiguration(server: "http://127.0.0.1:1"), clock: clock, jitter: { 0 })
    let error = await failure { () async throws(APIError) in
      try await client.patch(.things, ObjectName("a"), .merge([:]), options: .once)
    }
    await client.shutdown()
    guard case .unreachable = error else {
      return #expect(Bool(false), "\(String(describing: error))")
    }
    #expect(error?.isAmbiguous == false)
  }

  @Test func aSlowReplyIsGivenUp() async throws {
    try await Lab.run { _, reply in
      try await reply.head()
      try await reply.send(#"{"metadata":"#)
      try await reply.hang()
    } _: { lab in
      async let error = failure { () async throws(APIError) in
        _ = try await lab.client.get(.things, ObjectName("a"), options: .once)
      }
      await eventually("the request is under way") { lab.server.requests.count == 1 }
      lab.clock.advance(.seconds(30))
      #expect(await error == .timeout(after: .seconds(30)))
      await eventually("the connection is closed") { lab.server.openConnections == 0 }
    }
  }

  @Test func aRedirectionIsNotFollowed() async throws {
    try await Lab.run { request, reply in
      try await reply.json(302, "", ["Location": "/elsewhere"])
    } _: { lab in
      let error = await failure { () async throws(APIError) in
        _ = try await lab.client.get(.things, ObjectName("a"))
      }
      #expect(error?.status?.code == 302)
      #expect(lab.server.requests.count == 1)
    }
  }

  @Test func requestsAreBoundedButForUrgentOnes() async throws {
    try await Lab.run(configure: {
      ($0.requestRate, $0.requestBurst) = (1, 1)
    }) { _, reply in
      try await reply.json(200, Text.thing("a", 5))
    } _: { lab in
      _ = try await lab.client.get(.things, ObjectName("a"))
      async let waiting = lab.client.get(.things, ObjectName("a"))
      await eventually("it waits") { lab.clock.waits == [.seconds(1)] }
      _ = try await lab.client.get(
        .things, ObjectName("b"), options: RequestOptions(isUrgent: true, repetition: .never))
      #expect(lab.server.requests.map { String($0.path.suffix(1)) } == ["a", "b"])
      lab.clock.advance(.seconds(1))
      _ = try await waiting
    }
  }

  @Test func aCancelledRequestEnds() async throws {
    try await Lab.run { _, reply in
      try await reply.hang()
    } _: { lab in
      await withTaskGroup(of: APIError?.self) { group in
        group.addTask {
          await failure { () async throws(APIError) in
            _ = try await lab.client.get(.things, ObjectName("a"))
          }
        }
        await eventually("the request is under way") { lab.server.requests.count == 1 }
        group.cancelAll()
        #expect(await group.next() == .cancelled)
      }
    }
  }
}

/// The error with which something fails; `nil` if it doesn't.
func failure(_ operation: () async throws(APIError) -> Void) async -> APIError? {
  do throws(APIError) {
    try await operation()
    return nil
  } catch {
    return error
  }
}
