import Glibc

/// A request that the kernel refused, or that did not get through to it.
///
/// `description` reads as one line: what was asked, why it was refused in the kernel's own words
/// where it gave any, and the name of the error number.
public struct NetlinkError: Error, Sendable, Hashable {
  /// The request that failed: `add 192.0.2.100/24 to interface 2`.
  public let operation: String
  /// The error number, positive, as `errno` has it.
  public let code: Int32
  /// The kernel's own explanation (NLMSGERR_ATTR_MSG), if it sent one.
  public let message: String?
  /// The byte of the request that the kernel objects to (NLMSGERR_ATTR_OFFS), if it said so.
  public let offset: Int?

  /// Makes an error from its parts.
  public init(operation: String, code: Int32, message: String? = nil, offset: Int? = nil) {
    self.operation = operation
    self.code = code
    self.message = message
    self.offset = offset
  }

  /// The answer to a question for a route that leads nowhere: there is none (ENETUNREACH), or what
  /// there is drops or refuses packets: unreachable (EHOSTUNREACH), prohibit (EACCES), blackhole
  /// (EINVAL).
  var isWithoutRoute: Bool {
    code == ENETUNREACH || code == EHOSTUNREACH || code == EACCES || code == EINVAL
  }

  /// Whether the route that is to be removed is not there (ESRCH).
  var isNoSuchRoute: Bool { code == ESRCH }

  /// Whether the address or its interface does not exist (EADDRNOTAVAIL, ENODEV, ENXIO).
  ///
  /// ENXIO is what IPv6 answers for an interface on which it does not run.
  public var isNotThere: Bool { code == EADDRNOTAVAIL || code == ENODEV || code == ENXIO }

  /// Whether the process lacks the capability CAP_NET_ADMIN, or a setting forbids it
  /// (EPERM, EACCES).
  public var isNotPermitted: Bool { code == EPERM || code == EACCES }
}

extension NetlinkError: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    "cannot \(operation): \(message ?? Self.text(code)) (\(Self.name(code)))"
  }

  /// The C library's sentence for an error number, in lower case like the kernel's own.
  private static func text(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "unknown error" }
    let sentence = String(cString: text)
    return sentence.prefix(1).lowercased() + sentence.dropFirst()
  }

  /// The C name of an error number that rtnetlink uses.
  private static func name(_ code: Int32) -> String {
    switch code {
    case EPERM: "EPERM"
    case ENOENT: "ENOENT"
    case EINTR: "EINTR"
    case ENXIO: "ENXIO"
    case EAGAIN: "EAGAIN"
    case ENOMEM: "ENOMEM"
    case EACCES: "EACCES"
    case EBUSY: "EBUSY"
    case EEXIST: "EEXIST"
    case ENODEV: "ENODEV"
    case EINVAL: "EINVAL"
    case EMFILE: "EMFILE"
    case ERANGE: "ERANGE"
    case EOPNOTSUPP: "EOPNOTSUPP"
    case EADDRINUSE: "EADDRINUSE"
    case EADDRNOTAVAIL: "EADDRNOTAVAIL"
    case EAFNOSUPPORT: "EAFNOSUPPORT"
    case ENOBUFS: "ENOBUFS"
    case EMSGSIZE: "EMSGSIZE"
    case ETIMEDOUT: "ETIMEDOUT"
    default: "errno \(code)"
    }
  }
}

extension NetlinkError {
  /// An error about adding or refreshing one address.
  package static func adding(
    _ request: AddressRequest, code: Int32, message: String? = nil, offset: Int? = nil
  ) -> NetlinkError {
    NetlinkError(
      operation: "add \(request.address) to interface \(request.interfaceIndex)", code: code,
      message: message, offset: offset)
  }

  /// An error about removing one address.
  static func removing(
    _ request: AddressRequest, code: Int32, message: String? = nil, offset: Int? = nil
  ) -> NetlinkError {
    NetlinkError(
      operation: "remove \(request.address) from interface \(request.interfaceIndex)", code: code,
      message: message, offset: offset)
  }
}
