import Glibc
import TestSupport
import Testing
import VIPControl

/// The control socket's end: whoever has asked gets an answer.
@Suite struct ControlServerTests {
  /// In a child process, since a umask belongs to the whole process, other tests included.
  @Test(arguments: [0o000, 0o022, 0o077] as [mode_t])
  func `the socket is the user's own whatever the umask, which stays as it is`(
    mask: mode_t
  ) async throws {
    let folder = try TemporaryDirectory()
    let path = folder["run"]
    await #expect(processExitsWith: .success) {
      [mask = mask as mode_t, path = path as String] in
      umask(mask)
      let directory = try RuntimeDirectory(path: path)
      // Watched from before the file is there: it must not have been open for a moment.
      let watch = inotify_init1(O_NONBLOCK)
      inotify_add_watch(watch, path, UInt32(IN_ATTRIB))
      let server = try ControlServer(in: directory) { $0 }
      var status = stat()
      #expect(stat(RuntimeDirectory.socketPath(in: path), &status) == 0)
      #expect(status.st_mode & 0o7777 == 0o600)
      var event = [UInt8](repeating: 0, count: 4096)
      #expect(read(watch, &event, event.count) < 0, "the mode was changed after the file was made")
      #expect(umask(mask) == mask)
      await server.finish()
    }
  }

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
