import ARP

extension Failure {
  /// What people can do about an interface that sends or receives no frames.
  init(_ error: FrameError) {
    let interface = error.interface
    switch error.cause {
    case .permission: self = Permissions.failure(["CAP_NET_RAW"])
    case .interfaceDown: self.init(.failed, "\(interface) is down; switch it on first")
    case .interfaceGone: self.init(.failed, "there is no interface '\(interface)'")
    case .unsuitable, .busy, .other: self.init(.failed, error.description)
    }
  }
}
