import AsyncHTTPClient
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A connection to an API server.
///
/// Requests are typed by ``Resource``. Each has a time limit, none reads more than a bounded reply,
/// and none follows a redirection. To be shut down when it is no longer used.
public final class KubernetesClient: Sendable {
  /// What it has been made with.
  public let configuration: ClientConfiguration
  /// Where its time comes from.
  public let clock: any ClientClock
  let jitter: Jitter
  private let http: HTTPClient
  private let credentials: CredentialStore
  private let bucket: Mutex<TokenBucket>
  private let counts = Mutex(RequestCounts())

  /// The results of its requests so far.
  public var requestCounts: RequestCounts { counts.withLock { $0 } }

  /// The longest wait for a server that asks to be left alone before a request is given up.
  public static let retryAfterMax: Duration = .seconds(60)

  /// Makes a client; nothing is read or connected before the first request.
  public init(
    _ configuration: ClientConfiguration, clock: any ClientClock = SystemClock(),
    jitter: @escaping Jitter = { Double.random(in: 0..<1) }
  ) {
    self.configuration = configuration
    self.clock = clock
    self.jitter = jitter
    credentials = CredentialStore(configuration)
    bucket = Mutex(TokenBucket(rate: configuration.requestRate, burst: configuration.requestBurst))
    http = HTTPClient(
      eventLoopGroupProvider: .singleton, configuration: Self.httpConfiguration(configuration))
  }

  private static func httpConfiguration(
    _ configuration: ClientConfiguration
  ) -> HTTPClient.Configuration {
    var pool = HTTPClient.Configuration.ConnectionPool(idleTimeout: .seconds(60))
    // Each watch takes a connection for good; a Lease must never wait for one.
    pool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
    // Attempts are counted, and delayed, here.
    pool.retryConnectionEstablishment = false
    var http = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(connect: TimeAmount(configuration.connectTimeout)),
      connectionPool: pool, decompression: .disabled)
    http.httpVersion = .http1Only
    // A peer that has gone without a word is noticed by the kernel, too.
    http.http1_1ConnectionDebugInitializer = { channel in
      channel.setOption(.socketOption(.so_keepalive), value: 1)
        .flatMap { channel.setOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 15) }
        .flatMap { channel.setOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 5) }
        .flatMap { channel.setOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3) }
        .flatMap { channel.setOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: 30_000) }
    }
    return http
  }

  /// Ends all requests and connections.
  public func shutdown() async {
    do throws(any Error) {
      try await http.shutdown()
    } catch {
      // It has been shut down before.
    }
  }

  /// Makes a request, again if its options say so, and reads the reply.
  func perform(_ request: APIRequest) async throws(APIError) -> [UInt8] {
    var backoff = Backoff()
    var repetitions = 0
    while true {
      do throws(APIError) {
        return try await attempt(request)
      } catch {
        let options = request.options
        guard repetitions < options.repetitionsMax, options.repetition.covers(error) else {
          throw error
        }
        repetitions += 1
        let retryAfter = error.status?.retryAfter
        if let retryAfter, retryAfter > Self.retryAfterMax { throw error }
        try await pause(
          backoff.delay(afterFailureAt: clock.now, retryAfter: retryAfter, jitter: jitter))
      }
    }
  }

  private func attempt(_ request: APIRequest) async throws(APIError) -> [UInt8] {
    var limit = request.options.timeout ?? configuration.requestTimeout
    let byteCountMax = request.replyByteCountMax ?? configuration.replyByteCountMax
    try await waitForTurn(isUrgent: request.options.isUrgent)
    if let deadline = request.options.deadline {
      limit = min(limit, deadline - clock.now)
      guard limit > .zero else { throw .late }
    }
    return try await within(limit) { () async throws(APIError) in
      let response = try await self.open(request)
      return try await Self.collect(response.body, upTo: byteCountMax)
    }
  }

  /// Waits until the bound on the rate of requests allows another one.
  func waitForTurn(isUrgent: Bool) async throws(APIError) {
    guard !isUrgent else { return }
    let delay = bucket.withLock { $0.take(at: clock.now) }
    if delay > .zero { try await pause(delay) }
  }

  /// Sends a request and reads the head of the reply, with another token if the first is refused.
  func open(_ request: APIRequest) async throws(APIError) -> HTTPClientResponse {
    do throws(APIError) {
      return try await send(request)
    } catch {
      guard error.status?.code == 401, credentials.renew(at: clock.now) else { throw error }
      return try await send(request)
    }
  }

  private func send(_ request: APIRequest) async throws(APIError) -> HTTPClientResponse {
    let credentials = try credentials.current(at: clock.now)
    var message = HTTPClientRequest(url: configuration.server + request.target)
    message.method = request.method
    message.tlsConfiguration = credentials.encryption
    message.headers.add(name: "Accept", value: "application/json")
    message.headers.add(name: "User-Agent", value: configuration.userAgent)
    if let authorization = credentials.authorization {
      message.headers.add(name: "Authorization", value: authorization)
    }
    if let body = request.body {
      message.headers.add(name: "Content-Type", value: request.contentType)
      message.body = .bytes(ByteBuffer(bytes: body))
    }
    let response: HTTPClientResponse
    do throws(any Error) {
      response = try await http.execute(message, deadline: .distantFuture)
    } catch {
      counts.withLock { $0.failed += 1 }
      throw Self.describe(error)
    }
    guard (200..<300).contains(response.status.code) else {
      counts.withLock { $0.refused += 1 }
      throw await Self.status(of: response)
    }
    counts.withLock { $0.succeeded += 1 }
    return response
  }

  /// The longest reply that says why a request has failed.
  private static let statusByteCountMax = 1 << 20

  private static func status(of response: HTTPClientResponse) async -> APIError {
    let code = Int(response.status.code)
    var status = APIStatus(code: code)
    do throws(APIError) {
      let bytes = try await collect(response.body, upTo: statusByteCountMax)
      if let read = try? JSONDecoder().decode(APIStatus.self, from: Data(bytes)) {
        status = read
      } else {
        let text = String(decoding: bytes.prefix(200), as: UTF8.self)
        status.message = String(text.prefix { !$0.isNewline })
      }
    } catch {
      if error == .cancelled { return error }
    }
    status.code = code
    if let text = response.headers.first(name: "Retry-After"), let seconds = Int(text) {
      status.retryAfter = APIStatus.delay(seconds: seconds)
    }
    return .status(status)
  }

  /// Reads a body that must not be longer than a limit.
  private static func collect(
    _ body: HTTPClientResponse.Body, upTo limit: Int
  ) async throws(APIError) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(any Error) {
      for try await chunk in body {
        guard bytes.count + chunk.readableBytes <= limit else {
          throw APIError.tooLarge(byteCountMax: limit)
        }
        bytes.append(contentsOf: chunk.readableBytesView)
      }
    } catch {
      throw describe(error)
    }
    guard !Task.isCancelled else { throw .cancelled }
    return bytes
  }

  /// What an error of the libraries below means.
  static func describe(_ error: any Error) -> APIError {
    if Task.isCancelled { return .cancelled }
    switch error {
    case let error as APIError: return error
    case is CancellationError: return .cancelled
    case let error as HTTPClientError:
      switch error {
      case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout:
        return .unreachable("no connection in time")
      case .cancelled: return .cancelled
      case .invalidURL, .emptyHost, .emptyScheme:
        return .unsendable("the server's URL is unusable")
      case .alreadyShutdown: return .unsendable("the client has been shut down")
      default: return .broken(error.shortDescription)
      }
    case is NIOConnectionError, is NIOSSLExtraError: return .unreachable("\(error)")
    case NIOSSLError.handshakeFailed: return .unreachable("\(error)")
    case let error as IOError where error.errnoCode == ECONNREFUSED:
      return .unreachable("connection refused")
    default: return .broken("\(error)")
    }
  }
}

extension KubernetesClient {
  /// Waits.
  func pause(_ delay: Duration) async throws(APIError) {
    do throws(CancellationError) {
      try await clock.sleep(until: clock.now + delay)
    } catch {
      throw .cancelled
    }
  }

  /// Does something that ends with an error when a time is over.
  func within<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws(APIError) -> Value
  ) async throws(APIError) -> Value {
    let clock = self.clock
    let deadline = clock.now + limit
    let result = await withTaskGroup(of: Result<Value, APIError>?.self) { group in
      group.addTask {
        do throws(APIError) {
          return .success(try await operation())
        } catch {
          return .failure(error)
        }
      }
      group.addTask {
        do throws(CancellationError) {
          try await clock.expire(at: deadline)
          return .failure(.timeout(after: limit))
        } catch {
          return nil
        }
      }
      defer { group.cancelAll() }
      // The one that waits says nothing when it is cancelled; the other one does then.
      while let first = await group.next() {
        if let first { return first }
      }
      return .failure(.cancelled)
    }
    return try result.get()
  }
}
