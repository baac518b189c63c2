import CLinux
import Glibc
import VIPCore

/// A program that was started as a child: its process group, what it writes, and its end.
///
/// What hooks and health checks have in common.
package struct ChildProgram: Sendable {
  /// The way in which a program has ended.
  package enum End: Sendable, Hashable {
    /// The program has returned an exit code.
    case exited(code: Int32)
    /// A signal has ended it.
    case signalled(number: Int32)
    /// The program has ended in a way that can't be known: another part of this process has waited
    /// for it.
    case unknown
  }

  /// The path in which shells and most other programs look for a name.
  package static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// Its process, which leads a process group of its own.
  private let pid: pid_t
  /// Readable when it has ended; -1 on a kernel that has no such thing.
  package let ending: Int32
  /// The descriptor that its output comes from; -1 when nothing more does.
  package private(set) var output: Int32

  // MARK: Starting

  /// Starts a program.
  ///
  /// Everything it gets is said here: its arguments, its variables, `/dev/null` to read from, one
  /// pipe for both its outputs and no other open file, `/` to be in, a process group of its own,
  /// and all signals as a fresh process has them.
  ///
  /// It returns once the program runs: the file system that it is on may hold that up.
  ///
  /// - Parameters:
  ///   - arguments: the path of the program, and what it is given.
  ///   - environment: its variables, as `NAME=value`.
  ///   - user: the user to run it as; `nil` for that of this process.
  ///   - endsWithStarter: whether the kernel ends it with the thread that starts it, however that
  ///     ends.
  ///   - child: by which another thread may end it before it runs.
  /// - Throws: why it can't be started.
  package init(
    _ arguments: [String], environment: [String], as user: UserIdentity? = nil,
    endsWithStarter: Bool = false, _ child: StartingChild = StartingChild()
  ) throws(NodeError) {
    var ends: [Int32] = [-1, -1]
    guard vip_pipe2(&ends, O_CLOEXEC) == 0 else { throw .system(errno, "make a pipe") }
    defer { close(ends[1]) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    var program = program_start()
    program.output = ends[1]
    program.ends_with_starter = endsWithStarter
    program.number = child.number
    do throws(NodeError) {
      pid = try Children.start(child) { () throws(NodeError) in
        try Self.start(arguments, environment, program, as: user)
      }
    } catch {
      close(ends[0])
      throw error
    }
    ending = vip_pidfd_open(pid)
    output = ends[0]
  }

  private static func start(
    _ arguments: [String], _ environment: [String], _ program: program_start,
    as user: UserIdentity?
  ) throws(NodeError) -> pid_t {
    var program = program
    let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw .system(errno, "open /dev/null") }
    defer { close(input) }
    program.input = input
    program.has_user = user != nil
    program.user = user?.user ?? 0
    program.group = user?.group ?? 0
    var pid: Int32 = 0
    var step: Int32 = 0
    let code = withCStrings([arguments.first ?? ""]) { path in
      withCStrings(arguments) { arguments in
        withCStrings(environment) { environment in
          arguments.withUnsafeBufferPointer { arguments in
            environment.withUnsafeBufferPointer { environment in
              (user?.groups ?? []).withUnsafeBufferPointer { groups in
                program.path = path[0].map { UnsafePointer($0) }
                program.arguments = arguments.baseAddress
                program.environment = environment.baseAddress
                program.groups = groups.baseAddress
                program.group_count = groups.count
                return vip_start(&program, &pid, &step)
              }
            }
          }
        }
      }
    }
    guard code != 0 else { return pid }
    guard step == Int32(VIP_START_USER), let user else {
      throw NodeError(.system(errno: code), startText(code))
    }
    throw NodeError(
      code == EPERM ? .notPermitted : .system(errno: code),
      "can't be started as user \(user.name): \(errorText(code))"
        + (code == EPERM ? "; the node needs CAP_SETUID and CAP_SETGID for that" : ""))
  }

  private static func startText(_ code: Int32) -> String {
    switch code {
    case ENOENT: "can't be started: the program, or the interpreter in its first line, is missing"
    case ENOEXEC: "can't be started: it is no program; begin a script with a line such as #!/bin/sh"
    case E2BIG:
      "can't be started: its arguments and what it is told are longer than the system allows "
        + "(\(errorText(code))); raise the limit of the stack ('ulimit -s')"
    default: "can't be started: \(errorText(code))"
    }
  }

  // MARK: Running

  /// Reads a bounded part of what it has written.
  ///
  /// - Parameter buffer: where to put it; its size is the bound.
  /// - Returns: the number of bytes, 0 if there are none.
  package mutating func readOutput(_ buffer: inout [UInt8]) -> Int {
    guard output >= 0 else { return 0 }
    let count = read(output, &buffer, buffer.count)
    if count < 0, errno == EAGAIN || errno == EINTR { return 0 }
    guard count > 0 else {
      close(output)
      output = -1
      return 0
    }
    return count
  }

  /// Sends a signal to all of its process group; before ``reap()`` only, since its number may be
  /// another's after that.
  package func signal(_ number: Int32) {
    kill(-pid, number)
  }

  /// Whether it has ended, and ``reap()`` will not have to wait.
  package var hasEnded: Bool { vip_child_has_ended(pid) }

  /// Takes leave of it and closes what belongs to it; waits for its end.
  ///
  /// - Returns: how it has ended.
  package mutating func reap() -> End {
    var status: Int32 = 0
    var found: pid_t
    repeat { found = waitpid(pid, &status, 0) } while found < 0 && errno == EINTR
    let isKnown = found == pid
    Children.finished(pid)
    if output >= 0 { close(output) }
    if ending >= 0 { close(ending) }
    output = -1
    guard isKnown else { return .unknown }
    let signal = status & 0x7F
    return signal != 0 ? .signalled(number: signal) : .exited(code: status >> 8 & 0xFF)
  }
}

/// A user of this machine to run a program as.
package struct UserIdentity: Sendable, Hashable {
  /// The name or number that it was looked up by.
  package let name: String
  /// Its number.
  package let user: UInt32
  /// The number of its group.
  package let group: UInt32
  /// The numbers of all its groups.
  package let groups: [UInt32]

  /// Looks up a user, and the group that it is to have: `daemon`, `daemon:adm`, `65534:65534`.
  ///
  /// - Throws: what this machine does not have.
  package init(_ text: String) throws(NodeError) {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    let name = parts.first ?? ""
    // To the kernel it means: the user, or the group, that the process has already.
    for part in parts where UInt32(part) == .max {
      throw NodeError(.refused, "\(part) is the number of no user and no group")
    }
    var buffer = [CChar](repeating: 0, count: 16_384)
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    if let number = UInt32(name) {
      getpwuid_r(number, &entry, &buffer, buffer.count, &found)
      guard found != nil || parts.count == 2 else {
        throw NodeError(
          .refused, "no user has the number \(number); give a group too, as \(number):GROUP")
      }
      user = number
    } else {
      getpwnam_r(name, &entry, &buffer, buffer.count, &found)
      guard found != nil else { throw NodeError(.refused, "there is no user '\(name)'") }
      user = entry.pw_uid
    }
    self.name = text
    guard parts.count == 1 else {
      group = try Self.group(parts[1])
      groups = [group]
      return
    }
    group = entry.pw_gid
    var list = [gid_t](repeating: 0, count: 1024)
    var count = Int32(list.count)
    let isWhole = getgrouplist(entry.pw_name, entry.pw_gid, &list, &count) >= 0
    groups = isWhole ? Array(list.prefix(Int(count))) : [entry.pw_gid]
  }

  private static func group(_ text: String) throws(NodeError) -> UInt32 {
    if let number = UInt32(text) { return number }
    var buffer = [CChar](repeating: 0, count: 16_384)
    var entry = Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    getgrnam_r(text, &entry, &buffer, buffer.count, &found)
    guard found != nil else { throw NodeError(.refused, "there is no group '\(text)'") }
    return entry.gr_gid
  }
}
