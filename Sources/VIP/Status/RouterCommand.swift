import VIPCore

/// A command of an operator that moves the role of a router, as it was asked for.
public struct RouterCommand: Sendable, Hashable {
  /// The kinds of such a command.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// Leave the role to other machines.
    case resign
    /// Take the role.
    case promote
    /// End what one of the others has begun.
    case resume
  }

  /// The kind.
  public let kind: Kind
  /// The time for which the router resigns; `nil` if it has no end, or is another command.
  public let duration: Duration?
  /// The process that asked for it.
  public let requester: Requester

  /// Makes a command.
  public init(_ kind: Kind, for duration: Duration? = nil, by requester: Requester) {
    self.kind = kind
    self.duration = duration
    self.requester = requester
  }
}

extension RouterCommand: CustomStringConvertible {
  /// The command and the process that asked for it, such as
  /// `resign for 600s, asked for by uid 0, pid 4711 (vipctl resign web --for 10m)`.
  public var description: String {
    let time = duration.map { " for \($0.text)" } ?? ""
    return "\(kind.rawValue)\(time), asked for by \(requester)"
  }
}

/// The process that asked for a command over the control socket of a node.
public struct Requester: Sendable, Hashable, Codable {
  /// Its user.
  public let uid: UInt32
  /// Its number; 0 if it is not known here, such as that of a process in another container.
  public let pid: Int32
  /// Its command line as far as it can be read, cut off after 120 characters; else empty.
  public let command: String

  /// Describes a process.
  public init(uid: UInt32, pid: Int32, command: String) {
    self.uid = uid
    self.pid = pid
    self.command = command
  }
}

extension Requester: CustomStringConvertible {
  /// The user, the number and the command, as far as they are known.
  public var description: String {
    let process = pid > 0 ? ", pid \(pid)" : ""
    return "uid \(uid)\(process)" + (command.isEmpty ? "" : " (\(command))")
  }
}
