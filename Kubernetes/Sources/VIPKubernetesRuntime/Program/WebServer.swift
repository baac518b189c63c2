import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A page of a ``WebServer``.
public struct WebPage: Sendable, Hashable {
  /// The HTTP status.
  public var status: Int
  /// The media type.
  public var contentType: String
  /// The text.
  public var text: String

  /// Makes a page.
  public init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", _ text: String)
  {
    self.status = status
    self.contentType = contentType
    self.text = text
  }
}

/// The reason why a ``WebServer`` can't listen.
public struct WebServerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence.
  public let description: String
}

/// A small HTTP server for metrics and probes: GET and HEAD, no bodies, few connections, bounded time.
public final class WebServer: Sendable {
  /// Gives the page of a path; `nil` if there is none.
  public typealias Pages = @Sendable (_ path: String) async -> WebPage?

  /// The most connections at a time; what comes beyond that is closed at once.
  private static let connectionCountMax = 64
  /// The time after which a connection without a request is closed.
  private static let idleTimeout = TimeAmount.seconds(30)

  private struct State {
    var listener: (any Channel)?
    var connections: [ObjectIdentifier: any Channel] = [:]
  }
  private let state = Mutex(State())
  private let pages: Pages

  /// Listens on a port of an address, such as `::` for all; on any free port if it is 0.
  public init(address: String, port: Int, pages: @escaping Pages) async throws(WebServerError) {
    self.pages = pages
    do throws(any Error) {
      let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            guard self.add(channel) else { throw ChannelError.ioOnClosedChannel }
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true)
            try pipeline.addHandler(IdleStateHandler(allTimeout: Self.idleTimeout))
            try pipeline.addHandler(PageHandler(self.pages))
          }
        }
        .bind(host: address, port: port).get()
      state.withLock { $0.listener = listener }
    } catch {
      throw WebServerError(
        description: "can't listen on \(address) port \(port) for metrics and probes: \(error)")
    }
  }

  /// The port.
  public var port: Int { state.withLock { $0.listener?.localAddress?.port ?? 0 } }

  /// Stops listening and ends all connections.
  public func close() async {
    let channels = state.withLock { state in
      [state.listener].compactMap { $0 } + Array(state.connections.values)
    }
    for channel in channels {
      do throws(any Error) {
        try await channel.close()
      } catch {
        // It has been closed by the other side.
      }
    }
  }

  /// Takes note of a connection, if there are not too many.
  private func add(_ channel: any Channel) -> Bool {
    let id = ObjectIdentifier(channel)
    let isTaken = state.withLock { state in
      guard state.connections.count < Self.connectionCountMax else { return false }
      state.connections[id] = channel
      return true
    }
    if isTaken {
      channel.closeFuture.whenComplete { _ in
        self.state.withLock { _ = $0.connections.removeValue(forKey: id) }
      }
    }
    return isTaken
  }
}

/// Answers the requests of a connection, one after the other.
private final class PageHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart

  private let pages: WebServer.Pages
  private var head: HTTPRequestHead?

  init(_ pages: @escaping WebServer.Pages) { self.pages = pages }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    // No page takes one.
    case .body: break
    case .end:
      guard let head else { return }
      self.head = nil
      let request = PageRequest(head: head, pages: pages, channel: context.channel)
      Task { await request.answer() }
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // There is no handler behind this one that others would be for.
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

/// One request of a connection.
private struct PageRequest: Sendable {
  let head: HTTPRequestHead
  let pages: WebServer.Pages
  let channel: any Channel

  @concurrent func answer() async {
    let path = head.uri.split(separator: "?", maxSplits: 1).first.map(String.init) ?? "/"
    let page: WebPage
    if head.method == .GET || head.method == .HEAD {
      page = await pages(path) ?? WebPage(status: 404, "there is no such page\n")
    } else {
      page = WebPage(status: 405, "only GET and HEAD\n")
    }
    var fields = HTTPHeaders()
    fields.add(name: "Content-Type", value: page.contentType)
    fields.add(name: "Content-Length", value: "\(page.text.utf8.count)")
    if !head.isKeepAlive { fields.add(name: "Connection", value: "close") }
    do throws(any Error) {
      channel.write(
        HTTPServerResponsePart.head(
          HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: page.status), headers: fields)
        ),
        promise: nil)
      if head.method != .HEAD {
        channel.write(
          HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: page.text))), promise: nil)
      }
      try await channel.writeAndFlush(HTTPServerResponsePart.end(nil))
      if !head.isKeepAlive { try await channel.close() }
    } catch {
      // The client has gone.
    }
  }
}
