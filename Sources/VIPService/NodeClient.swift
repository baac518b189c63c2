public import VIPControl
import VIPReports

/// A node that runs in another process, by its control socket.
public struct NodeClient: Sendable {
  /// The node's runtime directory.
  public let directory: String

  /// Time that an answer may take that needs no more than a turn of the node's loop.
  public static let answerTimeout = Duration.seconds(5)

  /// Names the node of a runtime directory; nothing is asked yet.
  public init(directory: String) {
    self.directory = directory
  }

  /// Sends a request and waits for the reply.
  ///
  /// Blocks the calling thread.
  ///
  /// - Throws: why there is no reply.
  public func ask(
    _ request: ControlRequest, timeout: Duration = answerTimeout
  ) throws(ControlClientError) -> ControlReply {
    let answer = try ControlClient.exchange(
      JSONCoding.line(request), socketPath: RuntimeDirectory.socketPath(in: directory),
      timeout: timeout)
    return JSONCoding.decode(ControlReply.self, from: answer)
      ?? .failed(
        ControlFailure(
          .failed,
          "the node on \(directory) answers what this program does not understand; is it "
            + "of another version?"))
  }

  /// Hands over what happens on the node from now on, until it ends.
  ///
  /// Blocks the calling thread, for as long as nothing happens.
  ///
  /// - Returns: why the node refused; `nil` if it did not.
  /// - Throws: why it can't be asked.
  public func follow(
    _ body: (EventRecord) -> Void
  ) throws(ControlClientError) -> ControlFailure? {
    var refusal: ControlFailure?
    try ControlClient.follow(
      JSONCoding.line(ControlRequest.events(follow: true)),
      socketPath: RuntimeDirectory.socketPath(in: directory)
    ) { line in
      if let record = JSONCoding.decode(EventRecord.self, from: line) {
        body(record)
        return true
      }
      if case .failed(let reason) = JSONCoding.decode(ControlReply.self, from: line) {
        refusal = reason
      }
      return false
    }
    return refusal
  }
}
