import VIP
import VIPControl

/// A node that runs in another process, by its control socket.
struct NodeClient {
  let directory: String

  /// An answer takes a turn of the node's loop; this is for a node that hangs.
  static let answerTimeout = Duration.seconds(5)

  /// What the node does.
  func status(_ name: String? = nil) throws(Failure) -> NodeRecord {
    try done(.status(name), timeout: Self.answerTimeout)
  }

  /// Asks for something and insists on it being done.
  func done(_ request: ControlRequest, timeout: Duration) throws(Failure) -> NodeRecord {
    let reply: ControlReply
    do {
      reply = try ask(request, timeout: timeout)
    } catch {
      throw failure(error)
    }
    switch reply {
    case .done(let status), .changed(_, let status): return status
    case .waiting(_, let reason), .failed(let reason): throw failure(reason)
    case .events: throw Failure(.failed, "the node answers something else; is it another version?")
    }
  }

  /// Asks for something and hands out the answer as it is.
  func ask(
    _ request: ControlRequest, timeout: Duration
  ) throws(ControlClientError) -> ControlReply {
    let line = JSONCoding.line(request)
    let answer = try ControlClient.exchange(
      line, socketPath: RuntimeDirectory.socketPath(in: directory), timeout: timeout)
    return JSONCoding.decode(ControlReply.self, from: answer)
      ?? .failed(
        ControlFailure(
          .failed,
          "the node on \(directory) answers what this vipctl does not understand; is it of "
            + "another version?"))
  }

  func failure(_ reason: ControlFailure) -> Failure {
    Failure(reason.kind == .file ? .file : .failed, reason.description)
  }

  func failure(_ error: ControlClientError) -> Failure {
    switch error.kind {
    case .noNode:
      Failure(
        .noNode, "no node runs on \(directory); start one with 'vipctl up' or 'vipctl run'")
    case .notPermitted:
      Failure(.notPermitted, "\(error); use sudo")
    case .timedOut:
      Failure(.failed, "the node on \(directory) does not answer in time; see its log")
    case .system, .pathTooLong:
      Failure(.failed, error.advice)
    }
  }
}
