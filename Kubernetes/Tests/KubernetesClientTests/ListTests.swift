import KubernetesClient
import Testing

@Suite(.timeLimit(.minutes(3))) struct ListTests {
  private static func names(_ list: ObjectList<Thing>) -> [String] {
    list.items.map { $0.reference?.name.name ?? "?" }
  }

  @Test func pagesAreOneList() async throws {
    try await Lab.run { request, reply in
      switch request.query["continue"] {
      case nil: try await reply.json(200, Text.list(10, [Text.thing("a", 1)], rest: "x/y="))
      case "x%2Fy%3D": try await reply.json(200, Text.list(10, [Text.thing("b", 2)], rest: "z"))
      default: try await reply.json(200, Text.list(10, [Text.thing("c", 3)]))
      }
    } _: { lab in
      let list = try await lab.client.list(
        .things, Selection(namespace: "n", labels: "a=b", fields: "metadata.name=c"))
      #expect(Self.names(list) == ["a", "b", "c"] && list.resourceVersion == "10")
      let request = lab.server.requests[0]
      #expect(request.path == "/apis/example.com/v1/namespaces/n/things")
      #expect(
        request.query == [
          "limit": "500", "labelSelector": "a%3Db", "fieldSelector": "metadata.name%3Dc",
        ])
      #expect(lab.server.requests.count == 3)
    }
  }

  @Test func aListWhoseRestHasExpiredIsBegunAgain() async throws {
    try await Lab.run { request, reply in
      switch request.number {
      case 0: try await reply.json(200, Text.list(10, [Text.thing("a", 1)], rest: "x"))
      case 1: try await reply.failure(410, "Expired", "the continue token is too old")
      case 2:
        try await reply.json(
          200, Text.list(20, [Text.thing("a", 1), Text.thing("b", 12)], rest: "y"))
      default: try await reply.json(200, Text.list(20, [Text.thing("c", 13)]))
      }
    } _: { lab in
      let list = try await lab.client.list(.things)
      #expect(Self.names(list) == ["a", "b", "c"] && list.resourceVersion == "20")
      #expect(lab.server.requests[2].query == ["limit": "2000"])
    }
  }

  @Test func aListThatAlwaysExpiresIsGivenUp() async throws {
    try await Lab.run { request, reply in
      guard request.query["continue"] != nil else {
        return try await reply.json(200, Text.list(10, [Text.thing("a", 1)], rest: "x"))
      }
      try await reply.failure(410, "Expired")
    } _: { lab in
      let error = await failure { () async throws(APIError) in
        _ = try await lab.client.list(.things)
      }
      #expect(error?.isExpired == true)
      #expect(lab.server.requests.count == 8)
    }
  }

  @Test func pagesThatAreTooLongBecomeShorter() async throws {
    try await Lab.run(configure: { $0.replyByteCountMax = 30_000 }) { request, reply in
      let start = Int(request.query["continue"] ?? "0") ?? 0
      let end = min(300, start + (Int(request.query["limit"] ?? "") ?? 1000))
      let items = (start..<end).map { Text.thing("t\($0)", 1) }
      try await reply.json(200, Text.list(10, items, rest: end < 300 ? "\(end)" : nil))
    } _: { lab in
      let list = try await lab.client.list(.things)
      #expect(Self.names(list) == (0..<300).map { "t\($0)" })
    }
  }

  @Test func oneBadObjectIsNoBadList() async throws {
    try await Lab.run { _, reply in
      try await reply.json(
        200, Text.list(10, [Text.thing("a", 1), Text.badThing("b", 2), "7", "null", #"{"x":[]}"#]))
    } _: { lab in
      let list = try await lab.client.list(.things)
      #expect(Self.names(list) == ["a", "b", "?", "?", "?"])
      guard case .unreadable(_, let problem) = list.items[1] else { return #expect(Bool(false)) }
      #expect(problem.hasPrefix("items.Index 1.spec.color"), "\(problem)")
    }
  }

  @Test func aListWithoutItemsIsEmptyAndOneWithoutVersionIsNone() async throws {
    try await Lab.run { request, reply in
      let texts = [
        #"{"metadata":{"resourceVersion":"7"},"items":null}"#, #"{"metadata":{},"items":[]}"#,
        #"{"items":[]}"#, #"{"metadata":{"resourceVersion":""},"items":[]}"#,
      ]
      try await reply.json(200, texts[request.number])
    } _: { lab in
      let options = ListOptions(request: .once)
      let list = try await lab.client.list(.things, options: options)
      #expect(list.items.isEmpty)
      for _ in 0..<3 {
        let error = await failure { () async throws(APIError) in
          _ = try await lab.client.list(.things, options: options)
        }
        guard case .unreadable = error else {
          return #expect(Bool(false), "\(String(describing: error))")
        }
      }
    }
  }
}
