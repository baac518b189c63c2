import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// How a watch is made.
public struct WatchOptions: Sendable, Hashable {
  /// After what time the server is asked to end the watch, at least; up to twice that by chance.
  public var duration: Duration
  /// How long nothing may come, not even a bookmark, before the connection is taken for dead.
  ///
  /// The server sends a bookmark about once a minute, but not of a kind of which it has seen
  /// nothing since it began; a ``Reflector`` then begins another watch.
  public var silenceMax: Duration
  /// The time for the head of the reply.
  public var openTimeout: Duration
  /// The longest event that is read; the API server takes no object of half that size.
  public var eventByteCountMax: Int

  /// Makes options; what is left out has its default.
  public init(
    duration: Duration = .seconds(300), silenceMax: Duration = .seconds(90),
    openTimeout: Duration = .seconds(30), eventByteCountMax: Int = 8 << 20
  ) {
    self.duration = duration
    self.silenceMax = silenceMax
    self.openTimeout = openTimeout
    self.eventByteCountMax = eventByteCountMax
  }
}

/// How a watch has ended without an error.
public enum WatchEnd: Sendable, Hashable {
  /// The server has ended it between two events.
  case finished
  /// It ended in the middle of an event, which is dropped.
  case torn
  /// The receiver does not want more.
  case stopped
}

/// What the receiver of a watch wants.
public enum WatchVerdict: Sendable, Hashable {
  /// The next event.
  case more
  /// No more.
  case stop
}

extension KubernetesClient {
  /// Watches a selection from a version on, until the server or the receiver ends it.
  ///
  /// Nothing is read ahead: while the receiver works on an event the server waits, and no more than
  /// one event and what the connection holds is in memory. That time is no silence of the server.
  public func watch<Object>(
    _ resource: Resource<Object>, _ selection: Selection = .all, from resourceVersion: String,
    options: WatchOptions = WatchOptions(),
    onOpen: @escaping @Sendable () async -> Void = {},
    _ receive: @escaping @Sendable (WatchEvent<Object>) async -> WatchVerdict
  ) async throws(APIError) -> WatchEnd {
    let seconds = Int64(options.duration * (1 + jitter()) / .seconds(1))
    let query =
      selection.query + [
        ("watch", "1"), ("allowWatchBookmarks", "true"), ("resourceVersion", resourceVersion),
        ("timeoutSeconds", "\(max(1, seconds))"),
      ]
    let request = APIRequest(
      method: .GET, path: resource.path(namespace: selection.namespace), query: query,
      options: .once)
    try await waitForTurn(isUrgent: false)
    let silence = Silence(clock)
    let result = await withTaskGroup(of: Result<WatchEnd, APIError>?.self) { group in
      group.addTask {
        do throws(APIError) {
          let response = try await self.within(options.openTimeout) { () async throws(APIError) in
            try await self.open(request)
          }
          await onOpen()
          silence.begin()
          return .success(
            try await Self.read(
              response.body, byteCountMax: options.eventByteCountMax, silence, receive))
        } catch {
          return .failure(error)
        }
      }
      group.addTask { await silence.wait(options.silenceMax) }
      defer { group.cancelAll() }
      while let first = await group.next() {
        if let first { return first }
      }
      return .failure(.cancelled)
    }
    return try result.get()
  }

  private static func read<Object>(
    _ body: HTTPClientResponse.Body, byteCountMax: Int, _ silence: Silence,
    _ receive: @Sendable (WatchEvent<Object>) async -> WatchVerdict
  ) async throws(APIError) -> WatchEnd {
    var splitter = LineSplitter(byteCountMax: byteCountMax)
    do throws(any Error) {
      for try await chunk in body {
        // Parts of an event are no sign of life: one that never ends would be waited for without
        // end.
        let lines = splitter.append(chunk.readableBytesView)
        guard !lines.isEmpty else { continue }
        silence.end()
        for line in lines {
          guard let event = WatchEvent<Object>.read(line, byteCountMax: byteCountMax) else {
            continue
          }
          guard !Task.isCancelled else { throw APIError.cancelled }
          if await receive(event) == .stop { return .stopped }
        }
        silence.begin()
      }
    } catch {
      throw describe(error)
    }
    guard !Task.isCancelled else { throw .cancelled }
    return splitter.isInLine ? .torn : .finished
  }
}

/// Since when nothing has come.
private final class Silence: Sendable {
  private let clock: any ClientClock
  private let since = Mutex<Duration?>(nil)

  init(_ clock: any ClientClock) { self.clock = clock }

  func begin() { since.withLock { $0 = clock.now } }
  func end() { since.withLock { $0 = nil } }

  /// Waits until nothing has come for a time; `nil` if it is cancelled before.
  func wait(_ limit: Duration) async -> Result<WatchEnd, APIError>? {
    while !Task.isCancelled {
      let now = clock.now
      let end = (since.withLock { $0 } ?? now) + limit
      if end <= now { return .failure(.silent(for: limit)) }
      do throws(CancellationError) {
        try await clock.expire(at: end)
      } catch {
        return nil
      }
    }
    return nil
  }
}
