import VIP
import VIPCore

/// A fault of the settings of health checks: one sentence that says what, where and what to do.
public struct CheckError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The name of the check at fault.
  public let check: String
  /// The sentence, without the name.
  public let description: String

  init(_ check: String, _ description: String) {
    self.check = check
    self.description = description
  }
}

extension Check {
  /// Checks what can be checked without looking at this machine.
  ///
  /// - Throws: the first thing that is wrong.
  public func validate() throws(CheckError) {
    guard RouterConfiguration.isValidName(name) else {
      throw CheckError(
        name, "the name '\(name)' is not usable; take 1 to 64 letters, digits, '.', '_' or '-'")
    }
    guard Self.intervalRange.contains(interval) else {
      throw refused("the interval of a check lies between 100ms and 1h")
    }
    guard Self.timeoutRange.contains(timeout) else {
      throw refused("the time limit of a check lies between 10ms and 1h")
    }
    guard Self.countRange.contains(rise), Self.countRange.contains(fall) else {
      throw refused("'rise' and 'fall' lie between 1 and 1000")
    }
    switch kind {
    case .command(let arguments, let user): try validate(arguments, user)
    case .http(let request): try validate(request)
    case .tcp(_, let port):
      guard port > 0 else { throw refused("port 0 is none that a service can have") }
    case .file(let path), .process(.inFile(let path)): try validate(path: path)
    case .process(.named(let name, let count)):
      guard !name.isEmpty, name.utf8.count <= 255, !name.utf8.contains(0) else {
        throw refused("the name of a process has 1 to 255 bytes")
      }
      guard (1...100_000).contains(count) else {
        throw refused("the number of processes lies between 1 and 100000")
      }
    case .interface(let name): try validate(interface: name)
    case .route(let route):
      guard (0...route.destination.family.addressBitCount).contains(route.prefixLength) else {
        throw refused("'/\(route.prefixLength)' is not a prefix length")
      }
      if let interface = route.interface { try validate(interface: interface) }
    case .neighbour(let address, let interface):
      guard !address.isUnspecified, !address.isLoopback, !address.isMulticast else {
        throw refused("\(address) is no address that a neighbour can have")
      }
      try validate(interface: interface)
    }
  }

  private func refused(_ text: String) -> CheckError { CheckError(name, text) }

  private func validate(_ arguments: [String], _ user: String?) throws(CheckError) {
    guard let program = arguments.first else { throw refused("the command has no program") }
    guard program.hasPrefix("/") else {
      throw refused(
        "'\(program)' is not an absolute path; commands are run without a shell, so write out where "
          + "the program is")
    }
    guard !arguments.contains(where: { $0.utf8.contains(0) }) else {
      throw refused("an argument has a zero byte in it, which no program can be given")
    }
    guard arguments.count <= 256, arguments.reduce(0, { $0 + $1.utf8.count + 1 }) <= 65_536 else {
      throw refused("a command has at most 256 arguments and 65536 bytes of them; write a script")
    }
    guard let user else { return }
    let parts = user.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count),
      parts.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 255 && !$0.utf8.contains(0) })
    else { throw refused("'\(user)' is no user; write NAME or NAME:GROUP") }
    // The kernel takes this number for "leave it as it is", so the command would keep the node's.
    guard parts.allSatisfy({ UInt32($0) != .max }) else {
      throw refused("'\(user)' is no user: 4294967295 stands for none; give another number")
    }
  }

  private func validate(_ request: HTTPRequest) throws(CheckError) {
    guard request.url.hasPrefix("http://") || request.url.hasPrefix("https://"),
      request.url.utf8.count <= 4096, request.url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
    else {
      throw refused("'\(request.url)' is no address of the form http://… or https://…")
    }
    guard !request.statuses.isEmpty, request.statuses.count <= 100,
      request.statuses.allSatisfy({ (100...599).contains($0) })
    else { throw refused("status codes lie between 100 and 599, and at least one is expected") }
    for case let text? in [request.contains, request.host] {
      guard !text.isEmpty, text.utf8.count <= 4096, !text.utf8.contains(0) else {
        throw refused("'contains' and 'host' have 1 to 4096 bytes")
      }
    }
    guard !(request.host ?? "").utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
      throw refused("'\(request.host ?? "")' is no host name".onOneLine)
    }
    guard let path = request.certificates else { return }
    guard !request.isInsecure else {
      throw refused("'ca' and 'insecure' exclude each other; give one of them")
    }
    try validate(path: path)
  }

  private func validate(path: String) throws(CheckError) {
    guard path.hasPrefix("/"), path.utf8.count <= 4095, !path.utf8.contains(0) else {
      throw refused("'\(path)' is not an absolute path; write out where the file is".onOneLine)
    }
  }

  private func validate(interface text: String) throws(CheckError) {
    if let problem = RouterConfiguration.problem(interfaceName: text) { throw refused(problem) }
  }
}

extension Check {
  /// Checks each of some checks, and that no two have one name.
  ///
  /// - Throws: the first thing that is wrong.
  public static func validate(_ checks: [Check]) throws(CheckError) {
    guard checks.count <= countMax else {
      throw CheckError("", "\(checks.count) checks are more than \(countMax)")
    }
    var names: Set<String> = []
    for check in checks {
      try check.validate()
      guard names.insert(check.name).inserted else {
        throw CheckError(check.name, "the name '\(check.name)' is used twice")
      }
    }
  }
}
