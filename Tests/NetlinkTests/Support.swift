import CTestSupport
import Glibc
import Testing
import VIPCore

@testable import Netlink

/// Bytes written as hexadecimal digits.
func hex(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  var high: UInt8?
  for digit in text.utf8 {
    guard let value = Character(UnicodeScalar(digit)).hexDigitValue else { continue }
    if let first = high {
      bytes.append(first << 4 | UInt8(value))
      high = nil
    } else {
      high = UInt8(value)
    }
  }
  return bytes
}

/// What an encoder writes.
func encoded(_ body: (inout OutputSpan<UInt8>) -> Void) -> [UInt8] {
  [UInt8](capacity: 256, initializingWith: body)
}

func interfaceAddress(_ text: String) throws -> InterfaceAddress {
  try #require(InterfaceAddress(text), "\(text) is no address")
}

/// Whether this process may make network namespaces; otherwise those tests show up as skipped.
let canMakeNamespaces = geteuid() == 0

struct NamespaceFailure: Error, CustomStringConvertible {
  var description: String
}

/// A network namespace with two connected interfaces, `left` and `right`, both up.
struct TestNamespace {
  /// Runs a test body on this thread inside a new network namespace.
  ///
  /// The body is synchronous and cannot move to another thread. Sockets opened inside stay in the
  /// namespace, and it vanishes with the last of them.
  static func run(_ body: (TestNamespace) throws -> Void) throws {
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard home >= 0 else { throw NamespaceFailure(description: "no namespace: errno \(errno)") }
    defer { close(home) }
    guard test_enter_new_network_namespace() == 0 else {
      throw NamespaceFailure(description: "unshare: errno \(errno)")
    }
    defer {
      // A thread left in the wrong namespace would spoil every later test.
      if test_enter_network_namespace(home) != 0 { abort() }
    }
    let namespace = TestNamespace()
    try namespace.ip("link add left type veth peer name right")
    for name in ["left", "right"] {
      // Without addresses that the kernel makes up.
      try namespace.ip("link set \(name) addrgenmode none")
      try namespace.ip("link set \(name) up")
    }
    // The carrier comes a moment after the interfaces are switched on, and is an event of its own.
    let kernel = try NetlinkKernel()
    for _ in 0..<1000 {
      let links = try kernel.links().filter { ["left", "right"].contains($0.name) }
      if links.allSatisfy(\.isRunning) { break }
      usleep(10_000)
    }
    try body(namespace)
  }

  /// The number of an interface.
  func index(_ name: String = "left") throws -> Int32 {
    let index = if_nametoindex(name)
    guard index != 0 else { throw NamespaceFailure(description: "no interface \(name)") }
    return Int32(index)
  }

  /// Runs `ip` with arguments that contain no spaces, and returns what it prints.
  @discardableResult
  func ip(_ arguments: String) throws -> String {
    try run("/sbin/ip", arguments.split(separator: " ").map(String.init))
  }

  /// Writes a setting below /proc/sys/net.
  func set(_ name: String, _ value: String) throws {
    let descriptor = open("/proc/sys/net/\(name)", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw NamespaceFailure(description: "\(name): errno \(errno)") }
    defer { close(descriptor) }
    guard write(descriptor, value, value.utf8.count) == value.utf8.count else {
      throw NamespaceFailure(description: "\(name)=\(value): errno \(errno)")
    }
  }

  private func run(_ path: String, _ arguments: [String]) throws -> String {
    var pipes: [Int32] = [0, 0]
    guard pipe(&pipes) == 0 else { throw NamespaceFailure(description: "pipe: errno \(errno)") }
    defer { close(pipes[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
    posix_spawn_file_actions_addclose(&actions, pipes[0])

    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    // The child starts in the namespace of this very thread.
    let code = posix_spawn(&child, path, &actions, nil, &words, environ)
    close(pipes[1])
    guard code == 0 else { throw NamespaceFailure(description: "\(path): errno \(code)") }

    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(pipes[0], &chunk, chunk.count)
      guard count > 0 else { break }
      output += chunk[..<count]
    }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    let text = String(decoding: output, as: UTF8.self)
    guard status == 0 else {
      throw NamespaceFailure(
        description: "\(path) \(arguments.joined(separator: " ")): status \(status): \(text)")
    }
    return text
  }
}

/// All events that wait now.
func drained(_ kernel: some Kernel) throws -> [KernelEvent] {
  var events: [KernelEvent] = []
  try kernel.drainEvents(limit: 100_000) { events.append($0) }
  return events
}

/// Collects events until one satisfies a condition, or seconds have passed.
func events(
  of kernel: some Kernel, seconds: Int, until isLast: (KernelEvent) -> Bool
) throws -> [KernelEvent] {
  var events: [KernelEvent] = []
  let clock = ContinuousClock()
  let end = clock.now + .seconds(seconds)
  while clock.now < end {
    var poll = pollfd(fd: kernel.monitorDescriptor, events: Int16(POLLIN), revents: 0)
    guard Glibc.poll(&poll, 1, 20) > 0 else { continue }
    let start = events.count
    try kernel.drainEvents(limit: 1_000) { events.append($0) }
    if events[start...].contains(where: isLast) { return events }
  }
  return events
}
