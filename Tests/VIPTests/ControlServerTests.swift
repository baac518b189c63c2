import TestSupport
import Testing
import VIP

/// The control socket's end: whoever has asked gets an answer.
@Suite struct ControlServerTests {
  @Test func `finishing waits for the replies and lets nobody else in`() async throws {
    let folder = try TemporaryDirectory()
    let directory = try RuntimeDirectory(path: folder["run"])
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let (gate, opening) = AsyncStream.makeStream(of: Void.self)
    let server = try ControlServer(in: directory) { request in
      arrived.yield()
      for await _ in gate { break }
      return Array("to ".utf8) + request
    }
    let path = RuntimeDirectory.socketPath(in: directory.path)
    let client = Task {
      try await onThread {
        try ControlClient.exchange(Array("you".utf8), socketPath: path, timeout: .seconds(120))
      }
    }
    for await _ in arrivals { break }

    server.close()
    let error = #expect(throws: ControlClientError.self) {
      try ControlClient.exchange([], socketPath: path, timeout: .seconds(1))
    }
    #expect(error?.kind == .noNode)
    opening.yield()
    await server.finish()
    #expect(try await client.value == Array("to you".utf8))
    // Once more is no harm.
    await server.finish()
  }
}
