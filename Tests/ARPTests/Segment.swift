import Glibc
import Testing

/// Two network namespaces joined by a pair of virtual Ethernet interfaces: `left` in one, `right`
/// in the other.
///
/// The namespaces have no name, so that nothing remains of them when the test ends, however it
/// ends: they live as long as the descriptors held here. Commands run in a namespace because they
/// are started by a thread that is in it.
final class Segment: Sendable {
  /// Whether this process may make namespaces.
  static let isAvailable: Bool = {
    guard geteuid() == 0 else { return false }
    return (try? Namespace()) != nil
  }()

  let left: Namespace
  let right: Namespace

  init() throws {
    left = try Namespace()
    right = try Namespace()
    try left.ip("link add left address 02:00:00:00:00:0a type veth peer name right")
    // The command finds the namespace by our descriptor of it, for want of a name.
    try left.ip("link set right netns /proc/\(getpid())/fd/\(right.descriptor)")
    try right.ip("link set right address 02:00:00:00:00:0b")
    for (namespace, interface) in [(left, "left"), (right, "right")] {
      try namespace.sysctl("net/ipv6/conf/all/accept_dad", "0")
      try namespace.sysctl("net/ipv6/conf/\(interface)/accept_dad", "0")
      try namespace.ip("link set lo up")
      try namespace.ip("link set \(interface) up")
    }
  }
}

/// A network namespace without a name.
final class Namespace: Sendable {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Refers to the namespace and keeps it alive.
  let descriptor: Int32

  init() throws {
    let result = onNewThread { () -> Int32 in
      guard unshareNetwork() == 0 else { return -errno }
      return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    }
    guard result >= 0 else { throw Failure(description: "unshare: \(-result)") }
    descriptor = result
  }

  deinit {
    close(descriptor)
  }

  /// Runs a function on a thread in this namespace and waits for it.
  func run<Value>(_ body: () throws -> Value) throws -> Value {
    try onNewThread {
      Result {
        guard joinNamespace(descriptor) == 0 else { throw Failure(description: "setns: \(errno)") }
        return try body()
      }
    }.get()
  }

  /// Runs `ip` with arguments separated by spaces and returns what it prints.
  @discardableResult
  func ip(_ arguments: String) throws -> String {
    try command(["ip"] + arguments.split(separator: " ").map(String.init))
  }

  /// Sets a kernel parameter of this namespace.
  func sysctl(_ name: String, _ value: String) throws {
    _ = try command(["sh", "-c", "echo \(value) > /proc/sys/\(name)"])
  }

  /// Runs a program in this namespace and returns what it prints.
  func command(_ arguments: [String]) throws -> String {
    try run {
      var ends: [Int32] = [-1, -1]
      guard pipe2(&ends) == 0 else { throw Failure(description: "pipe: \(errno)") }
      defer { close(ends[0]) }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
      posix_spawn_file_actions_adddup2(&actions, ends[1], 2)

      let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
      defer { for word in words { free(word) } }
      var process = pid_t()
      let status = posix_spawnp(&process, arguments[0], &actions, nil, words, environ)
      close(ends[1])
      guard status == 0 else { throw Failure(description: "\(arguments): error \(status)") }

      var output: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(ends[0], &chunk, chunk.count)
        guard count > 0 else { break }
        output += chunk[..<count]
      }
      var exit: Int32 = 0
      waitpid(process, &exit, 0)
      let text = String(decoding: output, as: UTF8.self)
      guard exit == 0 else { throw Failure(description: "\(arguments): \(text)") }
      return text
    }
  }
}

/// A pipe whose ends other commands started meanwhile don't inherit.
private func pipe2(_ ends: inout [Int32]) -> Int32 {
  guard pipe(&ends) == 0 else { return -1 }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return 0
}

/// Runs a function on a thread of its own, which ends with it, so that nothing else ever runs in the
/// namespace that it joined.
private func onNewThread<Value>(_ body: () -> Value) -> Value {
  withoutActuallyEscaping(body) { body in
    var result: Value?
    // Only the thread touches the result until it is joined.
    let work = Unmanaged.passRetained(Thunk { result = body() })
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Thunk>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    precondition(status == 0, "pthread_create: \(status)")
    pthread_join(thread, nil)
    guard let result else { preconditionFailure("the thread left no result") }
    return result
  }
}

private final class Thunk {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

// Glibc's module leaves out what needs _GNU_SOURCE, so these are looked up by name.
private func function<Signature>(_ name: String, as: Signature.Type) -> Signature {
  guard let symbol = dlsym(nil, name) else { preconditionFailure("no function \(name)") }
  return unsafeBitCast(symbol, to: Signature.self)
}

private let newNetwork: Int32 = 0x4000_0000  // CLONE_NEWNET

private func unshareNetwork() -> Int32 {
  function("unshare", as: (@convention(c) (Int32) -> Int32).self)(newNetwork)
}

private func joinNamespace(_ descriptor: Int32) -> Int32 {
  function("setns", as: (@convention(c) (Int32, Int32) -> Int32).self)(descriptor, newNetwork)
}
