import ARP
import VIP
import VIPConfiguration
import VIPControl
import VIPService

/// Advice about errors of the libraries, which know no command line.
extension Failure {
  init(_ error: FileError) {
    self.init(error.kind == .invalid ? .file : .failed, error.description)
  }

  init(_ error: NodeError) {
    self.init(error.kind == .notPermitted ? .notPermitted : .failed, error.description)
  }

  init(_ reason: ControlFailure) {
    self.init(reason.kind == .file ? .file : .failed, reason.description)
  }

  init(_ error: FrameError) {
    let interface = error.interface
    switch error.cause {
    case .permission: self = Permissions.failure(["CAP_NET_RAW"])
    case .interfaceDown: self.init(.failed, "\(interface) is down; switch it on first")
    case .interfaceGone: self.init(.failed, "there is no interface '\(interface)'")
    case .unsuitable, .busy, .other: self.init(.failed, error.description)
    }
  }

  /// An error of a node process on a runtime directory.
  init(_ error: ServiceError, askingNodeOn directory: String) {
    switch error.kind {
    case .failed: self.init(.failed, error.description)
    case .notPermitted: self.init(.notPermitted, error.description)
    case .file: self.init(.file, error.description)
    case .alreadyRunning:
      self.init(
        .failed,
        "\(error); use it with 'vipctl up', or give this one another --runtime-dir")
    case .otherNodeSetting(let setting):
      let what = setting == .lease ? "the lease" : "that setting"
      // One of 'vipctl run' goes on without routers.
      self.init(
        .failed,
        "\(error); leave \(what) out, or end the node first, with 'vipctl down --all' if "
          + "'vipctl up' has started it")
    case .unreachable(.noNode):
      self.init(
        .noNode, "no node runs on \(directory); start one with 'vipctl up' or 'vipctl run'")
    case .unreachable(.notPermitted): self.init(.notPermitted, "\(error); use sudo")
    case .unreachable(.timedOut):
      self.init(.failed, "the node on \(directory) does not answer in time; see its log")
    case .unreachable(.pathTooLong):
      self.init(.failed, "\(error); choose a shorter --runtime-dir")
    case .unreachable(.system): self.init(.failed, error.description)
    }
  }
}
