import FoundationEssentials
import KubernetesClient
import Testing

@Suite(.timeLimit(.minutes(3))) struct CredentialTests {
  /// A file that goes with its owner.
  private final class File: Sendable {
    let path: String

    init(_ text: String) {
      path =
        FileManager.default.temporaryDirectory.path + "/vipctl-test-\(UUID().uuidString)"
      write(text)
    }

    func write(_ text: String) {
      #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    deinit { remove() }
  }

  private static func read(_ lab: Lab) async -> APIError? {
    await failure { () async throws(APIError) in
      _ = try await lab.client.get(.things, ObjectName("a"), options: .once)
    }
  }

  /// Accepts one token.
  private static func script(_ token: String) -> FakeServer.Script {
    { request, reply in
      if request.header("Authorization") == "Bearer \(token)" {
        try await reply.json(200, Text.thing("a", 1))
      } else {
        try await reply.failure(401, "Unauthorized")
      }
    }
  }

  @Test func aTokenThatIsRefusedIsReadAgain() async throws {
    let file = File("old\n")
    try await Lab.run(configure: { $0.token = .file(file.path) }) { request, reply in
      try await Self.script(request.number == 0 ? "old" : "new")(request, reply)
    } _: { lab in
      #expect(await Self.read(lab) == nil)
      // The server accepts the other one only from now on, and the file is not there yet.
      #expect(await Self.read(lab)?.status?.code == 401)
      #expect(lab.server.requests.count == 2, "no second attempt with the same token")
      file.write("new\n")
      #expect(await Self.read(lab) == nil)
      #expect(lab.server.requests.count == 4)
    }
  }

  @Test func aWatchIsOpenedWithTheNewToken() async throws {
    let file = File("old")
    try await Lab.run(configure: { $0.token = .file(file.path) }) { request, reply in
      guard request.isWatch else { return try await reply.json(200, Text.list(1, [])) }
      file.write("new")
      guard request.header("Authorization") == "Bearer new" else {
        return try await reply.failure(401, "Unauthorized")
      }
      try await reply.head()
      try await reply.hang()
    } _: { lab in
      try await lab.reflect { reflection in
        await eventually("it watches") { reflection.lines.last == "(watching)" }
        #expect(reflection.lines == ["listed", "(watching)"])
      }
    }
  }

  @Test func aTokenIsReadAgainAfterAMinute() async throws {
    let file = File("old")
    try await Lab.run(configure: { $0.token = .file(file.path) }, script: Self.script("old")) {
      lab in
      #expect(await Self.read(lab) == nil)
      file.write("new")
      lab.clock.advance(.seconds(59))
      #expect(await Self.read(lab) == nil)
      lab.clock.advance(.seconds(1))
      #expect(await Self.read(lab)?.status?.code == 401)
      #expect(lab.server.requests.last?.header("Authorization") == "Bearer new")
    }
  }

  @Test(arguments: [nil, "", "two words", "a\nb", String(repeating: "x", count: 2 << 20)])
  func aFileThatHasNoTokenIsAnErrorAtFirstAndNoneLater(text: String?) async throws {
    let file = File("old")
    @Sendable func spoil() {
      if let text { file.write(text) } else { file.remove() }
    }
    try await Lab.run(configure: { $0.token = .file(file.path) }, script: Self.script("old")) {
      lab in
      spoil()
      guard case .credentials = await Self.read(lab) else { return #expect(Bool(false)) }
      #expect(lab.server.requests.isEmpty)
      file.write("old")
      #expect(await Self.read(lab) == nil)
      spoil()
      lab.clock.advance(.seconds(60))
      #expect(await Self.read(lab) == nil)
    }
  }

  @Test func theServerShowsACertificateOfItsAuthority() async throws {
    let authorities = File(Certificates.other)
    try await Lab.run(tls: Certificates.context()) {
      $0.authorities = .file(authorities.path)
      $0.token = .fixed("t")
    } script: { request, reply in
      try await reply.json(200, Text.thing("a", 1))
    } _: { lab in
      let error = await Self.read(lab)
      guard case .unreachable = error else {
        return #expect(Bool(false), "\(String(describing: error))")
      }
      #expect(lab.server.requests.isEmpty, "no token for a server that may be another")
      authorities.write(Certificates.authority)
      lab.clock.advance(.seconds(60))
      #expect(await Self.read(lab) == nil)
    }
  }

  @Test func theClientShowsACertificate() async throws {
    try await Lab.run(tls: Certificates.context(wantsClient: true)) {
      $0.authorities = .bytes(Array(Certificates.authority.utf8))
      $0.clientCertificate = ClientCertificate(
        chain: .bytes(Array(Certificates.client.utf8)),
        key: .bytes(Array(Certificates.clientKey.utf8)))
    } script: { request, reply in
      try await reply.json(200, Text.thing("a", 1))
    } _: { lab in
      #expect(await Self.read(lab) == nil)
    }
  }

  @Test func aCertificateThatIsNoneIsAnError() async throws {
    try await Lab.run(tls: Certificates.context()) {
      $0.authorities = .bytes(Array("-----BEGIN CERTIFICATE-----\nx\n".utf8))
    } script: { _, reply in
      try await reply.json(200, Text.thing("a", 1))
    } _: { lab in
      guard case .credentials = await Self.read(lab) else { return #expect(Bool(false)) }
    }
  }
}
