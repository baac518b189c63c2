import Testing
import VIP
import VIPConfiguration
import VIPControl
import VIPService

@testable import vipctl

/// Errors of the libraries, which know no command line, with what to do about them.
@Suite struct FailureTests {
  static let service: [(ServiceError, vipctl.ExitStatus, String)] = [
    (ServiceError(.failed, "no memory"), .failed, "no memory"),
    (ServiceError(.notPermitted, "not allowed"), .notPermitted, "not allowed"),
    (ServiceError(.file, "f:1:1: what"), .file, "f:1:1: what"),
    (
      ServiceError(.alreadyRunning, "a node already runs on /r"), .failed,
      "a node already runs on /r; use it with 'vipctl up', or give this one another --runtime-dir"
    ),
    (
      ServiceError(.otherNodeSetting(.guard), "the node on /r runs without a guard"), .failed,
      "the node on /r runs without a guard; leave that setting out, or end the node first, with "
        + "'vipctl down --all' if 'vipctl up' has started it"
    ),
    (
      ServiceError(.otherNodeSetting(.lease), "the node on /r runs with lease 3s, not 5s"), .failed,
      "the node on /r runs with lease 3s, not 5s; leave the lease out, or end the node first, with "
        + "'vipctl down --all' if 'vipctl up' has started it"
    ),
    (
      ServiceError(.unreachable(.noNode), "nothing answers"), .noNode,
      "no node runs on /r; start one with 'vipctl up' or 'vipctl run'"
    ),
    (
      ServiceError(.unreachable(.notPermitted), "permission denied on /r/vipctl.sock"),
      .notPermitted, "permission denied on /r/vipctl.sock; use sudo"
    ),
    (
      ServiceError(.unreachable(.timedOut), "no answer"), .failed,
      "the node on /r does not answer in time; see its log"
    ),
    (
      ServiceError(.unreachable(.pathTooLong), "the socket path /r is longer than 107 bytes"),
      .failed, "the socket path /r is longer than 107 bytes; choose a shorter --runtime-dir"
    ),
    (ServiceError(.unreachable(.system), "connect: what"), .failed, "connect: what"),
  ]

  @Test(arguments: service)
  func `an error of a node process`(error: ServiceError, status: vipctl.ExitStatus, text: String) {
    let failure = Failure(error, askingNodeOn: "/r")
    #expect(failure.status == status)
    #expect(failure.description == text)
  }

  @Test func `files, nodes and refusals`() {
    #expect(Failure(FileError(.invalid, "f: what")) == Failure(.file, "f: what"))
    #expect(Failure(FileError(.unusable, "f: what")) == Failure(.failed, "f: what"))
    #expect(Failure(NodeError(.notPermitted, "no")) == Failure(.notPermitted, "no"))
    #expect(Failure(NodeError(.refused, "no")) == Failure(.failed, "no"))
    #expect(Failure(ControlFailure(.file, "f: what")) == Failure(.file, "f: what"))
    #expect(Failure(ControlFailure(.refused, "no")) == Failure(.failed, "no"))
  }
}
