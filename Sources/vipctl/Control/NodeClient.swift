import VIP

/// A node that runs in another process, by its control socket.
struct NodeClient {
  let directory: String

  /// An answer takes a turn of the node's loop; this is for a node that hangs.
  static let answerTimeout = Duration.seconds(5)

  /// What the node does.
  func status(_ name: String? = nil) throws(Failure) -> NodeStatus {
    try done(.status(name), timeout: Self.answerTimeout)
  }

  /// Asks for something and insists on it being done.
  func done(_ request: ControlRequest, timeout: Duration) throws(Failure) -> NodeStatus {
    let reply: ControlReply
    do {
      reply = try ask(request, timeout: timeout)
    } catch {
      throw failure(error)
    }
    switch reply {
    case .done(let status): return status
    case .failed(let reason): throw Failure(.failed, reason.description)
    }
  }

  /// Asks for something and hands out the answer as it is.
  func ask(
    _ request: ControlRequest, timeout: Duration
  ) throws(ControlClientError) -> ControlReply {
    let codec = JSONControlCodec()
    let answer = try ControlClient.exchange(
      codec.encode(request), socketPath: RuntimeDirectory.socketPath(in: directory),
      timeout: timeout)
    guard let reply = codec.decodeReply(answer) else { throw .garbled }
    return reply
  }

  func failure(_ error: ControlClientError) -> Failure {
    switch error {
    case .noNode:
      Failure(
        .noNode, "no node runs on \(directory); start one with 'vipctl up' or 'vipctl run'")
    case .notPermitted:
      Failure(
        .notPermitted,
        "not allowed to talk to the node on \(directory); use sudo, or the user that started it")
    case .timedOut:
      Failure(.failed, "the node on \(directory) does not answer in time; see its log")
    case .closed:
      Failure(.failed, "the node on \(directory) ended before it answered; see its log")
    case .garbled:
      Failure(
        .failed,
        "the node on \(directory) answers what this vipctl does not understand; is it of another "
          + "version?")
    case .system(let text):
      Failure(.failed, "can't talk to the node on \(directory): \(text)")
    }
  }
}
