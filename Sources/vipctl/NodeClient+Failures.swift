import VIP
import VIPControl
import VIPService

/// Questions to a node whose answers are a status or the end of the command.
extension NodeClient {
  /// The node that the flags mean.
  init(_ options: RuntimeOptions) {
    self.init(directory: options.directory)
  }

  /// The status of the node.
  func status(_ name: String? = nil) throws(Failure) -> NodeRecord {
    try done(.status(name), timeout: Self.answerTimeout)
  }

  /// Asks for something and insists on it being done.
  func done(_ request: ControlRequest, timeout: Duration) throws(Failure) -> NodeRecord {
    let reply: ControlReply
    do throws(ControlClientError) {
      reply = try ask(request, timeout: timeout)
    } catch {
      throw failure(error)
    }
    switch reply {
    case .done(let status), .changed(_, let status): return status
    case .waiting(_, let reason), .failed(let reason): throw Failure(reason)
    case .events, .configuration: throw Self.otherAnswer
    }
  }

  /// The settings of the node, or those of one router.
  func configuration(_ name: String? = nil) throws(Failure) -> ConfigurationRecord {
    let reply: ControlReply
    do throws(ControlClientError) {
      reply = try ask(.configuration(router: name), timeout: Self.answerTimeout)
    } catch {
      throw failure(error)
    }
    switch reply {
    case .configuration(let record): return record
    case .waiting(_, let reason), .failed(let reason): throw Failure(reason)
    case .done, .changed, .events: throw Self.otherAnswer
    }
  }

  private static var otherAnswer: Failure {
    Failure(.failed, "the node answers something else; is it another version?")
  }

  func failure(_ error: ControlClientError) -> Failure {
    Failure(ServiceError(error), askingNodeOn: directory)
  }
}
