import Glibc
import Synchronization
import TestSupport
import Testing
import VIPControl

/// Something that a thread can wait for.
private final class Flag: Sendable {
  private let isSet = Atomic<Bool>(false)

  func set() { isSet.store(true, ordering: .releasing) }

  func wait() {
    while !isSet.load(ordering: .acquiring) { usleep(1000) }
  }
}

/// Answers of any number of lines.
@Suite(.timeLimit(.minutes(10))) struct EventStreamTests {
  /// A stream that makes a line a millisecond from its number, and tells when nothing reads it any
  /// more.
  private static func endless(
    telling ended: AsyncStream<Void>.Continuation, line: @escaping @Sendable (Int) -> [UInt8]
  ) -> AsyncStream<[UInt8]> {
    AsyncStream { continuation in
      let task = Task {
        var number = 0
        while !Task.isCancelled {
          continuation.yield(line(number))
          number += 1
          try? await Task.sleep(for: .milliseconds(1))
        }
      }
      continuation.onTermination = { _ in
        task.cancel()
        ended.yield()
      }
    }
  }

  @Test func `a stream's lines come one by one until the client has enough`() async throws {
    let folder = try TemporaryDirectory()
    let directory = try RuntimeDirectory(path: folder["run"])
    let (endings, ended) = AsyncStream.makeStream(of: Void.self)
    let server = try ControlServer(
      in: directory,
      stream: { request in
        guard request == Array("count".utf8) else { return nil }
        return Self.endless(telling: ended) { Array("\($0)".utf8) }
      }, handler: { $0 })
    let path = RuntimeDirectory.socketPath(in: directory.path)
    let lines = try await onThread {
      var lines: [String] = []
      try ControlClient.follow(Array("count".utf8), socketPath: path) { line in
        lines.append(String(decoding: line, as: UTF8.self))
        return lines.count < 20
      }
      return lines
    }
    #expect(lines == (0..<20).map(String.init))
    // A client that has gone is noticed, and nothing is written for it any more.
    for await _ in endings { break }

    let echo = try await onThread {
      try ControlClient.exchange(Array("hello".utf8), socketPath: path, timeout: .seconds(600))
    }
    #expect(echo == Array("hello".utf8))
    await server.finish()
  }

  @Test func `a client that does not read costs a bounded amount and is let go`() async throws {
    let folder = try TemporaryDirectory()
    let directory = try RuntimeDirectory(path: folder["run"])
    let (endings, ended) = AsyncStream.makeStream(of: Void.self)
    let server = try ControlServer(
      in: directory,
      stream: { request in
        guard request == Array("flood".utf8) else { return nil }
        return Self.endless(telling: ended) { _ in
          [UInt8](repeating: UInt8(ascii: "x"), count: 10_000)
        }
      }, handler: { $0 })
    let path = RuntimeDirectory.socketPath(in: directory.path)
    let isReleased = Flag()
    let client = Task {
      try await onThread {
        var count = 0
        try? ControlClient.follow(Array("flood".utf8), socketPath: path) { _ in
          count += 1
          isReleased.wait()
          return true
        }
        return count
      }
    }
    // The server ends it although the client has not gone.
    for await _ in endings { break }
    isReleased.set()
    // A mebibyte, and what sockets hold.
    #expect(try await client.value * 10_000 < 4 << 20)
    await server.finish()
  }

  @Test func `the end of the server ends a stream`() async throws {
    let folder = try TemporaryDirectory()
    let directory = try RuntimeDirectory(path: folder["run"])
    let (lines, line) = AsyncStream.makeStream(of: [UInt8].self)
    let server = try ControlServer(
      in: directory, stream: { _ in lines }, handler: { $0 })
    let path = RuntimeDirectory.socketPath(in: directory.path)
    line.yield(Array("first".utf8))
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let client = Task {
      try await onThread {
        var count = 0
        try ControlClient.follow([], socketPath: path) { _ in
          count += 1
          arrived.yield()
          return true
        }
        return count
      }
    }
    for await _ in arrivals { break }
    await server.finish()
    #expect(try await client.value == 1)
  }
}
