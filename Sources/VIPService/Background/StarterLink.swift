import FoundationEssentials
import Glibc
import VIP

/// The connection between a background node and the process that starts it.
///
/// The node says on it once whether it has started; its starter says by ending it that no more
/// requests of its own follow, upon which a node without routers ends.
public struct StarterLink: Sendable {
  private let descriptor: Int32
  /// The descriptor at which the node finds its end.
  public static let descriptorInNode: Int32 = 3

  private static let startTimeout: Int32 = 10_000
  private static let endTimeout: Int32 = 5000

  /// Starts a background node and waits until it can be asked for something.
  ///
  /// - Parameter arguments: what the program is told, its name first.
  /// - Returns: `nil` if another node has claimed the directory meanwhile.
  /// - Throws: why the node could not start.
  static func start(_ arguments: [String]) throws(ServiceError) -> StarterLink? {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw Self.failure("make a pair of sockets", errno) }
    defer { close(ends[1]) }
    let link = StarterLink(descriptor: ends[0])
    do throws(ServiceError) {
      let pid = try spawn(arguments, link: ends[1])
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
    while Self.awaitInput(descriptor, within: Self.endTimeout) > 0,
      read(descriptor, &byte, 1) > 0
    {}
    close(descriptor)
  }

  private func dropped() -> StarterLink? {
    close(descriptor)
    return nil
  }

  // MARK: Starting

  /// Runs this program once more, with one descriptor beside the standard ones.
  private static func spawn(_ arguments: [String], link: Int32) throws(ServiceError) -> pid_t {
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

  // MARK: The node's first words

  /// - Returns: whether the node has started; not if another one was faster.
  private func awaitStart(of pid: pid_t) throws(ServiceError) -> Bool {
    var text: [UInt8] = []
    var byte: UInt8 = 0
    while text.last != UInt8(ascii: "\n") {
      let ready = Self.awaitInput(descriptor, within: Self.startTimeout)
      guard ready > 0 else {
        let code = errno
        kill(pid, SIGTERM)
        _ = Self.awaitEnd(of: pid)
        guard ready == 0 else { throw Self.failure("wait for the background node", code) }
        throw ServiceError(.failed, "the background node did not start within 10s")
      }
      let count = read(descriptor, &byte, 1)
      if count < 0, errno == EINTR { continue }
      // What can't be heard is told to end; what has ended has said so.
      if count < 0 { kill(pid, SIGTERM) }
      guard count == 1 else { break }
      text.append(byte)
    }
    let report = StartReport(line: text)
    if report == .ready { return true }
    let ending = Self.awaitEnd(of: pid)
    switch report {
    case .busy: return false
    case .failed(let error): throw error
    case .ready, nil:
      throw ServiceError(.failed, "the background node ended before it had started\(ending)")
    }
  }

  /// Waits for the end of a node that has not started; one that hangs on its way out is ended.
  ///
  /// - Returns: how it ended, in brackets, unless it was by itself.
  private static func awaitEnd(of pid: pid_t) -> String {
    let limit = ContinuousClock.now + .milliseconds(Int64(endTimeout))
    var status: Int32 = 0
    while true {
      let result = waitpid(pid, &status, WNOHANG)
      if result == pid { break }
      if result < 0, errno != EINTR { return "" }
      if ContinuousClock.now > limit { kill(pid, SIGKILL) }
      Clocks.pause(.milliseconds(1))
    }
    let signal = status & 0x7F
    return signal == 0 ? "" : " (signal \(signal): \(String(cString: strsignal(signal))))"
  }

  /// - Returns: more than 0 if there is something to read, 0 if nothing came in time; less if that
  ///   can't be learned, for which `errno` has the reason.
  private static func awaitInput(_ descriptor: Int32, within milliseconds: Int32) -> Int32 {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&entry, 1, milliseconds)
      if count < 0, errno == EINTR { continue }
      return count
    }
  }

  private static func failure(_ what: String, _ code: Int32) -> ServiceError {
    ServiceError(.failed, "can't \(what): \(String(cString: strerror(code)))")
  }
}

/// The node's end of that connection.
extension StarterLink {
  /// Tells the starter that the node can be asked for something.
  ///
  /// - Returns: whether that could be said; if not, the starter takes the node for dead.
  public static func tellReady() -> Bool {
    let line = Array(StartReport.ready.line.utf8)
    while true {
      let count = Glibc.write(descriptorInNode, line, line.count)
      if count < 0, errno == EINTR { continue }
      return count == line.count
    }
  }

  /// Tells the starter why the node could not start.
  public static func tell(_ error: ServiceError) {
    TextOutput.write(StartReport(error).line, to: descriptorInNode)
  }

  /// Leaves the terminal, the working directory and the open files of the starter, but for the
  /// connection to it.
  public static func detach() {
    setsid()
    chdir("/")
    // It was started as /proc/self/exe, whose last part would be its name.
    if let program = CommandLine.arguments.first?.split(separator: "/").last {
      let name = open("/proc/self/comm", O_WRONLY | O_CLOEXEC)
      TextOutput.write(String(program), to: name)
      close(name)
    }
    _ = fcntl(descriptorInNode, F_SETFD, FD_CLOEXEC)
    for descriptor in openDescriptors() where descriptor > descriptorInNode { close(descriptor) }
  }

  /// The descriptors that may be open: those that are, unless the kernel can't list them.
  private static func openDescriptors() -> [Int32] {
    guard let folder = opendir("/proc/self/fd") else {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      return Array(0..<Int32(min(limit.rlim_cur, 65_536)))
    }
    defer { closedir(folder) }
    var open: [Int32] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let descriptor = Int32(name) { open.append(descriptor) }
    }
    return open
  }
}
