import Synchronization

/// Keeps up with the objects of a selection: a list, then the changes, then a list again when
/// changes have been missed.
///
/// Errors never take anything away: while the server can't be reached nothing is said about
/// objects, an object that can't be read is still there, and an empty list in place of one that was
/// not is believed only when it has been read several times over a minute without an error.
public struct Reflector<Object: Decodable & Sendable>: Sendable {
  private let client: KubernetesClient
  private let resource: Resource<Object>
  private let selection: Selection
  private let options: ReflectorOptions
  private let known: [ObjectReference]

  /// A watch that ends sooner than this without an event counts as a failure.
  private static var shortWatch: Duration { .seconds(1) }

  /// Makes a reflector.
  ///
  /// `known` are objects that are known from before, as from a file: an empty list is doubted from
  /// the first one on, and what is not there any more is said to be gone.
  public init(
    _ client: KubernetesClient, _ resource: Resource<Object>, _ selection: Selection = .all,
    known: [ObjectReference] = [], options: ReflectorOptions = ReflectorOptions()
  ) {
    self.client = client
    self.resource = resource
    self.selection = selection
    self.known = known
    self.options = options
  }

  /// Says what happens, one event after the other, until the task is cancelled.
  ///
  /// While `receive` works on an event nothing more is read.
  public func run(
    _ receive: @escaping @Sendable (ReflectorEvent<Object>) async -> Void
  ) async {
    let run = ReflectorRun<Object>(known, options)
    var backoff = options.backoff
    while !Task.isCancelled {
      do throws(APIError) {
        if run.resourceVersion == nil { try await list(run, receive) }
        if let version = run.resourceVersion { try await watch(run, from: version, receive) }
      } catch {
        guard error != .cancelled, !Task.isCancelled else { return }
        run.failed(error)
        var delay = backoff.delay(
          afterFailureAt: client.clock.now, retryAfter: error.status?.retryAfter,
          jitter: client.jitter)
        if error.isExpired { delay = max(delay, options.relistDelayMax * client.jitter()) }
        await receive(.interrupted(error, retryIn: delay))
        await pause(delay)
      }
    }
  }

  /// Adds what happens to a queue, until the task is cancelled.
  public func run<Element: Sendable>(
    into queue: BoundedQueue<Element>,
    _ transform: @escaping @Sendable (ReflectorEvent<Object>) -> Element
  ) async {
    await run { event in await queue.send(transform(event)) }
  }

  private func list(
    _ run: ReflectorRun<Object>, _ receive: @Sendable (ReflectorEvent<Object>) async -> Void
  ) async throws(APIError) {
    let list = try await client.list(resource, selection, options: options.list)
    guard let events = run.take(list, at: client.clock.now) else {
      let delay = options.emptyListPeriod / max(1, options.emptyListCount - 1)
      await receive(.doubted(retryIn: delay))
      return await pause(delay)
    }
    for event in events { await receive(event) }
  }

  private func watch(
    _ run: ReflectorRun<Object>, from version: String,
    _ receive: @escaping @Sendable (ReflectorEvent<Object>) async -> Void
  ) async throws(APIError) {
    let begin = client.clock.now
    run.beginWatch()
    let end: WatchEnd
    do throws(APIError) {
      end = try await client.watch(
        resource, selection, from: version, options: options.watch,
        onOpen: { await receive(.watching) }
      ) { (event: WatchEvent<Object>) in
        let events = run.take(event)
        for event in events { await receive(event) }
        return run.stopReason == nil ? .more : .stop
      }
    } catch .silent {
      // Nothing may be wrong: a server that has seen no change of a kind since it began has no
      // bookmarks for it. A new watch finds out.
      return
    }
    if let reason = run.stopReason { throw reason }
    let isShort = client.clock.now - begin < Self.shortWatch
    if end == .torn || isShort && !run.hasProgress {
      throw .broken("the watch ended \(end == .torn ? "in the middle of an event" : "at once")")
    }
  }

  private func pause(_ delay: Duration) async {
    do throws(APIError) {
      try await client.pause(delay)
    } catch {
      // Cancelled, which the loop notices.
    }
  }
}

/// The state of a reflector that runs, and of its watch.
private final class ReflectorRun<Object: Decodable & Sendable>: Sendable {
  private struct State {
    var reflector: ReflectorState<Object>
    /// Why the watch has to end.
    var stopReason: APIError?
    /// Whether the watch has said anything.
    var hasProgress = false
  }
  private let state: Mutex<State>

  init(_ known: [ObjectReference], _ options: ReflectorOptions) {
    state = Mutex(State(reflector: ReflectorState(known: known, options: options)))
  }

  var resourceVersion: String? { state.withLock { $0.reflector.resourceVersion } }
  var stopReason: APIError? { state.withLock { $0.stopReason } }
  var hasProgress: Bool { state.withLock { $0.hasProgress } }

  func beginWatch() { state.withLock { ($0.stopReason, $0.hasProgress) = (nil, false) } }
  func failed(_ error: APIError) { state.withLock { $0.reflector.failed(error) } }

  func take(_ list: ObjectList<Object>, at now: Duration) -> [ReflectorEvent<Object>]? {
    state.withLock { $0.reflector.take(list, at: now) }
  }

  func take(_ event: WatchEvent<Object>) -> [ReflectorEvent<Object>] {
    state.withLock { state in
      let (events, continuation) = state.reflector.take(event)
      state.hasProgress = true
      if case .stop(let reason) = continuation { state.stopReason = reason }
      return events
    }
  }
}
