import Glibc
import Synchronization
import TestSupport
import Testing
import VIP
import VIPControl

/// The control socket's end: a client that has asked gets an answer.
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

  /// Asks, and takes nothing of what is answered.
  private func silentClient(_ path: String) throws -> Descriptor {
    let socket = try UnixSocket.open(nonBlocking: false)
    #expect(UnixAddress(path: path)?.connect(socket.raw) == 0)
    #expect(write(socket.raw, "x\n", 2) == 2)
    return socket
  }

  @Test(.timeLimit(.minutes(10)))
  func `a client that takes no reply holds up the end for two seconds`() async throws {
    let folder = try TemporaryDirectory()
    let directory = try RuntimeDirectory(path: folder["run"])
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let count = Atomic(0)
    let server = try ControlServer(in: directory) { _ in
      arrived.yield()
      // The second answer comes when the server is already at its end.
      if count.add(1, ordering: .relaxed).newValue == 2 { try? await Task.sleep(for: .seconds(1)) }
      return [UInt8](repeating: 65, count: 8 << 20)
    }
    let path = RuntimeDirectory.socketPath(in: directory.path)
    var arrival = arrivals.makeAsyncIterator()
    let first = try silentClient(path)
    _ = await arrival.next()
    // Its reply fills the socket.
    var poll = pollfd(fd: first.raw, events: Int16(POLLIN), revents: 0)
    #expect(Glibc.poll(&poll, 1, 300_000) == 1)
    let second = try silentClient(path)
    _ = await arrival.next()
    Pace.start()
    let start = Moment.now
    await server.finish()
    #expect(Moment.now - start > .milliseconds(1900))
    #expect(Bound(.seconds(2), machine: .seconds(5)).objection(from: start) == nil)
    withExtendedLifetime((first.raw, second.raw)) {}
  }

  @Test(.timeLimit(.minutes(10)))
  func `clients that are gone leave their places, and what they waited for is not waited for`()
    async throws
  {
    let folder = try TemporaryDirectory()
    let directory = try RuntimeDirectory(path: folder["run"])
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let (ends, ended) = AsyncStream.makeStream(of: Void.self)
    let server = try ControlServer(in: directory) { request in
      guard request == Array("x".utf8) else { return request }
      arrived.yield()
      // As long as an 'up' on an interface that is down.
      try? await Task.sleep(for: .seconds(3600))
      ended.yield()
      return []
    }
    let path = RuntimeDirectory.socketPath(in: directory.path)
    var arrival = arrivals.makeAsyncIterator()
    var end = ends.makeAsyncIterator()
    for _ in 0..<3 {
      var clients: [Int32] = []
      for _ in 0..<64 {
        clients.append(dup(try silentClient(path).raw))
        _ = await arrival.next()
      }
      for client in clients { close(client) }
      for _ in 0..<64 { _ = await end.next() }
    }
    let answer = try await onThread {
      try ControlClient.exchange(Array("you".utf8), socketPath: path, timeout: .seconds(600))
    }
    #expect(answer == Array("you".utf8))
    await server.finish()
  }

  @Test(.timeLimit(.minutes(10)))
  func `however many wait for a long answer, there is a place for a short one`() async throws {
    let folder = try TemporaryDirectory()
    let directory = try RuntimeDirectory(path: folder["run"])
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let server = try ControlServer(in: directory) { request in
      guard request == Array("x".utf8) else { return request }
      arrived.yield()
      try? await Task.sleep(for: .seconds(3600))
      return []
    }
    let path = RuntimeDirectory.socketPath(in: directory.path)
    var arrival = arrivals.makeAsyncIterator()
    var clients: [Int32] = []
    // More than have a place beside the others: the first of them is given up.
    for _ in 0..<300 {
      clients.append(dup(try silentClient(path).raw))
      _ = await arrival.next()
    }
    let answer = try await onThread {
      try ControlClient.exchange(Array("you".utf8), socketPath: path, timeout: .seconds(600))
    }
    #expect(answer == Array("you".utf8))
    for client in clients { close(client) }
    await server.finish()
  }

  @Test func `finishing waits for the replies and lets no other client in`() async throws {
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
        try ControlClient.exchange(Array("you".utf8), socketPath: path, timeout: .seconds(600))
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
