import FoundationEssentials
import Glibc
import VIP

/// The connection between `vipctl up` and the background node it starts.
///
/// The node says on it once whether it has started; its starter says by ending it that no more
/// requests of its own follow, upon which a node without routers ends.
struct StarterLink {
  private let descriptor: Int32
  /// Where the node finds its end.
  static let descriptorInNode: Int32 = 3

  private static let startTimeout: Int32 = 10_000
  private static let endTimeout: Int32 = 5000

  /// Starts a background node and waits until it can be asked for something.
  ///
  /// - Returns: `nil` if another node has claimed the directory meanwhile.
  /// - Throws: why the node could not start.
  static func start(
    _ directory: String, lease: LeasePolicy?, isGuarded: Bool, isRealtime: Bool
  ) throws(Failure) -> StarterLink? {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw Self.failure("make a pair of sockets", errno) }
    defer { close(ends[1]) }
    let link = StarterLink(descriptor: ends[0])
    do {
      let pid = try spawn(
        directory, lease: lease, isGuarded: isGuarded, isRealtime: isRealtime, link: ends[1])
      close(ends[1])
      ends[1] = -1
      return try link.awaitStart(of: pid) ? link : link.dropped()
    } catch {
      close(ends[0])
      throw error
    }
  }

  /// Tells the node that its starter is done, and waits until it has decided to stay or to end.
  func finish() {
    shutdown(descriptor, Int32(SHUT_WR))
    var byte: UInt8 = 0
    while Self.isReadable(descriptor, within: Self.endTimeout), read(descriptor, &byte, 1) > 0 {}
    close(descriptor)
  }

  private func dropped() -> StarterLink? {
    close(descriptor)
    return nil
  }

  // MARK: Starting

  /// Runs this program once more, with one descriptor beside the standard ones.
  private static func spawn(
    _ directory: String, lease: LeasePolicy?, isGuarded: Bool, isRealtime: Bool,
    link: Int32
  ) throws(Failure) -> pid_t {
    var arguments = [
      "vipctl", BackgroundNodeCommand.name, "--runtime-dir", Launch.absolute(directory),
    ]
    if let lease { arguments += ["--lease", lease.description] }
    if !isGuarded { arguments.append("--no-guard") }
    if isRealtime { arguments.append("--realtime") }
    let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, link, descriptorInNode)

    var pid: pid_t = 0
    let result = withCStrings(arguments) { arguments in
      withCStrings(environment) { environment in
        posix_spawn(&pid, "/proc/self/exe", &actions, nil, arguments, environment)
      }
    }
    guard result == 0 else { throw failure("start a background node", result) }
    return pid
  }

  private static func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
  }

  // MARK: The node's first words

  /// - Returns: whether the node has started; not if another one was faster.
  private func awaitStart(of pid: pid_t) throws(Failure) -> Bool {
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while text.last != UInt8(ascii: "\n") {
      guard Self.isReadable(descriptor, within: Self.startTimeout) else {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
        throw Failure(.failed, "the background node did not start within 10s")
      }
      guard read(descriptor, &byte, 1) == 1 else { break }
      text.append(byte)
    }
    switch StartReport(line: text) {
    case .ready:
      return true
    case .busy:
      waitpid(pid, nil, 0)
      return false
    case .failed(let failure):
      waitpid(pid, nil, 0)
      throw failure
    case nil:
      waitpid(pid, nil, 0)
      throw Failure(.failed, "the background node ended before it had started")
    }
  }

  private static func isReadable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&entry, 1, milliseconds)
      if count < 0, errno == EINTR { continue }
      return count > 0
    }
  }

  private static func failure(_ what: String, _ code: Int32) -> Failure {
    Failure(.failed, "can't \(what): \(String(cString: strerror(code)))")
  }
}

/// How the start of a background node went, as one line.
enum StartReport: Hashable {
  case ready
  /// Another node has the runtime directory.
  case busy
  case failed(Failure)

  var line: String {
    switch self {
    case .ready: "ready\n"
    case .busy: "busy\n"
    case .failed(let failure): "\(failure.status.rawValue) \(failure.description.onOneLine)\n"
    }
  }

  /// What an error means to the starter.
  init(_ error: any Error) {
    switch error {
    case let error as NodeError where error.kind == .alreadyRunning: self = .busy
    case let error as NodeError: self = .failed(Failure(error))
    case let failure as Failure: self = .failed(failure)
    default: self = .failed(Failure(.failed, "\(error)"))
    }
  }

  init?(line: [UInt8]) {
    guard line.last == UInt8(ascii: "\n") else { return nil }
    let text = String(decoding: line.dropLast(), as: UTF8.self)
    let parts = text.split(separator: " ", maxSplits: 1)
    if text == "ready" {
      self = .ready
    } else if text == "busy" {
      self = .busy
    } else if parts.count == 2, let code = Int32(parts[0]), let status = ExitStatus(rawValue: code)
    {
      self = .failed(Failure(status, String(parts[1])))
    } else {
      return nil
    }
  }
}

/// Time, for commands that have one thread and nothing else to do.
enum Clocks {
  static func pause(_ duration: Duration) {
    usleep(UInt32(clamping: Int(duration / .microseconds(1))))
  }
}
