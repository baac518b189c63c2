import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A request as the server got it.
struct FakeRequest: Sendable {
  var method: String
  var path: String
  var query: [String: String]
  var headers: [(String, String)]
  var body: String
  /// How many requests came before it.
  var number: Int

  func header(_ name: String) -> String? {
    headers.first { $0.0.lowercased() == name.lowercased() }?.1
  }

  var isWatch: Bool { query["watch"] == "1" }
}

/// An API server that answers as a test says.
final class FakeServer: Sendable {
  typealias Script = @Sendable (FakeRequest, FakeReply) async throws -> Void

  private struct State {
    var requests: [FakeRequest] = []
    var connections: [ObjectIdentifier: any Channel] = [:]
    var listener: (any Channel)?
    var port = 0
  }
  private let state = Mutex(State())
  private let script: Script

  var port: Int { state.withLock { $0.port } }
  /// All requests so far, in the order in which they came.
  var requests: [FakeRequest] { state.withLock { $0.requests } }
  var watches: [FakeRequest] { requests.filter(\.isWatch) }
  var openConnections: Int { state.withLock { $0.connections.count } }

  init(tls: NIOSSLContext? = nil, _ script: @escaping Script) async throws {
    self.script = script
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
          }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(RequestHandler(self))
          self.add(channel)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    state.withLock {
      $0.listener = listener
      $0.port = listener.localAddress?.port ?? 0
    }
  }

  private func add(_ channel: any Channel) {
    state.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { $0.connections[ObjectIdentifier(channel)] = nil }
    }
  }

  /// Ends all connections, and takes no more.
  func stop() async {
    try? await state.withLock { $0.listener }?.close()
    for connection in state.withLock({ Array($0.connections.values) }) {
      try? await connection.close()
    }
  }

  fileprivate func answer(_ head: HTTPRequestHead, _ body: String, on channel: any Channel) async {
    do {
      try await script(record(head, body), FakeReply(channel))
    } catch {
      // The client has gone, or the script has cut the connection.
      try? await channel.close()
    }
  }

  private func record(_ head: HTTPRequestHead, _ body: String) -> FakeRequest {
    let parts = head.uri.split(separator: "?", maxSplits: 1).map(String.init)
    var query: [String: String] = [:]
    for item in parts.dropFirst().first?.split(separator: "&") ?? [] {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      query[String(pair[0])] = String(pair.dropFirst().first ?? "")
    }
    return state.withLock { state in
      let request = FakeRequest(
        method: head.method.rawValue, path: parts[0], query: query,
        headers: head.headers.map { ($0.name, $0.value) }, body: body,
        number: state.requests.count)
      state.requests.append(request)
      return request
    }
  }
}

/// Puts the parts of a request together.
private final class RequestHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart

  private let server: FakeServer
  private var head: HTTPRequestHead?
  private var body = ""

  init(_ server: FakeServer) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let value): (head, body) = (value, "")
    case .body(let buffer): body += String(buffer: buffer)
    case .end:
      guard let head else { return }
      let (server, body, channel) = (server, body, context.channel)
      Task { await server.answer(head, body, on: channel) }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

/// What a script says to a client.
struct FakeReply: Sendable {
  /// Ends the connection.
  struct Cut: Error {}

  private let channel: any Channel

  init(_ channel: any Channel) { self.channel = channel }

  /// Whether the client is still there.
  var isOpen: Bool { channel.isActive }

  /// Writes, and waits until the kernel has taken it.
  private func write(_ part: HTTPServerResponsePart) async throws {
    try await channel.writeAndFlush(part)
  }

  /// The head of a reply whose body comes piece by piece.
  func head(_ status: Int = 200, _ headers: [String: String] = [:]) async throws {
    var fields = HTTPHeaders([("Content-Type", "application/json")])
    for (name, value) in headers { fields.add(name: name, value: value) }
    try await write(
      .head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields))
    )
  }

  func send(_ text: String) async throws {
    try await write(.body(.byteBuffer(ByteBuffer(string: text))))
  }

  func end() async throws { try await write(.end(nil)) }

  /// A whole reply.
  func json(_ status: Int = 200, _ body: String, _ headers: [String: String] = [:]) async throws {
    try await head(status, headers)
    try await send(body)
    try await end()
  }

  /// A `Status`, as the API server has it.
  func failure(
    _ code: Int, _ reason: String, _ message: String = "", _ headers: [String: String] = [:]
  ) async throws {
    try await json(code, FakeReply.status(code, reason, message), headers)
  }

  static func status(_ code: Int, _ reason: String, _ message: String = "") -> String {
    #"{"kind":"Status","apiVersion":"v1","status":"Failure","code":\#(code),"#
      + #""reason":"\#(reason)","message":"\#(message)"}"#
  }

  /// Says nothing more, until the test ends or the client goes.
  func hang() async throws {
    try await channel.closeFuture.get()
  }
}
